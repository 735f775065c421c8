// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package remote

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

type nullWriter struct{ header http.Header }

func (w *nullWriter) Header() http.Header         { return w.header }
func (w *nullWriter) WriteHeader(int)             {}
func (w *nullWriter) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkCall is what a small call costs on both sides together.
func BenchmarkCall(b *testing.B) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"status":"ok"}`)
	})
	from, _ := linked(b, &pod{handler: handler})
	var ids atomic.Uint64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r := httptest.NewRequest(http.MethodGet, "/orders/42?page=1", nil)
		r.Header.Set("User-Agent", "bench")
		r.Header.Set("Authorization", "Bearer 0123456789")
		r.Header.Set("Accept", "*/*")
		w := &nullWriter{http.Header{}}
		for pb.Next() {
			if _, err := from.Do(w, r, ids.Add(1), HeadOf(r), Options{Client: r.Context()}); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
