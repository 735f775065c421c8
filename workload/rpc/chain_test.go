// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package rpc_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"

	"goservice.dev/operator/workload/livesettings"
	pingv1 "goservice.dev/operator/workload/rpc/internal/ping/v1"
)

// retryAfter is what the error's RetryInfo says; 0 if it has none.
func retryAfter(t *testing.T, err error) time.Duration {
	t.Helper()
	failure := new(connect.Error)
	if !errors.As(err, &failure) {
		t.Fatalf("%v is no error of Connect", err)
	}
	for _, detail := range failure.Details() {
		value, err := detail.Value()
		if err != nil {
			t.Fatal(err)
		}
		if info, is := value.(*errdetails.RetryInfo); is {
			return info.RetryDelay.AsDuration()
		}
	}
	return 0
}

func TestARejectionIsAnErrorOfTheClientsProtocol(t *testing.T) {
	for name, options := range protocols {
		t.Run(name+" rate limit", func(t *testing.T) {
			r := start(t, setup{document: livesettings.Document{RateLimit: &livesettings.RateLimit{RequestsPerSecond: 0.2, Burst: 1}}})
			client := r.pings(options...)
			pings(t, client)
			_, err := client.Ping(t.Context(), connect.NewRequest(&pingv1.PingRequest{}))
			if connect.CodeOf(err) != connect.CodeResourceExhausted || !strings.Contains(err.Error(), "rate limit") {
				t.Errorf("Ping: %v, want resource_exhausted", err)
			}
			if wait := retryAfter(t, err); wait < time.Second || wait > 5*time.Second {
				t.Errorf("RetryInfo %s, want 1 to 5 s", wait)
			}
			echoing := client.Echo(t.Context())
			_ = echoing.Send(&pingv1.PingRequest{})
			if _, err := echoing.Receive(); connect.CodeOf(err) != connect.CodeResourceExhausted {
				t.Errorf("Echo: %v, want resource_exhausted", err)
			}
			_ = echoing.CloseRequest()
			_ = echoing.CloseResponse()
			want := []string{`rate_limit 2`}
			if diff := cmp.Diff(want, r.counted(`goservice_requests_rejected_total\{reason="(rate_limit)"\} (\d+)`)); diff != "" {
				t.Errorf("rejected (-want +got):\n%s", diff)
			}
			if got := r.counted(`_count\{[^}]*(http_response_status_code="429")[^}]*\} 1\n`); len(got) != 2 {
				t.Errorf("the rejections count under 429 of %d procedures, want 2", len(got))
			}
		})
		t.Run(name+" full pool", func(t *testing.T) {
			entered, leave := make(chan struct{}), make(chan struct{})
			r := start(t, setup{
				document: livesettings.Document{Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1}},
				pinger: pinger{ping: func(context.Context, *pingv1.PingRequest) (*pingv1.PingResponse, error) {
					close(entered)
					<-leave
					return &pingv1.PingResponse{}, nil
				}},
			})
			client := r.pings(options...)
			first := make(chan error, 1)
			go func() {
				_, err := client.Ping(t.Context(), connect.NewRequest(&pingv1.PingRequest{}))
				first <- err
			}()
			<-entered
			_, err := client.Ping(t.Context(), connect.NewRequest(&pingv1.PingRequest{}))
			if connect.CodeOf(err) != connect.CodeUnavailable || retryAfter(t, err) < time.Second {
				t.Errorf("%v with RetryInfo %s, want unavailable and at least 1 s", err, retryAfter(t, err))
			}
			close(leave)
			if err := <-first; err != nil {
				t.Error(err)
			}
			want := []string{"200 Ping", "503 Ping"}
			if diff := cmp.Diff(want, r.counted(httpSeries)); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPanicIsAnInternalErrorThatKeepsItsMessageToItself(t *testing.T) {
	for name, options := range protocols {
		t.Run(name, func(t *testing.T) {
			r := start(t, setup{pinger: pinger{
				ping: func(context.Context, *pingv1.PingRequest) (*pingv1.PingResponse, error) { panic("the password") },
			}})
			_, err := r.pings(options...).Ping(t.Context(), connect.NewRequest(&pingv1.PingRequest{}))
			if connect.CodeOf(err) != connect.CodeInternal || strings.Contains(err.Error(), "password") {
				t.Errorf("%v, want internal without the panic's text", err)
			}
			if !strings.Contains(r.log.String(), "the password") {
				t.Errorf("the panic is not in the log: %s", r.log)
			}
			if diff := cmp.Diff([]string{"500 Ping"}, r.counted(httpSeries)); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if got := r.counted(rpcSeries); len(got) != 1 || !strings.HasPrefix(got[0], "Ping INTERNAL ") {
				t.Errorf("calls: %q, want one INTERNAL", got)
			}
		})
	}
}

// A stream that was cut is not one that ended.
func TestAPanicInAStreamCutsIt(t *testing.T) {
	for name, options := range protocols {
		t.Run(name, func(t *testing.T) {
			r := start(t, setup{pinger: pinger{count: func(context.Context) error { panic("in the middle") }}})
			counting, err := r.pings(options...).Count(t.Context(), connect.NewRequest(&pingv1.PingRequest{Number: 2}))
			if err != nil {
				t.Fatal(err)
			}
			for counting.Receive() {
			}
			if counting.Err() == nil {
				t.Error("the client takes the half for the whole")
			}
			if got := r.counted(rpcSeries); len(got) != 1 || !strings.HasPrefix(got[0], "Count INTERNAL ") {
				t.Errorf("calls: %q, want one INTERNAL", got)
			}
			if got := r.counted(httpSeries); len(got) != 1 || !strings.HasPrefix(got[0], "5") {
				t.Errorf("requests: %q, want one failure", got)
			}
		})
	}
}

func TestAnUnknownMethodIsUnimplemented(t *testing.T) {
	for name, options := range protocols {
		t.Run(name, func(t *testing.T) {
			r := start(t, setup{})
			client := connect.NewClient[pingv1.PingRequest, pingv1.PingResponse](r.client, r.url+"/goservice.rpc.ping.v1.PingService/Pong", options...)
			if _, err := client.CallUnary(t.Context(), connect.NewRequest(&pingv1.PingRequest{})); connect.CodeOf(err) != connect.CodeUnimplemented {
				t.Errorf("%v, want unimplemented", err)
			}
		})
	}
}

// The deadline is the earlier one of the client's and the service's.
func TestTheEarlierDeadlineCounts(t *testing.T) {
	cases := map[string]struct{ client, service, want time.Duration }{
		"the client's":  {time.Minute, time.Hour, time.Minute},
		"the service's": {time.Hour, time.Minute, time.Minute},
	}
	for protocol, options := range protocols {
		for name, c := range cases {
			t.Run(protocol+" "+name, func(t *testing.T) {
				got := make(chan time.Duration, 1)
				r := start(t, setup{
					environment: map[string]string{"GOSERVICE_REQUEST_TIMEOUT": c.service.String(), "GOSERVICE_DRAIN_TIMEOUT": "2h"},
					pinger: pinger{ping: func(ctx context.Context, _ *pingv1.PingRequest) (*pingv1.PingResponse, error) {
						deadline, _ := ctx.Deadline()
						got <- time.Until(deadline)
						return &pingv1.PingResponse{}, nil
					}},
				})
				ctx, cancel := context.WithTimeout(t.Context(), c.client)
				defer cancel()
				if _, err := r.pings(options...).Ping(ctx, connect.NewRequest(&pingv1.PingRequest{})); err != nil {
					t.Fatal(err)
				}
				if left := <-got; left > c.want || left < c.want/2 {
					t.Errorf("%s are left, want just below %s", left, c.want)
				}
			})
		}
	}
}

// A call that its client gives up before a worker would be free is turned away at once, as for the service's own deadline.
func TestTheClientsDeadlineBoundsTheWaitForAWorker(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	r := start(t, setup{
		document: livesettings.Document{Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1, QueueDepth: 10, QueueTimeout: livesettings.Duration(time.Hour)}},
		pinger: pinger{ping: func(context.Context, *pingv1.PingRequest) (*pingv1.PingResponse, error) {
			close(entered)
			<-leave
			return &pingv1.PingResponse{}, nil
		}},
	})
	client := r.pings(connect.WithGRPC())
	first := make(chan error, 1)
	go func() {
		_, err := client.Ping(t.Context(), connect.NewRequest(&pingv1.PingRequest{}))
		first <- err
	}()
	<-entered
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/goservice.rpc.ping.v1.PingService/Ping", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Connect-Timeout-Ms", "1") // of the request alone: the client itself would wait for an hour
	response, err := r.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), `"code":"unavailable"`) {
		t.Errorf("%d %s, want 503 with the code unavailable", response.StatusCode, body)
	}
	close(leave)
	if err := <-first; err != nil {
		t.Error(err)
	}
}
