// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	"goservice.dev/operator/workload/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newTelemetry(t *testing.T, config telemetry.Config) *telemetry.Telemetry {
	t.Helper()
	if config.Log == nil {
		config.Log = io.Discard
	}
	tel, err := telemetry.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return tel
}

// family finds a metric family by its name.
func family(t *testing.T, tel *telemetry.Telemetry, name string) *dto.MetricFamily {
	t.Helper()
	families, err := tel.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == name })
	if i < 0 {
		t.Fatalf("there is no metric %s", name)
	}
	return families[i]
}

func labels(m *dto.Metric) string {
	text := make([]string, 0, len(m.GetLabel()))
	for _, pair := range m.GetLabel() {
		text = append(text, pair.GetName()+"="+pair.GetValue())
	}
	return strings.Join(text, " ")
}

func TestRequestDurations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tel := newTelemetry(t, telemetry.Config{LatencyThreshold: 30 * time.Millisecond})
		mux := http.NewServeMux()
		mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(20 * time.Millisecond) // in the queue
			telemetry.Admitted(r)
			time.Sleep(10 * time.Millisecond)
			w.WriteHeader(http.StatusAccepted)
		})
		mux.HandleFunc("/busy", func(w http.ResponseWriter, r *http.Request) {
			telemetry.Rejected(r, telemetry.RejectedQueueFull)
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		handler := tel.Middleware(mux)
		for _, request := range [][2]string{
			{"GET", "/orders/1"}, {"GET", "/orders/2"}, {"BREW", "/busy"}, {"GET", "/nowhere"}, {"POST", "/orders/1"},
		} {
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(request[0], request[1], nil))
		}
		series := family(t, tel, "http_server_request_duration_seconds").GetMetric()
		got := make([]string, 0, len(series))
		for _, m := range series {
			got = append(got, labels(m))
		}
		slices.Sort(got)
		want := []string{
			"http_request_method=GET http_response_status_code=202 http_route=/orders/{id}",
			"http_request_method=GET http_response_status_code=404 http_route=",
			"http_request_method=POST http_response_status_code=405 http_route=",
			"http_request_method=_OTHER http_response_status_code=503 http_route=/busy",
		}
		if !slices.Equal(got, want) {
			t.Errorf("series:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		total := family(t, tel, "http_server_request_duration_seconds").GetMetric()[0].GetHistogram()
		if total.GetSampleCount() != 2 || total.GetSampleSum() != 0.06 {
			t.Errorf("%d requests took %g s in all, want 2 and 0.06 with the wait", total.GetSampleCount(), total.GetSampleSum())
		}
		service := family(t, tel, "goservice_service_seconds").GetMetric()[0].GetHistogram()
		if service.GetSampleCount() != 2 || service.GetSampleSum() != 0.02 {
			t.Errorf("%d requests were worked on for %g s, want 2 and 0.02", service.GetSampleCount(), service.GetSampleSum())
		}
	})
}

func TestTheThresholdIsAnExactBucket(t *testing.T) {
	for threshold, count := range map[time.Duration]int{0: 16, 30 * time.Millisecond: 17, 50 * time.Millisecond: 16, 20 * time.Second: 17} {
		buckets := telemetry.Buckets(threshold)
		if len(buckets) != count || !slices.IsSorted(buckets) || threshold > 0 && !slices.Contains(buckets, threshold.Seconds()) {
			t.Errorf("threshold %s: buckets %v", threshold, buckets)
		}
	}
}

