// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/workload/livesettings"
)

type database struct {
	Host string `env:"HOST"`
	Port uint16 `env:"PORT" envDefault:"5432"`
}

type ownSettings struct {
	Region  string        `env:"ORDERS_REGION,required"`
	Token   string        `env:"ORDERS_TOKEN"`
	Limit   int8          `env:"ORDERS_LIMIT" envDefault:"7"`
	Pause   time.Duration `env:"ORDERS_PAUSE"`
	Main    database      `envPrefix:"ORDERS_DB_"`
	Replica database      `envPrefix:"ORDERS_REPLICA_"`
	Page    url.URL       `env:"ORDERS_PAGE"`
}

func (s ownSettings) Validate() error {
	var errs []error
	if s.Limit < 1 {
		errs = append(errs, errors.New("ORDERS_LIMIT: must be above 0"))
	}
	if s.Pause > time.Minute {
		errs = append(errs, errors.New("ORDERS_PAUSE: must be at most 1m"))
	}
	return errors.Join(errs...)
}

func withOwn(environment map[string]string) (ownSettings, *Service, error) {
	all := map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": "", "ORDERS_REGION": "eu"}
	maps.Copy(all, environment)
	s := New(WithLog(io.Discard), WithEnvironment(all))
	settings, err := Env[ownSettings](s)
	return settings, s, err
}

func TestSettingsOfATeamAreReadByTheSameLoader(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, _, err := withOwn(map[string]string{"ORDERS_TOKEN_FILE": secret, "ORDERS_PAUSE": "2s", "ORDERS_REPLICA_HOST": "r", "ORDERS_DB_PORT": "1"})
	want := ownSettings{
		Region: "eu", Token: "hunter2", Limit: 7, Pause: 2 * time.Second, Main: database{Port: 1}, Replica: database{Host: "r", Port: 5432},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, settings (-want +got):\n%s", err, diff)
	}
}

func TestProblemsOfATeamsSettingsStandBesideTheServices(t *testing.T) {
	cases := map[string]struct {
		environment map[string]string
		want        []string
	}{
		"several": {
			map[string]string{"ORDERS_REGION": "", "ORDERS_LIMIT": "300", "GOSERVICE_PORT": "http"},
			[]string{
				`GOSERVICE_PORT: "http": must be a port number`, `ORDERS_LIMIT: "300": must be a whole number from -128 to 127`,
			},
		},
		"what it validates itself": {
			map[string]string{"ORDERS_LIMIT": "0", "ORDERS_PAUSE": "1h"}, []string{"ORDERS_LIMIT: must be above 0", "ORDERS_PAUSE: must be at most 1m"},
		},
		"a field of two structs": {map[string]string{"ORDERS_REPLICA_PORT": "x"}, []string{"ORDERS_DB_PORT or ORDERS_REPLICA_PORT: must be a whole number from 0 to 65535"}},
		"a file that is not there": {
			map[string]string{"ORDERS_TOKEN_FILE": "/none"}, []string{"ORDERS_TOKEN_FILE: open /none: no such file"},
		},
		"a value and a file":         {map[string]string{"ORDERS_TOKEN_FILE": "/none", "ORDERS_TOKEN": "hunter2"}, []string{"ORDERS_TOKEN_FILE: must not be set together with ORDERS_TOKEN"}},
		"a value that may be secret": {map[string]string{"ORDERS_PAGE": "http://user:hunter2@a:x"}, []string{"ORDERS_PAGE: cannot be read as url.URL"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, s, err := withOwn(c.environment)
			var bad *ConfigError
			if !errors.As(err, &bad) || len(bad.Problems) != len(c.want) || strings.Contains(err.Error(), "hunter2") {
				t.Fatalf("%v, want %d problems", err, len(c.want))
			}
			for i, want := range c.want {
				if !slices.ContainsFunc(bad.Problems, func(problem string) bool { return strings.HasPrefix(problem, want) }) {
					t.Errorf("%q lacks %d: %s", bad.Problems, i, want)
				}
			}
			if again := s.Serve(t.Context()); !errors.As(again, &bad) || len(bad.Problems) != len(c.want) || ExitCode(again) != 2 {
				t.Errorf("Serve: %v, want the same", again)
			}
		})
	}
}

