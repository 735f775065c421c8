// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"goservice.dev/operator/hack/bench/internal/child"
	"goservice.dev/operator/hack/load/loadgen"
)

const (
	// idleFor is how long a server has had nothing to do when its memory is read.
	idleFor = time.Second
	warmUp  = 500 * time.Millisecond
	// sliceLength is long enough for a thousand requests and more, and short beside what disturbs a machine.
	sliceLength = 300 * time.Millisecond
)

// figures of one contender, one value per round or start.
type figures struct {
	perSecond                  []float64 // of each slice
	cpu                        time.Duration
	served                     int64
	p50, p99                   []time.Duration
	readyMilliseconds, idleMiB []float64
	failed, unsent             int64
	answerBytes                int
	late                       []time.Duration
}

type results struct {
	settings    settings
	contenders  []contender
	extraAllocs int64
	pauses      histogram // of the chain, at full load
	of          map[string]*figures
}

// measure lets the contenders take turns, each time in another order.
func (r *results) measure(ctx context.Context, processor int, progress io.Writer) error {
	for _, c := range r.contenders {
		r.of[c.name] = &figures{}
	}
	for i := range r.settings.starts {
		fmt.Fprintf(progress, "start %d of %d\n", i+1, r.settings.starts)
		for _, c := range r.contenders {
			if err := r.startAndIdle(ctx, c, processor); err != nil {
				return err
			}
		}
	}
	paused, err := pausesContender()
	if err != nil {
		return err
	}
	fmt.Fprintln(progress, "throughput")
	if err := r.throughput(ctx, processor); err != nil {
		return err
	}
	for i := range r.settings.rounds {
		fmt.Fprintf(progress, "round %d of %d\n", i+1, r.settings.rounds)
		for turn := range r.contenders {
			c := r.contenders[(i+turn)%len(r.contenders)]
			err := serve(ctx, c, processor, func(_ *child.Process, address string, _ int) error {
				return r.latencies(ctx, r.of[c.name], address)
			})
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		if err := r.pausesUnderLoad(ctx, paused, processor); err != nil {
			return fmt.Errorf("%s: %w", paused.name, err)
		}
	}
	return nil
}

// start the contender; the caller stops it.
func start(ctx context.Context, c contender, processor int) (p *child.Process, address string, adminPort int, err error) {
	ports, err := child.FreePorts(ctx, 2)
	if err != nil {
		return nil, "", 0, err
	}
	command := c.command(ports[0], ports[1])
	command.Path, command.Processor = c.binary, processor
	p, err = child.Start(ctx, command)
	return p, fmt.Sprintf("127.0.0.1:%d", ports[0]), ports[1], err
}

// serve starts the contender for one use.
func serve(ctx context.Context, c contender, processor int, use func(p *child.Process, address string, adminPort int) error) error {
	process, address, adminPort, err := start(ctx, c, processor)
	if err != nil {
		return err
	}
	defer process.Stop()
	return use(process, address, adminPort)
}

// startAndIdle notes how fast the contender serves and what it needs when it has nothing to do.
func (r *results) startAndIdle(ctx context.Context, c contender, processor int) error {
	return serve(ctx, c, processor, func(p *child.Process, address string, _ int) error {
		f := r.of[c.name]
		f.readyMilliseconds = append(f.readyMilliseconds, float64(p.StartedIn)/float64(time.Millisecond))
		if err := pause(ctx, idleFor); err != nil {
			return err
		}
		bytes, err := p.RSS()
		if err != nil {
			return err
		}
		f.idleMiB = append(f.idleMiB, float64(bytes)/(1<<20))
		f.answerBytes, err = answerBytes(ctx, address)
		return err
	})
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// throughput lets all contenders run and loads one after the other for a short slice, again and again: what disturbs the
// machine for a second then disturbs all of them, and those that are not loaded cost nothing.
func (r *results) throughput(ctx context.Context, processor int) error {
	addresses := map[string]string{}
	processes := map[string]*child.Process{}
	for _, c := range r.contenders {
		process, address, _, err := start(ctx, c, processor)
		if err != nil {
			return err
		}
		defer process.Stop()
		addresses[c.name], processes[c.name] = address, process
		if _, _, err := saturate(ctx, address, r.settings.connections, warmUp); err != nil {
			return err
		}
	}
	for i := range r.settings.slices {
		for turn := range r.contenders {
			name := r.contenders[(i+turn)%len(r.contenders)].name
			if err := r.slice(ctx, r.of[name], processes[name], addresses[name]); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

// slice adds up the CPU time, which Linux counts coarsely.
func (r *results) slice(ctx context.Context, f *figures, p *child.Process, address string) error {
	before, err := p.CPU()
	if err != nil {
		return err
	}
	served, took, err := saturate(ctx, address, r.settings.connections, sliceLength)
	if err != nil {
		return err
	}
	after, err := p.CPU()
	f.perSecond = append(f.perSecond, float64(served)/took.Seconds())
	f.cpu += after - before
	f.served += served
	return err
}

func (r *results) latencies(ctx context.Context, f *figures, address string) error {
	generator, err := loadgen.New(loadgen.Config{
		URL: "http://" + address + "/", Rate: r.settings.rate, Duration: r.settings.duration, Poisson: true,
		Connections: r.settings.connections,
	})
	if err != nil {
		return err
	}
	generator.Run(ctx)
	counts := generator.Total()
	f.p50, f.p99 = append(f.p50, counts.Latency(50)), append(f.p99, counts.Latency(99))
	f.late = append(f.late, counts.Late(99))
	f.failed += counts.Sent() - counts.Accepted()
	f.unsent += counts.Unsent
	return ctx.Err()
}

func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
