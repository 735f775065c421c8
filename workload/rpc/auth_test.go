// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package rpc_test

import (
	"net/http"
	"testing"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"

	"goservice.dev/operator/workload/auth"
	"goservice.dev/operator/workload/rpc"
	pingv1 "goservice.dev/operator/workload/rpc/internal/ping/v1"
	"goservice.dev/operator/workload/rpc/internal/ping/v1/pingv1connect"
)

// nobody has credentials.
type nobody struct{}

func (nobody) Authenticate(*http.Request) (auth.Identity, error) {
	return auth.Identity{}, auth.ErrNoCredentials
}

func TestACallerWithoutCredentialsIsUnauthenticatedAndMayAskForHealth(t *testing.T) {
	svc := newService(new(syncBuffer))
	svc.Authenticate(nobody{})
	rpc.Handle(rpc.New(svc), pingv1connect.NewPingServiceHandler, pingv1connect.PingServiceHandler(&pinger{}))
	s := serve(t, svc)
	for name, options := range protocols {
		client := pingv1connect.NewPingServiceClient(s.client, s.url, options...)
		if _, err := client.Ping(t.Context(), connect.NewRequest(&pingv1.PingRequest{})); connect.CodeOf(err) != connect.CodeUnauthenticated {
			t.Errorf("%s: Ping: %v, want unauthenticated", name, err)
		}
		counting, err := client.Count(t.Context(), connect.NewRequest(&pingv1.PingRequest{}))
		if err != nil {
			t.Fatal(err)
		}
		if counting.Receive() || connect.CodeOf(counting.Err()) != connect.CodeUnauthenticated {
			t.Errorf("%s: Count: %v, want unauthenticated", name, counting.Err())
		}
		if _, err := grpchealth.NewClient(s.client, s.url, options...).Check(t.Context(), &grpchealth.CheckRequest{}); err != nil {
			t.Errorf("%s: health: %v", name, err)
		}
	}
}
