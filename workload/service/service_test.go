// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/runtimeinfo"
	"goservice.dev/operator/workload/service"
	"goservice.dev/operator/workload/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running is a service that serves on free ports of this machine.
type running struct {
	*service.Service
	t      *testing.T
	file   string
	client *http.Client
	stop   context.CancelFunc
	ended  chan error
	log    *syncBuffer
}

type syncBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// start serves the routes that register adds; the test's end stops it.
func start(t *testing.T, environment map[string]string, register func(*service.Service)) *running {
	t.Helper()
	before := runtimeinfo.Current()
	r := &running{t: t, file: filepath.Join(t.TempDir(), livesettings.FileName), ended: make(chan error, 1), log: new(syncBuffer)}
	all := map[string]string{
		"GOSERVICE_PORT": "0", "GOSERVICE_ADMIN_PORT": "0", "GOSERVICE_LIVE_SETTINGS_FILE": r.file, "GOSERVICE_DRAIN_TIMEOUT": "10s",
		"GOSERVICE_PROFILING_ADDRESS": "127.0.0.1:0",
	}
	maps.Copy(all, environment)
	r.Service = service.New(service.WithEnvironment(all), service.WithLog(r.log), service.WithVersion("v1"))
	register(r.Service)
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	transport := &http.Transport{}
	r.client = &http.Client{Transport: transport}
	go func() { r.ended <- r.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		transport.CloseIdleConnections()
		if err := <-r.ended; err != nil {
			t.Logf("Serve: %v", err) // what it should have been is the test's own matter
		}
		before.Apply()
	})
	return r
}

// until asks until the answer has the status and holds the text; a test that waits in vain ends with the test binary's time.
func (r *running) until(url string, status int, body string) {
	r.t.Helper()
	for {
		if gotStatus, gotBody, _ := r.get(url); gotStatus == status && strings.Contains(gotBody, body) {
			return
		}
		runtime.Gosched()
	}
}

// finish stops the service and returns what Serve did.
func (r *running) finish() error {
	r.t.Helper()
	r.stop()
	err := <-r.ended
	r.ended <- err // for the test's cleanup
	return err
}

func port(address interface{ String() string }) string {
	text := address.String()
	return text[strings.LastIndex(text, ":")+1:]
}

func (r *running) url(path string) string { return "http://127.0.0.1:" + port(r.Address()) + path }
func (r *running) admin(path string) string {
	return "http://127.0.0.1:" + port(r.AdminAddress()) + path
}

func (r *running) get(url string) (status int, body string, header http.Header) {
	r.t.Helper()
	response, err := r.client.Get(url)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return response.StatusCode, string(content), response.Header
}

// tune writes a document and waits until it is in force.
func (r *running) tune(document livesettings.Document) {
	r.t.Helper()
	document.Version = livesettings.Version
	encoded, err := document.Encode()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(r.file+".new", encoded, 0o644); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(r.file+".new", r.file); err != nil {
		r.t.Fatal(err)
	}
	want, err := document.Digest()
	if err != nil {
		r.t.Fatal(err)
	}
	for r.report().Revision != want { // the test's own time limit ends this
	}
}

func (r *running) report() (report livesettings.Report) {
	r.t.Helper()
	status, body, _ := r.get(r.admin("/live-settings"))
	if err := json.Unmarshal([]byte(body), &report); err != nil || status != http.StatusOK {
		r.t.Fatalf("%d %s: %v", status, body, err)
	}
	return report
}

func (r *running) metric(line string) bool {
	r.t.Helper()
	_, body, _ := r.get(r.admin("/metrics"))
	return strings.Contains(body, "\n"+line)
}

func helloRoute(svc *service.Service) { svc.HandleFunc("/hello", hello) }

