// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package server makes an http.Server fit for production: limits and timeouts that hold up against slow and silent
// clients, HTTP/1.1 and HTTP/2 on the same port with and without TLS, certificates that are reloaded when their files
// change, a deadline for each request, and a stop that loses none.
package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Limits that Config does not offer because one value suits every service.
const (
	// ReadHeaderTimeout bounds how long a connection may take to say what it wants. Without it a silent connection also
	// holds up Shutdown.
	ReadHeaderTimeout = 5 * time.Second
	// IdleTimeout is that of a Config without one. It outlasts the 60 s after which common load balancers give up an idle
	// connection: were the server the first to close, a request could already be on its way.
	IdleTimeout = 90 * time.Second
	// MaxHeaderBytes of one request.
	MaxHeaderBytes = 64 << 10
	// readSlack is what a request may take to come beyond its deadline, and writeSlack its response, so that a handler can still
	// say that the deadline passed, and a client that sends too slowly is told so. Both are of requests that are not lifted out of
	// the server's time limits because the client makes progress; these have limits of their own in the package exchange.
	readSlack  = 2 * time.Second
	writeSlack = 5 * time.Second
	// quietTime without a connection means that clients have gone: those that were sent away and come back do so at once.
	quietTime = 100 * time.Millisecond
)

// Config of a Server.
type Config struct {
	// Address to listen on, such as ":8080".
	Address string
	// Handler of the requests.
	Handler http.Handler
	// RequestTimeout is the deadline of most requests; 0 means none. It does not end a handler by itself: Deadline hands it to
	// the handler's context. The server closes what is not done a few seconds later, but not streams, requests with a longer
	// deadline of their own, and bodies that come or go at a fair pace.
	RequestTimeout time.Duration
	// IdleTimeout is how long a connection without a request stays open; 0 or less means the constant IdleTimeout. It must be longer
	// than what the load balancers before the server keep an idle connection for.
	IdleTimeout time.Duration
	// TLS serves the certificate; nil serves cleartext, HTTP/2 included.
	TLS *tls.Config
	// ErrorLog gets what goes wrong on connections; nil means the standard logger.
	ErrorLog *log.Logger
}

// Server is an http.Server that knows its connections, requests and streams, and can tell its clients to leave.
type Server struct {
	http     *http.Server
	listener net.Listener
	bound    time.Duration
	leaving  chan struct{} // closed when clients are told to leave
	leave    sync.Once
	open     atomic.Int64
	changed  chan struct{} // told when the first connection opens and the last one closes
	ending   chan struct{} // told when the last request or stream ends, once clients are told to leave
	requests atomic.Int64  // that are not streams
	streams  streams
	wires    wires
	cutting  atomic.Bool
}

// New makes a server that does not listen yet.
func New(config Config) *Server {
	s := &Server{changed: make(chan struct{}, 1), ending: make(chan struct{}, 1), leaving: make(chan struct{}), bound: config.RequestTimeout}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(config.TLS == nil)
	s.http = &http.Server{
		Addr:              config.Address,
		Handler:           s.exchanges(config.Handler),
		Protocols:         protocols,
		TLSConfig:         config.TLS,
		ReadHeaderTimeout: ReadHeaderTimeout,
		IdleTimeout:       idleTimeout(config),
		MaxHeaderBytes:    MaxHeaderBytes,
		ErrorLog:          config.ErrorLog,
		ConnState:         s.count,
		ConnContext:       s.wires.remember,
	}
	if config.RequestTimeout > 0 {
		s.http.ReadTimeout = config.RequestTimeout + readSlack
		s.http.WriteTimeout = config.RequestTimeout + writeSlack
	}
	return s
}

func idleTimeout(config Config) time.Duration {
	if config.IdleTimeout > 0 {
		return config.IdleTimeout
	}
	return IdleTimeout
}

// Listen binds the address. Connections are accepted, and wait, from then on.
func (s *Server) Listen(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.http.Addr)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", s.http.Addr, err)
	}
	s.listener = &wiring{listener, &s.wires}
	return nil
}

// Address that Listen has bound; nil before.
func (s *Server) Address() net.Addr {
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// Serve answers requests until Shutdown or Close; then it returns nil.
func (s *Server) Serve() error {
	var err error
	if s.http.TLSConfig != nil {
		err = s.http.ServeTLS(s.listener, "", "")
	} else {
		err = s.http.Serve(s.listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serving %s: %w", s.http.Addr, err)
}

// Abandon closes the listener of a server that has not served yet.
func (s *Server) Abandon() {
	if s.listener != nil {
		_ = s.listener.Close()
	}
}

// Connections is the number of open connections. Those that a handler has taken over are not among them.
func (s *Server) Connections() int { return int(s.open.Load()) }

// Requests is the number of requests that are being answered. Streams are not among them.
func (s *Server) Requests() int { return int(s.requests.Load()) }

// Streams is the number of streams, connections that a handler has taken over included.
func (s *Server) Streams() int { return s.streams.count() }

// StreamsCut is how many streams Shutdown had to close because they had not ended in time.
func (s *Server) StreamsCut() int { return int(s.streams.cut.Load()) }

func (s *Server) count(connection net.Conn, state http.ConnState) {
	s.wires.now(connection, state)
	switch state {
	case http.StateNew:
		if s.open.Add(1) != 1 {
			return
		}
	case http.StateClosed, http.StateHijacked:
		if s.open.Add(-1) != 0 {
			return
		}
	default:
		return
	}
	select {
	case s.changed <- struct{}{}:
	default: // it has not looked since the last time
	}
}
