// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goservice.dev/operator/workload/internal/exchange"
)

// piped is a network within a test, whose time stands still while nothing happens.
type piped struct {
	connections chan net.Conn
	closed      chan struct{}
}

func (p *piped) Accept() (net.Conn, error) {
	select {
	case connection := <-p.connections:
		return connection, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *piped) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *piped) Addr() net.Addr { return &net.TCPAddr{} }

func (p *piped) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	p.connections <- server
	return client, nil
}

const timeout = 10 * time.Second

// between runs a test with a server of the handler and a client of each protocol.
func between(t *testing.T, handler http.HandlerFunc, test func(t *testing.T, client *http.Client)) {
	t.Helper()
	for name, set := range map[string]func(*http.Protocols){
		"HTTP/1.1": func(p *http.Protocols) { p.SetHTTP1(true) },
		"HTTP/2":   func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := &piped{connections: make(chan net.Conn), closed: make(chan struct{})}
				s := New(Config{Handler: Deadline(timeout, handler), RequestTimeout: timeout})
				s.listener = network
				served := make(chan error, 1)
				go func() { served <- s.Serve() }()
				transport := &http.Transport{Protocols: new(http.Protocols), DialContext: network.dial}
				set(transport.Protocols)
				test(t, &http.Client{Transport: transport})
				transport.CloseIdleConnections()
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				defer cancel()
				if cut, err := s.Shutdown(ctx); cut != 0 || err != nil {
					t.Errorf("%d cut, %v", cut, err)
				}
				if err := <-served; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// hold is a handler that holds a worker and reads the body, which a slow client makes it fail to.
func hold(w http.ResponseWriter, r *http.Request) {
	exchange.From(r.Context()).Hold(func() {})
	n, err := io.Copy(io.Discard, r.Body)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.WriteHeader(http.StatusRequestTimeout)
	case err != nil || r.Context().Err() != nil:
		w.WriteHeader(http.StatusInternalServerError)
	default:
		w.Header().Set("Read", time.Duration(n).String())
	}
}

// slowly is a body of size bytes that comes in pieces, or not at all after the first one.
type slowly struct {
	size, piece int
	every       time.Duration
	stalls      bool
	closed      chan struct{}
}

func (s *slowly) Read(p []byte) (int, error) {
	if s.size == 0 {
		return 0, io.EOF
	}
	wait := time.After(s.every)
	if s.stalls {
		wait = nil
	}
	s.stalls = s.stalls || s.every == 0
	select {
	case <-wait:
	case <-s.closed:
		return 0, io.ErrClosedPipe
	}
	n := min(len(p), s.piece, s.size)
	s.size -= n
	return n, nil
}

func (s *slowly) Close() error {
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	return nil
}

func TestBodiesAreGivenTheTimeThatTheyTakeAsLongAsTheyMakeProgress(t *testing.T) {
	for name, c := range map[string]struct {
		size, piece int
		every       time.Duration
		status      int
	}{
		"4 MiB at 16 KiB/s take 256 s":                           {4 << 20, 16 << 10, time.Second, http.StatusOK},
		"a large body that hardly comes while it holds a worker": {4 << 20, 1 << 10, time.Second, http.StatusRequestTimeout},
		"a large body that stops":                                {4 << 20, 1 << 10, 0, http.StatusRequestTimeout},
		"a small body that stops":                                {4 << 10, 1 << 10, 0, http.StatusRequestTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			between(t, hold, func(t *testing.T, client *http.Client) {
				body := &slowly{size: c.size, piece: c.piece, every: c.every, closed: make(chan struct{})}
				defer func() { _ = body.Close() }()
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://service/", body)
				if err != nil {
					t.Fatal(err)
				}
				request.ContentLength = int64(c.size)
				begin := time.Now()
				response, err := client.Do(request)
				if err != nil {
					t.Fatalf("after %s: %v, want a response", time.Since(begin), err)
				}
				_ = response.Body.Close()
				if response.StatusCode != c.status {
					t.Errorf("status %d after %s, want %d", response.StatusCode, time.Since(begin), c.status)
				}
				if c.status != http.StatusOK && time.Since(begin) > 30*time.Second {
					t.Errorf("answered after %s", time.Since(begin))
				}
			})
		})
	}
}

func TestDownloadsAreGivenTheTimeThatTheyTakeAsLongAsTheyMakeProgress(t *testing.T) {
	const size = 4 << 20
	between(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := w.Write(make([]byte, size)); err != nil || r.Context().Err() != nil {
			t.Errorf("%v, context %v", err, r.Context().Err())
		}
	}, func(t *testing.T, client *http.Client) {
		response, err := client.Get("http://service/")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		begin, piece, all := time.Now(), make([]byte, 32<<10), 0
		for {
			time.Sleep(2 * time.Second) // 16 KiB/s
			n, err := io.ReadFull(response.Body, piece)
			all += n
			if err != nil {
				break
			}
		}
		if took := time.Since(begin); all != size || took < 3*time.Minute {
			t.Errorf("%d bytes in %s", all, took)
		}
	})
}

