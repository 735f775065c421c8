// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/proto"

	pingv1 "goservice.dev/operator/workload/rpc/internal/ping/v1"
)

// client makes the same unary call over and over on one connection, with a number of them in flight. It speaks HTTP/2 by itself,
// at a fraction of what a client of gRPC's costs, so that the server is what is measured.
type client struct {
	conn   net.Conn
	framer *http2.Framer
	out    *bufio.Writer
	header []byte
	body   []byte
	next   uint32 // stream
	calls  *atomic.Int64
}

// window is the largest that HTTP/2 knows: the client never makes the server wait.
const window = 1<<31 - 1

func connect(ctx context.Context, address string, calls *atomic.Int64) (*client, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &client{conn: conn, out: bufio.NewWriterSize(conn, 64<<10), next: 1, calls: calls}
	c.framer = http2.NewFramer(c.out, bufio.NewReaderSize(conn, 64<<10))
	c.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	encoder.SetMaxDynamicTableSize(0) // one block for all calls
	for _, field := range [][2]string{
		{":method", "POST"}, {":scheme", "http"}, {":authority", "ping"}, {":path", path}, {"content-type", "application/grpc"},
		{"te", "trailers"}, {"user-agent", "grpc-bench"},
	} {
		if err := encoder.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}); err != nil {
			return nil, err
		}
	}
	c.header = block.Bytes()
	message, err := proto.Marshal(&pingv1.PingRequest{Number: 1, Text: text})
	if err != nil {
		return nil, err
	}
	c.body = append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
	if _, err := c.out.WriteString(http2.ClientPreface); err != nil {
		return nil, err
	}
	if err := c.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window}); err != nil {
		return nil, err
	}
	return c, c.framer.WriteWindowUpdate(0, window-65535)
}

func (c *client) call() error {
	stream := c.next
	c.next += 2
	if err := c.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.header, EndHeaders: true}); err != nil {
		return err
	}
	return c.framer.WriteData(stream, true, c.body)
}

// run until the context ends.
func (c *client) run(ctx context.Context, inFlight int) error {
	defer context.AfterFunc(ctx, func() { _ = c.conn.Close() })()
	for range inFlight {
		if err := c.call(); err != nil {
			return err
		}
	}
	if err := c.out.Flush(); err != nil {
		return err
	}
	for {
		err := c.step()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
	}
}

func (c *client) step() error {
	frame, err := c.framer.ReadFrame()
	if err != nil {
		return err
	}
	switch frame := frame.(type) {
	case *http2.MetaHeadersFrame:
		if !frame.StreamEnded() {
			return nil
		}
		// A refusal of HTTP alone has no grpc-status, and is no call.
		if status := statusOf(frame); status != "0" {
			return fmt.Errorf("grpc-status %q, HTTP status %q", status, frame.PseudoValue("status"))
		}
		c.calls.Add(1)
		if err := c.call(); err != nil {
			return err
		}
	case *http2.SettingsFrame:
		if frame.IsAck() {
			return nil
		}
		if err := c.framer.WriteSettingsAck(); err != nil {
			return err
		}
	case *http2.PingFrame:
		if frame.IsAck() {
			return nil
		}
		if err := c.framer.WritePing(true, frame.Data); err != nil {
			return err
		}
	case *http2.GoAwayFrame, *http2.RSTStreamFrame:
		return errors.New(frame.Header().String())
	default:
		return nil
	}
	return c.out.Flush()
}

func statusOf(frame *http2.MetaHeadersFrame) string {
	for _, field := range frame.RegularFields() {
		if field.Name == "grpc-status" {
			return field.Value
		}
	}
	return ""
}

// load calls for as long as it is told and returns the calls per second.
func load(ctx context.Context, address string, connections, inFlight int, duration time.Duration) (perSecond float64, err error) {
	var calls atomic.Int64
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, connections)
	for range connections {
		c, err := connect(ctx, address, &calls)
		if err != nil {
			return 0, err
		}
		go func() { ended <- c.run(ctx, inFlight) }()
	}
	timer := time.NewTimer(duration / 5) // to warm up
	defer timer.Stop()
	select {
	case <-timer.C:
	case err := <-ended:
		return 0, fmt.Errorf("a connection ended: %w", err)
	}
	start, before := time.Now(), calls.Load()
	timer.Reset(duration)
	select {
	case <-timer.C:
	case err := <-ended:
		return 0, fmt.Errorf("a connection ended: %w", err)
	}
	perSecond = float64(calls.Load()-before) / time.Since(start).Seconds()
	stop()
	for range connections {
		if err := <-ended; err != nil {
			return 0, err
		}
	}
	return perSecond, nil
}