func TestRejections(t *testing.T) {
	tel := newTelemetry(t, telemetry.Config{})
	handler := tel.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		telemetry.Rejected(r, r.URL.Query().Get("reason"))
	}))
	for _, reason := range []string{"rate_limit", "rate_limit", "shed", "novel"} {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/?reason="+reason, nil))
	}
	want := `
# HELP goservice_requests_rejected_total HTTP requests that were turned away, by reason.
# TYPE goservice_requests_rejected_total counter
goservice_requests_rejected_total{reason="draining"} 0
goservice_requests_rejected_total{reason="novel"} 1
goservice_requests_rejected_total{reason="queue_full"} 0
goservice_requests_rejected_total{reason="queue_timeout"} 0
goservice_requests_rejected_total{reason="rate_limit"} 2
goservice_requests_rejected_total{reason="shed"} 1
`
	if err := testutil.GatherAndCompare(tel.Registry(), strings.NewReader(want), "goservice_requests_rejected_total"); err != nil {
		t.Error(err)
	}
}

func TestPanics(t *testing.T) {
	var log bytes.Buffer
	tel := newTelemetry(t, telemetry.Config{Log: &log})
	serve := func(handler http.HandlerFunc) (recorder *httptest.ResponseRecorder, passed any) {
		defer func() { passed = recover() }()
		recorder = httptest.NewRecorder()
		tel.Middleware(handler).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
		return recorder, nil
	}
	recorder, passed := serve(func(http.ResponseWriter, *http.Request) { panic("boom") })
	if passed != nil || recorder.Code != http.StatusInternalServerError || strings.Contains(recorder.Body.String(), "boom") {
		t.Errorf("panic %v, status %d, body %s; want a plain 500", passed, recorder.Code, recorder.Body)
	}
	if line := log.String(); !strings.Contains(line, `"panic":"boom"`) || !strings.Contains(line, "stack") {
		t.Errorf("log: %s", line)
	}
	for name, handler := range map[string]http.HandlerFunc{
		"half a response": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "half"); panic("boom") },
		"aborted":         func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		if _, passed := serve(handler); !errors.Is(passed.(error), http.ErrAbortHandler) {
			t.Errorf("%s: the connection is not broken off", name)
		}
	}
	if got := tel.InFlight(); got != 0 {
		t.Errorf("%d requests in flight after all have ended", got)
	}
}

func TestRequestLog(t *testing.T) {
	cases := map[string]struct {
		level   string
		handler http.HandlerFunc
		want    string // the line's level; empty for no line
	}{
		"all is well at info":   {"info", func(http.ResponseWriter, *http.Request) {}, ""},
		"all is well at debug":  {"debug", func(http.ResponseWriter, *http.Request) {}, "debug"},
		"failed":                {"error", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "error"},
		"slow":                  {"warn", func(http.ResponseWriter, *http.Request) { time.Sleep(time.Second) }, "warn"},
		"slow, but only errors": {"error", func(http.ResponseWriter, *http.Request) { time.Sleep(time.Second) }, ""},
		"off":                   {"off", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, ""},
		"turned away": {"info", func(w http.ResponseWriter, r *http.Request) {
			telemetry.Rejected(r, telemetry.RejectedShed)
			w.WriteHeader(http.StatusServiceUnavailable)
		}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				tel := newTelemetry(t, telemetry.Config{Service: "shop", Log: &log, LatencyThreshold: time.Millisecond})
				if err := tel.Level().Set(c.level); err != nil {
					t.Fatal(err)
				}
				request := httptest.NewRequest(http.MethodGet, "/a?secret=1", nil)
				request.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
				tel.Middleware(c.handler).ServeHTTP(httptest.NewRecorder(), request)
				if c.want == "" {
					if log.Len() > 0 {
						t.Errorf("logged %s", &log)
					}
					return
				}
				var line map[string]any
				if err := json.Unmarshal(log.Bytes(), &line); err != nil {
					t.Fatalf("%s: %v", &log, err)
				}
				for field, want := range map[string]any{
					"level": c.want, "path": "/a", "service": "shop", "trace_id": "0af7651916cd43dd8448eb211c80319c",
				} {
					if line[field] != want {
						t.Errorf("%s: %v, want %v", field, line[field], want)
					}
				}
			})
		})
	}
}

