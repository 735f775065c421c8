// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command reconcile measures how fast the operator puts many GoServices into force, what that costs the API server, and
// how near that is to the least that it could cost:
//
//	cd hack/bench && KUBEBUILDER_ASSETS=$(../cluster/envtest.sh) go run ./reconcile -n 1000
//
// It starts an API server and an etcd of its own and the real operator as a process of its own, applies the GoServices and
// follows by watches until every child exists and every status speaks of the newest spec. Then it counts what the operator
// writes in a minute in which nothing happens, stops the operator, and lets a bare client send the very same requests to the
// same server: the floor. Requests are counted from the API server's audit log.
//
// No controller-manager runs: there are no pods, and nobody but the operator works. The only definition that the server has
// beside Kubernetes' own is that of GoServices, so no ServiceMonitors are made. The operator elects no leader here.
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
	idle        time.Duration
	timeout     time.Duration
	profiles    string
}

func main() {
	var s settings
	flag.StringVar(&s.root, "root", "../..", "the operator's checkout")
	flag.IntVar(&s.services, "n", 1000, "GoServices to apply")
	flag.IntVar(&s.namespaces, "namespaces", 10, "namespaces that they are spread over")
	flag.IntVar(&s.concurrency, "concurrency", 8, "GoServices that the operator, and the bare client, work on at once")
	flag.DurationVar(&s.idle, "idle", time.Minute, "how long the operator is watched with nothing to do")
	flag.DurationVar(&s.timeout, "timeout", 10*time.Minute, "when to give up")
	flag.StringVar(&s.profiles, "profiles", "", "folder for profiles of the operator; none by default")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, s.timeout+s.idle)
	defer cancel()
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
	step(progress, "starting etcd and kube-apiserver")
	server, err := startServer(s.root, folder)
	if err != nil {
		return err
	}
	defer func() {
		if stopErr := server.stop(); err == nil {
			err = stopErr
		}
	}()
	result, err := measure(ctx, s, server, binary, spec, progress)
	if err != nil {
		return err
	}
	return result.write(out)
}

// measure runs the phases one after another.
func measure(ctx context.Context, s settings, server *server, binary string, spec map[string]any, progress io.Writer) (*result, error) {
	client, err := newBareClient(server.config)
	if err != nil {
		return nil, err
	}
	operator, err := startOperator(ctx, binary, server, s)
	if err != nil {
		return nil, err
	}
	defer operator.stop()
	r := &result{settings: s}

	step(progress, "capturing what the operator sends for one GoService")
	template, err := capture(ctx, client, server, operator, spec)
	if err != nil {
		return nil, operator.explain(err)
	}
	step(progress, "%d GoServices, %d children each", s.services, len(template.children))
	before, err := operator.counters(ctx)
	if err != nil {
		return nil, err
	}
	operator.startProfile(ctx, min(s.idle, time.Minute))
	if r.operator, err = converge(ctx, client, server, operator, template, s); err != nil {
		return nil, operator.explain(err)
	}
	step(progress, "everything is in place after %.1f s; idle for %s", r.operator.took.Seconds(), s.idle)
	select {
	case <-time.After(s.idle):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	idleUntil := time.Now()
	if r.memory, err = operator.memory(); err != nil {
		return nil, err
	}
	if r.counters, err = operator.counters(ctx); err != nil {
		return nil, err
	}
	r.counters.subtract(before)
	if err := operator.finish(ctx, s.profiles); err != nil {
		return nil, err
	}
	step(progress, "the floor: a bare client sends the same")
	if r.floor, err = floor(ctx, client, server, template, s); err != nil {
		return nil, err
	}
	r.children = len(template.children)
	if r.running, err = countRequests(server.auditLog, operatorAgent, r.operator.from, r.operator.until); err != nil {
		return nil, err
	}
	if r.idling, err = countRequests(server.auditLog, operatorAgent, r.operator.until, idleUntil); err != nil {
		return nil, err
	}
	if r.bare, err = countRequests(server.auditLog, bareAgent, r.floor.from, r.floor.until); err != nil {
		return nil, err
	}
	return r, nil
}

func step(progress io.Writer, format string, values ...any) {
	fmt.Fprintf(progress, "▸ "+format+"\n", values...)
}
