// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// saturate keeps every connection busy, one request at a time, and returns how many were served per second. It speaks just
// enough HTTP/1.1 to cost much less than a server does, so that the server is what is measured.
func saturate(ctx context.Context, address string, connections int, duration time.Duration) (served int64, took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	var (
		clients sync.WaitGroup
		total   atomic.Int64
		mu      sync.Mutex
		failed  error
	)
	start := time.Now()
	for range connections {
		clients.Go(func() {
			count, err := keepBusy(ctx, address)
			total.Add(count)
			if err != nil {
				mu.Lock()
				failed = err
				mu.Unlock()
			}
		})
	}
	clients.Wait()
	return total.Load(), time.Since(start), failed
}

func keepBusy(ctx context.Context, address string) (served int64, err error) {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		if ctx.Err() != nil {
			return 0, nil
		}
		return 0, err
	}
	defer connection.Close()
	request, reader := requestTo(address), bufio.NewReader(connection)
	for ctx.Err() == nil {
		if _, err := connection.Write(request); err != nil {
			return served, err
		}
		if _, err := readResponse(reader); err != nil {
			return served, err
		}
		served++
	}
	return served, nil
}

func requestTo(address string) []byte {
	return fmt.Appendf(nil, "GET / HTTP/1.1\r\nHost: %s\r\nUser-Agent: goservice-bench\r\n\r\n", address)
}

// answerBytes is how long the body is that a server answers with.
func answerBytes(ctx context.Context, address string) (int, error) {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return 0, err
	}
	defer connection.Close()
	if _, err := connection.Write(requestTo(address)); err != nil {
		return 0, err
	}
	return readResponse(bufio.NewReader(connection))
}

var (
	okLine        = []byte("HTTP/1.1 200 ")
	contentLength = []byte("Content-Length: ")
)

// readResponse takes one response with a stated length, and returns that; servers that are measured send no others.
func readResponse(reader *bufio.Reader) (length int, err error) {
	line, err := reader.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if !bytes.HasPrefix(line, okLine) {
		return 0, fmt.Errorf("answered %q", line)
	}
	length = -1
	for {
		if line, err = reader.ReadSlice('\n'); err != nil {
			return 0, err
		}
		if len(line) <= 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, contentLength); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, fmt.Errorf("Content-Length: %w", err)
			}
		}
	}
	if length < 0 {
		return 0, errors.New("a response without Content-Length")
	}
	if _, err = reader.Discard(length); errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return length, err
}
