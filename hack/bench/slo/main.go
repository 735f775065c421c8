// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command slo sends four times the load to a service from one moment to the next, once under a plain CPU
// HorizontalPodAutoscaler and once under this operator, on the current cluster with a deployed operator and metrics-server:
//
//	cd hack/bench && go run ./slo -url http://127.0.0.1:8080
//
// Both times it is the same service: same objectives, same pods, same bounds. The rival's GoService has tuning switched off and
// a CPU target of 50 %; nothing but Kubernetes' autoscaler moves its replica count. The requests compute, and the pods'
// CPU limits are so small that a few of them are needed and all fit on a small machine. They arrive at random moments, as
// those of many clients do, each on a connection of its own, so that they go to all pods; the generator runs on this
// machine and takes its part of it.
//
// A second is bad when more of the requests that were due in it were slow, refused or failed than the objective allows,
// and at least two. Core-seconds are the CPU requests of all pods that hold a place on a node, over time: what is paid for.
// Enough pods are those whose CPU limits carry the load at four fifths of them, by the CPU time that a request was measured
// to take; it is the same number for both.
//
// The last line of its output is made for machines.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"syscall"
	"time"

	"goservice.dev/operator/api/v1alpha1"
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
	onlyOperator    bool
	allowed, enough float64
}

func main() {
	s := settings{percentile: 99, allowed: 0.01, enough: 0.8}
	flag.StringVar(&s.url, "url", "", "loopback address that leads to NodePort 30080 of the cluster")
	flag.Float64Var(&s.rate, "rate", 16, "requests per second before the step")
	flag.Float64Var(&s.factor, "factor", 4, "how many times as many after it")
	flag.DurationVar(&s.work, "work", 5*time.Millisecond, "CPU time that a request computes, besides what serving it takes")
	flag.DurationVar(&s.threshold, "threshold", 500*time.Millisecond, "latency objective at p99")
	flag.DurationVar(&s.warm, "warm", 140*time.Second, "how long the load is steady before the step")
	flag.DurationVar(&s.hold, "hold", 2*time.Minute, "how long it stays high after it")
	flag.Int64Var(&s.milliCPU, "cpu", 100, "CPU request and limit of a pod, in thousandths of a core")
	flag.IntVar(&s.most, "max", 8, "pods at most")
	flag.DurationVar(&s.timeout, "timeout", 12*time.Minute, "when to give up")
	flag.BoolVar(&s.onlyOperator, "only-operator", false, "leave the rival out")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	if err := run(ctx, s, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench-slo:", err)
		os.Exit(1)
	}
}

const cpuTarget = 50

// contenders are the two ways to scale the same service.
func contenders() []contender {
	return []contender{
		{fmt.Sprintf("HPA, CPU %d %%", cpuTarget), "bench-slo-hpa-", func(spec *v1alpha1.GoServiceSpec) {
			spec.Tuning = &v1alpha1.TuningSpec{Mode: v1alpha1.TuningDisabled}
			spec.Autoscaling.TargetCPUUtilization = new(int32(cpuTarget))
		}},
		{"GoService", "bench-slo-", func(*v1alpha1.GoServiceSpec) {}},
	}
}

func run(ctx context.Context, s settings, out, progress io.Writer) error {
	if s.url == "" || s.rate <= 0 || s.factor <= 1 || s.most < fewest || s.milliCPU < 1 {
		return errors.New("-url must be given, -rate and -cpu must be above 0, -factor above 1, -max at least 2")
	}
	all := contenders()
	if s.onlyOperator {
		all = all[1:]
	}
	var results []outcome
	for _, c := range all {
		o, err := c.run(ctx, s, progress)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		results = append(results, o)
	}
	// The same yardstick for both, and the more cautious of two measurements.
	cost := results[0].cpuPerRequest
	for _, o := range results {
		cost = max(cost, o.cpuPerRequest)
	}
	enough := int32(math.Ceil(s.rate * s.factor * cost.Seconds() / (s.enough * float64(s.milliCPU) / 1000)))
	bed.Step(progress, "a request takes %s of CPU: %d pods carry %g requests per second", cost.Round(10*time.Microsecond), enough, s.rate*s.factor)
	return report(out, s, enough, results)
}
