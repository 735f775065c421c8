// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command orders is a team's own service on the toolkit: it places orders and tells about them. Everything else –
// configuration, metrics, traces, limits, live settings, the drain – comes with service.Main.
package main

import "goservice.dev/operator/workload/service"

func main() { service.Main(setUp) }

func setUp(svc *service.Service) error {
	register(svc, newBook())
	return nil
}

func register(svc *service.Service, orders *book) {
	svc.HandleFunc("POST /orders", orders.place, service.MaxBody(maxOrderBytes))
	svc.HandleFunc("GET /orders/{id}", orders.show)
}
