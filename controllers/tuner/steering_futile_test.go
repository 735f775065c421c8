// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/controllers/plan"
)

// followed by one more pod are all steps.
func followed(steps int) func(*Situation) {
	return func(s *Situation) { s.Estimates.CPU, s.Ready = 1, s.Ready+int32(steps) }
}

// Whether steps helped is not judged before there are more pods.
func TestStepsAreFutileOnlyWherePodsFollowed(t *testing.T) {
	d := &Decider{direction: map[string]int{}}
	for i := range 4 {
		d.steer(dawn.Add(time.Duration(i)*StableWindow), judging(0.02, followed(0)), &Decision{})
	}
	if want := 0.7 * math.Pow(lowerBy, 4); math.Abs(d.rho.value-want) > 1e-12 || d.rho.futile {
		t.Errorf("%v, futile %v; want %v", d.rho.value, d.rho.futile, want)
	}
	d.steer(dawn.Add(4*StableWindow), judging(0.02, followed(1)), &Decision{})
	if d.rho.value != 0.7 || !d.rho.futile {
		t.Errorf("%v, futile %v; want it back at 0.7", d.rho.value, d.rho.futile)
	}
}

// Steps that do not help are taken back, and no more are tried until the objective holds.
func TestFutileStepsAreTakenBack(t *testing.T) {
	d := &Decider{direction: map[string]int{}}
	var changes []string
	for i, share := range []float64{0.02, 0.02, 0.0161, 0.02, 0.02} {
		var decision Decision
		d.steer(dawn.Add(time.Duration(i)*StableWindow), judging(share, followed(i)), &decision)
		for _, change := range decision.Changes {
			changes = append(changes, change.From+" → "+change.To+": "+change.Reason)
		}
	}
	const slow = ": 2% of requests take longer than 100ms; the objective allows 1%"
	want := []string{
		"70% → 59.5%" + slow, "59.5% → 50.6%" + slow,
		"50.6% → 70%: 1.61% of requests take longer than 100ms at any utilization: they do not wait for the CPU",
	}
	if diff := cmp.Diff(want, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if !d.rho.futile {
		t.Error("more steps are tried")
	}
	d.steer(dawn.Add(10*StableWindow), judging(0.009), &Decision{})
	if d.rho.futile {
		t.Error("the objective holds, and it counts as futile")
	}

	// Steps that help go on from where they are.
	d, changes = &Decider{direction: map[string]int{}}, nil
	for i, share := range []float64{0.02, 0.02, 0.016, 0.0161, 0.0129} {
		var decision Decision
		d.steer(dawn.Add(time.Duration(i)*StableWindow), judging(share, followed(i)), &decision)
		for _, change := range decision.Changes {
			changes = append(changes, change.From+" → "+change.To)
		}
	}
	if diff := cmp.Diff([]string{"70% → 59.5%", "59.5% → 50.6%", "50.6% → 43%", "43% → 36.5%", "36.5% → 50.6%"}, changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

// Steps down count from the last time that the objective held, however shortly, and whether a change is back or forth is told from its direction.
func TestACalmMomentBeginsTheStepsAnew(t *testing.T) {
	for name, slow := range map[string]float64{"nothing is slow": 0, "less than may be": 0.006} {
		d := &Decider{direction: map[string]int{}}
		d.rho = steering{value: 0.6, lowered: true, steps: 2, futile: true}
		s := judging(slow)
		var decision Decision
		if d.steer(dawn, s, &decision); d.rho.steps != 0 || d.rho.futile || len(decision.Changes) != 0 {
			t.Errorf("%s: %+v", name, d.rho)
		}
	}
	d := &Decider{direction: map[string]int{}, rho: steering{value: 0.7}}
	var decision Decision
	for _, value := range []float64{0.6, 0.5, 0.55, 0.6, 0.4} {
		d.setUtilization(dawn, value, "r", &decision)
	}
	if c := decision.Changes; len(c) != 5 || c[1].Turned || !c[2].Turned || c[3].Turned || !c[4].Turned {
		t.Errorf("%+v", c)
	}
}

// What was measured to be right comes back as soon as the plan allows as much again.
func TestAShelvedUtilizationComesBack(t *testing.T) {
	for allowed, want := range map[float64]float64{0.59: 0.59, 0.6: 0.6, 0.7: 0.6} {
		r := steering{value: 0.5, reason: "plan", shelved: plan.Figure[float64]{Value: 0.6, Reason: "measured"}}
		r.within(Bounds{Utilization: allowed})
		if back := allowed >= 0.6; r.value != want || r.lowered != back || (r.reason == "measured") != back || (r.shelved.Value == 0) != back {
			t.Errorf("where %v is allowed: %+v", allowed, r)
		}
	}
}
