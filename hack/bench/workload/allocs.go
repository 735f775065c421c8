// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"goservice.dev/operator/workload/service"
)

// extraAllocs is how many allocations the whole chain adds to a request through a bare http.ServeMux, without a network.
func extraAllocs() (int64, error) {
	handler := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello\n") }
	bare := http.NewServeMux()
	bare.HandleFunc("GET /hello", handler)
	svc := service.New(service.WithLog(io.Discard), service.WithBuiltIn(everythingOn()), service.WithEnvironment(map[string]string{
		"GOSERVICE_LIVE_SETTINGS_FILE": "", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
	}))
	svc.HandleFunc("GET /hello", handler)
	allocs := func(handler http.Handler) int64 {
		return testing.Benchmark(func(b *testing.B) {
			request := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/hello", http.NoBody)
			writer := &nullWriter{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				handler.ServeHTTP(writer, request)
			}
		}).AllocsPerOp()
	}
	return allocs(svc.Handler()) - allocs(bare), nil
}

// nullWriter stands for the connection.
type nullWriter struct{ header http.Header }

func (w *nullWriter) Header() http.Header               { return w.header }
func (w *nullWriter) WriteHeader(int)                   {}
func (w *nullWriter) Write(p []byte) (int, error)       { return len(p), nil }
func (w *nullWriter) WriteString(s string) (int, error) { return len(s), nil }
