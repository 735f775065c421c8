// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"

	"goservice.dev/operator/hack/bench/internal/bed"
	"goservice.dev/operator/hack/load/loadgen"
)

// quiet is a limit that many pods share and that is hardly used.
type quiet struct {
	pods                  int
	limit, used           float64
	sent, refused, failed int
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
	if err := b.Expose(ctx, serviceName, service.Status.Selector); err != nil {
		return q, err
	}
	q = quiet{pods: s.quietPods, limit: s.quietLimit, used: s.quietUsed}
	var mu sync.Mutex
	generator, err := loadgen.New(loadgen.Config{
		URL: s.url, Rate: s.quietLimit * s.quietUsed, Duration: s.quietFor, Poisson: true, Fresh: true, Outstanding: 1000,
		Observe: func(outcome loadgen.Outcome) {
			mu.Lock()
			defer mu.Unlock()
			q.sent++
			switch {
			case outcome.Status == http.StatusTooManyRequests:
				q.refused++
			case !outcome.Accepted():
				q.failed++
			}
		},
	})
	if err != nil {
		return q, err
	}
	generator.Run(ctx)
	return q, ctx.Err()
}
