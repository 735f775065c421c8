// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/workload/forwarded"
	"goservice.dev/operator/workload/upstream"
)

func TestLoadConfigDefaults(t *testing.T) {
	want := Config{
		Name: "goservice", Port: 8080, AdminPort: 9100, LiveSettingsFile: "/etc/goservice/live-settings/live-settings.json",
		RequestTimeout: 10 * time.Second, IdleTimeout: 90 * time.Second, DrainTimeout: 15 * time.Second,
		ForwardedHeader: forwarded.XForwardedFor, MaxCallerTraces: 100, PeersPort: 9443, PeersKeys: "/etc/goservice/peers",
	}
	got, err := LoadConfig(map[string]string{})
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, configuration (-want +got):\n%s", err, diff)
	}
}

func TestLoadConfigReadsEverything(t *testing.T) {
	want := Config{
		Name: "checkout", Namespace: "shop", Pod: "checkout-1", Port: 80, AdminPort: 81, LiveSettingsFile: "", ProfilingAddress: "127.0.0.1:6060",
		RequestTimeout: time.Second, IdleTimeout: 620 * time.Second, DrainTimeout: 12 * time.Second, DrainDelay: time.Second, LatencyThreshold: 50 * time.Millisecond,
		Upstreams: upstream.List{{Name: "a", URL: "http://a"}}, TrustedProxies: forwarded.Ranges{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		ForwardedHeader: forwarded.Standard,
		CertificateFile: "c", KeyFile: "k", ClientCAFile: "ca", ClientNames: []string{"spiffe://d/*", "a.b"},
		FaultInjection: true, MaxCallerTraces: 0.5, PeersNames: []string{"a", "b"}, PeersPort: 1, PeersKeys: "keys", PodIP: "10.0.0.1",
	}
	got, err := LoadConfig(map[string]string{
		"GOSERVICE_NAME": "checkout", "GOSERVICE_NAMESPACE": "shop", "GOSERVICE_POD": "checkout-1", "GOSERVICE_PORT": "80",
		"GOSERVICE_ADMIN_PORT": "81", "GOSERVICE_LIVE_SETTINGS_FILE": "", "GOSERVICE_PROFILING_ADDRESS": "127.0.0.1:6060",
		"GOSERVICE_REQUEST_TIMEOUT": "1s", "GOSERVICE_IDLE_TIMEOUT": "620s", "GOSERVICE_DRAIN_TIMEOUT": "12s", "GOSERVICE_DRAIN_DELAY": "1s",
		"GOSERVICE_LATENCY_THRESHOLD": "50ms", "GOSERVICE_UPSTREAMS": `[{"name":"a","url":"http://a"}]`,
		"GOSERVICE_TRUSTED_PROXIES": "10.0.0.0/8, ::1", "GOSERVICE_FORWARDED_HEADER": "forwarded",
		"GOSERVICE_TLS_CERT_FILE": "c", "GOSERVICE_TLS_KEY_FILE": "k", "GOSERVICE_TLS_CLIENT_CA_FILE": "ca",
		"GOSERVICE_TLS_CLIENT_NAMES": "spiffe://d/*,a.b",
		"GOSERVICE_FAULT_INJECTION":  "true", "GOSERVICE_MAX_CALLER_TRACES": "0.5",
		"GOSERVICE_PEERS_NAMES": "a,b", "GOSERVICE_PEERS_PORT": "1", "GOSERVICE_PEERS_KEYS": "keys", "GOSERVICE_POD_IP": "10.0.0.1",
	})
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" || err != nil {
		t.Errorf("%v, configuration (-want +got):\n%s", err, diff)
	}
}

