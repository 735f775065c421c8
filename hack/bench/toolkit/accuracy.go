// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
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
	// burstWindow is the size of the buckets in time. It must cover the pauses of the askers, who share the processors with each
	// other and with whatever else runs: what a full bucket cannot take in is lost by right, not for want of accuracy.
	burstWindow = 250 * time.Millisecond
)

// rates that the limiters are watched at, per second.
var rates = []int{1_000, 10_000, 100_000}

// meter is a limiter whose rate is watched: ask takes a token, waiting for it or not, and says whether it got one.
type meter struct {
	name  string
	waits bool
	make  func(perSecond, burst int) (ask func(context.Context) bool)
}

// ownAllow and xtimeAllow are whose accuracy the last line tells.
const (
	ownAllow   = goservice + " Allow"
	xtimeAllow = xtime + " Allow"
)

var meters = []meter{
	{ownAllow, false, func(perSecond, burst int) func(context.Context) bool {
		l := ratelimit.New(float64(perSecond), burst)
		return func(context.Context) bool { return l.Allow() }
	}},
	{xtimeAllow, false, func(perSecond, burst int) func(context.Context) bool {
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

// deviations are by how many percent limiters admitted more or less than their rate: of each limiter, at each of its rates, one of
// each round.
type deviations map[string]map[int][]float64

// measureAccuracy watches every limiter at every rate, once a round.
func measureAccuracy(progress io.Writer, rounds int, window time.Duration) (deviations, error) {
	found := deviations{}
	for _, m := range meters {
		found[m.name] = map[int][]float64{}
	}
	for round := range rounds {
		fmt.Fprintf(progress, "accuracy, round %d of %d\n", round+1, rounds)
		for _, perSecond := range rates {
			for _, m := range meters {
				deviation, err := watch(m, perSecond, window)
				if err != nil {
					return nil, err
				}
				found[m.name][perSecond] = append(found[m.name][perSecond], deviation)
			}
		}
	}
	return found, nil
}

// between is the least and the most that a limiter has deviated by, at any rate in any round: one cell alone would be chance.
func (d deviations) between(name string) (least, most float64) {
	var all []float64
	for _, values := range d[name] {
		all = append(all, values...)
	}
	return slices.Min(all), slices.Max(all)
}

// write prints the medians, and what they are medians of.
func (d deviations) write(out io.Writer, rounds int, window time.Duration) error {
	fmt.Fprintf(out, "\naccuracy: requests admitted beyond the rate, in percent; %d goroutines for %v, medians of %d rounds (least to most)\n", askers, window, rounds)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "1k/s\t10k/s\t100k/s\t  \t")
	for _, m := range meters {
		for _, perSecond := range rates {
			values := d[m.name][perSecond]
			fmt.Fprintf(table, "%+.3f (%+.3f to %+.3f)\t", median(values), slices.Min(values), slices.Max(values))
		}
		fmt.Fprintf(table, "  \t%s\n", m.name)
	}
	return table.Flush()
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