func TestEveryKnobIsLive(t *testing.T) {
	upstreams := map[string]string{"GOSERVICE_UPSTREAMS": `[{"name":"billing","url":"http://127.0.0.1:1"}]`}
	r := start(t, upstreams, helloRoute)
	own := runtimeinfo.Current()
	if report := r.report(); !strings.Contains(report.Error, "does not exist") {
		t.Errorf("without a file: %+v", report)
	}
	r.tune(livesettings.Document{
		RateLimit:      &livesettings.RateLimit{RequestsPerSecond: 0.001, Burst: 2},
		Pool:           &livesettings.Pool{Workers: 3, QueueDepth: 5, QueueTimeout: livesettings.Duration(time.Second)},
		LogLevel:       "debug",
		Tracing:        &livesettings.Tracing{SampleRatio: 0.5},
		Runtime:        &livesettings.Runtime{GOGC: 321, MemoryLimitBytes: 1 << 33},
		Upstreams:      map[string]livesettings.Upstream{"billing": {Timeout: livesettings.Duration(time.Second), RequestsPerSecond: 9, Burst: 2, MaxInFlight: 7}, "unknown": {}},
		TrustedProxies: []string{"192.0.2.0/24"},
	})
	statuses := make([]int, 0, 3)
	for range cap(statuses) {
		status, body, header := r.get(r.url("/hello"))
		statuses = append(statuses, status)
		if status == http.StatusTooManyRequests && (header.Get("Retry-After") == "" || !strings.Contains(body, `"reason":"rate_limit"`)) {
			t.Errorf("turned away with %s and Retry-After %q", body, header.Get("Retry-After"))
		}
	}
	if fmt.Sprint(statuses) != "[200 200 429]" {
		t.Errorf("with a burst of two: %v", statuses)
	}
	for _, line := range []string{
		"goservice_rate_limit_requests_per_second 0.001", "goservice_pool_workers 3", "goservice_pool_max_workers 4096", "goservice_pool_queue_depth 5",
		`goservice_requests_rejected_total{reason="rate_limit"} 1`, `goservice_live_settings_reloads_total{result="applied"} 1`,
		fmt.Sprintf("goservice_live_settings_info{revision=%q} 1", r.report().Revision),
	} {
		if !r.metric(line) {
			t.Errorf("no metric %s", line)
		}
	}
	if got := (runtimeinfo.Settings{GOGC: 321, MemoryLimitBytes: 1 << 33}); runtimeinfo.Current() != got {
		t.Errorf("runtime %+v", runtimeinfo.Current())
	}
	billing, _ := r.Upstream("billing")
	if got := billing.Limits(); got != (upstream.Limits{Timeout: time.Second, RequestsPerSecond: 9, Burst: 2, MaxInFlight: 7}) {
		t.Errorf("upstream %+v", got)
	}
	behind := httptest.NewRequest(http.MethodGet, "/", nil) // its peer is 192.0.2.1
	behind.Header.Set("X-Forwarded-For", "203.0.113.9")
	if got := r.TrustedProxies().Client(behind).String(); got != "203.0.113.9" {
		t.Errorf("client %s", got)
	}
	if !strings.Contains(r.log.String(), `"level":"debug"`) {
		t.Error("no debug lines")
	}
	r.tune(livesettings.Document{LogLevel: "off"}) // what is left out goes back to the service's own
	for range 5 {
		if status, _, _ := r.get(r.url("/hello")); status != http.StatusOK {
			t.Errorf("without a limit: %d", status)
		}
	}
	if runtimeinfo.Current() != own || debug.SetMemoryLimit(-1) != own.MemoryLimitBytes {
		t.Errorf("runtime %+v, want its own %+v", runtimeinfo.Current(), own)
	}
	if !r.metric("goservice_rate_limit_requests_per_second +Inf") || !r.metric(fmt.Sprintf("goservice_pool_workers %d", service.DefaultPool().Workers)) {
		t.Error("limiter and pool are not the service's own")
	}
}

func TestProbes(t *testing.T) {
	var broken atomic.Bool
	r := start(t, nil, func(svc *service.Service) {
		helloRoute(svc)
		svc.ReadyWhen("database", func(context.Context) error {
			if broken.Load() {
				return errors.New("no connection")
			}
			return nil
		}, service.CheckEvery(time.Millisecond))
	})
	for _, path := range []string{"/livez", "/startupz"} {
		r.until(r.admin(path), http.StatusOK, "ok\n")
	}
	r.until(r.admin("/readyz"), http.StatusOK, "ok\ndatabase: ok for ")
	broken.Store(true)
	r.until(r.admin("/readyz"), http.StatusServiceUnavailable, ": no connection\n")
	if !r.metric(`goservice_dependency_up{name="database",optional="false"} 0`) {
		t.Error("the metrics do not say that the database is down")
	}
}

