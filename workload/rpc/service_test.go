// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package rpc_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/rpc"
	pingv1 "goservice.dev/operator/workload/rpc/internal/ping/v1"
	"goservice.dev/operator/workload/rpc/internal/ping/v1/pingv1connect"
	"goservice.dev/operator/workload/service"
)

// pinger is the service of the tests. Each of its fields that is set replaces a procedure.
type pinger struct {
	ping func(context.Context, *pingv1.PingRequest) (*pingv1.PingResponse, error)
	echo func(context.Context, *connect.BidiStream[pingv1.PingRequest, pingv1.PingResponse]) error
	// count comes after the last message of Count.
	count func(context.Context) error
}

func (p *pinger) Ping(ctx context.Context, request *connect.Request[pingv1.PingRequest]) (*connect.Response[pingv1.PingResponse], error) {
	if p.ping != nil {
		response, err := p.ping(ctx, request.Msg)
		if err != nil {
			return nil, err
		}
		return connect.NewResponse(response), nil
	}
	return connect.NewResponse(&pingv1.PingResponse{Number: request.Msg.Number, Text: request.Msg.Text}), nil
}

func (p *pinger) Sum(_ context.Context, stream *connect.ClientStream[pingv1.PingRequest]) (*connect.Response[pingv1.PingResponse], error) {
	var sum int64
	for stream.Receive() {
		sum += stream.Msg().Number
	}
	return connect.NewResponse(&pingv1.PingResponse{Number: sum}), stream.Err()
}

func (p *pinger) Count(ctx context.Context, request *connect.Request[pingv1.PingRequest], stream *connect.ServerStream[pingv1.PingResponse]) error {
	for i := range request.Msg.Number {
		if err := stream.Send(&pingv1.PingResponse{Number: i + 1}); err != nil {
			return err
		}
	}
	if p.count != nil {
		return p.count(ctx)
	}
	return nil
}

func (p *pinger) Echo(ctx context.Context, stream *connect.BidiStream[pingv1.PingRequest, pingv1.PingResponse]) error {
	if p.echo != nil {
		return p.echo(ctx, stream)
	}
	for {
		request, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&pingv1.PingResponse{Number: request.Number, Text: request.Text}); err != nil {
			return err
		}
	}
}

type syncBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// running is a service whose handler serves HTTP/2 on a server of httptest.
type running struct {
	*service.Service
	t      *testing.T
	url    string
	client *http.Client
	log    *syncBuffer
}

type setup struct {
	pinger      pinger
	environment map[string]string
	document    livesettings.Document
	options     []rpc.HandleOption
	tls         bool
}

func start(t *testing.T, s setup) *running {
	t.Helper()
	environment := map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": "", "GOSERVICE_PORT": "0", "GOSERVICE_ADMIN_PORT": "0"}
	maps.Copy(environment, s.environment)
	s.document.Version = livesettings.Version
	r := &running{t: t, log: new(syncBuffer)}
	r.Service = service.New(service.WithEnvironment(environment), service.WithLog(r.log), service.WithBuiltIn(s.document))
	calls := rpc.New(r.Service)
	rpc.Handle(calls, pingv1connect.NewPingServiceHandler, pingv1connect.PingServiceHandler(&s.pinger), s.options...)
	server := httptest.NewUnstartedServer(r.Handler())
	protocols := new(http.Protocols)
	protocols.SetHTTP2(s.tls)
	protocols.SetUnencryptedHTTP2(!s.tls)
	server.Config.Protocols = protocols
	transport := &http.Transport{Protocols: protocols}
	if s.tls {
		server.EnableHTTP2 = true
		server.StartTLS()
		roots := x509.NewCertPool()
		roots.AddCert(server.Certificate())
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	} else {
		server.Start()
	}
	r.url, r.client = server.URL, &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
	})
	return r
}

// protocols that clients speak.
var protocols = map[string][]connect.ClientOption{
	"gRPC":         {connect.WithGRPC()},
	"gRPC-Web":     {connect.WithGRPCWeb()},
	"Connect":      nil,
	"Connect JSON": {connect.WithProtoJSON()},
}

func (r *running) pings(options ...connect.ClientOption) pingv1connect.PingServiceClient {
	return pingv1connect.NewPingServiceClient(r.client, r.url, options...)
}

// counted are the series of a metric that counted something, without their names, each with the labels that the expression captures.
func (r *running) counted(expression string) []string {
	r.t.Helper()
	recorder := httptest.NewRecorder()
	r.AdminHandler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	var all []string
	for _, match := range regexp.MustCompile(expression).FindAllStringSubmatch(recorder.Body.String(), -1) {
		all = append(all, strings.Join(match[1:], " "))
	}
	return all
}
