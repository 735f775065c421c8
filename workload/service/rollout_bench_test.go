// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"goservice.dev/operator/workload/service"
)

// BenchmarkRollout stops an instance while eight clients POST over one HTTP/2 connection at a time, and another instance takes
// new connections. Their bodies can be sent once only. It reports how many requests a rollout loses, with the toolkit and with a
// bare http.Server that is shut down, and how many Go's client gave up before it sent anything, which no server can mend.
func BenchmarkRollout(b *testing.B) {
	bare := func() (address string, stop func()) {
		server := &http.Server{Protocols: new(http.Protocols), Handler: http.HandlerFunc(hello)}
		server.Protocols.SetUnencryptedHTTP2(true)
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		go func() { _ = server.Serve(listener) }()
		return listener.Addr().String(), func() { _ = server.Shutdown(context.Background()) }
	}
	chain := func() (address string, stop func()) {
		svc := service.New(service.WithLog(io.Discard), service.WithEnvironment(map[string]string{
			"GOSERVICE_PORT": "0", "GOSERVICE_ADMIN_PORT": "0", "GOSERVICE_LIVE_SETTINGS_FILE": "",
		}))
		svc.HandleFunc("/hello", hello)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = svc.Serve(ctx)
		}()
		return "127.0.0.1:" + port(svc.Address()), func() { cancel(); <-ended }
	}
	for name, begin := range map[string]func() (string, func()){"bare": bare, "chain": chain} {
		b.Run(name, func(b *testing.B) {
			var lost, unsentByClient, served atomic.Int64
			for b.Loop() {
				rollout(b, begin, &lost, &unsentByClient, &served)
			}
			b.ReportMetric(float64(served.Load())/float64(b.N), "served/rollout")
			b.ReportMetric(float64(lost.Load())/float64(b.N), "lost/rollout")
			b.ReportMetric(float64(unsentByClient.Load())/float64(b.N), "unsent/rollout")
		})
	}
}

func rollout(b *testing.B, begin func() (string, func()), lost, unsentByClient, served *atomic.Int64) {
	b.Helper()
	old, stopOld := begin()
	other, stopOther := begin()
	defer stopOther()
	var current atomic.Pointer[string]
	current.Store(&old)
	transport := &http.Transport{Protocols: new(http.Protocols), DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, *current.Load())
	}}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	ctx, stop := context.WithCancel(b.Context())
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for ctx.Err() == nil {
				switch err := postOnce(transport); {
				case err == nil:
					served.Add(1)
				case unsent(err):
					unsentByClient.Add(1)
				default:
					lost.Add(1)
				}
			}
		})
	}
	<-time.After(200 * time.Millisecond)
	current.Store(&other)
	stopOld()
	<-time.After(100 * time.Millisecond)
	stop()
	clients.Wait()
}
