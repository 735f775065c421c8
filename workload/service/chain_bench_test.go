// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/service"
)

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello\n") }

// tunedService has every stage of the chain switched on, with the log off and no trace recorded.
func tunedService() *service.Service {
	svc := service.New(service.WithLog(io.Discard), service.WithEnvironment(map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": ""}),
		service.WithBuiltIn(livesettings.Document{
			Version:   livesettings.Version,
			RateLimit: &livesettings.RateLimit{RequestsPerSecond: livesettings.MaxRequestsPerSecond, Burst: livesettings.MaxBurst},
			Pool:      &livesettings.Pool{Workers: 64, QueueDepth: 64},
			LogLevel:  "off",
		}))
	svc.HandleFunc("GET /hello", hello)
	return svc
}

// BenchmarkChain is what the whole chain costs over a bare http.ServeMux, without the network.
func BenchmarkChain(b *testing.B) {
	bare := http.NewServeMux()
	bare.HandleFunc("GET /hello", hello)
	for name, handler := range map[string]http.Handler{"bare": bare, "chain": tunedService().Handler()} {
		b.Run(name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context()) // as the server's are
			defer cancel()
			request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/hello", nil)
			writer := &nullWriter{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				handler.ServeHTTP(writer, request)
			}
		})
	}
}

type nullWriter struct{ header http.Header }

func (w *nullWriter) Header() http.Header               { return w.header }
func (w *nullWriter) WriteHeader(int)                   {}
func (w *nullWriter) Write(p []byte) (int, error)       { return len(p), nil }
func (w *nullWriter) WriteString(s string) (int, error) { return len(s), nil }
