// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"strings"
	"testing"
	"time"
)

// fading is a demand that goes down by a fixed rate from a moment on, as the estimates show it: the mean lags by half of the window.
func fading(from time.Duration, perSecond, by float64, hold time.Duration) func(time.Duration) Situation {
	return func(at time.Duration) Situation {
		past := max(at-from, 0).Seconds()
		now := max(perSecond-by*past, 100)
		s := constant(now, 20)(0)
		if now > 100 && past > 10 {
			mean := now + by*min(past, 60)*min(past, 60)/120
			s.Estimates.Demand = Rate{mean * 60, 60}
			s.Estimates.Trend = -by
		}
		s.Bounds.HoldFor = hold
		return s
	}
}

func TestASteadyFallNeedsNoLongHold(t *testing.T) {
	d := &Decider{}
	steps(d, 0, 5*time.Minute, constant(3200, 10))
	// 10 pods take 3200 req/s; after 200 s at 8 req/s less each second it is 1600, five pods.
	got := steps(d, 5*time.Minute+tick, 5*time.Minute+200*time.Second, fading(5*time.Minute, 3200, 8, 5*time.Minute))
	if got.Floor.Value < 5 || got.Floor.Value > 6 {
		t.Errorf("floor %d while the demand is 1600 req/s and falls, want 5 or 6: %s", got.Floor.Value, got.Floor.Reason)
	}
	// The line bends: what was needed before is not asked for again.
	level := steps(d, 5*time.Minute+202*time.Second, 7*time.Minute+200*time.Second, constant(1600, 6))
	if level.Floor.Value > got.Floor.Value {
		t.Errorf("floor %d after the fall has ended, was %d", level.Floor.Value, got.Floor.Value)
	}
}

func TestASlightFallIsNoEvidence(t *testing.T) {
	d := &Decider{}
	steps(d, 0, 5*time.Minute, constant(3200, 10))
	// 4 req/s less each second are 240 within a minute, of 3200 to 2600: less than a tenth.
	got := steps(d, 5*time.Minute+tick, 5*time.Minute+150*time.Second, fading(5*time.Minute, 3200, 4, 5*time.Minute))
	if got.Floor.Value != 10 {
		t.Errorf("floor %d, want the 10 that are held: %s", got.Floor.Value, got.Floor.Reason)
	}
}

// Of few requests, chance makes a line that falls.
func TestAFallByChanceIsNoEvidence(t *testing.T) {
	for perSecond, want := range map[float64]bool{0: false, 1: false, 10: false, 100: true, 1000: true} {
		d := &Decider{hold: time.Minute}
		e := estimates(perSecond)
		e.Trend = -0.5 * perSecond / 60 // half of it within a minute
		if got := d.falls(epoch, Situation{Estimates: e, Bounds: Bounds{HoldFor: time.Minute}}, false); got != want {
			t.Errorf("of %v req/s a fall by half is believed: %t, want %t", perSecond, got, want)
		}
	}
}

// Of 10 req/s, chance alone makes the ends of a line through a minute differ with a standard deviation of 1.41.
func TestAFallIsEvidenceFromFourStandardDeviationsOn(t *testing.T) {
	for deviations, want := range map[float64]bool{3.9: false, 4.1: true} {
		d := &Decider{hold: time.Minute}
		e := estimates(10)
		e.Trend = -deviations * math.Sqrt(2) / 60
		if got := d.falls(epoch, Situation{Estimates: e, Bounds: Bounds{HoldFor: time.Minute}}, false); got != want {
			t.Errorf("a fall by %v standard deviations is believed: %t, want %t", deviations, got, want)
		}
	}
}

// While pods are replaced, and for a stable window after, what is sent to those that leave is missing from what is measured.
func TestARolloutIsNoFall(t *testing.T) {
	for name, c := range map[string]struct {
		replacing, after time.Duration
		want             int32
	}{
		"nothing is replaced":    {-tick, time.Minute, 9},
		"a rollout":              {time.Minute, time.Minute, 10},
		"a rollout that is over": {10 * time.Second, time.Minute, 10},
		"over for long":          {10 * time.Second, 100 * time.Second, 8},
	} {
		t.Run(name, func(t *testing.T) {
			d, from := &Decider{}, 5*time.Minute
			falling := fading(from, 3200, 8, time.Minute)
			got := steps(d, 0, from+c.after, func(at time.Duration) Situation {
				s := falling(at)
				s.Wanted, s.Ready = 10, 10
				s.Replacing = at >= from && at <= from+c.replacing
				return s
			})
			if got.Floor.Value != c.want {
				t.Errorf("floor %d, want %d: %s", got.Floor.Value, c.want, got.Floor.Reason)
			}
		})
	}
}

func TestPodsAreHeldLongerUntilAMinuteAfterARollout(t *testing.T) {
	for after, want := range map[time.Duration]time.Duration{0: maxHold, time.Minute: maxHold, time.Minute + 1: time.Minute} {
		d := &Decider{hold: time.Minute, replacedAt: epoch}
		if got := d.holds(epoch.Add(after)); got != want {
			t.Errorf("held for %s at %s after a rollout, want %s", got, after, want)
		}
	}
}

