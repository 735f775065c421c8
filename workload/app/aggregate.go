// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"goservice.dev/operator/workload/fanout"
)

const (
	// maxParallelFetches bounds what one request may start at once.
	maxParallelFetches = 16
	// answerShare of the time that is left, at most maxAnswerTime, is kept for the answer: what has come in by then is told.
	answerShare   = 10
	maxAnswerTime = 100 * time.Millisecond
)

// Aggregate asks several upstreams at once and puts their answers together.
type Aggregate struct{ Upstreams Upstreams }

// Gathered is the answer. Parts are in the order in which the upstreams were asked for.
type Gathered struct {
	// Complete says that every part is there.
	Complete bool   `json:"complete"`
	Parts    []Part `json:"parts"`
}

// Part is the answer of one upstream, or why there is none.
type Part struct {
	Upstream string `json:"upstream"`
	Status   int    `json:"status,omitempty"`
	// Body as it came if it is JSON, else as a JSON string.
	Body json.RawMessage `json:"body,omitempty"`
	// BodyEncoding is base64 for a body that is neither JSON nor UTF-8.
	BodyEncoding string `json:"bodyEncoding,omitempty"`
	Error        string `json:"error,omitempty"`
	Took         string `json:"took"`
}

// Gather asks the named upstreams, or all if there are no names, for the path. What has not answered shortly before ctx's
// deadline is marked as missing; an upstream's 5xx also counts as missing. The error is an *Invalid.
func (a Aggregate) Gather(ctx context.Context, names []string, path string) (Gathered, error) {
	known := a.Upstreams.Names()
	if len(names) == 0 {
		names = known
	}
	for i, name := range names {
		if err := checkUpstream("upstream", name, known); err != nil {
			return Gathered{}, err
		}
		if slices.Contains(names[:i], name) {
			return Gathered{}, invalid("upstream", "must name %s once only", name)
		}
	}
	if err := checkPath("path", path); err != nil {
		return Gathered{}, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-min(time.Until(deadline)/answerShare, maxAnswerTime)))
		defer cancel()
	}
	// The error repeats what the results of calls that never began hold.
	results, _ := fanout.Collect(ctx, len(names), maxParallelFetches, func(ctx context.Context, i int) (Part, error) {
		return a.part(ctx, names[i], path, min(maxFetchBytes, maxGatheredBytes/int64(len(names)))), nil
	})
	gathered := Gathered{Complete: true, Parts: make([]Part, len(names))}
	for i, result := range results {
		if result.Err != nil {
			result.Value = Part{Upstream: names[i], Error: describe(result.Err), Took: "0s"}
		}
		gathered.Parts[i] = result.Value
		gathered.Complete = gathered.Complete && result.Value.Error == ""
	}
	return gathered, nil
}

func (a Aggregate) part(ctx context.Context, name, path string, maxBytes int64) Part {
	start := time.Now()
	part := Part{Upstream: name}
	content, err := a.Upstreams.Fetch(ctx, name, path, maxBytes)
	part.Took = time.Since(start).Round(time.Microsecond).String()
	if err != nil {
		part.Error = describe(err)
		return part
	}
	part.Status = content.Status
	if content.Status >= 500 {
		part.Error = fmt.Sprintf("the upstream answered %d", content.Status)
	}
	part.Body, part.BodyEncoding = bodyOf(content)
	return part
}

// describe an error to a client: what happened, not where in here.
func describe(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "not done before the deadline"
	case errors.Is(err, context.Canceled):
		return "canceled"
	}
	return err.Error()
}
