// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"goservice.dev/operator/workload/panics"
)

// backgroundGrace is what work gets to return in, once the drain's time for it is over.
const backgroundGrace = 50 * time.Millisecond

// errDrainOver is why the context of work ends that did not end by itself during the drain.
var errDrainOver = errors.New("the time for draining is over")

// GoOption changes how one piece of background work is treated.
type GoOption func(*work)

// Essential work ends the service when it fails: the service drains, and Serve returns the failure.
// An error in the drain is returned, too.
func Essential() GoOption { return func(w *work) { w.essential = true } }

// StopLast tells the work to stop only when the last request and job has ended, for work that they hand things to, such as a
// relay of events. Without it, work is told as soon as the drain begins.
func StopLast() GoOption { return func(w *work) { w.last = true } }

type work struct {
	name            string
	run             func(context.Context) error
	essential, last bool
}

// Go runs work beside the requests, such as a consumer or a periodic task. It starts when the OnStart hooks are through, or at
// once in a service that serves already, and takes part in the drain: its context ends when the drain begins (StopLast: after
// the last request), and the drain waits for it. What it has at hand it finishes with the context of WhileDraining. Work that
// has not returned when the drain's time is over counts as cut.
//
// Work that returns an error or panics is logged and counted (goservice_background_failures_total); the service goes on
// without it, unless the work is Essential. Once told to stop, an error that is the context's own is not a failure. Work that
// is given after the drain began is called with an ended context.
func (s *Service) Go(name string, run func(ctx context.Context) error, options ...GoOption) {
	w := &work{name: name, run: run}
	for _, option := range options {
		option(w)
	}
	s.background.add(w)
}

// background is all work that runs beside the requests.
type background struct {
	failed func(w *work, err error)
	broken chan error // of essential work; one is enough

	mu       sync.Mutex
	waiting  []*work // until the service has started
	started  bool
	running  map[string]int
	failures map[string]int
	count    int
	changed  chan struct{} // closed and replaced when work ends

	// Three contexts by how long they live: until the drain begins, until the requests have ended, until the drain's time for
	// work is over.
	early, late, hard context.Context
	endEarly, endLate context.CancelFunc
	endHard           context.CancelCauseFunc
}

func newBackground(failed func(*work, error)) *background {
	b := &background{
		failed: failed, broken: make(chan error, 1), running: map[string]int{}, failures: map[string]int{}, changed: make(chan struct{}),
	}
	b.hard, b.endHard = context.WithCancelCause(context.Background())
	known := context.WithValue(b.hard, hardKey{}, b.hard)
	b.late, b.endLate = context.WithCancel(known)
	b.early, b.endEarly = context.WithCancel(known)
	return b
}

type hardKey struct{}

// whileDraining has the values of one context and the life of another.
type whileDraining struct {
	context.Context
	values context.Context
}

func (c whileDraining) Value(key any) any {
	if value := c.Context.Value(key); value != nil { // the standard library's own keys, by which it knows a context
		return value
	}
	return c.values.Value(key)
}

// WhileDraining is a context for what background work has at hand when it is told to stop: it ends when the drain's time for
// work is over. In the context of a request, which is not told to stop, it is that context itself.
func WhileDraining(ctx context.Context) context.Context {
	hard, ok := ctx.Value(hardKey{}).(context.Context)
	if !ok {
		return ctx
	}
	return whileDraining{Context: hard, values: context.WithoutCancel(ctx)}
}

func (b *background) add(w *work) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.started {
		b.waiting = append(b.waiting, w)
		return
	}
	b.run(w)
}

// start runs what was given before.
func (b *background) start() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.started = true
	for _, w := range b.waiting {
		b.run(w)
	}
	b.waiting = nil
}

// run is called under the lock.
func (b *background) run(w *work) {
	ctx := b.early
	if w.last {
		ctx = b.late
	}
	b.running[w.name]++
	b.count++
	go contain(func() error { return w.run(ctx) }, func(err error) {
		toldToStop := ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, errDrainOver))
		if err != nil && !toldToStop {
			b.failed(w, err)
			if w.essential {
				select {
				case b.broken <- fmt.Errorf("%s: %w", w.name, err):
				default:
				}
			}
		}
		b.ended(w, err != nil && !toldToStop)
	})
}

// failure of essential work that nobody has received yet.
func (b *background) failure() error {
	select {
	case err := <-b.broken:
		return err
	default:
		return nil
	}
}

func (b *background) ended(w *work, failed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if failed {
		b.failures[w.name]++
	}
	b.count--
	if b.running[w.name]--; b.running[w.name] == 0 {
		delete(b.running, w.name)
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// drain tells the work to end that is told first, and runs the hooks beside the rest of the drain.
func (b *background) drain(hooks func(context.Context) error) {
	b.endEarly()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.run(&work{name: "OnDrain", run: func(ctx context.Context) error { return hooks(WhileDraining(ctx)) }})
}

// stop tells all work to end and waits for it. It returns how many pieces had to be cut when ctx ended.
func (b *background) stop(ctx context.Context) (cut int, err error) {
	b.endEarly()
	b.endLate()
	defer b.endHard(errDrainOver)
	b.mu.Lock()
	b.waiting, b.started = nil, true // what never started never will
	b.mu.Unlock()
	if b.wait(ctx) {
		return 0, nil
	}
	cut, names := b.left()
	b.endHard(errDrainOver)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), backgroundGrace)
	defer cancel()
	b.wait(grace)
	return cut, fmt.Errorf("%s: %w", names, ctx.Err())
}

// wait reports whether all work has ended before ctx did.
func (b *background) wait(ctx context.Context) bool {
	for {
		b.mu.Lock()
		count, changed := b.count, b.changed
		b.mu.Unlock()
		if count == 0 {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

func (b *background) left() (count int, names string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count, strings.Join(slices.Sorted(maps.Keys(b.running)), ", ")
}

var (
	backgroundRunning = prometheus.NewDesc("goservice_background_running", "Background work that runs now, by its name.", []string{"name"}, nil)
	backgroundFailed  = prometheus.NewDesc("goservice_background_failures_total",
		"Background work that returned an error or panicked, by its name.", []string{"name"}, nil)
)

// Describe and Collect make it a prometheus.Collector.
func (b *background) Describe(to chan<- *prometheus.Desc) {
	to <- backgroundRunning
	to <- backgroundFailed
}

func (b *background) Collect(to chan<- prometheus.Metric) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, count := range b.running {
		to <- prometheus.MustNewConstMetric(backgroundRunning, prometheus.GaugeValue, float64(count), name)
	}
	for name, count := range b.failures {
		to <- prometheus.MustNewConstMetric(backgroundFailed, prometheus.CounterValue, float64(count), name)
	}
}

// backgroundFailed logs one failure, with the stack of a panic.
func (s *Service) backgroundFailed(w *work, err error) {
	attributes := []any{"name", w.name, "error", err, "essential", w.essential}
	if panicked := (*panics.Error)(nil); errors.As(err, &panicked) {
		attributes = append(attributes, "stack", string(panicked.Stack))
	}
	s.logger.Error("background work failed", attributes...)
}
