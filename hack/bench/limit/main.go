// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command limit measures how well a rate limit is used and kept that the pods of a service share, on the current cluster with a
// deployed operator:
//
//	cd hack/bench && go run ./limit -url http://127.0.0.1:8080
//
// Clients keep their connections, as most do, and load every other pod several times as much as the others. Then the pods double
// and the load spreads over all of them, and later half of them leave, and the rest gets the load. The same is done to a service
// whose tuning is switched off, which divides the limit equally. Arrivals are a Poisson process for each pod. What was admitted in
// any ten seconds is compared with the lesser of the limit and of what was sent in them, both by the clock of this machine.
//
// Beside that, clients without a kept connection send less than the limit to many pods: chance alone must refuse hardly any.
//
// The last line of its output is made for machines.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/bench/internal/bed"
)

// settings are the program's flags.
type settings struct {
	url                   string
	pods                  int
	perPod                float64
	skews, demands        []float64
	settle, calm, after   time.Duration
	quietPods             int
	quietLimit, quietUsed float64
	quietFor              time.Duration
	timeout               time.Duration
	withoutEqual          bool
}

func main() {
	var s settings
	var skews, demands string
	flag.StringVar(&s.url, "url", "", "loopback address that leads to NodePort 30080 of the cluster")
	flag.IntVar(&s.pods, "pods", 4, "pods at first; they double and are halved again")
	flag.Float64Var(&s.perPod, "per-pod", 100, "requests per second of the limit for each pod while there are twice as many")
	flag.StringVar(&skews, "skews", "3", "how many times as much every other pod gets, separated by commas")
	flag.StringVar(&demands, "demands", "1.05,1.5", "demands as multiples of the limit, separated by commas")
	flag.DurationVar(&s.settle, "settle", 20*time.Second, "how long the load is steady before anything counts")
	flag.DurationVar(&s.calm, "calm", 15*time.Second, "how long it is before the pods double, and before they are halved")
	flag.DurationVar(&s.after, "after", 20*time.Second, "how long after a change of the pods counts as about it")
	flag.IntVar(&s.quietPods, "quiet-pods", 20, "pods that share the limit which is hardly used; 0: leave it out")
	flag.Float64Var(&s.quietLimit, "quiet-limit", 100, "that limit")
	flag.Float64Var(&s.quietUsed, "quiet-used", 0.6, "the part of it that is used")
	flag.DurationVar(&s.quietFor, "quiet-for", 60*time.Second, "for how long")
	flag.DurationVar(&s.timeout, "timeout", 14*time.Minute, "when to give up")
	flag.BoolVar(&s.withoutEqual, "without-equal", false, "leave the equal division out")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var err error
	if s.skews, err = numbers(skews); err == nil {
		s.demands, err = numbers(demands)
	}
	if err == nil {
		err = run(ctx, s, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-limit:", err)
		os.Exit(1)
	}
}

func numbers(text string) ([]float64, error) {
	var all []float64
	for field := range strings.SplitSeq(text, ",") {
		number, err := strconv.ParseFloat(strings.TrimSpace(field), 64)
		if err != nil || number <= 0 {
			return nil, fmt.Errorf("%q is not a list of numbers above 0", text)
		}
		all = append(all, number)
	}
	return all, nil
}

// contender is one way to divide the limit of the same service.
type contender struct {
	name   string
	change func(*v1alpha1.GoServiceSpec)
}

var (
	ours  = contender{"GoService", func(*v1alpha1.GoServiceSpec) {}}
	equal = contender{"equal", func(spec *v1alpha1.GoServiceSpec) {
		spec.Tuning = &v1alpha1.TuningSpec{Mode: v1alpha1.TuningDisabled}
	}}
)

func run(ctx context.Context, s settings, out, progress io.Writer) error {
	if s.url == "" || s.pods < 2 || s.perPod <= 0 || s.quietPods < 0 || !(s.quietUsed > 0 && s.quietUsed < 1) {
		return errors.New("-url must be given, -pods be at least 2, -per-pod above 0, -quiet-used between 0 and 1")
	}
	var rows []row
	for _, skew := range s.skews {
		for _, demand := range s.demands {
			r := row{skew: skew, demand: demand}
			for _, c := range []struct {
				contender
				to *verdict
			}{{ours, &r.ours}, {equal, &r.equal}} {
				if c.name == equal.name && s.withoutEqual {
					continue
				}
				t := trial{settings: s, contender: c.contender, skew: skew, demand: demand}
				var err error
				if *c.to, err = t.run(ctx, progress); err != nil {
					return fmt.Errorf("%s, skew %g, demand %g: %w", c.name, skew, demand, err)
				}
				bed.Step(progress, "%s, skew %g:1, demand %g × the limit: %s", c.name, skew, demand, *c.to)
			}
			rows = append(rows, r)
		}
	}
	var q quiet
	if s.quietPods > 0 {
		var err error
		if q, err = measureQuiet(ctx, s, progress); err != nil {
			return fmt.Errorf("a limit that is hardly used: %w", err)
		}
	}
	return report(out, s, rows, q)
}
