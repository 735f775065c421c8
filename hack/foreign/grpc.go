// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"errors"
	"net"
	"time"

	middleware "github.com/grpc-ecosystem/go-grpc-middleware/providers/prometheus"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// serveGRPC the health service, whose calls are counted as those of any other.
func serveGRPC(ctx context.Context, address, metricsAddress string) error {
	if metricsAddress == "" {
		return errors.New("-metrics-address is required with -metrics=grpc: gRPC and HTTP do not share a port here")
	}
	counted := middleware.NewServerMetrics(middleware.WithServerHandlingTimeHistogram())
	prometheus.MustRegister(counted)
	server := grpc.NewServer(grpc.UnaryInterceptor(counted.UnaryServerInterceptor()), grpc.StreamInterceptor(counted.StreamServerInterceptor()))
	states := health.NewServer()
	grpc_health_v1.RegisterHealthServer(server, states)
	counted.InitializeMetrics(server)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Serve(listener) })
	group.Go(func() error { return serve(ctx, metricsAddress, promhttp.Handler()) })
	group.Go(func() error {
		<-ctx.Done()
		states.Shutdown()
		defer time.AfterFunc(drainTime, server.Stop).Stop()
		server.GracefulStop()
		return nil
	})
	return group.Wait()
}
