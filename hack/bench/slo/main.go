// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command slo sends a load that rises to four times as much to the same service, under CPU HorizontalPodAutoscalers and under this
// operator, on the current cluster with a deployed operator and metrics-server:
//
//	cd hack/bench && go run ./slo -url http://127.0.0.1:8080
//
// It is always the same service: same objectives, same pods, same bounds. Under a rival its tuning is off, and an ordinary
// HorizontalPodAutoscaler of the rival's own moves its count through the scale subresource: one as it is by default, with the
// operator's unmeasured first guess of a pool in the pods, and one for each of the targets as somebody would set it who knows the
// service, with the operator's time to scale in, with as many workers as the operator fitted to it, and with the operator's bound of a
// wait in the queue. (Under the operator, pools go on from there and size themselves; a number that somebody sets stays.) A lower target
// keeps more pods in reserve and costs more, so that among several there may be one that keeps the objective: the cheapest of those is
// what the operator is compared with. The operator's turn is the first, so that there is a pool; each next run has the opposite order,
// and so their number is even, unless it is one.
//
// The requests compute, and the pods' CPU limits are so small that a few of them are needed and all fit on a small machine. They
// arrive at random moments, as those of many clients do, each on a connection of its own, so that they go to all pods; the
// generator runs on this machine and takes its part of it.
//
// A second is bad when more of the requests that were due in it were slow, refused or failed than the objective allows,
// and at least two. Because two of few requests are more than the objective allows, the share of all requests that missed it
// stands beside. Core-seconds are the CPU requests of all pods that hold a place on a node, over time: what is paid for.
// Enough pods are those whose CPU limits carry the load at four fifths of them, by the CPU time that a request was measured
// to take; it is the same number for all. A contender keeps the objective if, of all requests since the load began to rise, no larger
// share missed it than it allows.
//
// Afterwards the simulator (controllers/sim) plays the same trials, with the measured cost of a request, pools and times in which
// pods start, and what it says stands beside what was measured.
//
// With -image, the service is one that knows nothing of the toolkit: it has no pool to be fitted, and nothing is simulated.
//
// With -state, what is done is kept in a file, and the same command goes on where it was cut off, as long as the deployed images, this
// program and the settings are the same. The last line of its output is made for machines; its figures are means of all trials,
// the times are the step's, and those that begin with sim_ are simulated figures divided by measured ones.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"goservice.dev/operator/hack/bench/internal/bed"
)

// settings are the program's flags.
type settings struct {
	url             string
	rate, factor    float64
	work            time.Duration
	threshold       time.Duration
	warm, hold      time.Duration
	milliCPU        int64
	most            int
	timeout         time.Duration
	percentile      float64
	allowed, enough float64
	runs            int
	seeds           uint64 // of the simulator, which is cheap
	shapes          []shape
	contenders      []contender
	state           string
	image           string // of a service that is not built on the toolkit; empty: the bundled one
}

