// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package profile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// Port of profiles on the loopback of a pod.
const Port = 6060

// RemoteError is what the node of a pod says of a connection, such as that nothing listens.
type RemoteError struct{ message string }

func (e *RemoteError) Error() string { return e.message }

// Forward connects as kubectl port-forward does: by WebSocket, and by SPDY where that is refused. No port is opened on this machine.
// Requests say where pods' subresources are.
func Forward(config *rest.Config, requests rest.Interface, namespace string) Dial {
	return func(ctx context.Context, pod string) (net.Conn, error) {
		address := requests.Post().Namespace(namespace).Resource("pods").Name(pod).SubResource("portforward").URL()
		byWebSocket, err := portforward.NewSPDYOverWebsocketDialerForStreaming(address, config)
		if err != nil {
			return nil, err
		}
		transport, upgrader, err := spdy.RoundTripperFor(config) // it keeps the connection, so each pod has its own
		if err != nil {
			return nil, err
		}
		bySPDY := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, address)
		return connect(ctx, portforward.NewFallbackDialerForStreaming(byWebSocket, bySPDY, func(err error) bool {
			return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
		}))
	}
}

// connect gives up with the context, which the dialer does not know.
func connect(ctx context.Context, dialer httpstream.Dialer) (net.Conn, error) {
	type dialed struct {
		connection httpstream.Connection
		err        error
	}
	done := make(chan dialed, 1)
	go func() {
		connection, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
		if err == nil && ctx.Err() != nil {
			_ = connection.Close()
		}
		done <- dialed{connection, err}
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case d := <-done:
		if d.err != nil {
			return nil, d.err
		}
		return open(ctx, d.connection)
	}
}

// open the two streams of a port.
func open(ctx context.Context, connection httpstream.Connection) (net.Conn, error) {
	headers := http.Header{}
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	headers.Set(corev1.PortHeader, strconv.Itoa(Port))
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	failures, err := connection.CreateStream(headers)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the stream of errors: %w", err), connection.Close())
	}
	_ = failures.Close() // nothing is written to it
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := connection.CreateStream(headers)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the stream of data: %w", err), connection.Close())
	}
	t := &tunnel{Stream: data, connection: connection, failed: make(chan string, 1), ctx: ctx}
	t.stop = context.AfterFunc(ctx, func() { _ = connection.Close() })
	go func() {
		message, _ := io.ReadAll(io.LimitReader(failures, 4096))
		t.failed <- strings.TrimSpace(string(message))
	}()
	return t, nil
}

// tunnel is a connection to a port of a pod.
type tunnel struct {
	httpstream.Stream
	connection httpstream.Connection
	ctx        context.Context //nolint:containedctx // it is the connection's life
	stop       func() bool
	failed     chan string
	answered   bool
}

// Read tells why the pod says nothing, which comes by a stream of its own.
func (t *tunnel) Read(p []byte) (int, error) {
	n, err := t.Stream.Read(p)
	t.answered = t.answered || n > 0
	if err == nil || t.answered {
		return n, err
	}
	select {
	case message := <-t.failed:
		if message != "" {
			return n, &RemoteError{message}
		}
	case <-t.ctx.Done():
	}
	return n, err
}

// Close the streams and what carries them.
func (t *tunnel) Close() error {
	t.stop()
	_ = t.Stream.Reset()
	return t.connection.Close()
}

// The rest makes it a net.Conn. Its life is the context's, so deadlines are not needed.

type podAddress struct{}

func (podAddress) Network() string { return "portforward" }
func (podAddress) String() string  { return "pod" }

func (t *tunnel) LocalAddr() net.Addr              { return podAddress{} }
func (t *tunnel) RemoteAddr() net.Addr             { return podAddress{} }
func (t *tunnel) SetDeadline(time.Time) error      { return nil }
func (t *tunnel) SetReadDeadline(time.Time) error  { return nil }
func (t *tunnel) SetWriteDeadline(time.Time) error { return nil }
