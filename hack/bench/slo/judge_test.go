// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"goservice.dev/operator/hack/load/loadgen"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// A second is bad by the requests that were due in it, whenever they were answered, and not by a single one.
func TestJudge(t *testing.T) {
	s := settings{threshold: 100 * time.Millisecond, allowed: 0.1}
	requests := func(second, count int, took time.Duration, status int) []loadgen.Outcome {
		var all []loadgen.Outcome
		for range count {
			all = append(all, loadgen.Outcome{Due: noon.Add(time.Duration(second) * time.Second), Took: took, Status: status})
		}
		return all
	}
	const fast, slow = 100 * time.Millisecond, 101 * time.Millisecond
	for name, c := range map[string]struct {
		second [][]loadgen.Outcome
		want   verdict
	}{
		"none":              {nil, verdict{Seconds: 3}},
		"all are good":      {[][]loadgen.Outcome{requests(0, 9, fast, 200)}, verdict{Requests: 9, Seconds: 3}},
		"slow":              {[][]loadgen.Outcome{requests(1, 8, fast, 200), requests(1, 2, slow, 200)}, verdict{Requests: 10, Slow: 2, BadSeconds: 1, Seconds: 3, LastBad: 2 * time.Second}},
		"refused":           {[][]loadgen.Outcome{requests(0, 8, fast, 200), requests(0, 2, fast, http.StatusServiceUnavailable)}, verdict{Requests: 10, Lost: 2, BadSeconds: 1, Seconds: 3, LastBad: time.Second}},
		"without an answer": {[][]loadgen.Outcome{requests(2, 2, fast, loadgen.NoAnswer)}, verdict{Requests: 2, Lost: 2, BadSeconds: 1, Seconds: 3, LastBad: 3 * time.Second}},
		"slow and refused":  {[][]loadgen.Outcome{requests(0, 1, slow, 200), requests(0, 1, fast, 429)}, verdict{Requests: 2, Slow: 1, Lost: 1, BadSeconds: 1, Seconds: 3, LastBad: time.Second}},
		"a single one":      {[][]loadgen.Outcome{requests(0, 1, slow, 200)}, verdict{Requests: 1, Slow: 1, Seconds: 3}},
		"what is allowed":   {[][]loadgen.Outcome{requests(0, 18, fast, 200), requests(0, 2, slow, 200)}, verdict{Requests: 20, Slow: 2, Seconds: 3}},
		"much later":        {[][]loadgen.Outcome{requests(0, 2, 9*time.Second, 200)}, verdict{Requests: 2, Slow: 2, BadSeconds: 1, Seconds: 3, LastBad: time.Second}},
		"due outside":       {[][]loadgen.Outcome{requests(-1, 5, slow, 200), requests(3, 5, slow, 200)}, verdict{Seconds: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			var j journal
			for _, second := range c.second {
				for _, request := range second {
					j.note(request)
				}
			}
			if got := j.judge(noon, noon.Add(3*time.Second), s); got != c.want {
				t.Errorf("judge() = %+v, want %+v", got, c.want)
			}
		})
	}
}

// Each sample counts until the next, the first one from the start and the last one to the end.
func TestSamples(t *testing.T) {
	samples := []sample{{noon.Add(time.Second), 2, 2, 0.2}, {noon.Add(4 * time.Second), 6, 2, 0.6}, {noon.Add(5 * time.Second), 6, 6, 0.6}}
	if got, want := coreSeconds(samples, noon, noon.Add(10*time.Second)), 0.2*4+0.6*6; got < want-1e-9 || got > want+1e-9 {
		t.Errorf("coreSeconds() = %v, want %v", got, want)
	}
	if got, want := coreSeconds(samples, noon, noon.Add(2*time.Second)), 0.2*2; got < want-1e-9 || got > want+1e-9 {
		t.Errorf("coreSeconds() up to 2 s = %v, want %v", got, want)
	}
	var o outcome
	o.watched(samples, noon, noon.Add(10*time.Second))
	if o.Most != 6 || o.PodsBefore != 2 || o.CoreSeconds < 4.4-1e-9 || o.CoreSeconds > 4.4+1e-9 {
		t.Errorf("watched: %+v", o)
	}
	for name, c := range map[string]struct {
		after func(outcome, int32) (time.Duration, bool)
		pods  int32
		want  time.Duration
		ever  bool
	}{
		"wanted": {outcome.wantedAfter, 5, 4 * time.Second, true}, "ready": {outcome.readyAfter, 5, 5 * time.Second, true},
		"never": {outcome.readyAfter, 7, 0, false}, "at once": {outcome.readyAfter, 2, time.Second, true},
	} {
		if got, ever := c.after(o, c.pods); got != c.want || ever != c.ever {
			t.Errorf("%s after %s, %t; want %s, %t", name, got, ever, c.want, c.ever)
		}
	}
}

// What a request costs is read from the pods that stayed: one that came or went has an account that does not fit.
func TestPerRequest(t *testing.T) {
	page := func(seconds string, ok, failed int) used {
		u, err := parseUsage(fmt.Appendf(nil, "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total %s\n"+
			"http_server_request_duration_seconds_count{http_route=\"GET /work\",code=\"200\"} %d\n"+
			"http_server_request_duration_seconds_count{code=\"503\"} %d\nhttp_server_request_duration_seconds_sum{code=\"503\"} 99\nup 1\n", seconds, ok, failed))
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	before := map[string]used{"stays": page("1.25", 100, 20), "goes": page("70", 7000, 0)}
	after := map[string]used{"stays": page("2.25", 250, 70), "comes": page("9", 1, 0)}
	if took, err := perRequest(before, after); err != nil || took != 5*time.Millisecond {
		t.Errorf("perRequest() = %s, %v, want 5ms", took, err)
	}
	if took, err := perRequest(before, map[string]used{"comes": page("9", 1, 0)}); err == nil {
		t.Errorf("nobody stayed, and a request takes %s", took)
	}
	if _, err := parseUsage([]byte("process_cpu_seconds_total much\n")); err == nil {
		t.Error("a page without figures gives some")
	}
}
