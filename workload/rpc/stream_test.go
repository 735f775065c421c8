// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package rpc_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"goservice.dev/operator/workload/rpc"
	pingv1 "goservice.dev/operator/workload/rpc/internal/ping/v1"
	"goservice.dev/operator/workload/rpc/internal/ping/v1/pingv1connect"
)

// Streams are counted apart, whatever the protocol; a call with one answer is none.
func TestStreamsAreCountedApartInEveryProtocol(t *testing.T) {
	for name, options := range protocols {
		t.Run(name, func(t *testing.T) {
			r := start(t, setup{})
			client := r.pings(options...)
			pings(t, client)
			streams(t, client)
			got := r.counted(`goservice_stream_seconds_count\{end="(\w+)",http_route="/goservice.rpc.ping.v1.PingService/(\w+)"\} 1\n`)
			if diff := cmp.Diff([]string{"completed Count", "completed Echo", "completed Sum"}, got); diff != "" {
				t.Errorf("streams (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"200 Count", "200 Echo", "200 Ping", "200 Sum"}, r.counted(httpSeries)); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// A stream that failed before its first message is a request that failed, and counts once.
func TestAStreamThatNeverBeganIsARequest(t *testing.T) {
	for name, options := range protocols {
		t.Run(name, func(t *testing.T) {
			r := start(t, setup{pinger: pinger{count: func(context.Context) error { return connect.NewError(connect.CodeInternal, errors.New("no")) }}})
			counting, err := r.pings(options...).Count(t.Context(), connect.NewRequest(&pingv1.PingRequest{Number: 0}))
			if err != nil {
				t.Fatal(err)
			}
			if counting.Receive() || connect.CodeOf(counting.Err()) != connect.CodeInternal {
				t.Errorf("%v, want internal", counting.Err())
			}
			if got := r.counted(`(goservice_stream_seconds_count)\{.*\} (\d+)`); len(got) != 0 {
				t.Errorf("streams: %q, want none", got)
			}
			if diff := cmp.Diff([]string{"500 Count"}, r.counted(httpSeries)); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// quiet is the connection of a client in fake time: a deadline for reading in the past interrupts the request's body.
type quiet struct {
	*httptest.ResponseRecorder
	body *io.PipeWriter
}

func (q *quiet) SetReadDeadline(deadline time.Time) error {
	if !deadline.IsZero() && deadline.Before(time.Now()) {
		return q.body.CloseWithError(os.ErrDeadlineExceeded)
	}
	return nil
}

func (q *quiet) SetWriteDeadline(time.Time) error { return nil }

func frame(t *testing.T, message proto.Message) []byte {
	t.Helper()
	encoded, err := proto.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(encoded))), encoded...)
}

func TestAClientOfAStreamMayBeQuietForHours(t *testing.T) {
	svc := newService(new(syncBuffer))
	rpc.Handle(rpc.New(svc), pingv1connect.NewPingServiceHandler, pingv1connect.PingServiceHandler(&pinger{}))
	synctest.Test(t, func(t *testing.T) {
		body, client := io.Pipe()
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/"+pingService+"/Echo", body)
		request.ContentLength, request.ProtoMajor = -1, 2
		request.Header.Set("Content-Type", "application/grpc")
		writer := &quiet{httptest.NewRecorder(), client}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			svc.Handler().ServeHTTP(writer, request)
		}()
		for i := range 3 {
			time.Sleep(2 * time.Hour)
			if _, err := client.Write(frame(t, &pingv1.PingRequest{Number: int64(i)})); err != nil {
				t.Fatalf("after %d hours: %v", 2*(i+1), err)
			}
		}
		_ = client.Close()
		<-ended
		if status := writer.Header().Get(http.TrailerPrefix + "Grpc-Status"); status != "0" {
			t.Errorf("grpc-status %q, want 0", status)
		}
	})
}

// A stream that does not end by itself is ended by the drain, and its client is told to go elsewhere.
func TestAStreamThatTheDrainEndsIsUnavailableAndNoFailure(t *testing.T) {
	for name, options := range protocols {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// The last word of a stream has half a second, and a tenth of the drain's time if that is less.
			svc := newService(new(syncBuffer), "GOSERVICE_REQUEST_TIMEOUT", "1s", "GOSERVICE_DRAIN_TIMEOUT", "10s")
			waiting := &pinger{count: func(ctx context.Context) error {
				<-ctx.Done()
				return ctx.Err()
			}}
			rpc.Handle(rpc.New(svc), pingv1connect.NewPingServiceHandler, pingv1connect.PingServiceHandler(waiting))
			s := serve(t, svc)
			counting, err := pingv1connect.NewPingServiceClient(s.client, s.url, options...).
				Count(t.Context(), connect.NewRequest(&pingv1.PingRequest{Number: 1}))
			if err != nil {
				t.Fatal(err)
			}
			if !counting.Receive() {
				t.Fatal(counting.Err())
			}
			stopped := make(chan error, 1)
			go func() { stopped <- s.stop() }()
			if counting.Receive() || connect.CodeOf(counting.Err()) != connect.CodeUnavailable {
				t.Errorf("%v, want unavailable", counting.Err())
			}
			if err := <-stopped; err != nil {
				t.Errorf("the drain: %v", err)
			}
			if diff := cmp.Diff([]string{"200 Count"}, (&running{Service: svc, t: t}).counted(httpSeries)); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			if got := (&running{Service: svc, t: t}).counted(rpcSeries); len(got) != 1 || !strings.HasPrefix(got[0], "Count UNAVAILABLE ") {
				t.Errorf("calls: %q, want one UNAVAILABLE", got)
			}
		})
	}
}
