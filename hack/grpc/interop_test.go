// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package interop tries what package rpc serves with the clients that most people use: grpc-go and grpcurl. It is a module of its
// own, so that nobody else gets their libraries.
package interop

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/fullstorydev/grpcurl"
	"github.com/google/go-cmp/cmp"
	"github.com/jhump/protoreflect/grpcreflect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/health" // lets clients with a healthCheckConfig watch
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/rpc"
	pingv1 "goservice.dev/operator/workload/rpc/internal/ping/v1"
	"goservice.dev/operator/workload/rpc/internal/ping/v1/pingv1connect"
	"goservice.dev/operator/workload/service"
)

const (
	pingService = "goservice.rpc.ping.v1.PingService"
	ping        = "/" + pingService + "/Ping"
)

type pinger struct {
	pingv1connect.UnimplementedPingServiceHandler
	ping func(context.Context, *pingv1.PingRequest) (*pingv1.PingResponse, error)
}

func (p *pinger) Ping(ctx context.Context, r *connect.Request[pingv1.PingRequest]) (*connect.Response[pingv1.PingResponse], error) {
	if p.ping != nil {
		response, err := p.ping(ctx, r.Msg)
		if err != nil {
			return nil, err
		}
		return connect.NewResponse(response), nil
	}
	return connect.NewResponse(&pingv1.PingResponse{Number: r.Msg.Number, Text: r.Msg.Text}), nil
}

func (p *pinger) Echo(_ context.Context, stream *connect.BidiStream[pingv1.PingRequest, pingv1.PingResponse]) error {
	for {
		request, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&pingv1.PingResponse{Number: request.Number}); err != nil {
			return err
		}
	}
}

// serving is a service on a port of this machine.
type serving struct {
	address string
	stop    func() error
}

func serve(t *testing.T, p *pinger, document livesettings.Document) *serving {
	t.Helper()
	document.Version = livesettings.Version
	svc := service.New(service.WithLog(io.Discard), service.WithBuiltIn(document), service.WithEnvironment(map[string]string{
		"GOSERVICE_LIVE_SETTINGS_FILE": "", "GOSERVICE_PORT": "0", "GOSERVICE_ADMIN_PORT": "0",
	}))
	rpc.Handle(rpc.New(svc), pingv1connect.NewPingServiceHandler, pingv1connect.PingServiceHandler(p))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- svc.Serve(ctx) }()
	_, port, err := net.SplitHostPort(svc.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	s := &serving{address: "127.0.0.1:" + port}
	s.stop = func() error {
		cancel()
		err := <-ended
		ended <- err
		return err
	}
	t.Cleanup(func() { _ = s.stop() })
	return s
}

func (s *serving) dial(t *testing.T, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	return dial(t, "passthrough:///"+s.address, options...)
}

func dial(t *testing.T, target string, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(target, append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestAClientOfGRPCGoCallsAndStreams(t *testing.T) {
	conn := serve(t, &pinger{}, livesettings.Document{}).dial(t)
	response := new(pingv1.PingResponse)
	if err := conn.Invoke(t.Context(), ping, &pingv1.PingRequest{Number: 7}, response); err != nil || response.Number != 7 {
		t.Errorf("Ping: %v, %v", response, err)
	}
	stream, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/"+pingService+"/Echo")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := stream.SendMsg(&pingv1.PingRequest{Number: int64(i)}); err != nil {
			t.Fatal(err)
		}
		if err := stream.RecvMsg(response); err != nil || response.Number != int64(i) {
			t.Fatalf("Echo: %v, %v; want %d", response, err, i)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Error(err)
	}
	if err := stream.RecvMsg(response); !errors.Is(err, io.EOF) {
		t.Errorf("the end of Echo: %v, want EOF", err)
	}
	if err := conn.Invoke(t.Context(), "/"+pingService+"/Pong", &pingv1.PingRequest{}, response); status.Code(err) != codes.Unimplemented {
		t.Errorf("an unknown method: %v, want Unimplemented", err)
	}
}

func TestAClientOfGRPCGoUnderstandsRejections(t *testing.T) {
	conn := serve(t, &pinger{}, livesettings.Document{RateLimit: &livesettings.RateLimit{RequestsPerSecond: 0.2, Burst: 1}}).dial(t)
	if err := conn.Invoke(t.Context(), ping, &pingv1.PingRequest{}, new(pingv1.PingResponse)); err != nil {
		t.Fatal(err)
	}
	err := conn.Invoke(t.Context(), ping, &pingv1.PingRequest{}, new(pingv1.PingResponse))
	if status.Code(err) != codes.ResourceExhausted {
		t.Fatalf("%v, want ResourceExhausted", err)
	}
	var delay time.Duration
	for _, detail := range status.Convert(err).Details() {
		if info, is := detail.(*errdetails.RetryInfo); is {
			delay = info.RetryDelay.AsDuration()
		}
	}
	if delay < time.Second || delay > 5*time.Second {
		t.Errorf("RetryInfo %s, want 1 to 5 s", delay)
	}
}

func TestTheDeadlineOfAClientEndsItsHandler(t *testing.T) {
	seen := make(chan error, 1)
	conn := serve(t, &pinger{ping: func(ctx context.Context, _ *pingv1.PingRequest) (*pingv1.PingResponse, error) {
		<-ctx.Done()
		if _, has := ctx.Deadline(); has {
			seen <- context.Cause(ctx)
		}
		return nil, ctx.Err()
	}}, livesettings.Document{}).dial(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := conn.Invoke(ctx, ping, &pingv1.PingRequest{}, new(pingv1.PingResponse)); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("%v, want DeadlineExceeded", err)
	}
	// The client resets its stream at the same moment, and whichever comes first ends the handler.
	if err := <-seen; !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		t.Errorf("the handler ended by %v", err)
	}
}

