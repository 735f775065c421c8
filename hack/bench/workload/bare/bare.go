// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package bare is the handler of the bundled workload without anything around it. Nothing may enter that a program of net/http
// alone would not have: what the program weighs is measured.
package bare

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"time"

	"goservice.dev/operator/workload/app"
)

// Handler answers GET / with the same bytes as the workload, but for the version and the revision, which are made up here with as
// many letters, and GET /readyz with 200.
func Handler() http.Handler {
	who := app.WhoAmI{Name: "goservice", Version: "bench", Started: time.Now(), Revision: func() string { return "0123456789ab" }}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		encoded, err := json.Marshal(who.Identify())
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(append(encoded, '\n'))
	})
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	return mux
}

// Serve the handler until ctx ends. Its timeouts, which cost something too, are the workload's.
func Serve(ctx context.Context, address string) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: Handler(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 12 * time.Second, WriteTimeout: 12 * time.Second,
		IdleTimeout: 90 * time.Second,
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}
