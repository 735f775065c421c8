// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/workload/app"
	"goservice.dev/operator/workload/panics"
)

// workers counts how many jobs run at once and refuses some.
type workers struct {
	running, most atomic.Int32
	refuse        error
}

func (w *workers) Do(ctx context.Context, f func(context.Context) error) error {
	if w.refuse != nil {
		return w.refuse
	}
	w.most.Store(max(w.most.Load(), w.running.Add(1)))
	defer w.running.Add(-1)
	return f(ctx)
}

// nap is a processor whose input is how long it takes; "panic" panics.
type nap struct{}

func batch(w *workers) app.Batch {
	return app.Batch{Processors: map[string]app.Processor{"nap": nap{}}, Workers: w}
}

func naps(durations ...string) (jobs []app.Job) {
	for i, d := range durations {
		jobs = append(jobs, app.Job{ID: fmt.Sprint("j", i), Kind: "nap", Input: json.RawMessage(`"` + d + `"`)})
	}
	return jobs
}

func TestBatchKeepsTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []app.Result
		b := batch(new(workers))
		panicked := 0
		b.Panicked = func(string, *panics.Error) { panicked++ }
		err := b.Run(t.Context(), naps("2s", "1s", "nonsense", "panic", "3s"), func(r app.Result) error {
			got = append(got, r)
			return nil
		})
		want := []app.Result{
			{Index: 0, ID: "j0", Output: "2s", Took: "2s"},
			{Index: 1, ID: "j1", Output: "1s", Took: "1s"},
			{Index: 2, ID: "j2", Error: "not a duration", Took: "0s"},
			{Index: 3, ID: "j3", Error: "the processor failed", Took: "0s"},
			{Index: 4, ID: "j4", Output: "3s", Took: "3s"},
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil || panicked != 1 {
			t.Errorf("error %v, %d panics, results (-want +got):\n%s", err, panicked, diff)
		}
	})
}

func TestBatchStreamsAndBoundsItsWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(workers)
		start, first := time.Now(), time.Duration(0)
		durations := make([]string, 64)
		for i := range durations {
			durations[i] = "1s"
		}
		err := batch(w).Run(t.Context(), naps(durations...), func(r app.Result) error {
			if r.Index == 0 {
				first = time.Since(start)
			}
			return nil
		})
		if err != nil || first != time.Second {
			t.Errorf("first result after %s, %v; want 1s", first, err)
		}
		if most := w.most.Load(); most < 8 || most > 17 {
			t.Errorf("%d jobs ran at once", most)
		}
	})
}

func TestBatchEndsWithItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the bubble ends only when every job has
		ctx, cancel := context.WithCancel(t.Context())
		emitted := 0
		err := batch(new(workers)).Run(ctx, naps("1s", "1h", "1h"), func(app.Result) error {
			emitted++
			cancel()
			return nil
		})
		if !errors.Is(err, context.Canceled) || emitted != 1 {
			t.Errorf("%d results and %v, want 1 and the cancellation", emitted, err)
		}
		broken := errors.New("broken pipe")
		if err := batch(new(workers)).Run(t.Context(), naps("1s", "1h"), func(app.Result) error { return broken }); !errors.Is(err, broken) {
			t.Errorf("%v, want the writer's error", err)
		}
	})
}

func TestBatchTellsEveryJobOfTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		durations := make([]string, 40)
		for i := range durations {
			durations[i] = "1m"
		}
		var errored, done int
		err := batch(new(workers)).Run(ctx, naps(durations...), func(r app.Result) error {
			if r.Error == "not done before the deadline" {
				errored++
			} else if r.Output == "1m" {
				done++
			}
			return nil
		})
		if err != nil || done == 0 || errored+done != len(durations) {
			t.Errorf("%d done and %d late of %d, %v", done, errored, len(durations), err)
		}
	})
}

func TestBatchReportsMissingWorkers(t *testing.T) {
	err := batch(&workers{refuse: errors.New("queue full")}).Run(t.Context(), naps("1s"), func(r app.Result) error {
		if r.Error != "queue full" || r.Output != nil {
			t.Errorf("result %+v", r)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestBatchCheck(t *testing.T) {
	b := app.Batch{Processors: map[string]app.Processor{"digest": app.Digest{}, "fetch": app.Fetch{Upstreams: others{}}}}
	job := func(kind, input string) []app.Job { return []app.Job{{Kind: kind, Input: json.RawMessage(input)}} }
	cases := map[string]struct {
		jobs []app.Job
		want string
	}{
		"none":              {nil, "jobs: must hold at least one job"},
		"too many":          {make([]app.Job, app.MaxJobs+1), "jobs: must hold at most 10000 jobs"},
		"id":                {[]app.Job{{ID: strings.Repeat("x", 129)}}, "jobs[0].id: must have at most 128 bytes"},
		"kind":              {job("sing", `{}`), "jobs[0].kind: must be one of digest, fetch"},
		"no input":          {job("digest", ``), "jobs[0].input: must be a JSON object"},
		"no object":         {job("digest", `[]`), "jobs[0].input: must be a JSON object"},
		"unknown field":     {job("digest", `{"text":"a","salt":"b"}`), "jobs[0].input.salt: is not known"},
		"wrong type":        {job("digest", `{"text":1}`), "jobs[0].input.text: must be a string, not a value of type number"},
		"missing text":      {job("digest", `{}`), "jobs[0].input.text: must be given"},
		"algorithm":         {job("digest", `{"text":"a","algorithm":"md5"}`), "jobs[0].input.algorithm: must be sha256 or sha512"},
		"upstream":          {job("fetch", `{"upstream":"x"}`), "jobs[0].input.upstream: must be one of a, b, c"},
		"path":              {job("fetch", `{"upstream":"a","path":"x"}`), "jobs[0].input.path: must begin with one /"},
		"the second is bad": {append(job("digest", `{"text":""}`), app.Job{Kind: "x"}), "jobs[1].kind: must be one of digest, fetch"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { expectInvalid(t, b.Check(c.jobs), c.want) })
	}
	if err := b.Check(append(job("digest", `{"text":""}`), job("fetch", `{"upstream":"a"}`)...)); err != nil {
		t.Errorf("a good batch: %v", err)
	}
}
