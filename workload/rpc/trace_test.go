// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package rpc_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/rpc"
	pingv1 "goservice.dev/operator/workload/rpc/internal/ping/v1"
	"goservice.dev/operator/workload/rpc/internal/ping/v1/pingv1connect"
	"goservice.dev/operator/workload/service"
)

// collector keeps the spans that it is sent, by their names.
type collector struct {
	mu    sync.Mutex
	spans map[string]*tracepb.Span
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	unzipped, err := gzip.NewReader(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	body, err := io.ReadAll(unzipped)
	var data tracepb.TracesData
	if err != nil || proto.Unmarshal(body, &data) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range data.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				c.spans[span.GetName()] = span
			}
		}
	}
}

func TestASpanIsTheCalls(t *testing.T) {
	received := &collector{spans: map[string]*tracepb.Span{}}
	server := httptest.NewServer(received)
	defer server.Close()
	svc := service.New(service.WithLog(io.Discard), service.WithEnvironment(map[string]string{
		"GOSERVICE_LIVE_SETTINGS_FILE": "", "GOSERVICE_PORT": "0", "GOSERVICE_ADMIN_PORT": "0", "OTEL_EXPORTER_OTLP_ENDPOINT": server.URL,
	}), service.WithBuiltIn(livesettings.Document{Version: livesettings.Version, Tracing: &livesettings.Tracing{SampleRatio: 1}}))
	failing := &pinger{
		ping: func(context.Context, *pingv1.PingRequest) (*pingv1.PingResponse, error) { return nil, errors.New("no") },
	}
	rpc.Handle(rpc.New(svc), pingv1connect.NewPingServiceHandler, pingv1connect.PingServiceHandler(failing))
	s := serve(t, svc)
	client := pingv1connect.NewPingServiceClient(s.client, s.url, connect.WithGRPC())
	if _, err := client.Ping(t.Context(), connect.NewRequest(&pingv1.PingRequest{})); connect.CodeOf(err) != connect.CodeUnknown {
		t.Fatal(err)
	}
	streams(t, client)
	s.client.CloseIdleConnections() // the drain waits for nobody then
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	type seen struct{ System, Method, Code, Error, Status string }
	got := map[string]seen{}
	for name, span := range received.spans {
		attributes := map[string]string{}
		for _, a := range span.GetAttributes() {
			attributes[a.GetKey()] = a.GetValue().GetStringValue()
		}
		got[name] = seen{
			attributes["rpc.system.name"], attributes["rpc.method"], attributes["rpc.response.status_code"], attributes["error.type"],
			span.GetStatus().GetCode().String(),
		}
	}
	want := map[string]seen{}
	for method, code := range map[string]string{"Ping": "UNKNOWN", "Sum": "OK", "Count": "OK", "Echo": "OK"} {
		name := pingService + "/" + method
		want[name] = seen{"grpc", name, code, "", "STATUS_CODE_UNSET"}
	}
	failed := want[pingService+"/Ping"]
	failed.Error, failed.Status = "UNKNOWN", "STATUS_CODE_ERROR"
	want[pingService+"/Ping"] = failed
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
}
