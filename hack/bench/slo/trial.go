// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/bench/internal/bed"
	"goservice.dev/operator/hack/bench/internal/machine"
	"goservice.dev/operator/hack/load/loadgen"
)

const (
	serviceName = "stepped"
	adminPort   = 9100
	servicePort = 8080
	fewest      = 2
	// settling is the part of the steady load that nothing is measured in.
	settling = 20 * time.Second
)

// outcome is what was measured of one contender with one shape. It is kept between parts of a run.
type outcome struct {
	Shape, Contender string
	Run              int
	// At is when the load began to rise.
	At               time.Time
	PodsBefore, Most int32
	Before, After    verdict
	CoreSeconds      float64
	CPUPerRequest    time.Duration
	// Wanted and Ready say after how long there were so many pods first; those that there never were are left out.
	Wanted, Ready map[int32]time.Duration
	Decisions     []string
	// MachineBusy is the share of the machine's processors that was used since the load rose.
	MachineBusy float64
	// Pool of the pods when the load began to rise.
	Pool pool
}

// run makes the service, warms it up, sends the shape and removes everything.
func (c contender) run(ctx context.Context, s settings, shape shape, fitted *pool, progress io.Writer) (o outcome, err error) {
	b, err := bed.Open(ctx, c.namespace)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, b.Remove(context.WithoutCancel(ctx))) }()
	bed.Step(progress, "%s: a GoService in namespace %s", c.name, b.Namespace)
	service := c.service(s, fitted)
	if err := c.deploy(ctx, b, s, service); err != nil {
		return o, err
	}
	if err := b.Expose(ctx, serviceName, service.Status.Selector, s.url); err != nil {
		return o, err
	}
	t := trial{Bed: b, settings: s, shape: shape, service: service, selector: service.Status.Selector}
	bed.Step(progress, "%s: %g requests per second for %s, then a %s to %g for %s", c.name, s.rate, s.warm, shape.name, s.rate*s.factor, s.hold)
	o, err = t.measure(ctx)
	o.Shape, o.Contender = shape.name, c.name
	return o, err
}

// trial is one contender at work.
type trial struct {
	*bed.Bed
	settings settings
	shape    shape
	service  *v1alpha1.GoService
	selector string
}

// measure sends the load and watches what becomes of it and of the service.
func (t trial) measure(ctx context.Context) (o outcome, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var seen journal
	generator, err := t.generator(&seen)
	if err != nil {
		return o, err
	}
	var load sync.WaitGroup
	defer load.Wait() // after cancel
	defer cancel()
	start := time.Now()
	load.Go(func() { generator.Run(ctx) })
	settled, rise := start.Add(settling), start.Add(t.settings.warm)
	end := rise.Add(t.settings.hold)
	if err := until(ctx, settled); err != nil {
		return o, err
	}
	used, err := t.usage(ctx)
	if err != nil {
		return o, err
	}
	if err := until(ctx, rise.Add(-beforeRise)); err != nil {
		return o, err
	}
	usedLater, err := t.usage(ctx)
	if err != nil {
		return o, err
	}
	if o.CPUPerRequest, err = perRequest(used, usedLater); err != nil {
		return o, err
	}
	if err := t.notePool(ctx, &o); err != nil {
		return o, err
	}
	if err := until(ctx, rise); err != nil {
		return o, err
	}
	processors, err := machine.Now()
	if err != nil {
		return o, err
	}
	w := t.watch(ctx)
	load.Wait()
	samples, err := w.stop()
	later, notRead := machine.Now()
	if err = errors.Join(err, notRead, ctx.Err()); err != nil {
		return o, err
	}
	o.At = rise.UTC().Round(time.Second)
	o.Before, o.After = seen.judge(settled, rise, t.settings), seen.judge(rise, end, t.settings)
	o.watched(samples, rise, end)
	o.MachineBusy = processors.Until(later)
	return o, t.noteDecisions(ctx, rise, &o)
}

// beforeRise is when the pods are asked what they have used: early enough for all of them to have answered.
const beforeRise = 2 * time.Second

// until waits for a moment.
func until(ctx context.Context, at time.Time) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Until(at)):
		return nil
	}
}

func (t trial) notePool(ctx context.Context, o *outcome) error {
	if err := t.Client.Get(ctx, client.ObjectKeyFromObject(t.service), t.service); err != nil {
		return fmt.Errorf("reading the GoService: %w", err)
	}
	found, err := poolOf(t.service)
	if err == nil {
		o.Pool = *found
	}
	return err
}

func (t trial) noteDecisions(ctx context.Context, rise time.Time, o *outcome) error {
	if err := t.Client.Get(ctx, client.ObjectKeyFromObject(t.service), t.service); err != nil {
		return fmt.Errorf("reading the GoService: %w", err)
	}
	for _, d := range t.service.Status.Decisions {
		o.Decisions = append(o.Decisions, fmt.Sprintf("%+5.0f s  %s %s → %s: %s", d.At.Sub(rise).Seconds(), d.What, d.From, d.To, d.Reason))
	}
	return nil
}

// generator of the whole trial: one, so that nothing is held up where the load begins to rise.
func (t trial) generator(seen *journal) (*loadgen.Generator, error) {
	s := t.settings
	return loadgen.New(loadgen.Config{
		URL: fmt.Sprintf("%s/work?cpu=%s", s.url, s.work), Rate: s.rate * s.factor, Duration: s.warm + s.hold,
		Poisson: true, Shape: t.shape.part(s), Fresh: true, Outstanding: 2000, Observe: seen.note,
	})
}

// part of the highest rate, from the beginning of the steady load on.
func (h shape) part(s settings) func(since time.Duration) float64 {
	return func(since time.Duration) float64 {
		if since < s.warm {
			return 1 / s.factor
		}
		return h.times(since-s.warm, s.hold, s.factor) / s.factor
	}
}