func TestLoadConfigNamesEveryProblem(t *testing.T) {
	cases := map[string]struct {
		environment map[string]string
		want        []string
	}{
		"several at once": {
			map[string]string{"GOSERVICE_PORT": "http", "GOSERVICE_REQUEST_TIMEOUT": "5", "GOSERVICE_FAULT_INJECTION": "maybe", "GOSERVICE_DRAIN_TIMEOUT": "-1s"},
			[]string{
				`GOSERVICE_PORT: "http": must be a port number, 0 to 65535`, `GOSERVICE_REQUEST_TIMEOUT: "5": must be a duration such as 500ms or 10s`,
				`GOSERVICE_FAULT_INJECTION: "maybe": must be true or false`, `GOSERVICE_DRAIN_TIMEOUT: "-1s": must be above 0`,
			},
		},
		"ports":         {map[string]string{"GOSERVICE_PORT": "9100"}, []string{"GOSERVICE_ADMIN_PORT: must differ from GOSERVICE_PORT"}},
		"large port":    {map[string]string{"GOSERVICE_PORT": "70000"}, []string{`GOSERVICE_PORT: "70000": must be a port number`}},
		"pprof for all": {map[string]string{"GOSERVICE_PROFILING_ADDRESS": ":6060"}, []string{`":6060": must be a loopback address`}},
		"delay":         {map[string]string{"GOSERVICE_DRAIN_TIMEOUT": "5s", "GOSERVICE_DRAIN_DELAY": "5s"}, []string{"GOSERVICE_DRAIN_DELAY"}},
		"idle":          {map[string]string{"GOSERVICE_IDLE_TIMEOUT": "0s"}, []string{`GOSERVICE_IDLE_TIMEOUT: "0s": must be above 0`}},
		"threshold":     {map[string]string{"GOSERVICE_LATENCY_THRESHOLD": "-1s"}, []string{"GOSERVICE_LATENCY_THRESHOLD"}},
		"half of TLS":   {map[string]string{"GOSERVICE_TLS_CERT_FILE": "c"}, []string{"GOSERVICE_TLS_KEY_FILE: must be set together"}},
		"CA without":    {map[string]string{"GOSERVICE_TLS_CLIENT_CA_FILE": "c"}, []string{"GOSERVICE_TLS_CLIENT_CA_FILE"}},
		"traces":        {map[string]string{"GOSERVICE_MAX_CALLER_TRACES": "NaN"}, []string{`GOSERVICE_MAX_CALLER_TRACES: "NaN": must be 0 to`}},
		"names without": {map[string]string{"GOSERVICE_TLS_CLIENT_NAMES": "a"}, []string{"GOSERVICE_TLS_CLIENT_NAMES: needs GOSERVICE_TLS_CLIENT_CA_FILE"}},
		"header":        {map[string]string{"GOSERVICE_FORWARDED_HEADER": "X-Real-Ip"}, []string{`GOSERVICE_FORWARDED_HEADER: "X-Real-Ip": must be X-Forwarded-For or Forwarded`}},
		"port of peers": {map[string]string{"GOSERVICE_PEERS_NAMES": "a", "GOSERVICE_PEERS_PORT": "8080"}, []string{`GOSERVICE_PEERS_PORT: "8080": must be 1 to 65535, and differ`}},
		"upstreams":     {map[string]string{"GOSERVICE_UPSTREAMS": "[{}]"}, []string{`GOSERVICE_UPSTREAMS: [0].name: must be 1 to 63`}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := LoadConfig(c.environment)
			var bad *ConfigError
			if !errors.As(err, &bad) || len(bad.Problems) != len(c.want) {
				t.Fatalf("%v, want %d problems", err, len(c.want))
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\nnames no %s", err, want)
				}
			}
		})
	}
}

// What the process says of its settings stands in its log and, as the termination message, in the pod's status.
func TestSecretsAreNotRepeated(t *testing.T) {
	for name, environment := range map[string]map[string]string{
		"an upstream's user":      {"GOSERVICE_UPSTREAMS": `[{"name":"a","url":"http://user:hunter2@billing"}]`},
		"an upstream's query":     {"GOSERVICE_UPSTREAMS": `[{"name":"a","url":"http://billing?token=hunter2"}]`},
		"an upstream's bad URL":   {"GOSERVICE_UPSTREAMS": `[{"name":"a","url":"http://user:hunter2@billing:x"}]`},
		"a URL for a name":        {"GOSERVICE_UPSTREAMS": `[{"name":"http://user:hunter2@billing"}]`},
		"another value's type":    {"GOSERVICE_UPSTREAMS": `[{"name":"a","url":["hunter2"]}]`},
		"what is no list":         {"GOSERVICE_UPSTREAMS": `http://user:hunter2@billing`},
		"good beside what is not": {"GOSERVICE_UPSTREAMS": `[{"name":"a","url":"http://user:hunter2@billing"}]`, "GOSERVICE_PORT": "x"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := LoadConfig(environment)
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v, want an error without the secret", err)
			}
			for variable := range environment {
				if err != nil && !strings.Contains(err.Error(), variable+": ") {
					t.Errorf("%v, want an error that names %s", err, variable)
				}
			}
		})
	}
}

func FuzzLoadConfig(f *testing.F) {
	f.Add("8080", "10s", "127.0.0.1:6060")
	f.Add("", "", "[::1]:1")
	f.Fuzz(func(t *testing.T, port, timeout, profiling string) {
		config, err := LoadConfig(map[string]string{
			"GOSERVICE_PORT": port, "GOSERVICE_REQUEST_TIMEOUT": timeout, "GOSERVICE_PROFILING_ADDRESS": profiling,
		})
		if err == nil && (config.RequestTimeout <= 0 || config.ProfilingAddress != "" && !loopback(config.ProfilingAddress)) {
			t.Fatalf("accepted %+v", config)
		}
	})
}
