// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"goservice.dev/operator/hack/load/loadgen"
)

// beside is what others do while the well-behaved client is measured. It keeps on until ctx ends, and leaves nothing behind.
type beside func(ctx context.Context, address string, of server, seen *misbehaved)

// misbehaved is what the others saw.
type misbehaved struct {
	// held is for how long streams were open, all together, and cut how many of them ended before the client did.
	held atomic.Int64
	cut  atomic.Int64
	// refused connections: the others could not do what they are here for.
	refused atomic.Int64
}

const (
	quiet       = "nobody else"
	slowBodies  = "slow bodies"
	slowReaders = "slow readers"
	idleStreams = "idle streams"
	hung        = "hung upstream"
	flood       = "a flood on one route"

	// slowCount clients send or read slowly: more than the workload has workers on any machine that this runs on.
	slowCount   = 200
	streamCount = 1000
	hungRate    = 30
	// hungPatience of those who call it is beyond the length of a measurement: they leave it to the server to give up.
	hungPatience = time.Minute
	// floodRate of requests of 5 ms each are four times what one processor can serve.
	floodRate = 800
)

// caseNames in the order of the report.
var caseNames = []string{quiet, slowBodies, slowReaders, idleStreams, hung, flood}

// casesFor a server are those that it can take part in.
func casesFor(s server) map[string]beside {
	cases := map[string]beside{
		quiet:      func(ctx context.Context, _ string, _ server, _ *misbehaved) { <-ctx.Done() },
		slowBodies: many(slowCount, sendSlowly),
	}
	if s.proxy != "" {
		cases[slowReaders] = many(slowCount, readSlowly)
		cases[idleStreams] = many(streamCount, follow)
		cases[hung] = func(ctx context.Context, address string, of server, _ *misbehaved) {
			load(ctx, "http://"+address+of.proxy+"/hang", hungRate, hungPatience)
		}
	}
	if s.work != "" {
		cases[flood] = func(ctx context.Context, address string, of server, _ *misbehaved) {
			load(ctx, "http://"+address+of.work, floodRate, time.Second)
		}
	}
	return cases
}

// many clients do the same, each over and over again.
func many(count int, one func(ctx context.Context, address string, of server, seen *misbehaved)) beside {
	return func(ctx context.Context, address string, of server, seen *misbehaved) {
		var clients sync.WaitGroup
		for range count {
			clients.Go(func() {
				for ctx.Err() == nil {
					one(ctx, address, of, seen)
				}
			})
		}
		clients.Wait()
	}
}

// connect opens a connection that ctx closes; nil if it cannot.
func connect(ctx context.Context, address string, seen *misbehaved) net.Conn {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		if ctx.Err() == nil {
			seen.refused.Add(1)
			pause(ctx, 100*time.Millisecond)
		}
		return nil
	}
	context.AfterFunc(ctx, func() { _ = connection.Close() })
	return connection
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// sendSlowly promises a body of 1,000 bytes and sends one byte a second, until it is done or somebody has enough of it.
func sendSlowly(ctx context.Context, address string, of server, seen *misbehaved) {
	connection := connect(ctx, address, seen)
	if connection == nil {
		return
	}
	defer connection.Close()
	_, err := fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000\r\n\r\n", of.sink, address)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		_, _ = bufio.NewReader(connection).ReadByte()
	}()
	for err == nil {
		select {
		case <-answered:
			// It would only be told the same again: a client that comes back at once is a flood, which is another case.
			pause(ctx, time.Second)
			return
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
			_, err = connection.Write([]byte("x"))
		}
	}
	pause(ctx, time.Second)
}

// readSlowly asks for an answer without end and reads 4 KiB of it a second.
func readSlowly(ctx context.Context, address string, of server, seen *misbehaved) {
	connection := connect(ctx, address, seen)
	if connection == nil {
		return
	}
	defer connection.Close()
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4 << 10)
	}
	if _, err := fmt.Fprintf(connection, "GET %s/big HTTP/1.1\r\nHost: %s\r\n\r\n", of.proxy, address); err != nil {
		return
	}
	buffer := make([]byte, 4<<10)
	for {
		if _, err := connection.Read(buffer); err != nil {
			pause(ctx, time.Second)
			return
		}
		pause(ctx, time.Second)
	}
}

// follow a stream for as long as it lasts.
func follow(ctx context.Context, address string, of server, seen *misbehaved) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+of.proxy+"/events", http.NoBody)
	if err != nil {
		return
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(request)
	if err != nil {
		if ctx.Err() == nil {
			seen.refused.Add(1)
			pause(ctx, time.Second)
		}
		return
	}
	defer response.Body.Close()
	began := time.Now()
	if response.StatusCode == http.StatusOK {
		_, _ = io.Copy(io.Discard, response.Body)
		seen.held.Add(int64(time.Since(began)))
	} else {
		seen.refused.Add(1)
	}
	if ctx.Err() == nil {
		if response.StatusCode == http.StatusOK {
			seen.cut.Add(1)
		}
		pause(ctx, time.Second)
	}
}

// load sends requests whose answers nobody looks at.
func load(ctx context.Context, url string, rate float64, patience time.Duration) {
	generator, err := loadgen.New(loadgen.Config{URL: url, Rate: rate, Duration: loadgen.MaxDuration, Outstanding: 2000, Timeout: patience})
	if err != nil {
		panic(err) // constants that are always right
	}
	generator.Run(ctx)
}
