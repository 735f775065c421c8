// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package rpc_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/rpc"
	pingv1 "goservice.dev/operator/workload/rpc/internal/ping/v1"
	"goservice.dev/operator/workload/rpc/internal/ping/v1/pingv1connect"
	"goservice.dev/operator/workload/service"
)

func TestProceduresOfEveryKindAnswerInEveryProtocol(t *testing.T) {
	for transport, tls := range map[string]bool{"cleartext": false, "TLS": true} {
		for name, options := range protocols {
			t.Run(transport+" "+name, func(t *testing.T) {
				client := start(t, setup{tls: tls}).pings(options...)
				pings(t, client)
				streams(t, client)
			})
		}
	}
}

func pings(t *testing.T, client pingv1connect.PingServiceClient) {
	t.Helper()
	response, err := client.Ping(t.Context(), connect.NewRequest(&pingv1.PingRequest{Number: 7, Text: "seven"}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&pingv1.PingResponse{Number: 7, Text: "seven"}, response.Msg, protocmp.Transform()); diff != "" {
		t.Errorf("Ping (-want +got):\n%s", diff)
	}
}

func streams(t *testing.T, client pingv1connect.PingServiceClient) {
	t.Helper()
	summing := client.Sum(t.Context())
	for i := range 10 {
		if err := summing.Send(&pingv1.PingRequest{Number: int64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if sum, err := summing.CloseAndReceive(); err != nil || sum.Msg.Number != 45 {
		t.Errorf("Sum: %v, %v; want 45", sum, err)
	}
	counting, err := client.Count(t.Context(), connect.NewRequest(&pingv1.PingRequest{Number: 3}))
	if err != nil {
		t.Fatal(err)
	}
	var count int64
	for counting.Receive() {
		count += counting.Msg().Number
	}
	if count != 6 || counting.Err() != nil {
		t.Errorf("Count: sum %d, %v; want 6", count, counting.Err())
	}
	echoing := client.Echo(t.Context())
	for i := range 3 { // one after the other: both directions are open at once
		if err := echoing.Send(&pingv1.PingRequest{Number: int64(i)}); err != nil {
			t.Fatal(err)
		}
		if got, err := echoing.Receive(); err != nil || got.Number != int64(i) {
			t.Fatalf("Echo: %v, %v; want %d", got, err, i)
		}
	}
	if err := echoing.CloseRequest(); err != nil {
		t.Error(err)
	}
	if _, err := echoing.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end of Echo: %v, want EOF", err)
	}
	_ = echoing.CloseResponse()
}

const (
	httpSeries = `http_server_request_duration_seconds_count\{http_request_method="POST",http_response_status_code="(\d+)",http_route="/goservice.rpc.ping.v1.PingService/(\w+)"\} 1\n`
	rpcSeries  = `rpc_server_call_duration_seconds_count\{rpc_method="goservice.rpc.ping.v1.PingService/(\w+)",rpc_response_status_code="(\w+)",rpc_system_name="(\w+)"\} 1\n`
)

// In gRPC and in streams, each of these is a 200: the objective must not take it for a success, nor a client's mistake for a failure.
func TestACallCountsByItsCodeAndNotByItsStatus(t *testing.T) {
	cases := map[connect.Code][2]string{
		connect.CodeCanceled:           {"499", "CANCELLED"},
		connect.CodeUnknown:            {"500", "UNKNOWN"},
		connect.CodeInvalidArgument:    {"400", "INVALID_ARGUMENT"},
		connect.CodeDeadlineExceeded:   {"504", "DEADLINE_EXCEEDED"},
		connect.CodeNotFound:           {"404", "NOT_FOUND"},
		connect.CodeAlreadyExists:      {"409", "ALREADY_EXISTS"},
		connect.CodePermissionDenied:   {"403", "PERMISSION_DENIED"},
		connect.CodeResourceExhausted:  {"429", "RESOURCE_EXHAUSTED"},
		connect.CodeFailedPrecondition: {"400", "FAILED_PRECONDITION"},
		connect.CodeAborted:            {"409", "ABORTED"},
		connect.CodeOutOfRange:         {"400", "OUT_OF_RANGE"},
		connect.CodeUnimplemented:      {"501", "UNIMPLEMENTED"},
		connect.CodeInternal:           {"500", "INTERNAL"},
		connect.CodeUnavailable:        {"503", "UNAVAILABLE"},
		connect.CodeDataLoss:           {"500", "DATA_LOSS"},
		connect.CodeUnauthenticated:    {"401", "UNAUTHENTICATED"},
	}
	for name, options := range protocols {
		for code, want := range cases {
			t.Run(name+" "+code.String(), func(t *testing.T) {
				failure := func(context.Context) error { return connect.NewError(code, errors.New("the reason")) }
				r := start(t, setup{pinger: pinger{count: failure, ping: func(ctx context.Context, _ *pingv1.PingRequest) (*pingv1.PingResponse, error) {
					return nil, failure(ctx)
				}}})
				client := r.pings(options...)
				if _, err := client.Ping(t.Context(), connect.NewRequest(&pingv1.PingRequest{})); connect.CodeOf(err) != code {
					t.Errorf("Ping: %v, want %v", err, code)
				}
				counting, err := client.Count(t.Context(), connect.NewRequest(&pingv1.PingRequest{Number: 2}))
				if err != nil {
					t.Fatal(err)
				}
				for counting.Receive() {
				}
				if connect.CodeOf(counting.Err()) != code {
					t.Errorf("Count: %v, want %v", counting.Err(), code)
				}
				if diff := cmp.Diff([]string{want[0] + " Count", want[0] + " Ping"}, r.counted(httpSeries)); diff != "" {
					t.Errorf("requests (-want +got):\n%s", diff)
				}
				system := " grpc"
				if strings.HasPrefix(name, "Connect") {
					system = " connectrpc"
				}
				if diff := cmp.Diff([]string{"Count " + want[1] + system, "Ping " + want[1] + system}, r.counted(rpcSeries)); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestAMessageThatIsTooLargeIsTheClientsFault(t *testing.T) {
	for name, options := range protocols {
		t.Run(name, func(t *testing.T) {
			r := start(t, setup{options: []rpc.HandleOption{rpc.WithHandlerOptions(connect.WithReadMaxBytes(100))}})
			_, err := r.pings(options...).Ping(t.Context(), connect.NewRequest(&pingv1.PingRequest{Text: strings.Repeat("x", 101)}))
			if connect.CodeOf(err) != connect.CodeResourceExhausted {
				t.Errorf("%v, want resource_exhausted", err)
			}
			if diff := cmp.Diff([]string{"429 Ping"}, r.counted(httpSeries)); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAStreamHoldsNoWorker(t *testing.T) {
	r := start(t, setup{document: livesettings.Document{Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1}}})
	client := r.pings(connect.WithGRPC())
	echoing := client.Echo(t.Context())
	if err := echoing.Send(&pingv1.PingRequest{Number: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := echoing.Receive(); err != nil {
		t.Fatal(err)
	}
	pings(t, client)
	if err := echoing.CloseRequest(); err != nil {
		t.Error(err)
	}
	_ = echoing.CloseResponse()
}

func TestTheLogSaysWhyACallFailed(t *testing.T) {
	r := start(t, setup{pinger: pinger{ping: func(context.Context, *pingv1.PingRequest) (*pingv1.PingResponse, error) {
		return nil, errors.New("no database")
	}}})
	_, _ = r.pings(connect.WithGRPC()).Ping(t.Context(), connect.NewRequest(&pingv1.PingRequest{}))
	for _, want := range []string{`"level":"error"`, `"status":500`, `"code":"UNKNOWN"`, `"error":"no database"`} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("no %s in the log: %s", want, r.log)
		}
	}
}

func TestWhatCannotBeServedPanicsAtOnce(t *testing.T) {
	cases := map[string]struct {
		handle func(*rpc.Registry)
		want   string
	}{
		"a service twice": {func(r *rpc.Registry) {
			rpc.Handle(r, pingv1connect.NewPingServiceHandler, pingv1connect.PingServiceHandler(&pinger{}))
			rpc.Handle(r, pingv1connect.NewPingServiceHandler, pingv1connect.PingServiceHandler(&pinger{}))
		}, "conflicts"},
		"a route of a method that is not there": {func(r *rpc.Registry) {
			rpc.Handle(r, pingv1connect.NewPingServiceHandler, pingv1connect.PingServiceHandler(&pinger{}), rpc.WithRoute("Pong", service.Unpooled()))
		}, `has no method "Pong"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			defer func() {
				text := ""
				switch cause := recover().(type) {
				case string:
					text = cause
				case error:
					text = cause.Error()
				}
				if !strings.Contains(text, c.want) {
					t.Errorf("panic %q, want %q", text, c.want)
				}
			}()
			c.handle(rpc.New(service.New(service.WithEnvironment(map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": ""}))))
		})
	}
}

// Streams in both directions need HTTP/2. Whoever comes without it must not use up the objective's budget of failures.
func TestACallByAProtocolThatCannotCarryItIsTheClientsMistake(t *testing.T) {
	r := start(t, setup{})
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/goservice.rpc.ping.v1.PingService/Echo", http.NoBody) // HTTP/1.1
	request.Header.Set("Content-Type", "application/connect+proto")
	recorder := httptest.NewRecorder()
	r.Handler().ServeHTTP(recorder, request)
	if recorder.Code != http.StatusHTTPVersionNotSupported {
		t.Errorf("%d, want 505", recorder.Code)
	}
	if got := r.counted(httpSeries); len(got) != 1 || got[0] != "400 Echo" {
		t.Errorf("counted as %q, want 400", got)
	}
}
