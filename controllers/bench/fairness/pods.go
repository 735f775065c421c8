// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/confirm"
)

const (
	// refresh is how long an imitated kubelet takes from a pod's annotation to the refreshed file.
	refresh = 150 * time.Millisecond
	// perSecond requests of each pod.
	perSecond = 100
)

// service is one GoService with its pods.
type service struct {
	name    types.NamespacedName
	silent  bool
	changes int
	pods    []*pod

	mu         sync.Mutex
	configured string
}

func (s *service) configure(revision string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.configured = revision
}

// pod listens on an address of its own.
type pod struct {
	name, ip string
	service  *service
	started  time.Time
	close    func()

	mu      sync.Mutex
	running string
}

func listen(ip string) (net.Listener, error) {
	return net.Listen("tcp", net.JoinHostPort(ip, strconv.Itoa(build.AdminPort)))
}

// silentPod accepts connections, which the kernel does for it, and never answers.
func silentPod(s *service, index int, ip string) (*pod, error) {
	listener, err := listen(ip)
	if err != nil {
		return nil, err
	}
	return &pod{name: fmt.Sprintf("%s-%d", s.name.Name, index), ip: ip, service: s, close: func() { listener.Close() }}, nil
}

// servePod answers as the toolkit does: what it runs, and a page of metrics whose counts go on.
func servePod(s *service, index int, ip string, page []byte) (*pod, error) {
	listener, err := listen(ip)
	if err != nil {
		return nil, err
	}
	p := &pod{name: fmt.Sprintf("%s-%d", s.name.Name, index), ip: ip, service: s, started: time.Now()}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /live-settings", func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		fmt.Fprintf(w, `{"revision":%q}`, p.running)
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(page)
		n := int(perSecond * time.Since(p.started).Seconds())
		fmt.Fprintf(w, "http_server_request_duration_seconds_count{http_route=\"/bench\"} %d\ngoservice_service_seconds_count %d\n"+
			"goservice_service_seconds_sum %f\nprocess_cpu_seconds_total %f\n", n, n, 0.01*float64(n), 0.005*float64(n))
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	p.close = func() { _ = server.Close() }
	return p, nil
}

// nudge stands in for the API server and for the pod's kubelet.
func (b *bench) nudge(_ context.Context, asked confirm.Pod, _ string) error {
	if p, known := b.pods.Load(asked.IP); known {
		time.AfterFunc(refresh, p.(*pod).refresh)
	}
	return nil
}

func (p *pod) refresh() {
	p.service.mu.Lock()
	revision := p.service.configured
	p.service.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = revision
}