func main() {
	s, names, targets := settings{percentile: 99, allowed: 0.01, enough: 0.8, seeds: 10}, "", ""
	flag.StringVar(&s.url, "url", "", "loopback address that leads to NodePort 30080 of the cluster")
	flag.Float64Var(&s.rate, "rate", 16, "requests per second before the load rises")
	flag.Float64Var(&s.factor, "factor", 4, "how many times as many at most")
	flag.DurationVar(&s.work, "work", 5*time.Millisecond, "CPU time that a request computes, besides what serving it takes")
	flag.DurationVar(&s.threshold, "threshold", 500*time.Millisecond, "latency objective at p99")
	flag.DurationVar(&s.warm, "warm", 80*time.Second, "how long the load is steady before it rises")
	flag.DurationVar(&s.hold, "hold", 80*time.Second, "how long the shape lasts")
	flag.Int64Var(&s.milliCPU, "cpu", 100, "CPU request and limit of a pod, in thousandths of a core")
	flag.IntVar(&s.most, "max", 8, "pods at most")
	flag.DurationVar(&s.timeout, "timeout", 12*time.Minute, "when to give up on a trial")
	flag.IntVar(&s.runs, "runs", 1, "runs over all shapes and autoscalers, in alternating order: 1 or an even number")
	flag.StringVar(&targets, "targets", "20,50", "CPU targets, in percent, of the rivals that are set by somebody who knows the service")
	flag.StringVar(&names, "shapes", "step", "shapes of the load, from: step,ramp,burst")
	flag.StringVar(&s.image, "image", "", "image of a service that is instrumented with otelhttp and knows nothing of the toolkit (hack/foreign), instead of the bundled one")
	flag.StringVar(&s.state, "state", "", "file that keeps what is done")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if s.shapes, err = shapesOf(names); err == nil {
		s.contenders, err = rivalsOf(targets, s.image == "")
	}
	if err == nil {
		err = run(ctx, s, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-slo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings, out, progress io.Writer) error {
	if s.url == "" || s.rate <= 0 || s.factor <= 1 || s.most < fewest || s.milliCPU < 1 || s.runs < 1 || s.warm <= settling {
		return fmt.Errorf("-url must be given, -rate and -cpu must be above 0, -factor above 1, -max at least %d, -runs at least 1, -warm above %s", fewest, settling)
	}
	if s.runs > 1 && s.runs%2 == 1 {
		return fmt.Errorf("-runs must be 1 or even: each order is as frequent as its opposite")
	}
	d, err := whatIsDeployed(ctx, s, progress)
	if err != nil {
		return fmt.Errorf("learning what is deployed: %w", err)
	}
	done, err := openState(s, d)
	if err != nil {
		return err
	}
	if err := measureAll(ctx, s, done, progress); err != nil {
		return err
	}
	return report(out, s, d, done.selected(s))
}

// measureAll that has not been measured yet.
func measureAll(ctx context.Context, s settings, done *state, progress io.Writer) error {
	for run := range s.runs {
		for _, shape := range s.shapes {
			for _, c := range turns(s.contenders, run) {
				if done.has(shape.name, c.name, run) {
					continue
				}
				o, err := one(ctx, s, shape, c, done.pool(), progress)
				if err != nil {
					return fmt.Errorf("%s, %s, run %d: %w", shape.name, c.name, run+1, err)
				}
				o.Run = run
				if err := done.add(o); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func one(ctx context.Context, s settings, shape shape, c contender, fitted *pool, progress io.Writer) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if c.fitted && fitted == nil {
		return outcome{}, errors.New("no pool has been fitted yet")
	}
	o, err := c.run(ctx, s, shape, fitted, progress)
	if err == nil {
		bed.Step(progress, "%s, %s: %d bad seconds, %.2f %% missed, %.0f core-seconds", shape.name, c.name, o.After.BadSeconds, o.After.missed(), o.CoreSeconds)
	}
	return o, err
}

// shape of the load after it was steady: how many times the base rate it is at a time since then, up to factor, if it lasts for
// hold.
type shape struct {
	name  string
	times func(since, hold time.Duration, factor float64) float64
}

const (
	// risingShare of the hold is what a ramp takes to the top.
	risingShare = 0.8
	// Bursts of burstFor come every burstEvery.
	burstEvery = time.Minute
	burstFor   = 20 * time.Second
)

const stepName = "step"

var shapes = []shape{
	{stepName, func(_, _ time.Duration, factor float64) float64 { return factor }},
	{"ramp", func(since, hold time.Duration, factor float64) float64 {
		return 1 + (factor-1)*min(float64(since)/(risingShare*float64(hold)), 1)
	}},
	{"burst", func(since, _ time.Duration, factor float64) float64 {
		if since%burstEvery < burstFor {
			return factor
		}
		return 1
	}},
}

// rivalsOf targets, separated by commas, with fitted pools where the service has one, and the operator.
func rivalsOf(targets string, pooled bool) ([]contender, error) {
	var all []int32
	for text := range strings.SplitSeq(targets, ",") {
		target, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
		if err != nil || target < 1 || target > 100 || slices.Contains(all, int32(target)) {
			return nil, fmt.Errorf("-targets: %q is not a list of different percentages", targets)
		}
		all = append(all, int32(target))
	}
	return contendersOf(all, pooled), nil
}

func shapesOf(names string) ([]shape, error) {
	return bed.Pick("shapes", names, shapes, func(one shape) string { return one.name })
}
