// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	uber "go.uber.org/ratelimit"
	"golang.org/x/time/rate"

	"goservice.dev/operator/workload/ratelimit"
)

const (
	askers = 8
	// headline is the rate whose accuracy the last line tells.
	headline = 100_000
	// burstWindow is the size of the buckets in time. It must cover the pauses of the askers, who share the processors with each
	// other and with whatever else runs: what a full bucket cannot take in is lost by right, not for want of accuracy.
	burstWindow = 250 * time.Millisecond
)

// meter is a limiter whose rate is watched: ask takes a token, waiting for it or not, and says whether it got one.
type meter struct {
	name  string
	waits bool
	make  func(perSecond, burst int) (ask func(context.Context) bool)
}

var meters = []meter{
	{goservice + " Allow", false, func(perSecond, burst int) func(context.Context) bool {
		l := ratelimit.New(float64(perSecond), burst)
		return func(context.Context) bool { return l.Allow() }
	}},
	{xtime + " Allow", false, func(perSecond, burst int) func(context.Context) bool {
		l := rate.NewLimiter(rate.Limit(perSecond), burst)
		return func(context.Context) bool { return l.Allow() }
	}},
	{goservice + " Wait", true, func(perSecond, burst int) func(context.Context) bool {
		l := ratelimit.New(float64(perSecond), burst)
		return func(ctx context.Context) bool { return l.Wait(ctx) == nil }
	}},
	{xtime + " Wait", true, func(perSecond, burst int) func(context.Context) bool {
		l := rate.NewLimiter(rate.Limit(perSecond), burst)
		return func(ctx context.Context) bool { return l.Wait(ctx) == nil }
	}},
	{uberName + " Take", true, func(perSecond, burst int) func(context.Context) bool {
		l := uber.New(perSecond, uber.WithSlack(burst))
		return func(context.Context) bool {
			l.Take()
			return true
		}
	}},
}

// writeAccuracy prints by how many percent each limiter admits more or less than its rate, and returns that of our own Allow at
// the headline rate.
func writeAccuracy(out, progress io.Writer, rounds int, window time.Duration) (own float64, err error) {
	rates := []int{1_000, 10_000, headline}
	errs := map[string][]float64{}
	key := func(m meter, perSecond int) string { return fmt.Sprint(m.name, perSecond) }
	for round := range rounds {
		fmt.Fprintf(progress, "accuracy, round %d of %d\n", round+1, rounds)
		for _, perSecond := range rates {
			for _, m := range meters {
				deviation, err := watch(m, perSecond, window)
				if err != nil {
					return 0, err
				}
				errs[key(m, perSecond)] = append(errs[key(m, perSecond)], deviation)
			}
		}
	}
	fmt.Fprintf(out, "\naccuracy: requests admitted beyond the rate, in percent; %d goroutines for %v, medians of %d rounds\n", askers, window, rounds)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "1k/s\t10k/s\t100k/s\t  \t")
	for _, m := range meters {
		for _, perSecond := range rates {
			fmt.Fprintf(table, "%+.3f\t", median(errs[key(m, perSecond)]))
		}
		fmt.Fprintf(table, "  \t%s\n", m.name)
	}
	return median(errs[key(meters[0], headline)]), table.Flush()
}

// watch has a few goroutines ask as fast as they can and compares what they got with what the time brought. It begins and ends
// with an empty bucket, so that neither a burst nor what was left of it counts.
func watch(m meter, perSecond int, window time.Duration) (percent float64, err error) {
	burst := int(float64(perSecond) * burstWindow.Seconds())
	ask := m.make(perSecond, burst)
	for range burst {
		ask(context.Background())
	}
	start := time.Now()
	ctx, cancel := context.WithDeadline(context.Background(), start.Add(window))
	defer cancel()
	var admitted atomic.Int64
	var asking sync.WaitGroup
	for range askers {
		asking.Go(func() {
			own := int64(0)
			for time.Since(start) < window {
				if ask(ctx) && (!m.waits || time.Since(start) < window) {
					own++
				}
			}
			admitted.Add(own)
		})
	}
	asking.Wait()
	if admitted.Load() == 0 {
		return 0, errors.New(m.name + " admitted nothing")
	}
	elapsed := window
	if !m.waits {
		for ask(ctx) {
			admitted.Add(1)
		}
		elapsed = time.Since(start)
	}
	expected := float64(perSecond) * elapsed.Seconds()
	return (float64(admitted.Load())/expected - 1) * 100, nil
}
