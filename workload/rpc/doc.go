// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package rpc serves gRPC, gRPC-Web and Connect on the port of a service.Service, behind the same chain as its other routes:
// deadline, limiter, pool, metrics, traces, logs and drain.
//
//	svc := service.New()
//	calls := rpc.New(svc)
//	rpc.Handle(calls, ordersv1connect.NewOrdersHandler, ordersv1connect.OrdersHandler(orders))
//	svc.Run()
//
// Handlers are those that protoc-gen-connect-go generates. Health checks and reflection come with New.
//
// The package is a module of its own, so that a service without it has neither its libraries nor their versions.
package rpc
