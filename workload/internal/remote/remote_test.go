// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package remote

import (
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"goservice.dev/operator/workload/internal/abilities"
	"goservice.dev/operator/workload/internal/peers"
)

// pod runs a handler for others.
type pod struct {
	handler http.Handler
	busy    atomic.Bool
	free    atomic.Bool // also for calls for which no worker was kept
	ran     atomic.Int64
	dropped atomic.Int64
}

func (p *pod) Claim(uint64) bool              { return !p.busy.Load() }
func (p *pod) Drop(uint64)                    { p.dropped.Add(1) }
func (p *pod) Accept() bool                   { return p.free.Load() }
func (p *pod) Invites() (bool, time.Duration) { return p.free.Load(), time.Second }

func (p *pod) Serve(_ *Incoming, w http.ResponseWriter, r *http.Request) {
	p.ran.Add(1)
	p.handler.ServeHTTP(w, r)
}

// linked are the calls of two pods over a link of loopback, the second of which runs them.
func linked(t testing.TB, host Host) (from, to *Calls) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	one, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	other, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return joined(t, one, other, host)
}

// joined are the two ends of a link over connections that are there.
func joined(t testing.TB, one, other net.Conn, host Host) (from, to *Calls) {
	t.Helper()
	a, b := peers.NewLink(one), peers.NewLink(other)
	from, to = NewCalls(a, nil), NewCalls(b, host)
	ended := make(chan struct{}, 2)
	run := func(l *peers.Link, calls *Calls) {
		calls.Break(l.Run(calls.Handle))
		ended <- struct{}{}
	}
	go run(a, from)
	go run(b, to)
	t.Cleanup(func() {
		a.Close()
		<-ended
		<-ended
	})
	return from, to
}

// through hands every request over.
func through(t *testing.T, calls *Calls) http.Handler {
	var ids atomic.Uint64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		outcome, err := calls.Do(w, r, ids.Add(1), HeadOf(r), Options{Client: r.Context()})
		if err != nil && !errors.Is(err, peers.ErrClosed) { // the test may be over
			t.Error(err)
		}
		if outcome.Aborted {
			panic(http.ErrAbortHandler)
		}
	})
}

// What net/http's own response writer can do, it can do in another pod.
func TestHandlersCanDoInAnotherPodWhatTheyCanDoWhereTheClientIs(t *testing.T) {
	for name, one := range abilities.All {
		if one.Hijacks { // upgrades do not move
			continue
		}
		t.Run(name, func(t *testing.T) {
			abilities.Compare(t, one, func(t *testing.T, handler http.Handler) string {
				from, _ := linked(t, &pod{handler: handler})
				return abilities.Alone(t, through(t, from))
			})
		})
	}
}
