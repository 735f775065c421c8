// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/service"
)

// Requests that arrive together come before the pool together, even where handlers that compute share one processor. Were
// each handler run as soon as its request is admitted, the next request would find the worker free again, however many wait
// for the processor: the pool would never turn one away, and all of them would wait without bound.
func TestWaitingForTheProcessorIsBounded(t *testing.T) {
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	svc := service.New(service.WithLog(io.Discard), service.WithEnvironment(map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": ""}),
		service.WithBuiltIn(livesettings.Document{Version: livesettings.Version, LogLevel: "off", Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1, QueueDepth: 0}}))
	svc.HandleFunc("GET /compute", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	handler := svc.Handler()

	const together = 20
	var mu sync.Mutex
	answers := map[int]int{}
	var requests sync.WaitGroup
	for range together {
		requests.Go(func() {
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/compute", http.NoBody))
			mu.Lock()
			defer mu.Unlock()
			answers[answer.Code]++
		})
	}
	requests.Wait()
	if answers[http.StatusNoContent] == 0 || answers[http.StatusServiceUnavailable] == 0 || len(answers) != 2 {
		t.Errorf("%d requests at once were answered with %v; want some served and some turned away", together, answers)
	}
}
