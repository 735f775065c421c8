// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"testing"
	"time"
)

// features of a shape, looked at every second: the rate that it begins with, the highest, and for how many seconds of the load it is above
// the middle of both.
func features(s Shape) (base, highest float64, above int) {
	base, highest = s.Rate(0), s.peak()
	for at := float64(warmUp); at < s.Seconds; at++ {
		if s.Rate(at) > (base+highest)/2 {
			above++
		}
	}
	return base, highest, above
}

// Held-out shapes differ by the seed in what happens when, how long, and how high, within their bounds; slow starters have the same.
func TestVariedShapes(t *testing.T) {
	scenarios, err := Scenarios(Default(), 600, true)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]Scenario{}
	for _, s := range scenarios {
		byName[s.Name] = s
	}
	for name, bounds := range map[string]struct {
		least, most float64 // of the highest rate
		short, long int     // above the middle
	}{
		"step": {1200, 3600, 299, 781}, "ramp": {1200, 3600, 590, 610}, "spike": {1800, 4800, 14, 91}, "day": {1200, 3600, 598, 1202}, "bursts": {1200, 3000, 10, 900},
		"trace shop": {500, 3600, 200, 900}, "trace clock": {800, 3000, 10, 1200}, "trace crowds": {300, 6000, 0, 1500},
	} {
		heights, lengths := map[float64]bool{}, map[int]bool{}
		for seed := range uint64(40) {
			shape := byName[name].Shape(seed)
			_, highest, above := features(shape)
			if highest < bounds.least-1 || highest > bounds.most+1 || above < bounds.short || above > bounds.long {
				t.Errorf("%s, seed %d: up to %v for %d s", name, seed, highest, above)
			}
			heights[highest], lengths[above] = true, true
			if again := byName[name].Shape(seed); again.Rate(warmUp+333) != shape.Rate(warmUp+333) || again.Seconds != shape.Seconds {
				t.Errorf("%s, seed %d: another shape the second time", name, seed)
			}
		}
		if len(heights) < 38 || name != "ramp" && len(lengths) < 8 {
			t.Errorf("%s: %d heights, %d lengths of 40 seeds", name, len(heights), len(lengths))
		}
	}
	if one, slow := byName["step"].Shape(5), byName["step, slow starts"].Shape(5); one.peak() != slow.peak() {
		t.Error("slow starters have another step")
	}
	for seed := range uint64(20) {
		if shape := byName["dependency"].Shape(seed); shape.slower(0) != 1 || slowest(shape) < 2 || slowest(shape) > byName["dependency"].Slowest {
			t.Errorf("seed %d: a dependency that is %v times as slow", seed, slowest(shape))
		}
	}
}

func slowest(s Shape) float64 {
	highest := 0.0
	for at := 0.0; at < s.Seconds; at++ {
		highest = max(highest, s.slower(at))
	}
	return highest
}

// Requests wait for a dependency as long as it is slow, by the moment at which they come; everybody's pool is one for that.
func TestADependencySlowsDown(t *testing.T) {
	service := Default()
	service.CPUTime, service.Variation, service.Wait = time.Millisecond, 0, 20*time.Millisecond
	load := Shape{Name: "slow", Seconds: 60, Rate: func(float64) float64 { return 200 }, Slower: func(at float64) float64 {
		if at >= 20 && at < 40 {
			return 3
		}
		return 1
	}}
	w := newWorld(service, load, 1)
	w.setPool(Pool{100, 100, time.Second})
	p := w.createReady()
	var inside []float64
	for _, at := range []float64{20, 40, 59.9} {
		w.after(at, func() { inside = append(inside, p.RequestSeconds()) })
	}
	w.run()
	// Little: 200 requests per second of 21 ms, then of 61.
	near(t, "requests inside at first", inside[0]/20, 4.2, 0.08)
	near(t, "requests inside while it is slow", (inside[1]-inside[0])/20, 12.2, 0.08)
	near(t, "requests inside after it", (inside[2]-inside[1])/19.9, 4.2, 0.12)

	scenario := Scenario{Service: Default(), Slowest: slowestDependency}
	usual, slow := Scenario{Service: Default()}.pool(), scenario.pool()
	if usual != FittedPool(Default()) || slow.Workers <= usual.Workers {
		t.Errorf("pools %+v and %+v", usual, slow)
	}
}

// The operator's own pool grows with a dependency that slows down: nobody is turned away while processors are idle.
func TestTheOperatorFitsPoolsToASlowDependency(t *testing.T) {
	scenarios, err := Scenarios(Default(), 300, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range scenarios {
		if s.Name != "dependency" {
			continue
		}
		shape := s.Shape(1)
		shape.Seconds = warmUp + 400
		r := Run(s.Service, s.pool(), shape, Operator(), 1)
		if float64(r.Lost) > 0.003*float64(r.Requests) || r.BadSeconds > r.Seconds/10 {
			t.Errorf("%d of %d requests lost, %d bad seconds of %d", r.Lost, r.Requests, r.BadSeconds, r.Seconds)
		}
		return
	}
	t.Error("there is no such scenario")
}
