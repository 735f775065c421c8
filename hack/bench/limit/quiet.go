// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"errors"
	"io"
	"net/http"

	"goservice.dev/operator/hack/bench/internal/bed"
	"goservice.dev/operator/hack/load/loadgen"
)

// quiet is a limit that many pods share and that is hardly used.
type quiet struct {
	pods                  int
	limit, used           float64
	sent, refused, failed int
	// failures counts requests without an answer by their cause.
	failures map[string]int64
}

func (q quiet) refusedPercent() float64 { return 100 * float64(q.refused) / float64(q.sent) }

// measureQuiet sends a part of the limit at random moments, each request on a connection of its own.
func measureQuiet(ctx context.Context, s settings, progress io.Writer) (q quiet, err error) {
	b, err := bed.Open(ctx, "bench-limit-")
	if err != nil {
		return q, err
	}
	defer func() { err = errors.Join(err, b.Remove(context.WithoutCancel(ctx))) }()
	bed.Step(progress, "%d pods in namespace %s that share %.0f/s, at %.0f%% of it", s.quietPods, b.Namespace, s.quietLimit, 100*s.quietUsed)
	service := serviceOf(s.quietPods, s.quietLimit)
	if err := b.Deploy(ctx, service, s.quietPods); err != nil {
		return q, err
	}
	if err := b.Expose(ctx, serviceName, service.Status.Selector, s.url); err != nil {
		return q, err
	}
	q = quiet{pods: s.quietPods, limit: s.quietLimit, used: s.quietUsed}
	generator, err := loadgen.New(loadgen.Config{
		URL: s.url, Rate: s.quietLimit * s.quietUsed, Duration: s.quietFor, Poisson: true, Fresh: true, Outstanding: 1000,
	})
	if err != nil {
		return q, err
	}
	generator.Run(ctx)
	total := generator.Total()
	q.sent, q.refused, q.failures = int(total.Sent()), int(total.Status(http.StatusTooManyRequests)), total.Errors
	q.failed = q.sent - int(total.Accepted()) - q.refused
	return q, ctx.Err()
}
