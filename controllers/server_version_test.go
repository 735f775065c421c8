// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/rest"
)

type serverVersion struct {
	text string
	err  error
}

func (s serverVersion) ServerVersion() (*version.Info, error) {
	return &version.Info{GitVersion: s.text}, s.err
}

func TestKnowsTolerance(t *testing.T) {
	for text, want := range map[string]bool{
		"v1.33.9": false, "v1.34.4-gke.1047000": false, "v1.35.0": true, "v1.35.2-eks-4096722": true, "v1.36.3": true, "v1.37.0+k3s1": true, "v2.0.0": true,
	} {
		if got, err := knowsTolerance(serverVersion{text: text}); err != nil || got != want {
			t.Errorf("%s: %t, %v, want %t", text, got, err, want)
		}
	}
	for name, server := range map[string]serverVersion{"no version": {text: "unknown"}, "no answer": {err: errors.New("refused")}} {
		if _, err := knowsTolerance(server); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// An operator that starts while the API server is away waits for it, and ends when it is told to.
func TestTheStartWaitsForTheAPIServer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		away  int // the HTTP status while the API server is not there
		there int
	}{
		"a load balancer without an API server": {http.StatusServiceUnavailable, http.StatusOK},
		"an API server that starts":             {http.StatusInternalServerError, http.StatusOK},
		"a refusal is an answer":                {http.StatusTooManyRequests, http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				status := c.there
				if asked.Add(1) <= 2 {
					status = c.away
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(status)
				_, _ = fmt.Fprint(w, `{"gitVersion":"v1.36.3"}`)
			}))
			defer server.Close()
			if err := AwaitServer(t.Context(), &rest.Config{Host: server.URL}); err != nil {
				t.Fatal(err)
			}
			if got := asked.Load(); got < 3 {
				t.Errorf("it went on after %d questions that failed", got)
			}
		})
	}
	t.Run("told to end", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close() // nobody listens
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- AwaitServer(ctx, &rest.Config{Host: server.URL}) }()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
