// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"slices"
	"testing"
	"time"
)

// What autoscalers of other modules see and may do.
func TestTheWorldThatAutoscalersSee(t *testing.T) {
	service := Default()
	service.CPUTime, service.Wait, service.Variation = time.Millisecond, 0, 0
	w := newWorld(service, Shape{Name: "none", Seconds: 10, Rate: func(float64) float64 { return 1e-9 }}, 1)
	w.setPool(Pool{4, 4, time.Second})
	if w.Service() != service || !w.Now().Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("service %+v at %s", w.Service(), w.Now())
	}
	p := w.createReady()
	w.wanted = 1
	starting := w.create()
	if !p.ReadyAt().Equal(w.Now()) || !starting.ReadyAt().IsZero() || starting.Ready() || w.Ready() != 1 || len(w.Pods()) != 2 {
		t.Errorf("ready at %s and %s", p.ReadyAt(), starting.ReadyAt())
	}
	pods := w.Pods()
	pods[0] = nil
	if w.pods[0] != p {
		t.Error("the world's own slice can be written to")
	}
	var rounds []time.Duration
	var once []time.Duration
	since := func() time.Duration { return w.Now().Sub(simEpoch) }
	w.Every(time.Second, 4*time.Second, func() { rounds = append(rounds, since()) })
	w.After(3*time.Second, func() {
		once = append(once, since())
		w.Balance(BetterOfTwo)
		w.arrive()
		w.After(time.Second, func() { once = append(once, since()) })
	})
	var ended []time.Duration
	w.AtEnd(func() { ended = append(ended, since()) })
	w.run()
	if !slices.Equal(ended, []time.Duration{10 * time.Second}) {
		t.Errorf("ended at %v", ended)
	}
	if !slices.Equal(rounds, []time.Duration{time.Second, 5 * time.Second, 9 * time.Second}) {
		t.Errorf("rounds at %v", rounds)
	}
	if !slices.Equal(once, []time.Duration{3 * time.Second, 4 * time.Second}) {
		t.Errorf("once at %v", once)
	}
	if w.balancing != BetterOfTwo || p.Requests() != 1 || p.Inside() != 0 || p.CPUSeconds() < 0.0009 {
		t.Errorf("balancing %v, %v requests, %d inside, %v CPU seconds", w.balancing, p.Requests(), p.Inside(), p.CPUSeconds())
	}
	if !starting.Ready() || w.Ready() != 2 || starting.ReadyAt().Sub(starting.Created()) < 5*time.Second {
		t.Errorf("started after %s", starting.ReadyAt().Sub(starting.Created()))
	}
	if a, b := w.Random().Uint64(), streamsOf(1).autoscaler.Uint64(); a != b {
		t.Error("the random numbers are not those of autoscalers")
	}
}

// The API server refuses a number that follows from one which somebody else has changed meanwhile, and none that is the same is written.
func TestAnAutoscalerDoesNotWriteOverWhatCameAfterItsLook(t *testing.T) {
	for name, c := range map[string]struct{ present, wanted, meanwhile, want int }{
		"nobody else":                 {4, 6, 0, 6},
		"raised meanwhile":            {4, 6, 11, 11},
		"the same, raised meanwhile":  {4, 4, 11, 11},
		"nobody else, and it is same": {4, 4, 0, 4},
	} {
		w := newWorld(Default(), Shape{Name: "none", Seconds: 10, Rate: func(float64) float64 { return 0.001 }}, 1)
		w.scaleNow(c.present)
		w.after(1, func() { w.ScaleFrom(c.present, c.wanted) })
		if c.meanwhile > 0 {
			w.after(1+decisionDelay/2, func() { w.scaleNow(c.meanwhile) })
		}
		w.run()
		if w.Wanted() != c.want {
			t.Errorf("%s: %d pods, want %d", name, w.Wanted(), c.want)
		}
	}
}