func TestARequestIsLoggedWithItsClient(t *testing.T) {
	var log bytes.Buffer
	tel := newTelemetry(t, telemetry.Config{Log: &log, Client: func(r *http.Request) netip.Addr { return netip.MustParseAddr(r.Header.Get("X-Forwarded-For")) }})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("X-Forwarded-For", "203.0.113.9")
	tel.Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })).
		ServeHTTP(httptest.NewRecorder(), r)
	if !strings.Contains(log.String(), `"client":"203.0.113.9"`) {
		t.Errorf("logged %s", log.String())
	}
}

func TestLevel(t *testing.T) {
	if err := new(telemetry.Level).Set("loud"); err == nil {
		t.Error("an unknown level was taken")
	}
}

func TestErrorLogWritesWarnings(t *testing.T) {
	var log bytes.Buffer
	newTelemetry(t, telemetry.Config{Log: &log}).ErrorLog().Print("tls: handshake failed\n")
	if line := log.String(); !strings.Contains(line, `"warn"`) || !strings.Contains(line, `"tls: handshake failed"`) {
		t.Errorf("log: %s", line)
	}
}

// Whoever can connect makes a server say something: a scan of ports must not fill the log.
func TestWhatAServerSaysIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		errors := newTelemetry(t, telemetry.Config{Log: &log}).ErrorLog()
		for range 1000 {
			errors.Print("http: TLS handshake error from 192.0.2.1:1234: tls: first record does not look like a TLS handshake\n")
		}
		if lines := strings.Count(log.String(), "\n"); lines != 10 {
			t.Errorf("%d lines of 1,000 at once, want 10", lines)
		}
		time.Sleep(time.Second)
		log.Reset()
		errors.Print("http: Accept error\n")
		if line := log.String(); !strings.Contains(line, `"left_out":990`) {
			t.Errorf("the next line says not what was left out: %s", line)
		}
	})
}

// Load balancers that only look whether the port is open do so every few seconds, for good.
func TestAConnectionThatSaysNothingIsNoWarning(t *testing.T) {
	var log bytes.Buffer
	tel := newTelemetry(t, telemetry.Config{Log: &log})
	if err := tel.Level().Set("info"); err != nil {
		t.Fatal(err)
	}
	errors := tel.ErrorLog()
	errors.Print("http: TLS handshake error from 192.0.2.1:1234: EOF\n")
	errors.Print("http: TLS handshake error from 192.0.2.1:1234: read tcp 192.0.2.2:8443->192.0.2.1:1234: read: connection reset by peer\n")
	if log.Len() > 0 {
		t.Errorf("logged at info: %s", log.String())
	}
	errors.Print("http: TLS handshake error from 192.0.2.1:1234: remote error: tls: bad certificate\n")
	if !strings.Contains(log.String(), "bad certificate") {
		t.Errorf("logged %q, want the client that does not trust the certificate", log.String())
	}
}

func TestScrapes(t *testing.T) {
	tel := newTelemetry(t, telemetry.Config{})
	tel.Middleware(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	for accept, want := range map[string]string{
		"":                             `http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="404",http_route=""} 1`,
		"application/openmetrics-text": "# EOF",
	} {
		recorder := httptest.NewRecorder()
		request := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		request.Header.Set("Accept", accept)
		tel.MetricsHandler().ServeHTTP(recorder, request)
		if !strings.Contains(recorder.Body.String(), want) {
			t.Errorf("Accept %q: no %q", accept, want)
		}
	}
	// The same scrape as protobuf has the sparse buckets of a native histogram.
	if h := family(t, tel, "http_server_request_duration_seconds").GetMetric()[0].GetHistogram(); len(h.GetPositiveSpan()) == 0 || len(h.GetBucket()) == 0 {
		t.Error("the histogram is not both native and classic")
	}
	for _, name := range []string{"go_goroutines", "go_sched_latencies_seconds", "process_start_time_seconds", "http_server_active_requests"} {
		family(t, tel, name)
	}
}
