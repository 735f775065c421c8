// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"goservice.dev/operator/hack/load/loadgen"
)

func alternating(t *testing.T) (url string, served *atomic.Int64) {
	t.Helper()
	served = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if served.Add(1)%2 == 0 {
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, served
}

func TestRunWritesLinesAndASummary(t *testing.T) {
	url, served := alternating(t)
	var out, progress bytes.Buffer
	config := loadgen.Config{URL: url, Rate: 100, Duration: 1200 * time.Millisecond}
	if err := run(t.Context(), settings{config: config}, &out, &progress); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"admitted", "429 limited", "answer", "p99.9", "not sent, because too many were outstanding: 0"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out.String())
		}
	}
	if served.Load() == 0 || progress.Len() > 0 {
		t.Errorf("%d requests served, progress %q; want some, and none", served.Load(), progress.String())
	}
}

func TestRunWritesJSON(t *testing.T) {
	url, served := alternating(t)
	var out, progress bytes.Buffer
	config := loadgen.Config{URL: url, Rate: 100, Duration: 500 * time.Millisecond}
	if err := run(t.Context(), settings{config: config, json: true, within: config.Duration}, &out, &progress); err != nil {
		t.Fatal(err)
	}
	var summary struct{ Sent, Accepted, Refused, Failed, Within int64 }
	if err := json.Unmarshal(out.Bytes(), &summary); err != nil {
		t.Fatal(err)
	}
	if summary.Sent != served.Load() || summary.Accepted+summary.Refused != summary.Sent || summary.Failed != 0 ||
		summary.Within == 0 || summary.Within > summary.Accepted {
		t.Errorf("summary %+v of %d requests that were served", summary, served.Load())
	}
}

func TestRunRefuses(t *testing.T) {
	err := run(t.Context(), settings{config: loadgen.Config{URL: "http://192.0.2.1/", Rate: 1, Duration: time.Second}}, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("run() = %v, want an error about loopback", err)
	}
}

// Others can read the counts while it runs, and end it: what they get then holds every answer.
func TestOthersReadTheCountsAndEndTheRun(t *testing.T) {
	url, served := alternating(t)
	generator, err := loadgen.New(loadgen.Config{URL: url, Rate: 200, Duration: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		generator.Run(ctx)
	}()
	handler := control(generator, stop, done)
	ask := func(method, path string) (sent int64) {
		t.Helper()
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody))
		var counts struct{ Sent int64 }
		if err := json.Unmarshal(recorder.Body.Bytes(), &counts); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, recorder.Body)
		}
		return counts.Sent
	}
	for ask(http.MethodGet, "/") == 0 {
	}
	if sent := ask(http.MethodPost, "/stop"); sent != served.Load() {
		t.Errorf("at the end %d were sent, want %d, which were served", sent, served.Load())
	}
}

func TestCallsAreCountedByTheirOutcome(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	go func() { _ = server.Serve(listener) }() // ends with the test
	t.Cleanup(server.Stop)
	for method, failed := range map[string]bool{"Check": false, "None": true} {
		for _, fresh := range []bool{false, true} {
			var out bytes.Buffer
			s := settings{grpc: true, json: true, config: loadgen.Config{
				URL: "http://" + listener.Addr().String() + "/grpc.health.v1.Health/" + method, Rate: 100, Duration: 300 * time.Millisecond, Fresh: fresh,
			}}
			if err := run(t.Context(), s, &out, io.Discard); err != nil {
				t.Fatal(err)
			}
			var summary struct{ Sent, Accepted, Failed int64 }
			if err := json.Unmarshal(out.Bytes(), &summary); err != nil {
				t.Fatal(err)
			}
			if summary.Sent == 0 || failed && summary.Failed != summary.Sent || !failed && summary.Accepted != summary.Sent {
				t.Errorf("%s, fresh=%t: %+v", method, fresh, summary)
			}
		}
	}
}

func TestCallsGoToThePortOfTheURL(t *testing.T) {
	for address, want := range map[string]string{
		"http://orders.shop.svc/shop.Orders/Place": "orders.shop.svc:80", "http://127.0.0.1:8080/a": "127.0.0.1:8080", "http://[::1]/a": "[::1]:80",
	} {
		if c, err := newCaller(address, 1, true); err != nil || c.target != want {
			t.Errorf("%s: %+v, %v", address, c, err)
		}
	}
}

// Who waits for an address loses no request to its being late.
func TestRunAwaitsTheAddress(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	config := loadgen.Config{URL: "http://" + address, Rate: 100, Duration: 200 * time.Millisecond}
	if err := run(t.Context(), settings{config: config, await: time.Millisecond}, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "-await 1ms") {
		t.Errorf("the error is %v", err)
	}
	late := time.AfterFunc(100*time.Millisecond, func() {
		again, err := net.Listen("tcp", address)
		if err != nil {
			t.Error(err)
			return
		}
		server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), ReadHeaderTimeout: time.Second}
		t.Cleanup(func() { _ = server.Close() })
		_ = server.Serve(again)
	})
	defer late.Stop()
	var out bytes.Buffer
	if err := run(t.Context(), settings{config: config, json: true, await: time.Minute}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	var summary struct{ Sent, Accepted int64 }
	if err := json.Unmarshal(out.Bytes(), &summary); err != nil || summary.Sent == 0 || summary.Accepted != summary.Sent {
		t.Errorf("summary %+v, %v", summary, err)
	}
}