func TestOverloadIsTurnedAway(t *testing.T) {
	begun, release := make(chan struct{}, 1), make(chan struct{})
	r := start(t, nil, func(svc *service.Service) {
		svc.HandleFunc("GET /slow", func(http.ResponseWriter, *http.Request) {
			begun <- struct{}{}
			<-release
		})
		svc.HandleFunc("GET /free", hello, service.Unpooled())
	})
	r.tune(livesettings.Document{Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1, QueueDepth: 0}})
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.get(r.url("/slow"))
	}()
	<-begun
	status, body, header := r.get(r.url("/slow"))
	if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" || !strings.Contains(body, `"reason":"queue_full"`) {
		t.Errorf("%d %s with Retry-After %q", status, body, header.Get("Retry-After"))
	}
	if status, _, _ := r.get(r.url("/free")); status != http.StatusOK {
		t.Errorf("a route without a worker: %d", status)
	}
	r.tune(livesettings.Document{Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1, QueueDepth: 1, QueueTimeout: livesettings.Duration(time.Millisecond)}})
	if status, body, _ := r.get(r.url("/slow")); status != http.StatusServiceUnavailable || !strings.Contains(body, `"reason":"queue_timeout"`) {
		t.Errorf("%d %s", status, body)
	}
	close(release)
	<-done
	if !r.metric(`goservice_requests_rejected_total{reason="queue_full"} 1`) || !r.metric(`goservice_requests_rejected_total{reason="queue_timeout"} 1`) {
		t.Error("rejections are not counted")
	}
}

func TestWrappersRunInOrder(t *testing.T) {
	svc := service.New(service.WithEnvironment(map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": ""}), service.WithLog(io.Discard))
	for _, name := range []string{"a", "b"} {
		svc.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Add("Through", name)
				next.ServeHTTP(w, r)
			})
		})
	}
	helloRoute(svc)
	recorder := httptest.NewRecorder()
	svc.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/hello", nil))
	if got := fmt.Sprint(recorder.Header()["Through"]); got != "[a b]" {
		t.Errorf("through %s", got)
	}
}

func TestServeReportsWhatIsWrong(t *testing.T) {
	cases := map[string]struct {
		environment map[string]string
		options     []service.Option
		want        string
	}{
		"configuration":   {environment: map[string]string{"GOSERVICE_PORT": "x"}, want: "GOSERVICE_PORT"},
		"built-in values": {options: []service.Option{service.WithBuiltIn(livesettings.Document{})}, want: "built-in values"},
		"certificate": {environment: map[string]string{
			"GOSERVICE_TLS_CERT_FILE": "/none", "GOSERVICE_TLS_KEY_FILE": "/none",
			"GOSERVICE_LIVE_SETTINGS_FILE": "",
		}, want: "certificate /none"},
		"an upstream's files": {environment: map[string]string{
			"GOSERVICE_UPSTREAMS": `[{"name":"billing","url":"https://a","tlsDirectory":"/none"}]`,
		}, want: "1 setting cannot be used:\n  GOSERVICE_UPSTREAMS: upstream billing: tlsDirectory: /none: must hold ca.crt, or tls.crt and tls.key"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if c.environment == nil {
				c.environment = map[string]string{}
			}
			svc := service.New(append(c.options, service.WithEnvironment(c.environment), service.WithLog(io.Discard))...)
			helloRoute(svc) // still works, so that main reads the same
			if err := svc.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
	t.Run("port taken", func(t *testing.T) {
		r := start(t, nil, helloRoute)
		svc := service.New(service.WithLog(io.Discard), service.WithEnvironment(map[string]string{
			"GOSERVICE_LIVE_SETTINGS_FILE": "", "GOSERVICE_PORT": port(r.Address()), "GOSERVICE_ADMIN_PORT": "0",
		}))
		if err := svc.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), "listening on") {
			t.Errorf("%v, want that the port is taken", err)
		}
	})
}

// The chain's price is part of the contract with whoever builds on it.
func TestChainAllocatesTwiceAtMost(t *testing.T) {
	handler := tunedService().Handler()
	request := httptest.NewRequest(http.MethodGet, "/hello", nil)
	writer := &nullWriter{header: http.Header{}}
	handler.ServeHTTP(writer, request)
	least := math.Inf(1) // what others allocate meanwhile counts too, and the race detector empties pools by chance
	for range 10 {
		least = min(least, testing.AllocsPerRun(200, func() { handler.ServeHTTP(writer, request) }))
	}
	if least > 2 {
		t.Errorf("%g allocations per request, want at most 2", least)
	}
}
