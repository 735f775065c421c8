// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command limit measures how well a rate limit is used and kept that the pods of a service share, on the current cluster with a
// deployed operator:
//
//	cd hack/bench && go run ./limit -url http://127.0.0.1:8080
//
// Clients keep their connections, as most do, and load every other pod several times as much as the others. Then the pods double
// and the load spreads over all of them, and later half of them leave, and the rest gets the load. The same is done to a service
// whose tuning is switched off, which divides the limit equally, and whose pods lend each other nothing. Arrivals are a Poisson
// process for each pod. What was admitted in any ten seconds is compared with the lesser of the limit and of what was sent in them,
// both by the clock of this machine. Ten seconds that end from when the number of pods is changed until 20 s after the load has
// followed are about the change; they have figures of their own.
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
	loads                 []load
	settle, calm, after   time.Duration
	quietPods             int
	quietLimit, quietUsed float64
	quietFor              time.Duration
	timeout               time.Duration
	lending, withoutEqual bool
}

// load is by how many times as much every other pod gets, and the whole as a multiple of the limit.
type load struct{ skew, demand float64 }

func main() {
	var s settings
	var loads string
	flag.StringVar(&s.url, "url", "", "loopback address that leads to NodePort 30080 of the cluster")
	flag.IntVar(&s.pods, "pods", 4, "pods at first; they double and are halved again")
	flag.Float64Var(&s.perPod, "per-pod", 100, "requests per second of the limit for each pod while there are twice as many")
	flag.StringVar(&loads, "loads", "3:1.05,10:1.5",
		"loads, separated by commas: how many times as much every other pod gets, a colon, and the whole as a multiple of the limit")
	flag.DurationVar(&s.settle, "settle", 20*time.Second, "how long the load is steady before anything counts")
	flag.DurationVar(&s.calm, "calm", 15*time.Second, "how long it is before the pods double, and before they are halved")
	flag.DurationVar(&s.after, "after", 20*time.Second, "how long after a change of the pods counts as about it")
	flag.IntVar(&s.quietPods, "quiet-pods", 20, "pods that share the limit which is hardly used; 0: leave it out")
	flag.Float64Var(&s.quietLimit, "quiet-limit", 100, "that limit")
	flag.Float64Var(&s.quietUsed, "quiet-used", 0.6, "the part of it that is used")
	flag.DurationVar(&s.quietFor, "quiet-for", 60*time.Second, "for how long")
	flag.DurationVar(&s.timeout, "timeout", 6*time.Minute, "when to give up on one load of one service")
	flag.BoolVar(&s.lending, "lending", false, "also measure an equal division whose pods lend each other what they do not need")
	flag.BoolVar(&s.withoutEqual, "without-equal", false, "leave the equal division out")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if s.loads, err = loadsOf(loads); err == nil {
		err = run(ctx, s, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-limit:", err)
		os.Exit(1)
	}
}

func loadsOf(text string) ([]load, error) {
	var all []load
	for field := range strings.SplitSeq(text, ",") {
		skew, demand, _ := strings.Cut(strings.TrimSpace(field), ":")
		var l load
		var errs [2]error
		l.skew, errs[0] = strconv.ParseFloat(skew, 64)
		l.demand, errs[1] = strconv.ParseFloat(demand, 64)
		if errors.Join(errs[:]...) != nil || !(l.skew >= 1 && l.demand > 0) {
			return nil, fmt.Errorf("-loads: %q is not a skew of 1 and more, a colon, and a demand above 0", field)
		}
		all = append(all, l)
	}
	return all, nil
}

// contender is one way to divide the limit of the same service.
type contender struct {
	name   string
	change func(*v1alpha1.GoServiceSpec)
}

var (
	ours = contender{"GoService", func(*v1alpha1.GoServiceSpec) {}}
	// lending is what the lending of tokens brings by itself.
	lending = contender{"equal, pods lend", func(spec *v1alpha1.GoServiceSpec) {
		spec.Tuning = &v1alpha1.TuningSpec{Mode: v1alpha1.TuningDisabled}
	}}
	equal = contender{"equal", func(spec *v1alpha1.GoServiceSpec) {
		spec.Tuning, spec.HandOff = &v1alpha1.TuningSpec{Mode: v1alpha1.TuningDisabled}, v1alpha1.HandOffDisabled
	}}
)

func run(ctx context.Context, s settings, out, progress io.Writer) error {
	if s.url == "" || s.pods < 2 || s.perPod <= 0 || s.quietPods < 0 || !(s.quietUsed > 0 && s.quietUsed < 1) {
		return errors.New("-url must be given, -pods be at least 2, -per-pod above 0, -quiet-used between 0 and 1")
	}
	var rivals []contender
	if s.lending {
		rivals = append(rivals, lending)
	}
	if !s.withoutEqual {
		rivals = append(rivals, equal)
	}
	var rows []row
	for _, l := range s.loads {
		r := row{load: l, rivals: map[string]verdict{}}
		var err error
		if r.ours, err = measure(ctx, s, l, ours, progress); err != nil {
			return err
		}
		for _, rival := range rivals {
			if r.rivals[rival.name], err = measure(ctx, s, l, rival, progress); err != nil {
				return err
			}
		}
		rows = append(rows, r)
	}
	var q quiet
	if s.quietPods > 0 {
		ctx, cancel := context.WithTimeout(ctx, s.timeout)
		defer cancel()
		var err error
		if q, err = measureQuiet(ctx, s, progress); err != nil {
			return fmt.Errorf("a limit that is hardly used: %w", err)
		}
	}
	return report(out, s, rows, q)
}

// measure one load of a service that divides its limit in one way.
func measure(ctx context.Context, s settings, l load, c contender, progress io.Writer) (verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	t := trial{settings: s, contender: c, load: l}
	v, err := t.run(ctx, progress)
	if err == nil && (v.calm == 0 || v.changing == 0) {
		err = fmt.Errorf("%d windows of %s away from changes and %d about them: -calm and -after are too short", v.calm, window, v.changing)
	}
	if err != nil {
		return v, fmt.Errorf("%s, skew %g, demand %g: %w", c.name, l.skew, l.demand, err)
	}
	bed.Step(progress, "%s, skew %g:1, demand %g × the limit: %s", c.name, l.skew, l.demand, v)
	return v, nil
}
