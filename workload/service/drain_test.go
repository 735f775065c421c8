// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"goservice.dev/operator/workload/service"
)

// Clients that use their connections over and over lose nothing when the service stops: a response sends each of them away.
// As in a cluster, new connections go to another instance by then.
func TestDrainLosesNoRequest(t *testing.T) {
	for name, c := range map[string]struct {
		set    func(*http.Protocols)
		http2  bool
		shared bool // all clients use one connection at a time
	}{
		"HTTP/1.1":                      {func(p *http.Protocols) { p.SetHTTP1(true) }, false, false},
		"HTTP/2":                        {func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }, true, false},
		"HTTP/2, all on one connection": {func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			old, other := start(t, nil, helloRoute), start(t, nil, helloRoute)
			var current atomic.Pointer[string]
			oldAddress, otherAddress := "127.0.0.1:"+port(old.Address()), "127.0.0.1:"+port(other.Address())
			current.Store(&oldAddress)
			var served atomic.Int64
			ctx, stop := context.WithCancel(t.Context())
			var clients sync.WaitGroup
			connect := func() *http.Transport {
				protocols := new(http.Protocols)
				c.set(protocols)
				return &http.Transport{Protocols: protocols, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
					return new(net.Dialer).DialContext(ctx, network, *current.Load())
				}}
			}
			common := connect()
			defer common.CloseIdleConnections()
			for range 8 {
				clients.Go(func() {
					transport := common
					if !c.shared {
						transport = connect()
						defer transport.CloseIdleConnections()
					}
					for ctx.Err() == nil {
						err := postOnce(transport)
						if c.http2 && unsent(err) {
							continue
						}
						if err != nil {
							t.Errorf("after %d requests: %v", served.Load(), err)
							return
						}
						served.Add(1)
					}
				})
			}
			wait := func(until int64) {
				for served.Load() < until && !t.Failed() {
					runtime.Gosched()
				}
			}
			wait(500)
			current.Store(&otherAddress)
			if err := old.finish(); err != nil {
				t.Error(err)
			}
			wait(served.Load() + 500)
			stop()
			clients.Wait()
		})
	}
}

// unsent reports whether Go's client gave up over HTTP/2 before it sent anything: it had chosen a connection, learned that this one
// takes no more requests, and had closed the body by then, unread. No server can mend that, and none has seen the request.
func unsent(err error) bool {
	return err != nil && strings.Contains(err.Error(), "cannot rewind body after connection loss")
}

// postOnce sends a request that no client repeats by itself: it is a POST whose body can be read only once.
func postOnce(transport *http.Transport) error {
	request, err := http.NewRequest(http.MethodPost, "http://service/hello", io.NopCloser(strings.NewReader("x")))
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", response.StatusCode)
	}
	return nil
}

func TestDrainInOrder(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	r := start(t, nil, func(svc *service.Service) {
		svc.HandleFunc("GET /long", func(w http.ResponseWriter, _ *http.Request) {
			close(begun)
			<-release
			_, _ = io.WriteString(w, "whole")
		})
	})
	admin, url := r.admin(""), r.url("/long")
	answered := make(chan string, 1)
	go func() {
		_, body, _ := r.get(url)
		answered <- body
	}()
	<-begun
	r.stop()
	for { // not ready at once, alive and measured until the end
		status, body, _ := r.get(admin + "/readyz")
		if status == http.StatusServiceUnavailable && body == "draining\n" {
			break
		}
	}
	if status, _, _ := r.get(admin + "/livez"); status != http.StatusOK {
		t.Errorf("/livez while draining: %d", status)
	}
	if status, body, _ := r.get(admin + "/metrics"); status != http.StatusOK || !strings.Contains(body, "goservice_pool_busy 1") {
		t.Errorf("/metrics while draining: %d", status)
	}
	close(release)
	if got := <-answered; got != "whole" {
		t.Errorf("the request that ran was answered with %q", got)
	}
	if err := r.finish(); err != nil {
		t.Error(err)
	}
	if line := r.log.String(); !strings.Contains(line, "settle") || !strings.Contains(line, `"cut":0`) {
		t.Errorf("log: %s", line)
	}
}

func TestDrainCutsAtTheEndOfItsBudget(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	r := start(t, map[string]string{"GOSERVICE_DRAIN_TIMEOUT": "200ms"}, func(svc *service.Service) {
		svc.HandleFunc("GET /stuck", func(http.ResponseWriter, *http.Request) {
			close(begun)
			<-release
		})
	})
	url := r.url("/stuck")
	failed := make(chan error, 1)
	go func() {
		response, err := r.client.Get(url)
		if err == nil {
			_ = response.Body.Close()
		}
		failed <- err
	}()
	<-begun
	err := r.finish()
	close(release)
	if err == nil || !strings.Contains(err.Error(), "cut at the end of 200ms") {
		t.Errorf("%v, want how much was cut", err)
	}
	if <-failed == nil {
		t.Error("the request was answered although it was cut")
	}
}

// What a drain cuts are requests, and work of the pool that is none: a request that holds no worker must not hide such work.
func TestAJobThatIsCutIsCountedBesideARequestWithoutAWorker(t *testing.T) {
	for name, option := range map[string]service.RouteOption{
		"a request with a worker":    service.Priority(service.Normal),
		"a request without a worker": service.Unpooled(),
		"an exempt request":          service.Exempt(),
	} {
		t.Run(name, func(t *testing.T) {
			begun, release := make(chan struct{}), make(chan struct{})
			r := start(t, map[string]string{"GOSERVICE_DRAIN_TIMEOUT": "200ms"}, func(svc *service.Service) {
				svc.HandleFunc("GET /stuck", func(http.ResponseWriter, *http.Request) {
					close(begun)
					<-release
				}, option)
			})
			if err := r.Pool().Acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
			url, failed := r.url("/stuck"), make(chan error, 1)
			go func() {
				response, err := r.client.Get(url)
				if err == nil {
					_ = response.Body.Close()
				}
				failed <- err
			}()
			<-begun
			err := r.finish()
			close(release)
			r.Pool().Release()
			if err == nil || !strings.Contains(err.Error(), "2 requests or jobs were cut") {
				t.Errorf("%v, want that the request and the job were cut", err)
			}
			if <-failed == nil {
				t.Error("the request was answered although it was cut")
			}
		})
	}
}
