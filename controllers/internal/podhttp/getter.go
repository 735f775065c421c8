// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package podhttp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// Getter gets pages from many pods again and again over connections that stay open. An open connection costs it little more
// than a file descriptor: net/http's own pool has two goroutines and two buffers for each, 14 KiB together, which twenty
// thousand pods would make 280 MiB. It is safe for concurrent use.
type Getter struct {
	options Options
	dial    func(ctx context.Context, network, address string) (net.Conn, error)

	mu    sync.Mutex
	idle  map[string][]idleConn // by address, the newest last
	swept time.Time
}

type idleConn struct {
	net.Conn
	since time.Time
}

// NewGetter makes a Getter.
func NewGetter(options Options) *Getter {
	return &Getter{options: options, dial: (&net.Dialer{}).DialContext, idle: map[string][]idleConn{}}
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4<<10) }}

// errTooLarge is the end of an answer beyond its bound.
var errTooLarge = errors.New("the answer is too large")

// Get a page of at most maxBytes within the timeout, by http or https; what a certificate says is not verified: pods have none that
// names their addresses, and are not trusted anyway. read is called with the time at which the head of the answer arrived and
// with the body of one whose status is 200; any other is an error.
func (g *Getter) Get(ctx context.Context, scheme, address, path string, maxBytes int64, read func(at time.Time, body io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, g.options.Timeout)
	defer cancel()
	for {
		conn, reused, err := g.connect(ctx, scheme, address)
		if err != nil {
			return err
		}
		answered, err := g.exchange(ctx, conn, scheme, address, path, maxBytes, read)
		if reused && !answered && ctx.Err() == nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			continue // the pod had closed it meanwhile
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return context.DeadlineExceeded
		}
		return err
	}
}

// connect by an idle connection or a new one.
func (g *Getter) connect(ctx context.Context, scheme, address string) (conn net.Conn, reused bool, err error) {
	key := poolOf(scheme, address)
	g.mu.Lock()
	if idle := g.idle[key]; len(idle) > 0 {
		last := idle[len(idle)-1]
		g.keep(key, idle[:len(idle)-1])
		g.mu.Unlock()
		return last.Conn, true, nil
	}
	g.mu.Unlock()
	conn, err = g.dial(ctx, "tcp", address)
	if err != nil || scheme != schemeHTTPS {
		return conn, false, err
	}
	secured := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}) //nolint:gosec // see Get
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, false, err
	}
	return secured, false, nil
}

const schemeHTTPS = "https"

// poolOf names the idle connections to an address.
func poolOf(scheme, address string) string {
	if scheme == schemeHTTPS {
		return scheme + "://" + address
	}
	return address
}

// keep idle connections of an address. The caller holds the lock.
func (g *Getter) keep(address string, idle []idleConn) {
	if len(idle) == 0 {
		delete(g.idle, address)
	} else {
		g.idle[address] = idle
	}
}

// exchange one question for an answer, and keep the connection if it is good for another. answered says that something came
// back.
func (g *Getter) exchange(
	ctx context.Context, conn net.Conn, scheme, address, path string, maxBytes int64, read func(time.Time, io.Reader) error,
) (answered bool, err error) {
	deadline, _ := ctx.Deadline()
	good := false
	// SetDeadline fails on closed connections only, which the next use finds out.
	_ = conn.SetDeadline(deadline)
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if stop() && good {
			g.put(poolOf(scheme, address), conn)
		} else {
			conn.Close()
		}
	}()
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nAccept: text/plain;version=0.0.4\r\nUser-Agent: goservice-operator\r\n\r\n", path, address); err != nil {
		return false, err
	}
	limited := &io.LimitedReader{R: conn, N: maxHeaderBytes}
	reader := readers.Get().(*bufio.Reader)
	reader.Reset(limited)
	defer func() {
		reader.Reset(nil)
		readers.Put(reader)
	}()
	if _, err := reader.Peek(1); err != nil {
		return false, err
	}
	response, err := http.ReadResponse(reader, nil) // of a GET
	at := time.Now()
	switch {
	case err != nil && limited.N <= 0:
		return true, errTooLarge
	case err != nil:
		return true, err
	case response.StatusCode != http.StatusOK:
		return true, fmt.Errorf("GET %s: HTTP status %d", path, response.StatusCode)
	}
	limited.N = max(maxBytes-int64(reader.Buffered()), 0) + 1
	if err = read(at, response.Body); err == nil {
		_, err = io.Copy(io.Discard, response.Body)
	}
	if limited.N <= 0 {
		return true, errTooLarge
	}
	good = err == nil && !response.Close && reader.Buffered() == 0
	return true, err
}

// put a connection back, and from time to time close those that nobody used for long.
func (g *Getter) put(address string, conn net.Conn) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if idle := g.idle[address]; len(idle) < g.options.IdlePerHost {
		g.idle[address] = append(idle, idleConn{conn, now})
	} else {
		conn.Close()
	}
	if now.Sub(g.swept) < g.options.IdleTimeout/2 {
		return
	}
	g.swept = now
	for address, idle := range g.idle {
		old := 0
		for old < len(idle) && now.Sub(idle[old].since) > g.options.IdleTimeout {
			idle[old].Close()
			old++
		}
		g.keep(address, idle[old:])
	}
}

// Close the idle connections.
func (g *Getter) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, idle := range g.idle {
		for _, conn := range idle {
			conn.Close()
		}
	}
	clear(g.idle)
}
