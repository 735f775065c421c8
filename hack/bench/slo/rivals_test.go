// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/api/v1alpha1"
)

var usual = settings{
	rate: 16, factor: 4, work: 5 * time.Millisecond, threshold: 500 * time.Millisecond, warm: 100 * time.Second, hold: 2 * time.Minute,
	milliCPU: 100, most: 8, percentile: 99, allowed: 0.01, enough: 0.8, runs: 2, shapes: shapes[:1],
}

// The rivals scale the same service: only who scales it differs, how long pods are kept, and the pool of the one that is told.
func TestRivalsScaleTheSameService(t *testing.T) {
	fitted := &pool{3, 5}
	for _, c := range contenders {
		spec := c.service(usual, fitted).Spec
		own := contenders[len(contenders)-1].service(usual, nil).Spec
		if diff := cmp.Diff(own.SLO, spec.SLO); diff != "" {
			t.Errorf("%s: objectives %s", c.name, diff)
		}
		if diff := cmp.Diff(own.Resources, spec.Resources); diff != "" {
			t.Errorf("%s: resources %s", c.name, diff)
		}
		if c.name == ours {
			if spec.Tuning != nil || spec.Pool != nil || *spec.Autoscaling.MinReplicas != fewest || int(*spec.Autoscaling.MaxReplicas) != usual.most {
				t.Errorf("the operator's own: %+v", spec)
			}
			continue
		}
		if spec.Tuning.Mode != v1alpha1.TuningDisabled || spec.Autoscaling.Mode != v1alpha1.AutoscalingExternal {
			t.Errorf("%s: the operator scales, too", c.name)
		}
		hpa := c.autoscaler(usual, "n").Spec
		if *hpa.MinReplicas != fewest || int(hpa.MaxReplicas) != usual.most || *hpa.Metrics[0].Resource.Target.AverageUtilization != cpuTarget {
			t.Errorf("%s: %+v", c.name, hpa)
		}
		switch {
		case c.name == stock && (hpa.Behavior != nil || spec.Pool != nil):
			t.Errorf("the stock autoscaler is not: %+v, pool %+v", hpa.Behavior, spec.Pool)
		case c.name == informed && (*hpa.Behavior.ScaleDown.StabilizationWindowSeconds != 60 || *spec.Pool.Workers != 3 || *spec.Pool.QueueDepth != 5):
			t.Errorf("the informed one: %+v, pool %+v", hpa.Behavior, spec.Pool)
		}
	}
}

// The operator comes first once, so that there is a pool to be told, and last in the next run.
func TestTurnsAlternate(t *testing.T) {
	names := func(run int) string {
		var all []string
		for _, c := range turns(run) {
			all = append(all, c.name)
		}
		return strings.Join(all, ", ")
	}
	forth, back := ours+", "+informed+", "+stock, stock+", "+informed+", "+ours
	if names(0) != forth || names(1) != back || names(2) != forth {
		t.Errorf("turns: %s; %s; %s", names(0), names(1), names(2))
	}
}

func TestShapes(t *testing.T) {
	for _, c := range []struct {
		shape string
		since time.Duration
		want  float64 // of the highest rate
	}{
		{"step", 0, 0.25}, {"step", 99 * time.Second, 0.25}, {"step", 100 * time.Second, 1}, {"step", 219 * time.Second, 1},
		{"ramp", 100 * time.Second, 0.25}, {"ramp", 148 * time.Second, 0.625}, {"ramp", 196 * time.Second, 1}, {"ramp", 219 * time.Second, 1},
		{"burst", 99 * time.Second, 0.25}, {"burst", 119 * time.Second, 1}, {"burst", 120 * time.Second, 0.25}, {"burst", 160 * time.Second, 1},
	} {
		found, err := shapesOf(c.shape)
		if err != nil {
			t.Fatal(err)
		}
		if got := found[0].part(usual)(c.since); got != c.want {
			t.Errorf("%s after %s: %g, want %g", c.shape, c.since, got, c.want)
		}
	}
	if _, err := shapesOf("step,wave"); err == nil {
		t.Error("there is a shape called wave")
	}
}

// What was measured is kept, the same command goes on with it, and one with other settings does not mix with it.
func TestStateIsKept(t *testing.T) {
	s := usual
	s.state = filepath.Join(t.TempDir(), "state")
	st, err := openState(s)
	if err != nil || st.pool() != nil {
		t.Fatalf("a new state: %+v, %v", st, err)
	}
	o := outcome{
		Shape: "step", Contender: ours, Run: 1, After: verdict{Requests: 10, Slow: 1, Seconds: 5, LastBad: time.Second},
		Wanted: map[int32]time.Duration{2: time.Second}, Decisions: []string{"+1 s"}, Pool: pool{3, 5},
	}
	if err := st.add(o); err != nil {
		t.Fatal(err)
	}
	again, err := openState(s)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]outcome{o}, again.outcomes); diff != "" {
		t.Error(diff)
	}
	if !again.has("step", ours, 1) || again.has("step", ours, 0) || again.has("ramp", ours, 1) || again.has("step", stock, 1) || *again.pool() != o.Pool {
		t.Errorf("done: %+v", again)
	}
	s.factor = 5
	if _, err := openState(s); err == nil {
		t.Error("outcomes of other settings are taken over")
	}
	if err := os.WriteFile(s.state, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openState(s); err == nil {
		t.Error("nonsense is a state")
	}
}

// Figures are means over runs and shapes, the times those of the step, for one number of pods for all.
func TestReport(t *testing.T) {
	s := usual
	s.shapes = shapes[:2]
	var all []outcome
	for run := range 2 {
		for _, shape := range s.shapes {
			for i, c := range contenders {
				o := outcome{
					Shape: shape.name, Contender: c.name, Run: run, CoreSeconds: float64(100*(i+1) + run), CPUPerRequest: 7500 * time.Microsecond,
					After: verdict{Requests: 1000, Slow: 10 * i, Lost: 10 * run, BadSeconds: 10*(i+1) + run},
					Ready: map[int32]time.Duration{6: time.Duration(4+run) * time.Second}, Pool: pool{3, 5}, Decisions: []string{"+1 s  floor 2 → 8"},
				}
				if shape.name == stepName {
					o.Wanted = map[int32]time.Duration{6: time.Duration(1+run) * time.Second}
				}
				all = append(all, o)
			}
		}
	}
	var out strings.Builder
	if err := report(&out, s, all); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	want := "RESULT bench-slo runs=2 shapes=2 wanted_s=1.5 ready_s=4.5 bad_s=30.5 missed_pct=2.50 core_s=300 " +
		"fitted_bad_s=20.5 fitted_missed_pct=1.50 fitted_core_s=200 hpa_bad_s=10.5 hpa_missed_pct=0.50 hpa_core_s=100"
	if got := lines[len(lines)-1]; got != want {
		t.Errorf("last line\n%s, want\n%s", got, want)
	}
	for _, part := range []string{"\nstep, for 2m0s\n", "\nramp, for 2m0s\n", "until 6 pods were wanted", "+1 s  floor 2 → 8", "10 (10 to 11)", "3 + 5"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in\n%s", part, out.String())
		}
	}
	all[0].Contender, all[2].Wanted = ours, nil // one run in which there were never enough
	if got := moments(of(all, stepName, ours), outcome.wantedAfter, 6); got != "never" {
		t.Errorf("moments() = %s", got)
	}
}