func TestAFileIsNotRepeatedByATypeOfItsOwnWords(t *testing.T) {
	type settings struct {
		Peer netip.Addr `env:"PEER"`
		Main struct {
			Next netip.Addr `env:"NEXT"`
		} `envPrefix:"MAIN_"`
		Other struct {
			Next netip.Addr `env:"NEXT"`
		} `envPrefix:"OTHER_"`
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"PEER", "MAIN_NEXT", "OTHER_NEXT"} {
		s := New(WithLog(io.Discard), WithEnvironment(map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": "", name + "_FILE": secret}))
		if _, err := Env[settings](s); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARequiredVariableMustBeSet(t *testing.T) {
	s := New(WithLog(io.Discard), WithEnvironment(map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": ""}))
	if _, err := Env[ownSettings](s); err == nil || !strings.Contains(err.Error(), "ORDERS_REGION: must be set") {
		t.Errorf("%v", err)
	}
}

func TestTheServicesOwnSettingsMayComeFromFiles(t *testing.T) {
	list := filepath.Join(t.TempDir(), "upstreams")
	if err := os.WriteFile(list, []byte(`[{"name":"a","url":"http://a"}]`+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := LoadConfig(map[string]string{"GOSERVICE_UPSTREAMS_FILE": list})
	if err != nil || len(config.Upstreams) != 1 {
		t.Errorf("%v, %+v", err, config.Upstreams)
	}
	// GOSERVICE_TLS_CERT_FILE is a setting in its own right.
	if config, err := LoadConfig(map[string]string{"GOSERVICE_TLS_CERT_FILE": "/c", "GOSERVICE_TLS_KEY_FILE": "/k"}); err != nil || config.KeyFile != "/k" {
		t.Errorf("%v, %+v", err, config)
	}
}

func TestMainReportsAndCleansUp(t *testing.T) {
	environment := WithEnvironment(map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": "", "GOSERVICE_PORT": "x", "GOSERVICE_NAME": "orders"})
	for name, c := range map[string]struct {
		options []Option
		fail    error
		code    int
		want    string
	}{
		"a configuration that cannot be used": {[]Option{environment}, errors.New("no database"), 2, "orders: 1 setting cannot be used:\n  GOSERVICE_PORT: \"x\""},
		"a setup that fails": {
			[]Option{WithEnvironment(map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": ""})}, errors.New("no database"), 1, "goservice: no database\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var errs strings.Builder
			closed := false
			code := run(func(s *Service) error {
				s.OnStop("connection", func(context.Context) error { closed = true; return nil })
				return c.fail
			}, append(c.options, WithLog(io.Discard)), &errs)
			if code != c.code || !strings.HasPrefix(errs.String(), c.want) || !closed {
				t.Errorf("code %d, closed %t, %s", code, closed, &errs)
			}
		})
	}
}

func TestLiveSettingsOfATeamTakeEffectAndBadOnesKeepItFromStarting(t *testing.T) {
	type pricing struct{ Discount float64 }
	s := New(WithLog(io.Discard), WithEnvironment(map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": ""}))
	prices := LiveSetting(s, "pricing", pricing{0.1}, nil)
	document, err := livesettings.Parse([]byte(`{"version":1,"settings":{"pricing":{"discount":0.5}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.LiveSettings().Apply(document); err != nil || prices.Load().Discount != 0.5 {
		t.Errorf("%v, discount %g", err, prices.Load().Discount)
	}
	LiveSetting(s, "pricing", pricing{0.2}, nil)
	if err := s.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), "settings.pricing: is registered twice") {
		t.Errorf("%v", err)
	}
}
