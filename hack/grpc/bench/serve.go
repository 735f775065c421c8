// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"

	connectrpc "connectrpc.com/connect"
	"google.golang.org/grpc"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/rpc"
	pingv1 "goservice.dev/operator/workload/rpc/internal/ping/v1"
	"goservice.dev/operator/workload/rpc/internal/ping/v1/pingv1connect"
	"goservice.dev/operator/workload/service"
)

// contenders by their names in the report. Each serves until its process is ended.
var contenders = map[string]func(ctx context.Context, port string) error{
	grpcGo: serveGRPCGo, bareConnect: serveConnect, chain: serveChain,
}

const (
	grpcGo      = "grpc-go"
	bareConnect = "connect"
	chain       = "chain"

	path = "/goservice.rpc.ping.v1.PingService/Ping"
	// text of each message, of a usual length for a small call.
	text = "sixty-four bytes of text, which is what a small message may have"
)

type pinger struct {
	pingv1connect.UnimplementedPingServiceHandler
}

func (pinger) Ping(_ context.Context, r *connectrpc.Request[pingv1.PingRequest]) (*connectrpc.Response[pingv1.PingResponse], error) {
	return connectrpc.NewResponse(answer(r.Msg)), nil
}

func answer(request *pingv1.PingRequest) *pingv1.PingResponse {
	return &pingv1.PingResponse{Number: request.Number, Text: request.Text}
}

// serveChain has every stage of the chain switched on, with limits that are never reached and the log off.
func serveChain(ctx context.Context, port string) error {
	svc := service.New(service.WithLog(io.Discard), service.WithEnvironment(map[string]string{
		"GOSERVICE_LIVE_SETTINGS_FILE": "", "GOSERVICE_PORT": port, "GOSERVICE_ADMIN_PORT": "0",
	}), service.WithBuiltIn(livesettings.Document{
		Version:   livesettings.Version,
		RateLimit: &livesettings.RateLimit{RequestsPerSecond: livesettings.MaxRequestsPerSecond, Burst: livesettings.MaxBurst},
		Pool:      &livesettings.Pool{Workers: 256, QueueDepth: 256},
		LogLevel:  "off",
	}))
	rpc.Handle(rpc.New(svc), pingv1connect.NewPingServiceHandler, pingv1connect.PingServiceHandler(pinger{}))
	return svc.Serve(ctx)
}

// serveConnect is Connect's handler on net/http without anything.
func serveConnect(ctx context.Context, port string) error {
	listener, err := listen(ctx, port)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle(pingv1connect.NewPingServiceHandler(pinger{}))
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	return (&http.Server{Handler: mux, Protocols: protocols}).Serve(listener)
}

// serveGRPCGo is grpc-go's own server as its documentation sets it up.
func serveGRPCGo(ctx context.Context, port string) error {
	listener, err := listen(ctx, port)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "goservice.rpc.ping.v1.PingService",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Ping", Handler: func(_ any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
			request := new(pingv1.PingRequest)
			if err := decode(request); err != nil {
				return nil, err
			}
			if interceptor != nil {
				return nil, errors.New("there is no interceptor")
			}
			return answer(request), nil
		}}},
	}, struct{}{})
	return server.Serve(listener)
}

func listen(ctx context.Context, port string) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:"+port)
}
