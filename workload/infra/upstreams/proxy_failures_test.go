// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstreams_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"goservice.dev/operator/workload/livesettings"
)

func TestWhatIsRefusedNeverReachesTheUpstream(t *testing.T) {
	address, _, _ := proxied(t, "", func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s %s arrived", r.Method, r.URL) })
	for text, status := range map[string]int{
		"TRACE /proxy/up/ HTTP/1.1\r\nHost: x\r\n\r\n":                               405,
		"CONNECT /proxy/up/ HTTP/1.1\r\nHost: x\r\n\r\n":                             405,
		"POST /proxy/up/ HTTP/1.1\r\nHost: x\r\nContent-Length: 33554433\r\n\r\nabc": 413,
		"POST /proxy/none/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n":         404,
	} {
		if response, body := exchange(t, address, text); response.StatusCode != status || response.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%.40q: %d %s, want %d", text, response.StatusCode, body, status)
		}
	}
}

func TestAClientsOwnBodyIsNotTheUpstreamsFault(t *testing.T) {
	address, svc, _ := proxied(t, "", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	for _, chunk := range []string{"ZZ\r\n", "4\nbody\n"} {
		for range 20 { // more than would open the breaker
			response, body := exchange(t, address, "POST /proxy/up/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n"+chunk)
			if response.StatusCode != http.StatusBadRequest || !strings.Contains(body, `"field":"body"`) {
				t.Fatalf("%q: %d %s", chunk, response.StatusCode, body)
			}
		}
	}
	if client, _ := svc.Upstream("up"); client.Stats().Open {
		t.Error("the breaker is open")
	}
}

func TestAHeadThatIsTooLargeForAnUpstreamIsNotItsFault(t *testing.T) {
	address, svc, _ := proxied(t, "", func(http.ResponseWriter, *http.Request) {})
	fields := strings.Repeat("A: b\r\n", 1<<10) // each counts for 32 bytes more in HTTP/2
	for range 20 {                              // more than would open the breaker
		response, body := exchange(t, address, "POST /proxy/grpc/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"+fields+"\r\n")
		if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Fatalf("%d %s", response.StatusCode, body)
		}
	}
	if client, _ := svc.Upstream("grpc"); client.Stats().Open {
		t.Error("the breaker is open")
	}
}

func TestAnUploadThatStopsIsAnsweredAsTheClientsFault(t *testing.T) {
	address, _, _ := proxiedWithin(t, "50ms", "", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	response, body := exchange(t, address, "POST /proxy/up/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nstart")
	if response.StatusCode != http.StatusRequestTimeout || !response.Close {
		t.Errorf("%d %s, closed %t", response.StatusCode, body, response.Close)
	}
}

func TestABrokenAnswerIsLoggedWithItsUpstream(t *testing.T) {
	address, _, log := proxied(t, "", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, strings.Repeat("x", 10))
	})
	response, err := http.Get("http://" + address + "/proxy/up/")
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	if err == nil {
		t.Error("the client took a part for the whole")
	}
	if line := log.String(); !strings.HasPrefix(line, `{"time"`) || !strings.Contains(line, `"level":"WARN"`) || !strings.Contains(line, `"upstream":"up"`) {
		t.Errorf("logged %q", line)
	}
}

func TestAnUpstreamThatIsGivenUpIsToldOnce(t *testing.T) {
	var back atomic.Bool
	address, _, log := proxied(t, "", func(http.ResponseWriter, *http.Request) {
		if !back.Load() {
			panic(http.ErrAbortHandler)
		}
	})
	post := func() int {
		response, _ := exchange(t, address, "POST /proxy/up/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
		return response.StatusCode
	}
	for range 100 {
		if status := post(); status < 500 {
			t.Fatalf("a broken upstream answers %d", status)
		}
	}
	const given, again = "the upstream does not answer, calls to it fail at once", "the upstream answers again"
	text := log.String()
	if strings.Count(text, given) != 1 || strings.Count(text, `"status":503`) != 0 || strings.Contains(text, again) {
		t.Errorf("logged %s", text)
	}
	back.Store(true)
	for deadline := time.Now().Add(10 * time.Second); post() != http.StatusOK; <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the upstream is not called again")
		}
	}
	if text := log.String(); strings.Count(text, given) != 1 || strings.Count(text, again) != 1 {
		t.Errorf("logged %s", text)
	}
}

// A hung upstream gets what it is allowed to have in flight. What is more fails at once, and leaves workers to everybody else.
func TestAHungUpstreamLeavesWorkersToOthers(t *testing.T) {
	release := make(chan struct{})
	address, svc, _ := proxied(t, "", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	apply(t, svc, livesettings.Document{Pool: &livesettings.Pool{
		Workers: 64, MinWorkers: 64, MaxWorkers: 64, QueueDepth: 128, QueueTimeout: livesettings.Duration(250 * time.Millisecond),
	}})
	client, _ := svc.Upstream("up")
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	get := func(path string) (int, string) {
		response, err := (&http.Client{Transport: transport}).Get("http://" + address + path)
		if err != nil {
			t.Error(err)
			return 0, ""
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(body)
	}
	most := client.Limits().MaxInFlight
	if workers := svc.Pool().Stats().Workers; most >= workers {
		t.Fatalf("an upstream may have %d of %d workers", most, workers)
	}
	answers := make(chan string, 3*most)
	var calls sync.WaitGroup
	for range cap(answers) {
		calls.Go(func() {
			if status, body := get("/proxy/up/"); status != http.StatusOK {
				answers <- body
			}
		})
	}
	busy := 0
	for range 2 * most { // those that come while others still learn that it is stuck may be refused by the pool
		if strings.Contains(<-answers, `"reason":"upstream_busy"`) {
			busy++
		}
	}
	if busy == 0 {
		t.Error("nobody was refused over the upstream")
	}
	for range 100 {
		if status, body := get("/"); status != http.StatusOK {
			t.Fatalf("beside a hung upstream: %d %s", status, body)
		}
	}
	close(release)
	calls.Wait()
}
