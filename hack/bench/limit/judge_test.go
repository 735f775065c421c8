// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

// What is admitted in any ten seconds is compared with the lesser of the limit and what was sent.
func TestJudge(t *testing.T) {
	constant := func(rate float64) func(float64) float64 { return func(float64) float64 { return rate } }
	during := func(from, until, then, otherwise float64) func(float64) float64 {
		return func(at float64) float64 {
			if at >= from && at < until {
				return then
			}
			return otherwise
		}
	}
	for name, c := range map[string]struct {
		sent, admitted func(float64) float64
		want           verdict
	}{
		"all of the limit":           {constant(150), constant(100), verdict{}},
		"all of what is sent":        {constant(60), constant(60), verdict{}},
		"half of the limit":          {constant(150), constant(50), verdict{mean: -0.5, under: -0.5, changeUnder: -0.5}},
		"half of what is sent":       {constant(60), constant(30), verdict{mean: -0.5, under: -0.5, changeUnder: -0.5}},
		"five seconds of nothing":    {constant(150), during(15, 20, 0, 100), verdict{mean: -0.0625, under: -0.5}},
		"a tenth more, for a window": {constant(150), during(15, 25, 110, 100), verdict{mean: 0.0125, over: 0.1}},
		"a change costs":             {constant(150), during(50, 52, 50, 100), verdict{mean: -0.0125, changeUnder: -0.1}},
		"while pods start":           {constant(150), during(46, 48, 50, 100), verdict{mean: -0.0125, changeUnder: -0.1}},
		"before they do":             {constant(150), during(44, 45, 0, 100), verdict{mean: -0.0125, under: -0.1, changeUnder: -0.1}},
		"and brings":                 {constant(150), during(52, 54, 120, 100), verdict{mean: 0.005, changeOver: 0.04}},
		"while nothing counts":       {constant(150), during(85, 95, 0, 100), verdict{}},
	} {
		t.Run(name, func(t *testing.T) {
			var j journal
			due := [2]float64{}
			for tick := range 110 * 100 {
				moment := float64(tick) / 100
				for i, rate := range []float64{c.sent(moment), c.admitted(moment)} {
					for due[i] += rate / 100; due[i] >= 1; due[i]-- {
						if i == 0 {
							j.sent = append(j.sent, at(moment))
						} else {
							j.admitted = append(j.admitted, at(moment))
						}
					}
				}
			}
			got := j.judge(100, []span{{at(0), at(80)}}, []span{{at(46), at(50)}}, 20*time.Second)
			for _, figure := range []struct {
				name      string
				got, want float64
			}{
				{"mean", got.mean, c.want.mean}, {"under", got.under, c.want.under}, {"over", got.over, c.want.over},
				{"about the change under", got.changeUnder, c.want.changeUnder}, {"about the change over", got.changeOver, c.want.changeOver},
			} {
				if math.Abs(figure.got-figure.want) > 0.015 {
					t.Errorf("%s %+.3f, want %+.3f: %s", figure.name, figure.got, figure.want, got)
				}
			}
			if got.calm != 461 || got.changing != 240 {
				t.Errorf("%d windows in 80 s away from the change and %d about it, want 461 and 240", got.calm, got.changing)
			}
		})
	}
}

func TestFailuresAreNoRefusals(t *testing.T) {
	var j journal
	j.note(at(1), at(1), true, nil)
	j.note(at(1), at(1), false, nil) // refused
	j.note(at(2), at(2), false, errors.New("connection reset"))
	if got := j.judge(1, []span{{at(0), at(20)}}, nil, 0); got.sent != 3 || got.admitted != 1 || got.failed != 1 || got.failure == nil {
		t.Errorf("%+v", got)
	}
}

func TestTheLastLineHasTheWorstOfAllCases(t *testing.T) {
	rows := []row{
		{
			load{3, 1.05}, verdict{mean: 0.001, under: -0.015, over: 0.01, changeUnder: -0.03, changeOver: 0.02, sent: 990, due: 1000, failed: 2, busy: 0.6},
			map[string]verdict{equal.name: {mean: -0.2, under: -0.25, due: 1}},
		},
		{
			load{3, 1.5}, verdict{mean: -0.004, under: -0.002, over: 0.012, changeUnder: -0.01, changeOver: 0.035, due: 1},
			map[string]verdict{equal.name: {mean: -0.1, under: -0.14, changeUnder: -0.3, due: 1, failed: 1, busy: 0.95}},
		},
	}
	last := func(rows []row, q quiet) string {
		var out strings.Builder
		if err := report(&out, settings{pods: 4, perPod: 100}, rows, q); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), "99.0 %") {
			t.Errorf("how much of the load was sent is missing in\n%s", out.String())
		}
		if full := strings.Contains(out.String(), "the machine had no processor left"); full != (q.pods > 0) {
			t.Errorf("a full machine: %t in\n%s", full, out.String())
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		return lines[len(lines)-1]
	}
	const figures = "RESULT bench-limit mean_under_pct=-0.4 worst_under_pct=-1.5 worst_over_pct=1.2 change_under_pct=-3.0 change_over_pct=3.5 "
	want := figures + "equal_worst_under_pct=-30.0 failed=4 machine_busy_pct=95 quiet_refused_pct=0.10"
	if got := last(rows, quiet{pods: 20, limit: 100, used: 0.6, sent: 4000, refused: 4, failed: 1}); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	rows[1].rivals[lending.name] = verdict{under: -0.07, changeUnder: -0.05, changeOver: 0.06, due: 1, failed: 1, busy: 0.7}
	want = figures + "equal_worst_under_pct=-30.0 lending_worst_under_pct=-7.0 lending_change_over_pct=6.0 failed=5 machine_busy_pct=95 quiet_refused_pct=0.10"
	if got := last(rows, quiet{pods: 20, limit: 100, used: 0.6, sent: 4000, refused: 4, failed: 1}); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	// What was left out has no figure, and a mean above the limit is not hidden behind a zero.
	rows[0].rivals, rows[1].rivals, rows[1].ours.mean = nil, nil, 0.002
	want = strings.Replace(figures, "-0.4", "0.1", 1) + "equal_worst_under_pct=unknown failed=2 machine_busy_pct=60"
	if got := last(rows, quiet{}); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestLoads(t *testing.T) {
	for text, want := range map[string]int{"3:1.05, 10:2": 2, "1:3": 1, "": 0, "3": 0, "3:1,,2:1": 0, "3:-2": 0, "0.5:1": 0, "a:1": 0, "3:NaN": 0} {
		if got, err := loadsOf(text); len(got) != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

// Every other pod gets skew times the load, and all of it together is what is wanted.
func TestRatesBySkew(t *testing.T) {
	if got := ratesOf(4, 800, 3); got[0] != 300 || got[1] != 100 || got[2] != 300 || got[3] != 100 {
		t.Errorf("%v", got)
	}
}

// A pod that was loaded keeps its place, whatever the names of those that come; the others move up where some have gone.
func TestPodsKeepTheirPlaces(t *testing.T) {
	first := inOrder(nil, []string{"m", "p"})
	more := inOrder(first, []string{"a", "m", "p", "z"})
	left := inOrder(more, []string{"a", "p"})
	for _, c := range []struct{ got, want []string }{{first, []string{"m", "p"}}, {more, []string{"m", "p", "a", "z"}}, {left, []string{"p", "a"}}} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
