// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/problem"
	"goservice.dev/operator/workload/service"
	"goservice.dev/operator/workload/telemetry"
)

// shouting answers every error with status 200 and a line of its own.
type shouting struct{}

func (shouting) Timeout(r *http.Request) (time.Duration, bool) {
	timeout, err := time.ParseDuration(r.Header.Get("Shout-Timeout"))
	return timeout, err == nil
}

func (shouting) Answer(w http.ResponseWriter, r *http.Request, details problem.Details) {
	telemetry.Called(r.Context(), telemetry.Call{Name: "Shout", Code: "LOUD", Status: details.Status})
	_, _ = fmt.Fprintf(w, "%s: %d %s, retry after %q", r.URL.Path, details.Status, details.Reason, w.Header().Get("Retry-After"))
}

func shoutingService(document livesettings.Document, log io.Writer) *service.Service {
	document.Version = livesettings.Version
	svc := service.New(service.WithLog(log), service.WithBuiltIn(document),
		service.WithEnvironment(map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": ""}))
	svc.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("quietly") }, service.WithProtocol(shouting{}))
	svc.HandleFunc("/fail", func(w http.ResponseWriter, r *http.Request) {
		telemetry.Called(r.Context(), telemetry.Call{Name: "Shout", Code: "HOARSE", Status: 503, Err: errors.New("no voice")})
		_, _ = io.WriteString(w, "HOARSE")
	}, service.WithProtocol(shouting{}))
	svc.HandleFunc("/plain", func(w http.ResponseWriter, r *http.Request) {
		telemetry.Called(r.Context(), telemetry.Call{Code: "IGNORED", Status: 503}) // its route is plain HTTP
		_, _ = io.WriteString(w, "plain")
	})
	return svc
}

func call(svc *service.Service, path string, header ...string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodPost, path, nil)
	if len(header) == 2 {
		request.Header.Set(header[0], header[1])
	}
	svc.Handler().ServeHTTP(recorder, request)
	return recorder
}

func TestARouteWithAProtocolAnswersErrorsItsOwnWay(t *testing.T) {
	limited := livesettings.Document{RateLimit: &livesettings.RateLimit{RequestsPerSecond: 0.5, Burst: 1}}
	cases := map[string]struct {
		document livesettings.Document
		path     string
		requests int
		want     string
	}{
		"a panic":                    {livesettings.Document{}, "/panic", 1, `200 /panic: 500 , retry after ""`},
		"the rate limit":             {limited, "/fail", 2, `200 /fail: 429 rate_limit, retry after "2"`},
		"the rate limit, plain HTTP": {limited, "/plain", 2, `429 {"status":429,"title":"Too Many Requests","detail":"the rate limit of this instance is reached","reason":"rate_limit"}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			svc := shoutingService(c.document, io.Discard)
			var got *httptest.ResponseRecorder
			for range c.requests {
				got = call(svc, c.path)
			}
			if text := fmt.Sprint(got.Code, " ", strings.TrimSpace(got.Body.String())); text != c.want {
				t.Errorf("got  %s\nwant %s", text, c.want)
			}
		})
	}
}

func TestAProtocolsTimeoutOnlyShortensTheDeadline(t *testing.T) {
	for timeout, want := range map[string]string{"2m": "2m0s", "24h": "10m0s", "": "10m0s"} {
		svc := service.New(service.WithLog(io.Discard), service.WithEnvironment(map[string]string{
			"GOSERVICE_LIVE_SETTINGS_FILE": "", "GOSERVICE_REQUEST_TIMEOUT": "10m", "GOSERVICE_DRAIN_TIMEOUT": "11m",
		}))
		svc.HandleFunc("/deadline", func(w http.ResponseWriter, r *http.Request) {
			deadline, _ := r.Context().Deadline()
			_, _ = fmt.Fprint(w, time.Until(deadline).Round(time.Minute))
		}, service.WithProtocol(shouting{}))
		if got := call(svc, "/deadline", "Shout-Timeout", timeout).Body.String(); got != want {
			t.Errorf("timeout %q: the deadline is in %s, want %s", timeout, got, want)
		}
	}
}

func TestACallCountsUnderItsOwnStatus(t *testing.T) {
	log := new(syncBuffer)
	svc := shoutingService(livesettings.Document{}, log)
	for _, path := range []string{"/fail", "/plain"} {
		if got := call(svc, path); got.Code != http.StatusOK {
			t.Errorf("%s: status %d is sent, want 200", path, got.Code)
		}
	}
	metrics := httptest.NewRecorder()
	svc.AdminHandler().ServeHTTP(metrics, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{
		`http_server_request_duration_seconds_count{http_request_method="POST",http_response_status_code="503",http_route="/fail"} 1`,
		`http_server_request_duration_seconds_count{http_request_method="POST",http_response_status_code="200",http_route="/plain"} 1`,
	} {
		if !strings.Contains(metrics.Body.String(), want) {
			t.Errorf("no %s", want)
		}
	}
	for _, want := range []string{`"level":"error"`, `"status":503`, `"code":"HOARSE"`, `"error":"no voice"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %s in the log: %s", want, log)
		}
	}
}
