// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"go.opentelemetry.io/otel/baggage"

	"goservice.dev/operator/workload/server"
	"goservice.dev/operator/workload/service"
	"goservice.dev/operator/workload/telemetry"
)

// busyPods are two pods, the first of which has no worker free until the test ends.
func busyPods(t *testing.T, register func(pod int, svc *service.Service)) []*running {
	t.Helper()
	blocked, unblock := make(chan struct{}), make(chan struct{})
	pods := sharingPods(t, 2, func(pod int, svc *service.Service) {
		svc.HandleFunc("GET /block", func(_ http.ResponseWriter, r *http.Request) {
			close(blocked)
			select {
			case <-unblock:
			case <-r.Context().Done():
			case <-server.Draining(r.Context()):
			}
		})
		register(pod, svc)
	})
	fixedPool(pods)
	go func() {
		if response, err := pods[0].client.Get(pods[0].url("/block")); err == nil {
			_ = response.Body.Close()
		}
	}()
	<-blocked
	t.Cleanup(func() { close(unblock) })
	return pods
}

func TestAStreamThatHasMovedHearsThatTheTimeOfItsClientsPodIsOver(t *testing.T) {
	cause := make(chan error, 1)
	pods := busyPods(t, func(_ int, svc *service.Service) {
		svc.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			cause <- context.Cause(r.Context())
			_, _ = io.WriteString(w, "data: bye\n\n")
		})
	})
	response, err := pods[0].client.Get(pods[0].url("/"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	go func() { _ = pods[0].finish() }()
	text, err := io.ReadAll(response.Body)
	if why := <-cause; !errors.Is(why, server.ErrStopped) || string(text) != "data: bye\n\n" || err != nil {
		t.Errorf("%v, %q, %v", why, text, err)
	}
}

func TestARequestThatHasMovedCarriesItsBaggage(t *testing.T) {
	pods := busyPods(t, func(_ int, svc *service.Service) {
		svc.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, baggage.FromContext(r.Context()).Member("tenant").Value())
		})
	})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, pods[0].url("/"), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Baggage", "tenant=blue")
	response, err := pods[0].client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, _ := io.ReadAll(response.Body); string(text) != "blue" {
		t.Errorf("%q", text)
	}
}

// Else each of them is an error in the log and the metrics of the pod where it came in.
func TestARequestThatIsTurnedAwayAfterItHasMovedCountsAsTurnedAway(t *testing.T) {
	pods := busyPods(t, func(_ int, svc *service.Service) {
		svc.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
			telemetry.Rejected(r, telemetry.RejectedQueueFull)
			w.WriteHeader(http.StatusServiceUnavailable)
		})
	})
	pods[0].get(pods[0].url("/"))
	if !pods[0].metric(`goservice_requests_rejected_total{reason="` + telemetry.RejectedQueueFull + `"} 1`) {
		t.Error("it was not counted as rejected")
	}
}

// As while a new version of the service is rolled out.
func TestAVisitOfARouteThatNeedsNoWorkerHereGivesItsOwnBack(t *testing.T) {
	blocked, unblock := make(chan struct{}), make(chan struct{})
	pods := sharingPods(t, 2, func(pod int, svc *service.Service) {
		if pod == 0 {
			svc.HandleFunc("GET /", func(http.ResponseWriter, *http.Request) {
				close(blocked)
				<-unblock
			})
			return
		}
		svc.HandleFunc("GET /", func(_ http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
			defer cancel()
			if err := svc.Do(ctx, func(context.Context) error { return nil }); err != nil {
				t.Error(err)
			}
		}, service.Unpooled())
	})
	fixedPool(pods)
	go func() {
		if response, err := pods[0].client.Get(pods[0].url("/")); err == nil {
			_ = response.Body.Close()
		}
	}()
	<-blocked
	pods[0].get(pods[0].url("/"))
	close(unblock)
}

// Pods without a name would take each other for themselves.
func TestPodsNeedNoNameToShareTheirQueue(t *testing.T) {
	folder := t.TempDir()
	key := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 32))
	if err := os.WriteFile(filepath.Join(folder, "shown"), []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = free.Close()
	var last *running
	for _, host := range []string{"127.0.3.1", "127.0.3.2"} {
		last = start(t, map[string]string{
			"GOSERVICE_POD_IP": host, "GOSERVICE_PEERS_PORT": port(free.Addr()), "GOSERVICE_PEERS_NAMES": "127.0.3.1,127.0.3.2",
			"GOSERVICE_PEERS_KEYS": folder,
		}, func(*service.Service) {})
	}
	for began := time.Now(); !last.metric("goservice_hand_off_peers 1"); {
		if time.Since(began) > 5*time.Second {
			t.Fatal("they are not linked")
		}
	}
}

// Its clients are only told to leave with the next answer.
func TestWhatComesToAPodThatStopsOnAnOldConnectionRunsInAPodThatIsFree(t *testing.T) {
	blocked, unblock := make(chan struct{}), make(chan struct{})
	pods := sharingPods(t, 2, func(pod int, svc *service.Service) {
		svc.HandleFunc("GET /block", func(http.ResponseWriter, *http.Request) {
			close(blocked)
			<-unblock
		})
		svc.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "pod "+strconv.Itoa(pod)) })
	})
	fixedPool(pods)
	old := &http.Client{Transport: &http.Transport{}}
	get := func() (body string, reused bool) {
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused }})
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, pods[0].url("/"), nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := old.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		return string(text), reused
	}
	if who, _ := get(); who != "pod 0" {
		t.Fatalf("the first one runs in %q", who)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		pods[0].get(pods[0].url("/block"))
	}()
	<-blocked
	stopped := make(chan error, 1)
	go func() { stopped <- pods[0].finish() }()
	pods[0].until(pods[0].admin("/readyz"), http.StatusServiceUnavailable, "")
	if who, reused := get(); who != "pod 1" || !reused {
		t.Errorf("it runs in %q, on the old connection: %t", who, reused)
	}
	close(unblock)
	<-ended
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
