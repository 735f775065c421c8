// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var theSum = regexp.MustCompile(`^([0-9.]+) req/s (?:[a-z0-9' ]*?)(?: and ([0-9.]+)% more)?(?:, and ([0-9.]+) waiting requests within ([0-9a-z]+))?, ` +
	`([0-9.a-zµ]+) of CPU each on ([0-9.]+) cores, at ([0-9.]+)% utilization`)

// addsUp does the sum that a reason tells, and rounds up.
func addsUp(t *testing.T, reason string) int32 {
	t.Helper()
	return int32(math.Ceil(podsOf(t, reason) - 1e-6))
}

// podsOf a reason is (demand × (1 + margin) + waiting ÷ time) × cost ÷ (cores × utilization).
func podsOf(t *testing.T, reason string) float64 {
	t.Helper()
	parts := theSum.FindStringSubmatch(reason)
	if parts == nil {
		t.Fatalf("%q tells no sum", reason)
	}
	number := func(i int) float64 {
		if parts[i] == "" {
			return 0
		}
		f, err := strconv.ParseFloat(parts[i], 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	demand := number(1) * (1 + number(2)/100)
	if parts[4] != "" {
		within, err := time.ParseDuration(parts[4])
		if err != nil {
			t.Fatal(err)
		}
		demand += number(3) / within.Seconds()
	}
	each, err := time.ParseDuration(parts[5])
	if err != nil {
		t.Fatal(err)
	}
	return demand * each.Seconds() / (number(6) * number(7) / 100)
}

func TestTheReasonOfAFloorAddsUp(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Estimates)
		want   int32
	}{
		"a level": {func(e *Estimates) { e.Demand = Rate{1600 * 60, 60} }, 5},
		"a rise":  {func(e *Estimates) { e.Trend = 10 }, 5}, // 800 + 10 · (30 + 30)
		"a step": {func(e *Estimates) {
			e.DemandNow, e.DemandPanic = Rate{3200 * 2, 2}, Rate{800*4 + 3200*2, 6}
		}, 15},
		// What waits is there once: (3200 · 1.5 + 1920/6) ÷ 320 = 16; with the margin on it, it would be 17.
		"a step with a backlog": {func(e *Estimates) {
			e.DemandNow, e.DemandPanic, e.Backlog = Rate{3200 * 2, 2}, Rate{800*4 + 3200*2, 6}, 1920
		}, 16},
	} {
		t.Run(name, func(t *testing.T) {
			d := &Decider{}
			steps(d, 0, 5*time.Minute, constant(800, 3))
			s := constant(800, 3)(0)
			c.change(&s.Estimates)
			got := d.Decide(epoch.Add(5*time.Minute+tick), s)
			if got.Floor.Value != c.want || addsUp(t, got.Floor.Reason) != c.want {
				t.Errorf("floor %d, by its reason %d, want %d: %s", got.Floor.Value, addsUp(t, got.Floor.Reason), c.want, got.Floor.Reason)
			}
			// While the answer is held, its reason stays the one that it follows from.
			if got.Panic {
				held := d.Decide(epoch.Add(5*time.Minute+3*tick), constant(800, got.Floor.Value)(0))
				if held.Floor.Value != c.want || addsUp(t, held.Floor.Reason) != c.want {
					t.Errorf("held at %d: %s", held.Floor.Value, held.Floor.Reason)
				}
			}
		})
	}
}

// explains says whether a person who does a reason's sum, with figures of three digits, and reads the rest of it finds the floor.
func explains(t *testing.T, reason string, floor int32, b Bounds) bool {
	t.Helper()
	const digits = 0.006
	sum := podsOf(t, reason)
	low, high := int32(math.Ceil(sum*(1-digits)-1e-6)), int32(math.Ceil(sum*(1+digits)-1e-6))
	for _, c := range []struct {
		says string
		is   bool
	}{
		{"one step adds at most", floor <= b.MaxReplicas},
		{"; held at the most", floor > low}, {"; no pod goes", floor > low}, {"of the pods go every", floor > low},
		{"are allowed", floor == b.MaxReplicas && high > floor}, {"are kept", floor == b.MinReplicas && low < floor},
		{"pods may have 3% more", low <= floor+1 && floor+1 <= high},
	} {
		if strings.Contains(reason, c.says) {
			return c.is
		}
	}
	return low <= floor && floor <= high
}

// Whatever comes, each floor follows from its reason.
func TestEveryReasonExplainsItsFloor(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 7))
		d := &Decider{}
		level, slope := 1000.0, 0.0
		for at := time.Duration(0); at < 30*time.Minute; at += tick {
			switch random.IntN(40) {
			case 0:
				level = random.ExpFloat64() * 3000
			case 1:
				slope = random.NormFloat64() * 10
			case 2:
				slope = 0
			}
			level = max(level+slope*tick.Seconds(), 1)
			s := constant(level, max(d.floor, 2))(at)
			s.Estimates.Trend = slope
			s.Estimates.Backlog = float64(random.IntN(2) * random.IntN(100))
			got := d.Decide(epoch.Add(at), s)
			if !explains(t, got.Floor.Reason, got.Floor.Value, s.Bounds) {
				t.Fatalf("seed %d after %s: floor %d is not explained by %q", seed, at, got.Floor.Value, got.Floor.Reason)
			}
		}
	}
}
