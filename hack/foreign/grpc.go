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
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/emptypb"
)

// orders is a service without generated code: requests and answers are empty.
var orders = grpc.ServiceDesc{
	ServiceName: "shop.Orders", HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{{MethodName: "Place", Handler: func(_ any, ctx context.Context, decode func(any) error, counted grpc.UnaryServerInterceptor) (any, error) {
		request := &emptypb.Empty{}
		if err := decode(request); err != nil {
			return nil, err
		}
		return counted(ctx, request, &grpc.UnaryServerInfo{FullMethod: place}, func(context.Context, any) (any, error) { return &emptypb.Empty{}, nil })
	}}},
}

const (
	place = "/shop.Orders/Place"
	// callsEvery is between two calls of a client.
	callsEvery = 100 * time.Millisecond
)

// call a server until ctx ends, whether or not it answers.
func call(ctx context.Context, address string) error {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }() // nothing waits for it
	for ctx.Err() == nil {
		_ = connection.Invoke(ctx, place, &emptypb.Empty{}, &emptypb.Empty{}) // the server counts
		select {
		case <-time.After(callsEvery):
		case <-ctx.Done():
		}
	}
	return nil
}

// serveGRPC orders, and the health service that probes ask.
func serveGRPC(ctx context.Context, address, metricsAddress string) error {
	if metricsAddress == "" {
		return errors.New("-metrics-address is required with -metrics=grpc: gRPC and HTTP do not share a port here")
	}
	counted := middleware.NewServerMetrics(middleware.WithServerHandlingTimeHistogram())
	prometheus.MustRegister(counted)
	server := grpc.NewServer(grpc.UnaryInterceptor(counted.UnaryServerInterceptor()), grpc.StreamInterceptor(counted.StreamServerInterceptor()))
	states := health.NewServer()
	grpc_health_v1.RegisterHealthServer(server, states)
	server.RegisterService(&orders, nil)
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