func TestHealthAnswersAsGRPCGosOwn(t *testing.T) {
	conn := serve(t, &pinger{}, livesettings.Document{}).dial(t)
	client := healthpb.NewHealthClient(conn)
	for _, name := range []string{"", pingService} {
		response, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: name})
		if err != nil || response.Status != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("%q: %v, %v; want SERVING", name, response, err)
		}
	}
	if _, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "acme.Unknown"}); status.Code(err) != codes.NotFound {
		t.Errorf("an unknown service: %v, want NotFound", err)
	}
}

// Clients that know both instances, and ask for their health, lose nothing when one of them drains.
func TestNoCallIsLostWhenAnInstanceDrains(t *testing.T) {
	old, other := serve(t, &pinger{}, livesettings.Document{}), serve(t, &pinger{}, livesettings.Document{})
	addresses := manual.NewBuilderWithScheme("pair")
	addresses.InitialState(resolver.State{Addresses: []resolver.Address{{Addr: old.address}, {Addr: other.address}}})
	conn := dial(t, "pair:///", grpc.WithResolvers(addresses),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}],"healthCheckConfig":{"serviceName":""}}`))
	var served atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	enough := func(goal int64) {
		for served.Load() < goal && !t.Failed() {
			runtime.Gosched()
		}
	}
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for ctx.Err() == nil {
				if err := conn.Invoke(t.Context(), ping, &pingv1.PingRequest{}, new(pingv1.PingResponse)); err != nil {
					t.Errorf("after %d calls: %v", served.Load(), err)
					return
				}
				served.Add(1)
			}
		})
	}
	enough(500)
	if err := old.stop(); err != nil {
		t.Error(err)
	}
	enough(served.Load() + 500)
	stop()
	clients.Wait()
}

// grpcurl knows nothing of the messages but what reflection tells it.
func TestGrpcurlListsDescribesAndCalls(t *testing.T) {
	conn := serve(t, &pinger{}, livesettings.Document{}).dial(t)
	for name, client := range map[string]*grpcreflect.Client{
		"v1":      grpcreflect.NewClientAuto(t.Context(), conn),
		"v1alpha": grpcreflect.NewClientV1Alpha(t.Context(), reflectionv1alpha.NewServerReflectionClient(conn)),
	} {
		t.Run(name, func(t *testing.T) {
			defer client.Reset()
			source := grpcurl.DescriptorSourceFromServer(t.Context(), client)
			services, err := grpcurl.ListServices(source)
			if err != nil || !slices.Contains(services, pingService) {
				t.Fatalf("services %q, %v", services, err)
			}
			methods, err := grpcurl.ListMethods(source, pingService)
			if err != nil {
				t.Fatal(err)
			}
			want := []string{pingService + ".Count", pingService + ".Echo", pingService + ".Ping", pingService + ".Sum"}
			if diff := cmp.Diff(want, methods); diff != "" {
				t.Errorf("methods (-want +got):\n%s", diff)
			}
			parser, formatter, err := grpcurl.RequestParserAndFormatter(grpcurl.FormatJSON, source, strings.NewReader(`{"number": 7}`), grpcurl.FormatOptions{})
			if err != nil {
				t.Fatal(err)
			}
			output := new(bytes.Buffer)
			handler := &grpcurl.DefaultEventHandler{Out: output, Formatter: formatter}
			if err := grpcurl.InvokeRPC(t.Context(), source, conn, pingService+"/Ping", nil, handler, parser.Next); err != nil {
				t.Fatal(err)
			}
			if handler.Status.Code() != codes.OK || !strings.Contains(output.String(), `"number": "7"`) {
				t.Errorf("%v, %s", handler.Status, output)
			}
		})
	}
}
