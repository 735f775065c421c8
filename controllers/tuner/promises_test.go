// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math/rand/v2"
	"testing"
	"time"
)

// A larger demand never gives a lower floor, a higher utilization never a higher one.
func TestFloorIsMonotone(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 2))
		demand, more := random.ExpFloat64()*3000, 1+random.Float64()
		rho := 0.3 + random.Float64()*0.5
		floor := func(perSecond, rho float64) int32 {
			return steps(&Decider{}, 0, 15*time.Minute, func(time.Duration) Situation {
				s := constant(perSecond, 40)(0)
				s.Bounds.Utilization = rho
				return s
			}).Floor.Value
		}
		base := floor(demand, rho)
		if larger := floor(demand*more, rho); larger < base {
			t.Fatalf("seed %d: floor %d at %v req/s, %d at %v", seed, base, demand, larger, demand*more)
		}
		if denser := floor(demand, min(rho*more, 0.8)); denser > base {
			t.Fatalf("seed %d: floor %d at utilization %v, %d at a higher one", seed, base, rho, denser)
		}
	}
}

// Whatever the figures do, the floor stays within its bounds, nothing shrinks faster than it may, nothing shrinks in a panic
// or without figures, and every change has a reason.
func TestDecisionsKeepTheirPromises(t *testing.T) {
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 3))
		d := &Decider{}
		wanted, level := int32(4), 1000.0
		lastShrink := time.Duration(-1)
		for at := time.Duration(0); at < 40*time.Minute; at += tick {
			if random.IntN(60) == 0 {
				level = random.ExpFloat64() * 3000
			}
			s := constant(level*(0.8+0.4*random.Float64()), wanted)(0)
			s.Estimates.Known = random.IntN(20) > 0
			s.Estimates.Objectives = Tally{Total: 1e5, Slow: 1e5 * random.Float64() * 0.02}
			before := d.floor
			got := d.Decide(epoch.Add(at), s)
			if got.Floor.Value < 2 || got.Floor.Value > 40 {
				t.Fatalf("seed %d: floor %d out of bounds", seed, got.Floor.Value)
			}
			if d.started && got.Floor.Value < before {
				switch {
				case got.Panic || got.Frozen != "":
					t.Fatalf("seed %d: scaled in while frozen: %+v", seed, got)
				case lastShrink >= 0 && at-lastShrink < shrinkEvery:
					t.Fatalf("seed %d: scaled in twice within %v", seed, at-lastShrink)
				case before-got.Floor.Value > max(1, int32(float64(before)*shrinkShare)):
					t.Fatalf("seed %d: %d → %d in one step", seed, before, got.Floor.Value)
				}
				lastShrink = at
			}
			if got.Utilization.Value < minUtilization || got.Utilization.Value > 0.8 {
				t.Fatalf("seed %d: utilization %v", seed, got.Utilization.Value)
			}
			for _, change := range got.Changes {
				if change.Reason == "" || change.From == change.To {
					t.Fatalf("seed %d: %+v", seed, change)
				}
			}
			wanted = max(wanted, got.Floor.Value)
			if got.Floor.Value < wanted && random.IntN(10) == 0 {
				wanted = got.Floor.Value
			}
		}
		if len(d.History()) > historyLength {
			t.Fatalf("seed %d: %d changes remembered", seed, len(d.History()))
		}
	}
}

// A steady noisy load must not make the floor go up and down.
func TestSteadyLoadDoesNotOscillate(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 4))
	d := &Decider{}
	changes := 0
	steps(d, 0, 10*time.Minute, constant(1500, 5))
	for at := 10 * time.Minute; at < 2*time.Hour; at += tick {
		s := constant(1500, 5)(0)
		s.Estimates.Demand.Events += random.NormFloat64() * 300 // Poisson: √90000
		s.Estimates.DemandPanic.Events += random.NormFloat64() * 95
		s.Estimates.DemandNow.Events += random.NormFloat64() * 55
		changes += len(d.Decide(epoch.Add(at), s).Changes)
	}
	if changes > 0 {
		t.Errorf("%d changes in two hours of the same load", changes)
	}
}
