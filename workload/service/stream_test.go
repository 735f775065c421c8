// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/server"
	"goservice.dev/operator/workload/service"
)

// events is a stream that says goodbye when it is told to.
func events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	_, _ = io.WriteString(w, "data: hello\n\n")
	_ = control.Flush()
	select {
	case <-service.Draining(r.Context()):
		_, _ = io.WriteString(w, "data: goodbye\n\n")
	case <-r.Context().Done():
	}
}

// stubborn is a stream that ends with its context only, and tells why that ended.
func stubborn(cause chan<- error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		cause <- context.Cause(r.Context())
	}
}

// dial sends a request by hand and returns what comes back, line by line.
func (r *running) dial(request string) (net.Conn, *bufio.Reader) {
	r.t.Helper()
	connection, err := net.Dial("tcp", "127.0.0.1:"+port(r.Address()))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = connection.Close() })
	if _, err := io.WriteString(connection, request); err != nil {
		r.t.Fatal(err)
	}
	return connection, bufio.NewReader(connection)
}

// eventually waits for a metric.
func (r *running) eventually(line string) {
	r.t.Helper()
	for !r.metric(line) { // the test's own time limit ends this
		runtime.Gosched()
	}
}

// A stream lasts beyond the deadline, leaves its worker to others, counts apart, and is told when the service stops.
func TestAStreamHoldsNoWorkerAndEndsWellInADrain(t *testing.T) {
	r := start(t, map[string]string{"GOSERVICE_REQUEST_TIMEOUT": "100ms"}, func(svc *service.Service) {
		svc.HandleFunc("GET /events", events)
		helloRoute(svc)
	})
	r.tune(livesettings.Document{Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1, QueueDepth: 0}})
	response, err := r.client.Get(r.url("/events"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	r.eventually(`goservice_streams_active{http_route="/events"} 1`)
	if status, body, _ := r.get(r.url("/hello")); status != http.StatusOK {
		t.Errorf("the only worker is not free: %d %s", status, body)
	}
	for _, line := range []string{
		"http_server_active_requests 0", "goservice_pool_busy 0", "goservice_service_seconds_count 2",
		`http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",http_route="/events"} 1`,
		`http_server_request_duration_seconds_bucket{http_request_method="GET",http_response_status_code="200",http_route="/events",le="10"} 1`,
	} {
		if !r.metric(line) {
			t.Errorf("no %s", line)
		}
	}
	if err := r.finish(); err != nil {
		t.Error(err)
	}
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "data: hello\n\ndata: goodbye\n\n" {
		t.Errorf("%q %v", body, err)
	}
	if log := r.log.String(); !strings.Contains(log, `"streams":1`) || !strings.Contains(log, `"streams_closed":0`) {
		t.Errorf("log: %s", log)
	}
}

// What has no end of its own is closed at the end of the drain, and that is no failure of it.
func TestStreamsThatGoOnAreClosedAtTheEndOfTheDrain(t *testing.T) {
	cause := make(chan error, 1)
	began := make(chan struct{})
	r := start(t, map[string]string{"GOSERVICE_DRAIN_TIMEOUT": "1s"}, func(svc *service.Service) {
		svc.HandleFunc("GET /events", stubborn(cause))
		svc.HandleFunc("GET /socket", func(w http.ResponseWriter, _ *http.Request) {
			connection, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(connection, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
			close(began) // and return: the connection goes on without its handler
		})
	})
	_, events := r.dial("GET /events HTTP/1.1\r\nHost: x\r\n\r\n")
	_, socket := r.dial("GET /socket HTTP/1.1\r\nHost: x\r\n\r\n")
	<-began
	r.eventually(`goservice_streams_active{http_route="/events"} 1`)
	r.eventually(`goservice_streams_active{http_route="/socket"} 1`)
	if !r.metric(`http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="101",http_route="/socket"} 1`) {
		t.Error("the upgrade is not counted as one")
	}
	if err := r.finish(); err != nil {
		t.Errorf("%v, want a clean end", err)
	}
	if err := <-cause; !errors.Is(err, server.ErrStopped) {
		t.Errorf("the context ended because of %v", err)
	}
	for name, reader := range map[string]*bufio.Reader{"events": events, "socket": socket} {
		if all, err := io.ReadAll(reader); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: %q %v, want the end of the connection", name, all, err)
		}
	}
	if log := r.log.String(); !strings.Contains(log, `"cut":0`) || !strings.Contains(log, `"streams":2`) || !strings.Contains(log, `"streams_closed":1`) {
		t.Errorf("log: %s", log) // the events ended by themselves when their context did
	}
}

func TestASocketIsCountedUntilItsConnectionIsClosed(t *testing.T) {
	r := start(t, nil, func(svc *service.Service) {
		svc.HandleFunc("GET /socket", func(w http.ResponseWriter, _ *http.Request) {
			connection, buffer, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			go func() {
				defer connection.Close()
				_, _ = buffer.ReadByte()
			}()
		})
	})
	connection, _ := r.dial("GET /socket HTTP/1.1\r\nHost: x\r\n\r\n")
	r.eventually(`goservice_streams_active{http_route="/socket"} 1`)
	_ = connection.Close()
	r.eventually(`goservice_streams_active{http_route="/socket"} 0`)
	r.eventually(`goservice_stream_seconds_count{end="completed",http_route="/socket"} 1`)
}

func TestALongPollHasAllTheTimeThatItAsksFor(t *testing.T) {
	release := make(chan struct{})
	for _, proto := range []func(*http.Protocols){
		func(p *http.Protocols) { p.SetHTTP1(true) }, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
	} {
		r := start(t, map[string]string{"GOSERVICE_REQUEST_TIMEOUT": "1ms"}, func(svc *service.Service) {
			svc.HandleFunc("GET /poll", func(w http.ResponseWriter, req *http.Request) {
				service.Stream(req)
				select {
				case <-release:
					_, _ = io.WriteString(w, "news")
				case <-req.Context().Done():
					t.Errorf("ended: %v", req.Context().Err())
				}
			})
		})
		transport := &http.Transport{Protocols: new(http.Protocols)}
		proto(transport.Protocols)
		r.client = &http.Client{Transport: transport}
		answered := make(chan string, 1)
		url := r.url("/poll")
		go func() {
			_, body, _ := r.get(url)
			answered <- body
		}()
		poller := &running{Service: r.Service, t: t, client: &http.Client{Transport: &http.Transport{}}}
		poller.eventually(`goservice_streams_active{http_route="/poll"} 1`)
		// The server would have cut it 5 s and a millisecond after it began; that is tested with a clock in internal/exchange.
		release <- struct{}{}
		if body := <-answered; body != "news" {
			t.Errorf("answered %q", body)
		}
		transport.CloseIdleConnections()
		poller.client.CloseIdleConnections()
	}
}

// One handler that does not end is one request, whatever it holds; requests of one HTTP/2 connection are as many as there are.
func TestADrainCountsRequestsOnce(t *testing.T) {
	for name, c := range map[string]struct {
		requests int
		set      func(*http.Protocols)
	}{
		"one of HTTP/1.1": {1, func(p *http.Protocols) { p.SetHTTP1(true) }},
		"three of HTTP/2": {3, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }},
	} {
		t.Run(name, func(t *testing.T) {
			began, release := make(chan struct{}, c.requests), make(chan struct{})
			r := start(t, map[string]string{"GOSERVICE_DRAIN_TIMEOUT": "300ms"}, func(svc *service.Service) {
				svc.HandleFunc("GET /stuck", func(http.ResponseWriter, *http.Request) {
					began <- struct{}{}
					<-release
				})
			})
			transport := &http.Transport{Protocols: new(http.Protocols)}
			c.set(transport.Protocols)
			defer transport.CloseIdleConnections()
			url := r.url("/stuck")
			for range c.requests {
				go func() {
					if response, err := (&http.Client{Transport: transport}).Get(url); err == nil {
						_ = response.Body.Close()
					}
				}()
			}
			for range c.requests {
				<-began
			}
			err := r.finish()
			close(release)
			if want := fmt.Sprintf("%d requests or jobs were cut", c.requests); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%v, want %s", err, want)
			}
		})
	}
}

