// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"testing"
	"time"

	"goservice.dev/operator/controllers/plan"
)

// Parts serve where each pod has one and they lose no more than may be lost, of the demand or, where that is more than the limit, of the limit.
func TestWhichPartsServe(t *testing.T) {
	pods := []string{"a", "b"}
	for name, c := range map[string]struct {
		parts, demand map[string]float64
		rough, want   bool
	}{
		"as the demand":               {map[string]float64{"a": 80, "b": 20}, map[string]float64{"a": 80, "b": 20}, false, true},
		"a pod without a part":        {map[string]float64{"a": 100}, map[string]float64{"a": 80}, false, false},
		"a pod with a part of none":   {map[string]float64{"a": 100, "b": 0}, map[string]float64{"a": 80}, false, false},
		"a little is lost":            {map[string]float64{"a": 81, "b": 19}, map[string]float64{"a": 60, "b": 20}, true, true},
		"much is lost":                {map[string]float64{"a": 50, "b": 50}, map[string]float64{"a": 80, "b": 10}, false, false},
		"much is in the wrong place":  {map[string]float64{"a": 50, "b": 50}, map[string]float64{"a": 190, "b": 10}, false, false},
		"less demand than the limit":  {map[string]float64{"a": 50, "b": 50}, map[string]float64{"a": 50, "b": 1}, false, true},
		"as much as the limit, wrong": {map[string]float64{"a": 40, "b": 60}, map[string]float64{"a": 60, "b": 40}, false, false},
	} {
		if got := serve(c.parts, 100, pods, c.demand, c.rough); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// Equal parts are enough where no pod is asked for more than it would have, also when those that are to come have theirs.
func TestWhereEqualPartsAreEnough(t *testing.T) {
	for name, c := range map[string]struct {
		budget Budget
		most   float64
		want   bool
	}{
		"just as much":             {Budget{}, easy * 50, true},
		"a little more":            {Budget{}, easy*50 + 1e-9, false},
		"one is to come":           {Budget{coming: 2}, easy * 50, false},
		"one is to come, and less": {Budget{coming: 2}, easy * 25, true},
		"divided among more":       {Budget{among: 4}, easy * 25, true},
		"as if among more":         {Budget{among: 4}, easy*25 + 1e-9, false},
	} {
		b := c.budget
		b.Total, b.Serving = 100, []string{"a", "b"}
		if got := easyEqually(b, map[string]float64{"a": 1, "b": c.most}); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// A round that tells of too few pods leaves the parts as they are, for as long as the last one that told of enough is not too long ago; what
// newcomers are asked for is added to what was given.
func TestWhatIsKnownOfARoundThatWasLost(t *testing.T) {
	given := &plan.Parts{Pods: map[string]float64{"a": 60, "b": 30, "c": 10}}
	for name, c := range map[string]struct {
		uneven    bool
		serving   []string
		demand    map[string]float64
		age       time.Duration
		rough     bool
		known     int // pods
		lost, now bool
	}{
		"all of them":                      {true, []string{"a", "b", "c"}, map[string]float64{"a": 1, "b": 1, "c": 1}, time.Hour, false, 3, false, true},
		"just enough":                      {true, []string{"a", "b"}, map[string]float64{"a": 1}, time.Hour, false, 1, false, true},
		"not all, and rough":               {true, []string{"a", "b"}, map[string]float64{"a": 1}, 0, true, 3, true, false},
		"too few":                          {true, []string{"a", "b", "c"}, map[string]float64{"a": 1}, 0, false, 3, true, false},
		"too few for long":                 {true, []string{"a", "b", "c"}, map[string]float64{"a": 1}, keptFor, false, 0, false, false},
		"none":                             {true, []string{"a", "b", "c"}, nil, keptFor - 1, false, 3, true, false},
		"none serves":                      {true, nil, nil, keptFor - 1, false, 3, true, false},
		"none, and parts are equal":        {false, []string{"a", "b", "c"}, nil, 0, false, 0, false, false},
		"one of three that is new":         {true, []string{"a", "b", "d"}, map[string]float64{"d": 7}, time.Hour, false, 4, false, true},
		"a new one of which none is known": {true, []string{"a", "b", "d"}, nil, 0, false, 3, true, false},
	} {
		d := Division{uneven: c.uneven, given: given, known: epoch.Add(-c.age), budget: Budget{Total: 200, Serving: []string{"a", "b", "c"}}}
		known, lost := d.recall(epoch, Budget{Total: 100, Serving: c.serving, Measured: true, rough: c.rough}, c.demand)
		if len(known) != c.known || lost != c.lost || d.known.Equal(epoch) != (c.now || c.age == 0) {
			t.Errorf("%s: %v, lost %t, known at %s", name, known, lost, d.known)
		}
		if lost && known["a"] != demandFor(given.Pods)["a"]/2 {
			t.Errorf("%s: what was given of 200 is of %v now", name, known["a"])
		}
	}
}

// Each leaving pod counts, also those after one that holds nothing any more.
func TestLeavingPodsThatHoldNothingHideNoOthers(t *testing.T) {
	s := Sharing{leaving: map[string]leaver{
		"gone": {share: 0.5, used: 0.5, since: epoch.Add(-time.Hour)}, "holds": {share: 0.2, used: 0.1, since: epoch}, "found": {share: 0.4, found: true, since: epoch},
		"lends": {share: 0.1, used: 0.1, since: epoch},
	}, linked: map[string]bool{"lends": true}}
	held, used, lends := s.kept(epoch, Budget{Leaving: []string{"gone", "found", "holds", "lends"}, LeaveWithin: time.Minute, LendWithin: time.Minute})
	near(t, "held", held, 0.2+0.1+0.4, 1e-9)
	near(t, "used", used, 0.1+0.1+0.4, 1e-9)
	near(t, "lent", lends, 0.1, 1e-9)
}

// Parts grow when the number of pods has stood still, at the latest after a while in which it did not, and at once when all is settled.
func TestWhenPartsGrow(t *testing.T) {
	grow := func(d *divisor, after time.Duration, need int, rolling, settled bool) time.Duration {
		if again := d.grow(epoch.Add(after), need, rolling, settled); !again.IsZero() {
			return again.Sub(epoch)
		}
		return -1
	}
	d := &divisor{pods: 9, hold: growthHold, changedAt: epoch.Add(-time.Hour), regretAt: epoch}
	if got := grow(d, 0, 5, false, false); got != growthQuiet || d.pods != 9 {
		t.Errorf("at first: again after %s, %d pods", got, d.pods)
	}
	if got := grow(d, growthLongest-1, 4, false, false); got != growthLongest || d.pods != 9 {
		t.Errorf("while the number moves: again after %s, %d pods; want %s", got, d.pods, growthLongest)
	}
	if grow(d, growthLongest, 4, false, false); d.pods != 4 {
		t.Errorf("after the longest time: %d pods", d.pods)
	}
	rolling := &divisor{pods: 9, hold: growthHold, changedAt: epoch.Add(-time.Hour), regretAt: epoch}
	if got := grow(rolling, 0, 5, true, false); got != -1 || rolling.pods != 9 {
		t.Errorf("during a rollout: again after %s, %d pods", got, rolling.pods)
	}
	settled := &divisor{pods: 9, hold: growthHold, changedAt: epoch.Add(-time.Hour), regretAt: epoch}
	if grow(settled, 0, 5, false, true); settled.pods != 5 {
		t.Errorf("settled: %d pods", settled.pods)
	}
}

// The first look finds a number of pods and holds it for as long as any.
func TestTheFirstLookIsAChange(t *testing.T) {
	d := &divisor{}
	pods, _ := d.next(epoch, Budget{Serving: []string{"a", "b"}, Wanted: 2}, 0, 0)
	if pods != 2 || d.hold != growthHold || !d.changedAt.Equal(epoch) {
		t.Errorf("%d pods, held for %s from %s", pods, d.hold, d.changedAt)
	}
}
