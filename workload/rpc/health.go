// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package rpc

import (
	"context"
	"fmt"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"

	"goservice.dev/operator/workload/service"
)

// watchInterval is how often the health is looked at for those who watch it.
const watchInterval = time.Second

// serveHealth answers grpc.health.v1: NOT_SERVING while the service is not ready, from the first moment of the drain on, and
// where a service has a check of its own that fails. Load balancers get an answer whatever the load, and without credentials.
func (r *Registry) serveHealth() {
	path, handler := grpchealth.NewHandler(health{r}, connect.WithInterceptors(observer{}, ending{}))
	always := []service.RouteOption{service.Exempt(), service.Public()}
	r.handle(path+"Check", &procedure{handler: handler}, always)
	r.handle(path+"Watch", &procedure{handler: handler, sends: true}, always)
	r.handleOthers(path)
}

// serveReflection answers which services there are, health and reflection themselves not among them.
func (r *Registry) serveReflection() {
	reflector := grpcreflect.NewReflector(grpcreflect.NamerFunc(func() []string { return r.names }))
	path, handler := grpcreflect.NewHandlerV1(reflector, connect.WithInterceptors(observer{}))
	r.handle(path+"ServerReflectionInfo", &procedure{handler: handler, receives: true, sends: true}, nil)
	path, handler = grpcreflect.NewHandlerV1Alpha(reflector, connect.WithInterceptors(observer{}))
	r.handle(path+"ServerReflectionInfo", &procedure{handler: handler, receives: true, sends: true}, nil)
}

type health struct{ registry *Registry }

// Check implements grpchealth.Checker.
func (h health) Check(ctx context.Context, request *grpchealth.CheckRequest) (*grpchealth.CheckResponse, error) {
	check, is := h.registry.checks[request.Service]
	if !is && request.Service != "" {
		return nil, connect.NewError(connect.CodeNotFound, fmt.Errorf("there is no service %q", request.Service))
	}
	err := h.registry.service.Ready()
	if err == nil && check != nil {
		err = check(ctx)
	}
	if err != nil {
		return &grpchealth.CheckResponse{Status: grpchealth.StatusNotServing}, nil
	}
	return &grpchealth.CheckResponse{Status: grpchealth.StatusServing}, nil
}

// Watch implements grpchealth.Watcher. A watch that has been told of the drain ends, so that its connection does not hold it up.
func (h health) Watch(ctx context.Context, _ *grpchealth.CheckRequest, changed func()) (stop func(), err error) {
	end, _ := ctx.Value(endKey{}).(context.CancelFunc)
	watched, stop := context.WithCancel(ctx)
	go func() {
		ticker := time.NewTicker(watchInterval)
		defer ticker.Stop()
		draining := service.Draining(ctx)
		for {
			select {
			case <-watched.Done():
				return
			case <-ticker.C:
				changed()
			case <-draining:
				changed()
				<-ticker.C // by then it has been told
				end()
				return
			}
		}
	}()
	return stop, nil
}

type endKey struct{}

// ending lets Watch end its stream: a watcher can only say that something changed.
type ending struct{ observer }

func (ending) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		ctx, end := context.WithCancel(ctx)
		defer end()
		return next(context.WithValue(ctx, endKey{}, end), conn)
	}
}

func (ending) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc { return next }
