// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// What pods may have in force – the most of what each confirmed last and was given since – adds up to no more than the limit once it
// was time to take growth back, but while pods are told other parts, however demand, pods, and answers come and go while one pod at a
// time takes nothing for long.
func TestWhatMayBeInForceNeverExceedsTheLimitForLong(t *testing.T) {
	judged, stuck := 0, 0
	for seed := range uint64(60) {
		w := newForcedWorld(seed)
		within := w.now
		for step := range 1200 { // five minutes
			w.act()
			w.look()
			if !w.settled() {
				within = w.now
				continue
			}
			judged++
			if w.stuck != "" && !w.budget.Confirmed {
				stuck++
			}
			sum := w.mayForce()
			if sum <= w.budget.Total*1.01 { // newcomers have a thousandth beside
				within = w.now
			}
			if w.now.Sub(within) > 750*time.Millisecond { // they take 400 ms
				t.Fatalf("seed %d, step %d: %.1f of %g may be in force, %s takes nothing: %s", seed, step, sum, w.budget.Total, w.stuck, w)
			}
		}
	}
	if judged < 10_000 || stuck < 1000 {
		t.Errorf("only %d looks were judged, %d with a pod that does not take its part", judged, stuck)
	}
}

// forcedWorld is a service whose pods take what they are given after a while, and confirm it if their answers are not lost.
type forcedWorld struct {
	random  *rand.Rand
	now     time.Time
	sharing Sharing
	budget  Budget
	divided Divided
	demand  map[string]float64
	held    map[string]*heldPart
	made    int
	// stuck pod that takes nothing, since its last change of pods or of what takes nothing; empty: none.
	stuck   string
	changed time.Time
}

// heldPart is what a pod was given and told.
type heldPart struct {
	confirmed float64
	// since it confirmed last: what it was given; empty while it has confirmed all of it.
	since []float64
	// takesAt is when it has the last of these in force.
	takesAt     time.Time
	silentUntil time.Time
}

func newForcedWorld(seed uint64) *forcedWorld {
	w := &forcedWorld{
		random: rand.New(rand.NewPCG(seed, 7)), now: epoch, held: map[string]*heldPart{},
		budget: Budget{Total: 1000, LeaveWithin: 10 * time.Second, Measured: true},
	}
	for range 4 {
		w.join()
	}
	w.budget.Wanted = 4
	w.move()
	w.divide()
	for name, pod := range w.held { // that they started with
		pod.confirmed, pod.since = w.given(name), nil
	}
	return w
}

func (w *forcedWorld) String() string {
	text := ""
	for _, pod := range w.budget.Serving {
		text += fmt.Sprintf("%s %.1f given %.1f, ", pod, w.held[pod].confirmed, w.held[pod].since)
	}
	return text
}

func (w *forcedWorld) join() {
	w.made++
	name := fmt.Sprintf("p%04d", w.made)
	w.budget.Serving = append(slices.Clone(w.budget.Serving), name)
	w.held[name] = &heldPart{confirmed: w.given(name)}
	w.changed = w.now
}

// given is what a pod finds in the live settings.
func (w *forcedWorld) given(pod string) float64 {
	if w.divided.Parts == nil {
		return w.budget.Total / float64(max(w.divided.Pods, 1))
	}
	if part, named := w.divided.Parts.Pods[pod]; named {
		return part
	}
	return w.divided.Parts.Newcomer
}

// move the demand, at times to less than everybody's equal part.
func (w *forcedWorld) move() {
	w.demand = map[string]float64{}
	much := []float64{0.3, 1.1, 3}[w.random.IntN(3)]
	for _, pod := range w.budget.Serving {
		w.demand[pod] = w.random.ExpFloat64() * much * w.budget.Total / float64(len(w.budget.Serving))
	}
}

func (w *forcedWorld) act() {
	w.now = w.now.Add(250 * time.Millisecond)
	serving := w.budget.Serving
	switch w.random.IntN(100) {
	case 0, 1, 2, 3:
		w.move()
	case 4, 5, 6: // answers are lost for a while
		w.held[serving[w.random.IntN(len(serving))]].silentUntil = w.now.Add(time.Duration(w.random.IntN(3000)) * time.Millisecond)
	case 7:
		if w.stuck == "" {
			w.stuck, w.changed = serving[w.random.IntN(len(serving))], w.now
		} else if w.random.IntN(3) == 0 {
			w.held[w.stuck].takesAt = w.now
			w.stuck, w.changed = "", w.now
		}
	case 8:
		if w.random.IntN(2) == 0 && len(serving) < 9 {
			w.budget.Wanted++
			w.join()
		} else if pod := serving[w.random.IntN(len(serving))]; len(serving) > 2 && pod != w.stuck {
			w.budget.Wanted--
			w.budget.Serving = slices.DeleteFunc(slices.Clone(serving), func(other string) bool { return other == pod })
			delete(w.held, pod)
			w.changed = w.now
		}
	}
}

// look confirms what pods answer, divides, and gives them what is new.
func (w *forcedWorld) look() {
	w.budget.Unconfirmed = nil
	for _, name := range w.budget.Serving {
		pod := w.held[name]
		taken := name != w.stuck && !w.now.Before(pod.takesAt)
		if len(pod.since) > 0 && taken && !w.now.Before(pod.silentUntil) {
			pod.confirmed, pod.since = pod.since[len(pod.since)-1], nil
		}
		if len(pod.since) > 0 {
			w.budget.Unconfirmed = append(w.budget.Unconfirmed, name)
		}
	}
	w.budget.Confirmed = len(w.budget.Unconfirmed) == 0
	w.divide()
}

func (w *forcedWorld) divide() {
	before := map[string]float64{}
	for _, name := range w.budget.Serving {
		before[name] = w.given(name)
	}
	known := maps.Clone(w.demand)
	if w.random.IntN(10) == 0 { // the round was lost
		known = nil
	}
	w.divided = w.sharing.Next(w.now, w.budget, &Usage{At: w.now, Demand: known})
	for _, name := range w.budget.Serving {
		if part := w.given(name); part != before[name] {
			pod := w.held[name]
			pod.since = append(pod.since, part)
			pod.takesAt = w.now.Add(time.Duration(50+w.random.IntN(350)) * time.Millisecond)
		}
	}
}

// settled says that growth should have been taken back by now, as the others have had their time to confirm, and to take less again.
// Equal parts that follow the number of pods alone are not taken back while nothing is known of the demand.
func (w *forcedWorld) settled() bool {
	since := w.changed
	if w.sharing.division.unsure == nil && !w.budget.Confirmed {
		return false
	}
	since = later(since, w.sharing.division.unsure[w.stuck].since)
	for _, pod := range w.held {
		since = later(since, pod.silentUntil)
	}
	return w.now.Sub(since) >= confirmTime+2*time.Second
}

// mayForce is what all pods may admit together.
func (w *forcedWorld) mayForce() float64 {
	sum := 0.0
	for _, name := range w.budget.Serving {
		pod := w.held[name]
		sum += max(pod.confirmed, slices.Max(append([]float64{0}, pod.since...)))
	}
	return sum
}
