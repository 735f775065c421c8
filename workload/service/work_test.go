// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goservice.dev/operator/workload/internal/exchange"
	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/service"
)

// one is a service with one worker and a queue that holds one for as long as a second.
func one() *service.Service {
	return offline(livesettings.Document{Pool: &livesettings.Pool{
		Workers: 1, MinWorkers: 1, MaxWorkers: 1, QueueDepth: 1, QueueTimeout: livesettings.Duration(time.Second),
	}})
}

// visit sends a request from an address.
func visit(t *testing.T, svc *service.Service, path, address string) (status int) {
	t.Helper()
	recorder := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
	r.RemoteAddr = address + ":4711"
	svc.Handler().ServeHTTP(recorder, r)
	return recorder.Code
}

// The parts of two large requests, of a small one, and a plain request take turns, whoever came first. None of the parts is turned away,
// however short the queue is and however long they wait.
func TestThePartsOfARequestTakeTurnsWithOtherRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := one()
		var order []string
		work := func(name string) {
			order = append(order, name) // there is one worker
			time.Sleep(400 * time.Millisecond)
		}
		svc.HandleFunc("GET /parts/{n}", func(_ http.ResponseWriter, r *http.Request) {
			var parts sync.WaitGroup
			for range len(r.PathValue("n")) {
				parts.Go(func() {
					if err := svc.Do(r.Context(), func(context.Context) error { work(r.PathValue("n")); return nil }); err != nil {
						t.Error(err)
					}
				})
			}
			parts.Wait()
		}, service.Unpooled(), service.Timeout(0))
		svc.HandleFunc("GET /plain", func(http.ResponseWriter, *http.Request) { work("plain") })
		var requests sync.WaitGroup
		for _, come := range []struct{ path, address string }{
			{"/parts/aaaa", "192.0.2.1"}, {"/parts/bbbb", "192.0.2.2"}, {"/parts/c", "192.0.2.3"},
		} {
			requests.Go(func() { visit(t, svc, come.path, come.address) })
			synctest.Wait()
		}
		requests.Wait()
		if got := strings.Join(order, " "); got != "aaaa aaaa bbbb c aaaa bbbb aaaa bbbb bbbb" {
			t.Errorf("served: %s", got)
		}
		order = nil
		requests.Go(func() { visit(t, svc, "/parts/aaaa", "192.0.2.1") })
		synctest.Wait()
		time.Sleep(300 * time.Millisecond)
		requests.Go(func() {
			if status := visit(t, svc, "/plain", "192.0.2.1"); status != http.StatusOK {
				t.Errorf("the plain request: %d", status)
			}
		})
		requests.Wait()
		if got := strings.Join(order, " "); got != "aaaa aaaa plain aaaa aaaa" {
			t.Errorf("served: %s", got)
		}
	})
}

// Work of an unimportant request is unimportant.
func TestThePartsOfARequestHaveItsPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := one()
		var order []string
		parts := func(_ http.ResponseWriter, r *http.Request) {
			_ = svc.Do(r.Context(), func(context.Context) error {
				order = append(order, r.URL.Path)
				time.Sleep(time.Second)
				return nil
			})
		}
		svc.HandleFunc("GET /first", parts, service.Unpooled())
		svc.HandleFunc("GET /sheddable", parts, service.Unpooled(), service.Priority(service.Sheddable))
		svc.HandleFunc("GET /critical", parts, service.Unpooled(), service.Priority(service.Critical))
		var requests sync.WaitGroup
		for _, path := range []string{"/first", "/sheddable", "/critical"} {
			requests.Go(func() { visit(t, svc, path, "192.0.2.1") })
			synctest.Wait()
		}
		requests.Wait()
		if got := strings.Join(order, " "); got != "/first /critical /sheddable" {
			t.Errorf("served: %s", got)
		}
	})
}

// cutter is a server at the end of its drain.
type cutter struct{}

func (cutter) Leaving() <-chan struct{}       { return nil }
func (cutter) Bound() time.Duration           { return 0 }
func (cutter) Cutting() bool                  { return true }
func (cutter) StreamBegan(*exchange.Exchange) {}
func (cutter) StreamEnded(*exchange.Exchange) {}

// What still waits for a worker when the drain is over was turned away by the service. Its client has not left.
func TestARequestThatADrainCutsInTheQueueWasTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := one()
		svc.HandleFunc("GET /", func(http.ResponseWriter, *http.Request) { t.Error("it was served") })
		if err := svc.Pool().Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer svc.Pool().Release()
		ctx, cut := context.WithCancel(t.Context())
		recorder := httptest.NewRecorder()
		e, r := exchange.Begin(recorder, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody))
		defer e.Finish()
		e.Own(cutter{})
		time.AfterFunc(time.Millisecond, cut)
		svc.Handler().ServeHTTP(e, r)
		if recorder.Code != http.StatusServiceUnavailable || !strings.Contains(recorder.Body.String(), `"reason":"draining"`) {
			t.Errorf("%d %s", recorder.Code, recorder.Body)
		}
	})
}
