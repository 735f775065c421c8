// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/service"
)

// With a full queue, a request of a more important route takes the place of a less important one, and is served before those that
// came first.
func TestAMoreImportantRouteIsServedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := offline(livesettings.Document{Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1, QueueDepth: 2}})
		leave, order := make(chan struct{}), make(chan string, 4)
		serve := func(w http.ResponseWriter, r *http.Request) {
			order <- r.URL.Path
			<-leave
			w.WriteHeader(http.StatusNoContent)
		}
		svc.HandleFunc("GET /normal", serve)
		svc.HandleFunc("GET /critical", serve, service.Priority(service.Critical))
		svc.HandleFunc("GET /sheddable", serve, service.Priority(service.Sheddable))
		refused := make(chan string, 4)
		for _, path := range []string{"/normal", "/sheddable", "/normal", "/critical"} {
			go func() {
				recorder := httptest.NewRecorder()
				svc.Handler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
				if recorder.Code == http.StatusServiceUnavailable {
					refused <- path
				}
			}()
			synctest.Wait()
		}
		close(leave)
		synctest.Wait()
		close(order)
		if got := slices.Collect(values(order)); !slices.Equal(got, []string{"/normal", "/critical", "/normal"}) {
			t.Errorf("served: %v", got)
		}
		if got := <-refused; got != "/sheddable" {
			t.Errorf("refused: %s", got)
		}
	})
}

func values(c <-chan string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for v := range c {
			if !yield(v) {
				return
			}
		}
	}
}
