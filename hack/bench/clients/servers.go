// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"time"

	"goservice.dev/operator/hack/bench/internal/child"
	"goservice.dev/operator/workload/app"
)

// server is one that is measured.
type server struct {
	name   string
	binary string
	// sink takes POSTs, proxy leads to the upstream's paths, and work computes; empty where the server has no such thing.
	sink, proxy, work string
	command           func(port, adminPort int) child.Command
}

const (
	workloadName = "workload, its own values"
	bareName     = "net/http alone"
	podinfoName  = "podinfo"
	// workloadMemory is 90 % of the operator's default memory limit of 256 MiB, as GOMEMLIMIT would be in a pod.
	workloadMemory = "GOMEMLIMIT=230MiB"
)

// servers builds them. Without podinfo the benchmark runs all the same, and says so.
func servers(ctx context.Context, s settings, folder, upstream string, progress io.Writer) ([]server, error) {
	fmt.Fprintln(progress, "building the workload")
	binary, err := child.BuildWorkload(ctx, s.root, folder)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	all := []server{{
		name: workloadName, binary: binary, sink: "/proxy/far/sink", proxy: "/proxy/far", work: "/work?cpu=5ms",
		command: func(port, adminPort int) child.Command {
			return child.Command{
				Environment: []string{
					fmt.Sprintf("GOSERVICE_PORT=%d", port), fmt.Sprintf("GOSERVICE_ADMIN_PORT=%d", adminPort), "GOSERVICE_LIVE_SETTINGS_FILE=",
					"GOSERVICE_DRAIN_TIMEOUT=1s", workloadMemory, fmt.Sprintf(`GOSERVICE_UPSTREAMS=[{"name":"far","url":%q}]`, upstream),
				},
				Ready: fmt.Sprintf("http://127.0.0.1:%d/readyz", adminPort),
			}
		},
	}, {
		name: bareName, binary: self, sink: "/proxy/far/sink", proxy: "/proxy/far", work: "/work?cpu=5ms",
		command: func(port, _ int) child.Command {
			address := fmt.Sprintf("127.0.0.1:%d", port)
			return child.Command{Arguments: []string{"-bare", address, "-upstream", upstream}, Environment: []string{workloadMemory}, Ready: "http://" + address + "/"}
		},
	}}
	if s.podinfo == "" {
		return all, nil
	}
	fmt.Fprintln(progress, "building podinfo")
	binary, err = child.BuildPodinfo(ctx, s.podinfo, folder)
	if err != nil {
		fmt.Fprintln(progress, err)
		return all, nil
	}
	return append(all, server{name: podinfoName, binary: binary, sink: "/echo", command: func(port, _ int) child.Command {
		return child.Command{
			Arguments:   []string{fmt.Sprintf("--port=%d", port), "--level=error", "--host=127.0.0.1"},
			Environment: []string{workloadMemory}, Ready: fmt.Sprintf("http://127.0.0.1:%d/readyz", port),
		}
	}}), nil
}

// serveBare serves what the workload does by net/http alone, with the one timeout that everybody sets: the others would cut streams.
func serveBare(ctx context.Context, address, upstream string) error {
	target, err := url.Parse(upstream)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /work", func(w http.ResponseWriter, r *http.Request) {
		cpu, err := time.ParseDuration(r.URL.Query().Get("cpu"))
		if err == nil {
			err = app.Load{CPU: cpu}.Do(r.Context())
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	mux.Handle("/proxy/far/", http.StripPrefix("/proxy/far", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}))
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// upstream is the service that others call through the proxy.
type upstream struct {
	url  string
	http *http.Server
	ends context.CancelFunc
}

// eventEvery is how rarely a stream says something.
const eventEvery = 5 * time.Second

func startUpstream(ctx context.Context) (*upstream, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	mux := http.NewServeMux()
	mux.HandleFunc("/sink", func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprintln(w, n)
	})
	mux.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-ctx.Done():
		}
	})
	mux.HandleFunc("/big", func(w http.ResponseWriter, _ *http.Request) {
		for chunk := make([]byte, 64<<10); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		tick := time.NewTicker(eventEvery)
		defer tick.Stop()
		for {
			_, _ = io.WriteString(w, "data: x\n\n")
			if http.NewResponseController(w).Flush() != nil {
				return
			}
			select {
			case <-tick.C:
			case <-r.Context().Done():
				return
			case <-ctx.Done():
				return
			}
		}
	})
	u := &upstream{url: "http://" + listener.Addr().String(), http: &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}, ends: cancel}
	go func() { _ = u.http.Serve(listener) }()
	return u, nil
}

func (u *upstream) stop() {
	u.ends()
	_ = u.http.Close()
}
