// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command hello is the smallest service on the toolkit. Configuration, metrics, traces, limits, live settings, and the drain come with
// service.Main.
package main

import (
	"fmt"
	"net/http"

	"goservice.dev/operator/workload/service"
)

func main() { service.Main(setUp) }

func setUp(svc *service.Service) error {
	svc.HandleFunc("GET /hello/{name}", hello)
	return nil
}

func hello(w http.ResponseWriter, r *http.Request) {
	_, _ = fmt.Fprintf(w, "hello, %s\n", r.PathValue("name"))
}