// The shorter bound of one route holds also when the request has waited for a worker, which starts the timer of the longer one.
func TestADeadlineWithinADeadlineHoldsAfterAWait(t *testing.T) {
	began, release, outcome := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	r := start(t, map[string]string{"GOSERVICE_REQUEST_TIMEOUT": "1h"}, func(svc *service.Service) {
		svc.HandleFunc("GET /hold", func(http.ResponseWriter, *http.Request) { close(began); <-release })
		svc.Handle("GET /short", server.Deadline(10*time.Millisecond, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done() // the test's own time limit ends this
			outcome <- r.Context().Err()
		})))
	})
	r.tune(livesettings.Document{Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1, QueueDepth: 10}})
	_, _ = r.dial("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
	<-began
	_, _ = r.dial("GET /short HTTP/1.1\r\nHost: x\r\n\r\n")
	r.eventually("goservice_pool_queued 1")
	close(release)
	if err := <-outcome; !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// A response of a request that began before the service stopped sends its connection away as well.
func TestResponsesSayThatTheConnectionEndsAlsoIfTheirRequestBeganBefore(t *testing.T) {
	began, release := make(chan struct{}), make(chan struct{})
	for _, write := range []bool{true, false} {
		r := start(t, nil, func(svc *service.Service) {
			svc.HandleFunc("GET /long", func(w http.ResponseWriter, r *http.Request) {
				began <- struct{}{}
				<-service.Draining(r.Context())
				<-release
				if write {
					_, _ = io.WriteString(w, "done")
				}
			})
		})
		_, reader := r.dial("GET /long HTTP/1.1\r\nHost: x\r\n\r\n")
		<-began
		r.stop()
		release <- struct{}{}
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if !response.Close {
			t.Errorf("the connection is kept (written: %t)", write)
		}
	}
}
