// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"goservice.dev/operator/workload/rpc/internal/ping/v1/pingv1connect"
)

// cleartext serves HTTP/2 without TLS.
func cleartext(t *testing.T, handler http.Handler) (address string) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// The load is as many calls as the server has answered.
func TestCallsAreThoseThatWereAnswered(t *testing.T) {
	var answered atomic.Int64
	mux := http.NewServeMux()
	pattern, ping := pingv1connect.NewPingServiceHandler(pinger{})
	mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		ping.ServeHTTP(w, r)
		answered.Add(1)
	})
	perSecond, err := load(t.Context(), cleartext(t, mux), 2, 4, 100*time.Millisecond)
	if most := float64(answered.Load()) / 0.1; err != nil || perSecond <= 0 || perSecond > most {
		t.Errorf("load() = %g/s, %v; at most %g/s were answered", perSecond, err, most)
	}
}

// What a server refuses is no call, whether by gRPC or by HTTP alone.
func TestRefusalsAreNoCalls(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"by gRPC": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/grpc")
			w.Header().Set("Grpc-Status", "14")
		},
		"by HTTP": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"without a status": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/grpc")
			w.WriteHeader(http.StatusOK)
		},
	} {
		if perSecond, err := load(t.Context(), cleartext(t, handler), 1, 1, 50*time.Millisecond); err == nil {
			t.Errorf("%s: %g calls per second", name, perSecond)
		}
	}
}

func TestMedian(t *testing.T) {
	values := []float64{5, 1, 3}
	if got := median(values); got != 3 || values[0] != 5 {
		t.Errorf("median() = %g, and left %v", got, values)
	}
}
