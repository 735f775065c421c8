// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"time"

	"goservice.dev/operator/hack/load/loadgen"
)

// control lets others read what was counted so far (GET /) and end the run (POST /stop), which answers once the last answer is in.
func control(generator *loadgen.Generator, stop context.CancelFunc, done <-chan struct{}) http.Handler {
	mux := http.NewServeMux()
	counts := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(generator.Total()) // whoever asked may be gone
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { counts(w) })
	mux.HandleFunc("POST /stop", func(w http.ResponseWriter, r *http.Request) {
		stop()
		select {
		case <-done:
			counts(w)
		case <-r.Context().Done():
		}
	})
	return mux
}

// serveControl until the server is closed.
func serveControl(ctx context.Context, address string, handler http.Handler) (*http.Server, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends when it is closed
	return server, nil
}
