// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
)

// What `go tool pprof` and `go tool trace` ask for is there; a client that leaves ends what it asked for.
func TestProfiling(t *testing.T) {
	const compressed = "\x1f\x8b"
	for name, test := range map[string]struct {
		path   string
		status int
		want   string // begin of the body
	}{
		"list":           {"/debug/pprof/", 200, "/debug/pprof/allocs  "},
		"heap":           {"/debug/pprof/heap?gc=1", 200, compressed},
		"goroutines":     {"/debug/pprof/goroutine?debug=2", 200, "goroutine "},
		"processor":      {"/debug/pprof/profile?seconds=300", 200, compressed},
		"trace":          {"/debug/pprof/trace?seconds=300", 200, "go 1."},
		"contention":     {"/debug/pprof/mutex?seconds=300", 200, compressed},
		"waiting":        {"/debug/pprof/block?debug=1", 200, "--- contention:"},
		"a difference":   {"/debug/pprof/heap?seconds=30", 400, `{"status":400,`},
		"unknown":        {"/debug/pprof/nothing", 404, `{"status":404,`},
		"no number":      {"/debug/pprof/profile?seconds=x", 400, `{"status":400,`},
		"for too long":   {"/debug/pprof/profile?seconds=301", 400, `{"status":400,`},
		"for no time":    {"/debug/pprof/trace?seconds=0", 400, `{"status":400,`},
		"something else": {"/", 404, "404 page not found"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			leave()
			answer := httptest.NewRecorder()
			profiling().ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, test.path, http.NoBody))
			if body := answer.Body.String(); answer.Code != test.status || !strings.HasPrefix(body, test.want) {
				t.Errorf("answered %d, %q; want %d, %q…", answer.Code, body[:min(len(body), 40)], test.status, test.want)
			}
		})
	}
}

// Without a rate the runtime notes nothing, and the profile is empty.
func TestContentionIsLookedForWhileSomebodyAsks(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	done := make(chan struct{})
	go func() {
		defer close(done)
		profiling().ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/debug/pprof/mutex", http.NoBody))
	}()
	for runtime.SetMutexProfileFraction(-1) != 1 { // below 0 it only reads
		runtime.Gosched()
	}
	leave()
	<-done
	if rate := runtime.SetMutexProfileFraction(-1); rate != 0 {
		t.Errorf("rate %d after the request, want 0", rate)
	}
}
