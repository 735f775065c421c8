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
	"sync/atomic"
	"time"

	"goservice.dev/operator/workload/internal/exchange"
)

// Limits that Config does not offer because one value suits every service.
const (
	// ReadHeaderTimeout bounds how long a connection may take to say what it wants. Without it a silent connection also
	// holds up Shutdown.
	ReadHeaderTimeout = 5 * time.Second
	// IdleTimeout outlasts the 60 s after which common load balancers give up an idle connection: were the server the
	// first to close, a request could already be on its way.
	IdleTimeout = 90 * time.Second
	// MaxHeaderBytes of one request.
	MaxHeaderBytes = 64 << 10
	// responseSlack is what a response may take beyond the request's deadline, so that a handler can still say that the
	// deadline passed.
	responseSlack = 2 * time.Second
	// quietTime without a connection means that clients have gone: those that were sent away and come back do so at once.
	quietTime = 100 * time.Millisecond
)

// Config of a Server.
type Config struct {
	// Address to listen on, such as ":8080".
	Address string
	// Handler of the requests.
	Handler http.Handler
	// RequestTimeout bounds reading a request and writing its response; 0 means unbounded. It does not end a handler by
	// itself: Deadline hands it to the handler's context.
	RequestTimeout time.Duration
	// TLS serves the certificate; nil serves cleartext, HTTP/2 included.
	TLS *tls.Config
	// ErrorLog gets what goes wrong on connections; nil means the standard logger.
	ErrorLog *log.Logger
}

// Server is an http.Server that knows its connections and can tell its clients to leave.
type Server struct {
	http     *http.Server
	listener net.Listener
	leaving  atomic.Bool
	open     atomic.Int64
	changed  chan struct{} // told when the first connection opens and the last one closes
}

// New makes a server that does not listen yet.
func New(config Config) *Server {
	s := &Server{changed: make(chan struct{}, 1)}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(config.TLS == nil)
	s.http = &http.Server{
		Addr:              config.Address,
		Handler:           s.sayGoodbye(config.Handler),
		Protocols:         protocols,
		TLSConfig:         config.TLS,
		ReadHeaderTimeout: ReadHeaderTimeout,
		IdleTimeout:       IdleTimeout,
		MaxHeaderBytes:    MaxHeaderBytes,
		ErrorLog:          config.ErrorLog,
		ConnState:         s.count,
	}
	if config.RequestTimeout > 0 {
		s.http.ReadTimeout = config.RequestTimeout + responseSlack
		s.http.WriteTimeout = config.RequestTimeout + responseSlack
	}
	return s
}

// Listen binds the address. Connections are accepted, and wait, from then on.
func (s *Server) Listen(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.http.Addr)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", s.http.Addr, err)
	}
	s.listener = listener
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

// Leave tells clients to use other connections from now on, while every request is still served: HTTP/1.1 responses say
// Connection: close, HTTP/2 connections get a GOAWAY with their next response. It returns when no connection has been
// open for a moment, but waits at least as long as atLeast and at most as long as atMost or until ctx ends.
//
// Shutdown alone closes idle connections at once, and loses the request that a client is about to send on one.
func (s *Server) Leave(ctx context.Context, atLeast, atMost time.Duration) {
	s.leaving.Store(true)
	earliest := time.NewTimer(atLeast)
	defer earliest.Stop()
	latest := time.NewTimer(max(atLeast, atMost))
	defer latest.Stop()
	select {
	case <-ctx.Done():
		return
	case <-earliest.C:
	}
	for {
		var calm <-chan time.Time // never, while connections are open
		if s.open.Load() == 0 {
			calm = time.After(quietTime)
		}
		select {
		case <-ctx.Done():
			return
		case <-latest.C:
			return
		case <-s.changed:
		case <-calm:
			return
		}
	}
}

// Shutdown stops accepting, closes idle connections and waits for the requests that run. When ctx ends first it closes
// their connections and returns how many it cut, with ctx's error.
func (s *Server) Shutdown(ctx context.Context) (cut int, err error) {
	s.leaving.Store(true)
	if err = s.http.Shutdown(ctx); err == nil {
		return 0, nil
	}
	cut = int(s.open.Load())
	_ = s.http.Close()
	return cut, fmt.Errorf("stopping %s: %w", s.http.Addr, err)
}

// Abandon closes the listener of a server that has not served yet.
func (s *Server) Abandon() {
	if s.listener != nil {
		_ = s.listener.Close()
	}
}

// Connections is the number of open connections.
func (s *Server) Connections() int { return int(s.open.Load()) }

func (s *Server) count(_ net.Conn, state http.ConnState) {
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

func (s *Server) sayGoodbye(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.leaving.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// Deadline gives each request's context the timeout. Its timer starts only when something waits for the context.
func Deadline(timeout time.Duration, next http.Handler) http.Handler {
	if timeout <= 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, r := exchange.Begin(w, r)
		e.LimitTo(e.Start.Add(timeout))
		defer e.Finish()
		next.ServeHTTP(e, r)
	})
}
