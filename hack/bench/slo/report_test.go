// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/api/v1alpha1"
)

// measured are outcomes of two runs over two shapes: the further to the left a contender stands, the fewer bad seconds and core-seconds.
func measured(s settings) []outcome {
	var all []outcome
	for run := range s.runs {
		for _, shape := range s.shapes {
			for i, c := range s.contenders {
				o := outcome{
					Shape: shape.name, Contender: c.name, Run: run, At: noon.Add(time.Duration(run) * time.Hour), PodsBefore: 2,
					CoreSeconds: float64(100*(i+1) + run), CPUPerRequest: 7500 * time.Microsecond,
					After: verdict{Requests: 1000, Slow: 8 * i, Lost: 4 * run, BadSeconds: 10*(i+1) + run},
					Ready: map[int32]time.Duration{6: time.Duration(4+run) * time.Second}, Pool: pool{3, 250 * time.Millisecond},
					Decisions: []string{"+1 s  floor 2 → 8"}, MachineBusy: 0.94 + 0.01*float64(i),
				}
				if shape.name == stepName {
					o.Wanted = map[int32]time.Duration{6: time.Duration(1+run) * time.Second}
				}
				all = append(all, o)
			}
		}
	}
	return all
}

// Figures are means over runs and shapes, the times those of the step, for one number of pods for all; and it is said of what.
func TestReport(t *testing.T) {
	s := usual
	s.shapes = shapes[:2]
	all := measured(s)
	var out strings.Builder
	if err := report(&out, s, images, all); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	want := "RESULT bench-slo runs=2 shapes=2 wanted_s=1.5 ready_s=4.5 bad_s=40.5 missed_pct=2.60 core_s=400 keeps=no " +
		"fitted50_bad_s=30.5 fitted50_missed_pct=1.80 fitted50_core_s=300 fitted50_keeps=no " +
		"fitted20_bad_s=20.5 fitted20_missed_pct=1.00 fitted20_core_s=200 fitted20_keeps=yes " +
		"hpa_bad_s=10.5 hpa_missed_pct=0.20 hpa_core_s=100 hpa_keeps=yes keeping_target=50 keeping_bad_s=10.5 keeping_core_s=100 machine_busy_pct=97 sim_bad_ratio="
	if got := lines[len(lines)-1]; !strings.HasPrefix(got, want) || strings.Contains(got, "unknown") {
		t.Errorf("last line\n%s, want\n%s…", got, want)
	}
	for _, part := range []string{
		"operator manager:dev-1, workload workload:dev-1, measured by program abc, from 2026-01-01T12:00:00Z to 2026-01-01T13:00:00Z\n",
		"\nstep, for 2m0s\n", "\nramp, for 2m0s\n", "until 6 pods were wanted", "+1 s  floor 2 → 8", "10 (10 to 11)", "workers of a pod before the rise",
		"the cheapest rival that keeps the objective: HPA 50 %, default\n", "pods that start in 3.0 to 3.0 s",
		"the machine had no processor left in a trial",
	} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in\n%s", part, out.String())
		}
	}
	all[0].Contender, all[3].Wanted = ours, nil // one run in which there were never enough
	if got := moments(of(all, stepName, ours), outcome.wantedAfter, 6); got != "never" {
		t.Errorf("moments() = %s", got)
	}
}

// A service that is not built on the toolkit has no pool, and is not simulated.
func TestReportOfAnotherService(t *testing.T) {
	s := usual
	s.image = "foreign:1"
	contenders, err := rivalsOf("50", false)
	if err != nil {
		t.Fatal(err)
	}
	s.contenders = contenders
	spec := s.contenders[1].service(s, nil).Spec
	if spec.Image != "foreign:1" || spec.Pool != nil || spec.Observability.Metrics.Indicators != v1alpha1.IndicatorsOpenTelemetry || s.metricsPort() != 8080 {
		t.Errorf("%+v", spec)
	}
	if got, err := poolOf(&v1alpha1.GoService{Status: v1alpha1.GoServiceStatus{Plan: &v1alpha1.PlanStatus{}}}); err != nil || *got != (pool{}) {
		t.Errorf("pool %v, %v", got, err)
	}
	var out strings.Builder
	if err := report(&out, s, images, measured(s)); err != nil {
		t.Fatal(err)
	}
	for part, is := range map[string]bool{
		"\nRESULT bench-foreign runs=2 shapes=1 wanted_s=1.5 ready_s=4.5 bad_s=": true, " hpa50_bad_s=": true, " hpa_bad_s=": true, "fitted": false, "simulated": false, "workers": false,
	} {
		if strings.Contains(out.String(), part) != is {
			t.Errorf("%q: is there: %t, in\n%s", part, !is, out.String())
		}
	}
}

// Where no rival keeps the objective, none is the one to be compared with; and what cannot be simulated has no figure.
func TestReportSaysWhatIsMissing(t *testing.T) {
	s := usual
	all := measured(s)
	for i := range all {
		all[i].After.Slow, all[i].Ready = 500, nil
	}
	var out strings.Builder
	if err := report(&out, s, images, all); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"no rival keeps the objective\n", "not simulated: no pod has started", "keeps=no ",
		" keeping_target=none keeping_bad_s=none keeping_core_s=none machine_busy_pct=97 sim_bad_ratio=unknown sim_core_ratio=unknown sim_ready_ratio=unknown\n",
	} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in\n%s", part, out.String())
		}
	}
}

// The objective is kept by all requests together, up to and with the share that it allows; nothing measured keeps nothing.
func TestKeeps(t *testing.T) {
	at := func(requests, bad int) outcome {
		return outcome{After: verdict{Requests: requests, Slow: bad / 2, Lost: bad - bad/2}}
	}
	for name, c := range map[string]struct {
		outcomes []outcome
		want     bool
	}{
		"just": {[]outcome{at(200, 2)}, true}, "just not": {[]outcome{at(200, 3)}, false},
		"together": {[]outcome{at(200, 3), at(100, 0)}, true}, "nothing": {nil, false},
	} {
		if got := keeps(c.outcomes, usual); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	rivals := usual.contenders
	all := []outcome{at(100, 0), at(100, 0), at(100, 0), at(100, 0)}
	for i, cores := range []float64{30, 20, 10, 5} {
		all[i].Contender, all[i].CoreSeconds = rivals[i].name, cores
	}
	all[2].After.Slow = 50 // the cheapest rival does not keep it
	if got, ok := cheapestThatKeeps(usual, "", all); !ok || got.target != 20 {
		t.Errorf("the cheapest that keeps: %+v, %t", got, ok)
	}
}
