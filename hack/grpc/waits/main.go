// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command waits is a service on the toolkit whose unary calls of gRPC keep a worker for a while and compute nothing, so that one
// machine can be many pods. hack/bench/handoff calls it. WAIT says for how long, such as 10ms, which is what holds without it.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"connectrpc.com/connect"

	"goservice.dev/operator/workload/rpc"
	pingv1 "goservice.dev/operator/workload/rpc/internal/ping/v1"
	"goservice.dev/operator/workload/rpc/internal/ping/v1/pingv1connect"
	"goservice.dev/operator/workload/service"
)

const (
	ownWait     = 10 * time.Millisecond
	longestWait = time.Minute
)

func main() {
	service.Main(func(svc *service.Service) error {
		wait, err := waitOf(os.Getenv("WAIT"))
		if err != nil {
			return err
		}
		serve(svc, func(ctx context.Context) error { return pass(ctx, wait) })
		return nil
	})
}

func waitOf(text string) (time.Duration, error) {
	if text == "" {
		return ownWait, nil
	}
	wait, err := time.ParseDuration(text)
	if err != nil || wait < 0 || wait > longestWait {
		return 0, fmt.Errorf("WAIT: %q: must be a duration such as 10ms, 0s to %s", text, longestWait)
	}
	return wait, nil
}

// pass time, or as much of it as the caller has.
func pass(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// serve calls, each of which does the work.
func serve(svc *service.Service, work func(context.Context) error) {
	rpc.Handle(rpc.New(svc), pingv1connect.NewPingServiceHandler, pingv1connect.PingServiceHandler(worker{work: work}))
}

type worker struct {
	pingv1connect.UnimplementedPingServiceHandler
	work func(context.Context) error
}

func (w worker) Ping(ctx context.Context, r *connect.Request[pingv1.PingRequest]) (*connect.Response[pingv1.PingResponse], error) {
	if err := w.work(ctx); err != nil {
		return nil, err
	}
	return connect.NewResponse(&pingv1.PingResponse{Number: r.Msg.Number, Text: r.Msg.Text}), nil
}