func TestAReaderThatStopsDoesNotKeepItsHandler(t *testing.T) {
	var ended atomic.Bool // a channel would have to be of the test's bubble
	between(t, func(w http.ResponseWriter, _ *http.Request) {
		_, err := w.Write(make([]byte, 64<<20))
		ended.Store(err != nil)
	}, func(t *testing.T, client *http.Client) {
		response, err := client.Get("http://service/")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		time.Sleep(exchange.IdleTimeout - time.Second)
		if ended.Load() {
			t.Error("the handler was not given its time")
		}
		time.Sleep(2 * time.Second)
		if !ended.Swap(false) {
			t.Error("the handler still writes")
		}
	})
}

func TestAnIdleStreamLastsForHours(t *testing.T) {
	between(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		control := http.NewResponseController(w)
		for range 3 {
			if _, err := io.WriteString(w, "data: tick\n\n"); err != nil || control.Flush() != nil || r.Context().Err() != nil {
				t.Errorf("%v, context %v", err, r.Context().Err())
			}
			time.Sleep(time.Hour)
		}
	}, func(t *testing.T, client *http.Client) {
		response, err := client.Get("http://service/")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if body, err := io.ReadAll(response.Body); len(body) != 36 || err != nil {
			t.Errorf("%q %v", body, err)
		}
	})
}

// A server of HTTP/1.1 reads what a handler has left of the body before it answers, in which the handler's deadlines have no part.
func TestAResponseWaitsForABodyThatNobodyReadsForAWhileOnly(t *testing.T) {
	for name, size := range map[string]int{"short response": 10, "long response": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			between(t, func(w http.ResponseWriter, _ *http.Request) {
				began := time.Now()
				_, _ = w.Write(make([]byte, size))
				if took := time.Since(began); took > exchange.IdleTimeout {
					t.Errorf("written after %s", took)
				}
			}, func(t *testing.T, client *http.Client) {
				body := &slowly{size: 100_000, piece: 1, stalls: true, closed: make(chan struct{})}
				defer time.AfterFunc(2*exchange.IdleTimeout, func() { _ = body.Close() }).Stop() // the client waits for it
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://service/", body)
				if err != nil {
					t.Fatal(err)
				}
				request.ContentLength = int64(body.size)
				response, err := client.Do(request)
				if err != nil {
					if size < 1<<10 {
						t.Error(err)
					}
					return
				}
				_ = response.Body.Close()
				_ = body.Close()
			})
		})
	}
}

// A stream that begins after the others were cut would otherwise last for as long as the process.
func TestAStreamThatBeginsAfterTheOthersWereCutIsCutToo(t *testing.T) {
	s := New(Config{})
	s.cutting.Store(true)
	s.requests.Add(1)
	e, _ := exchange.Begin(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	e.Own(s)
	e.Stream()
	if !e.WasCut() || e.Err() == nil || s.StreamsCut() != 1 {
		t.Errorf("cut: %t, its context: %v, %d are counted", e.WasCut(), e.Err(), s.StreamsCut())
	}
	e.Finish()
	if s.Streams() != 0 || s.Requests() != 0 {
		t.Errorf("%d streams and %d requests are left", s.Streams(), s.Requests())
	}
}

// net/http forgets a handler whose client has closed its stream of HTTP/2. A stop waits for it all the same: what it does is not undone.
func TestAStopWaitsForHandlersWhoseClientsHaveLeft(t *testing.T) {
	for name, set := range map[string]func(*http.Protocols){
		"HTTP/1.1": func(p *http.Protocols) { p.SetHTTP1(true) },
		"HTTP/2":   func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var done atomic.Bool
				network := &piped{connections: make(chan net.Conn), closed: make(chan struct{})}
				s := New(Config{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
					time.Sleep(10 * time.Second)
					done.Store(true)
				})})
				s.listener = network
				served := make(chan error, 1)
				go func() { served <- s.Serve() }()
				transport := &http.Transport{Protocols: new(http.Protocols), DialContext: network.dial}
				set(transport.Protocols)
				ctx, leave := context.WithTimeout(t.Context(), time.Second)
				defer leave()
				request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://service/", http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := transport.RoundTrip(request); !errors.Is(err, context.DeadlineExceeded) { //nolint:bodyclose // there is none
					t.Fatal(err)
				}
				transport.CloseIdleConnections()
				if cut, err := s.Shutdown(t.Context()); cut != 0 || err != nil || !done.Load() {
					t.Errorf("%d cut, %v, the handler is done: %t", cut, err, done.Load())
				}
				if err := <-served; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
