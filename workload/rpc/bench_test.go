// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package rpc_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/protobuf/proto"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/rpc"
	pingv1 "goservice.dev/operator/workload/rpc/internal/ping/v1"
	"goservice.dev/operator/workload/rpc/internal/ping/v1/pingv1connect"
	"goservice.dev/operator/workload/service"
)

// BenchmarkUnary is what the chain costs a unary gRPC call over Connect's bare handler, without the network.
func BenchmarkUnary(b *testing.B) {
	bare := http.NewServeMux()
	bare.Handle(pingv1connect.NewPingServiceHandler(&pinger{}))
	svc := service.New(service.WithLog(io.Discard), service.WithEnvironment(map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": ""}),
		service.WithBuiltIn(livesettings.Document{
			Version:   livesettings.Version,
			RateLimit: &livesettings.RateLimit{RequestsPerSecond: livesettings.MaxRequestsPerSecond, Burst: livesettings.MaxBurst},
			LogLevel:  "off",
		}))
	rpc.Handle(rpc.New(svc), pingv1connect.NewPingServiceHandler, pingv1connect.PingServiceHandler(&pinger{}))
	message, err := proto.Marshal(&pingv1.PingRequest{Number: 7, Text: "seven"})
	if err != nil {
		b.Fatal(err)
	}
	body := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
	for _, c := range []struct {
		name    string
		handler http.Handler
	}{{"bare", bare}, {"chain", svc.Handler()}} {
		b.Run(c.name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context()) // as the server's are
			defer cancel()
			reader := bytes.NewReader(nil)
			b.ReportAllocs()
			for b.Loop() {
				reader.Reset(body)
				request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/"+pingService+"/Ping", io.NopCloser(reader))
				request.ProtoMajor, request.ContentLength = 2, -1
				request.Header.Set("Content-Type", "application/grpc")
				recorder := httptest.NewRecorder()
				c.handler.ServeHTTP(recorder, request)
				if got := recorder.Header().Get(http.TrailerPrefix + "Grpc-Status"); got != "0" {
					b.Fatalf("grpc-status %q", got)
				}
			}
		})
	}
}