// The same as the loop sees it, for three minutes: up to 18% of the requests go to pods that leave.
func TestWhatLeavingPodsAreSentLowersNoFloor(t *testing.T) {
	lowest := func(replacing bool) (before, lowest int32) {
		f, tuner := newFleet(10), New(Learned{})
		for round := range 150 {
			elsewhere := 0.18 * min(max(float64(round-60)/20, 0), 1)
			reports := f.run(tick, 250*(1-elsewhere), 0)
			target := Target{Spec: specified(), Wanted: 10, Ready: 10, Replacing: replacing && elsewhere > 0}
			outcome, _ := tuner.Digest(f.at, target, len(reports), reports, "")
			if round < 60 || outcome.Tuned.ReplicaFloor == nil {
				continue
			}
			if floor := outcome.Tuned.ReplicaFloor.Value; round == 60 {
				before, lowest = floor, floor
			} else {
				lowest = min(lowest, floor)
			}
		}
		return before, lowest
	}
	if before, during := lowest(true); during < before {
		t.Errorf("floor %d in a rollout, was %d", during, before)
	}
	if before, during := lowest(false); during == before {
		t.Errorf("floor %d also where nothing is replaced", during)
	}
}

// Where pods that went were needed again, a fall is no evidence that they will not be.
func TestAFallIsNotBelievedAfterARegret(t *testing.T) {
	d := &Decider{}
	steps(d, 0, 5*time.Minute, constant(3200, 10))
	d.hold, d.heldSince = 10*time.Minute, epoch.Add(5*time.Minute)
	got := steps(d, 5*time.Minute+tick, 5*time.Minute+200*time.Second, fading(5*time.Minute, 3200, 8, 5*time.Minute))
	if got.Floor.Value != 10 || !strings.Contains(got.Floor.Reason, "held at the most") {
		t.Errorf("floor %d: %s", got.Floor.Value, got.Floor.Reason)
	}
}

// A rise that is seen coming has its pods in time: pods that had gone before are no mistake to learn from.
func TestARiseThatIsForecastIsNoRegret(t *testing.T) {
	for name, c := range map[string]struct {
		trend, now float64
		want       time.Duration
	}{
		"forecast":               {8, 1600, time.Minute},
		"without warning":        {0, 2000, 3*time.Minute + 45*time.Second},
		"forecast, but too late": {8, 2000, 3*time.Minute + 45*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			d := &Decider{}
			quick := func(perSecond float64, trend float64) func(time.Duration) Situation {
				return func(time.Duration) Situation {
					s := constant(perSecond, 10)(0)
					s.Bounds.HoldFor, s.Estimates.Trend = time.Minute, trend
					return s
				}
			}
			steps(d, 0, time.Minute, quick(3200, 0))
			if got := steps(d, time.Minute+tick, 4*time.Minute, quick(1600, 0)); got.Floor.Value != 5 {
				t.Fatalf("floor %d, want 5", got.Floor.Value)
			}
			steps(d, 4*time.Minute+tick, 4*time.Minute+10*time.Second, quick(c.now, c.trend))
			if d.hold != c.want {
				t.Errorf("pods are held for %s, want %s", d.hold, c.want)
			}
		})
	}
}

// After a sudden step the pods are held for the next one, and as long as it goes on coming back that is not forgotten.
func TestJobsThatComeBackSurpriseOnce(t *testing.T) {
	for _, every := range []time.Duration{90 * time.Second, 4 * time.Minute, 5 * time.Minute} {
		d := &Decider{}
		panics, before := 0, false
		situation := loaded(d, bursts(every, 40*time.Second))
		for at := time.Duration(0); at < 3*time.Hour; at += tick {
			got := d.Decide(epoch.Add(at), situation(at))
			if got.Panic && !before {
				panics++
			}
			before = got.Panic
		}
		if panics != 1 {
			t.Errorf("every %s: surprised %d times in three hours, want once", every, panics)
		}
	}
}

// A step that does not come back is held for no longer than one that might.
func TestASingleStepIsForgotten(t *testing.T) {
	d := &Decider{}
	situation := loaded(d, bursts(time.Hour, 30*time.Second))
	steps(d, -2*time.Minute, 5*time.Minute, situation)
	if most := d.floor; most < 10 {
		t.Errorf("floor %d five minutes after a step to four times the load, want what it needed", most)
	}
	if got := steps(d, 5*time.Minute+tick, 10*time.Minute, situation); got.Floor.Value != 3 || d.hold != time.Minute {
		t.Errorf("floor %d, held for %s, ten minutes after; want 3 and 1m", got.Floor.Value, d.hold)
	}
}

// A need that does not come back any more is forgotten step by step.
func TestALongHoldIsForgotten(t *testing.T) {
	d := &Decider{}
	quiet := func(time.Duration) Situation {
		s := constant(800, 3)(0)
		s.Bounds.HoldFor = time.Minute
		return s
	}
	steps(d, 0, time.Minute, quiet)
	d.hold, d.heldSince = maxHold, epoch.Add(time.Minute)
	for _, c := range []struct{ after, want time.Duration }{
		{21 * time.Minute, maxHold}, {21*time.Minute + tick, maxHold / 2}, {25 * time.Minute, maxHold / 2}, {45 * time.Minute, maxHold / 4}, {2 * time.Hour, time.Minute},
	} {
		if steps(d, d.needs[len(d.needs)-1].at.Sub(epoch)+tick, c.after, quiet); d.hold != c.want {
			t.Errorf("held for %s after %s, want %s", d.hold, c.after, c.want)
		}
	}
}
