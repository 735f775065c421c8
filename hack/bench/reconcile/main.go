// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command reconcile measures how fast the operator puts many GoServices into force, what that costs the API server, and
// how near that is to the least that it could cost:
//
//	cd hack/bench && KUBEBUILDER_ASSETS=$(../cluster/envtest.sh) go run ./reconcile -n 1000
//
// Each measurement has an API server, an etcd and a store of its own. The real operator runs as a process of its own: the
// GoServices are applied and followed by watches until every child exists and every status speaks of the newest spec; then
// what the operator writes in a minute in which nothing happens is counted. The floor is a bare client that sends the very
// same requests to a server that no operator watches, as many at once, followed by the same watches. Both are measured twice,
// the operator first and then the bare client first, because the second of two is never alike the first; figures are means.
// Requests are counted from the API server's audit log.
//
// No controller-manager runs: there are no pods, and nobody but the operator works. With -monitored the server has the
// definitions of ServiceMonitors and PrometheusRules, with schemas that admit anything; -slo=false leaves the objectives out
// of the GoServices. The operator elects no leader here; its GOMEMLIMIT is that of config/manager.
//
// The last line of its output is made for machines.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// settings are the program's flags.
type settings struct {
	root        string
	services    int
	namespaces  int
	concurrency int
	monitored   bool
	slo         bool
	idle        time.Duration
	timeout     time.Duration
	profiles    string
}

func main() {
	var s settings
	flag.StringVar(&s.root, "root", "../..", "the operator's checkout")
	flag.IntVar(&s.services, "n", 1000, "GoServices to apply")
	flag.IntVar(&s.namespaces, "namespaces", 10, "namespaces that they are spread over")
	flag.IntVar(&s.concurrency, "concurrency", 8, "GoServices that are applied at once, and that the operator, or the bare client in its place, works on at once beside that")
	flag.BoolVar(&s.monitored, "monitored", false, "let the server know ServiceMonitors and PrometheusRules")
	flag.BoolVar(&s.slo, "slo", true, "declare objectives")
	flag.DurationVar(&s.idle, "idle", time.Minute, "how long the operator is watched with nothing to do")
	flag.DurationVar(&s.timeout, "timeout", 30*time.Minute, "when to give up on a measurement")
	flag.StringVar(&s.profiles, "profiles", "", "folder for profiles of the operator; none by default")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench-reconcile:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings, out, progress io.Writer) (err error) {
	if s.services < 1 || s.namespaces < 1 || s.concurrency < 1 {
		return fmt.Errorf("-n, -namespaces and -concurrency must be at least 1")
	}
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		return fmt.Errorf("KUBEBUILDER_ASSETS must name the folder of etcd and kube-apiserver: make bench-reconcile sets it")
	}
	folder, err := os.MkdirTemp("", "bench-reconcile-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	spec, err := readSample(filepath.Join(s.root, "config", "samples", "goservice_minimal.yaml"))
	if err != nil {
		return err
	}
	step(progress, "building the operator")
	binary, err := buildOperator(ctx, s.root, folder)
	if err != nil {
		return err
	}
	if !s.slo {
		delete(spec, "slo")
	}
	result, err := measure(ctx, s, folder, binary, spec, progress)
	if err != nil {
		return err
	}
	return result.write(out)
}

// measure captures what the operator sends for one GoService, and then lets it and the bare client work in both orders.
func measure(ctx context.Context, s settings, folder, binary string, spec map[string]any, progress io.Writer) (*result, error) {
	r := &result{settings: s}
	var t *capturedTemplate
	step(progress, "capturing what the operator sends for one GoService")
	if err := onFreshStore(s, folder, func(client *bareClient, server *server) error {
		operator, err := startOperator(ctx, binary, server, s)
		if err != nil {
			return err
		}
		defer operator.stop()
		if t, err = capture(ctx, client, server, operator, spec); err != nil {
			return operator.explain(err)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	r.children = len(t.children)
	theOperator := func(client *bareClient, server *server) error {
		return r.measureOperator(ctx, client, server, binary, t, progress)
	}
	theFloor := func(client *bareClient, server *server) error {
		return r.measureFloor(ctx, client, server, t, progress)
	}
	for _, measurement := range []func(*bareClient, *server) error{theOperator, theFloor, theFloor, theOperator} {
		if err := onFreshStore(s, folder, measurement); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// onFreshStore calls work with an API server that nobody has used.
func onFreshStore(s settings, folder string, work func(*bareClient, *server) error) (err error) {
	own, err := os.MkdirTemp(folder, "server-")
	if err != nil {
		return err
	}
	server, err := startServer(s, own)
	if err != nil {
		return err
	}
	defer func() {
		if stopErr := server.stop(); err == nil {
			err = stopErr
		}
	}()
	client, err := newBareClient(server.config)
	if err != nil {
		return err
	}
	return work(client, server)
}

func (r *result) measureOperator(ctx context.Context, client *bareClient, server *server, binary string, t *capturedTemplate, progress io.Writer) error {
	s := r.settings
	operator, err := startOperator(ctx, binary, server, s)
	if err != nil {
		return err
	}
	defer operator.stop()
	step(progress, "the operator: %d GoServices, %d children each", s.services, len(t.children))
	operator.startProfile(ctx, min(s.idle, time.Minute))
	p, err := converge(ctx, client, server, operator, t, s)
	if err != nil {
		return operator.explain(err)
	}
	step(progress, "everything is in place after %.1f s; idle for %s", p.took.Seconds(), s.idle)
	select {
	case <-time.After(s.idle):
	case <-ctx.Done():
		return ctx.Err()
	}
	idleUntil := time.Now()
	used, err := operator.memory()
	if err != nil {
		return err
	}
	if used.peak > r.memory.peak {
		r.memory = used
	}
	if r.counters, err = operator.counters(ctx); err != nil {
		return err
	}
	if err := operator.finish(ctx, s.profiles); err != nil {
		return err
	}
	if err := r.running.count(server.auditLog, operatorAgent, p.from, p.until); err != nil {
		return err
	}
	if err := r.idling.count(server.auditLog, operatorAgent, p.until, idleUntil); err != nil {
		return err
	}
	r.operator.add(p)
	return nil
}

func (r *result) measureFloor(ctx context.Context, client *bareClient, server *server, t *capturedTemplate, progress io.Writer) error {
	step(progress, "the floor: a bare client sends the same")
	p, err := floor(ctx, client, server, t, r.settings)
	if err != nil {
		return err
	}
	step(progress, "that took %.1f s", p.took.Seconds())
	if err := r.bare.count(server.auditLog, bareAgent, p.from, p.until); err != nil {
		return err
	}
	r.floor.add(p)
	return nil
}

func step(progress io.Writer, format string, values ...any) {
	fmt.Fprintf(progress, "▸ "+format+"\n", values...)
}
