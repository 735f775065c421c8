// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"goservice.dev/operator/hack/bench/internal/child"
	"goservice.dev/operator/hack/load/loadgen"
)

const (
	// settle is how long the others have been at it when the measurement begins.
	settle       = 3 * time.Second
	rssEvery     = 500 * time.Millisecond
	wellBehaved  = 5 * time.Second // after which the client gives up
	bytesPerMiB  = 1 << 20
	percentWhole = 100
)

// figures of one measurement of a server in one case.
type figures struct {
	sent, failed  int64
	p50, p99      time.Duration
	peakMiB       float64
	held          time.Duration // of streams, all together
	cut, refused  int64
	clientLateP99 time.Duration
}

// failedPercent counts every request that was not served: refusals are failures to a client that did nothing wrong.
func (f figures) failedPercent() float64 {
	if f.sent == 0 {
		return percentWhole
	}
	return percentWhole * float64(f.failed) / float64(f.sent)
}

type results struct {
	settings settings
	servers  []server
	of       map[string]map[string][]figures // by server and case
}

// measure one server in each case that it can take part in.
func (r *results) measure(ctx context.Context, of server, processor int) error {
	if r.of[of.name] == nil {
		r.of[of.name] = map[string][]figures{}
	}
	cases := casesFor(of)
	for _, name := range caseNames {
		if cases[name] == nil {
			continue
		}
		found, err := r.once(ctx, of, processor, cases[name])
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		r.of[of.name][name] = append(r.of[of.name][name], found)
	}
	return nil
}

func (r *results) once(ctx context.Context, of server, processor int, others beside) (found figures, err error) {
	ports, err := child.FreePorts(ctx, 2)
	if err != nil {
		return found, err
	}
	command := of.command(ports[0], ports[1])
	command.Path, command.Processor = of.binary, processor
	process, err := child.Start(ctx, command)
	if err != nil {
		return found, err
	}
	defer process.Stop()
	address := fmt.Sprintf("127.0.0.1:%d", ports[0])
	generator, err := loadgen.New(loadgen.Config{
		URL: "http://" + address + "/", Rate: r.settings.rate, Duration: r.settings.duration, Poisson: true, Timeout: wellBehaved,
	})
	if err != nil {
		return found, err
	}
	var seen misbehaved
	ends, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { others(ends, address, of, &seen) })
	running.Go(func() { found.peakMiB = peak(ends, process) })
	pause(ctx, settle)
	generator.Run(ctx)
	stop()
	running.Wait()
	counts := generator.Total()
	found.sent, found.failed = counts.Sent()+counts.Unsent, counts.Sent()+counts.Unsent-counts.Accepted()
	found.p50, found.p99, found.clientLateP99 = counts.Latency(50), counts.Latency(99), counts.Late(99)
	found.held, found.cut, found.refused = time.Duration(seen.held.Load()), seen.cut.Load(), seen.refused.Load()
	return found, ctx.Err()
}

// peak memory of a process in MiB, until ctx ends.
func peak(ctx context.Context, process *child.Process) float64 {
	highest := 0.0
	for {
		if bytes, err := process.RSS(); err == nil {
			highest = max(highest, float64(bytes)/bytesPerMiB)
		}
		if ctx.Err() != nil {
			return highest
		}
		pause(ctx, rssEvery)
	}
}
