// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/controllers/plan"
)

func TestTheDirectionOfAChangeIsReadFromItsFigures(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     int
	}{
		{"2", "5", 1}, {"5", "2", -1}, {"5", "5", 0}, {"70%", "59.5%", -1}, {"59.5%", "70%", 1}, {"70%", "70%", 0},
		{"4 workers", "9 workers", 1}, {"", "5", 0}, {"5", "", 0}, {"many", "5", 0}, {"5", "many", 0},
	} {
		if got := (Change{From: c.from, To: c.to}).direction(); got != c.want {
			t.Errorf("from %q to %q: %d, want %d", c.from, c.to, got, c.want)
		}
	}
}

// Only a utilization that was lowered by what was measured is learned: the plan's own may be another one tomorrow.
func TestThePlansUtilizationIsNotLearned(t *testing.T) {
	d := &Decider{floor: 4, needed: 9, hold: time.Minute, rho: steering{value: 0.5, reason: "r", futile: true}}
	d.size = sizing{pool: &plan.Figure[int32]{Value: 8}, gogc: &plan.Figure[int32]{Value: 200}}
	l := d.learned(epoch)
	if l.Tuned.Utilization != nil || !l.Futile || l.Hold != time.Minute || l.Tuned.Needed != 9 || l.Tuned.ReplicaFloor.Value != 4 ||
		l.Tuned.Workers.Value != 8 || l.Tuned.GOGC.Value != 200 {
		t.Errorf("learned %+v", l)
	}
	d.rho.lowered = true
	if l := d.learned(epoch); l.Tuned.Utilization == nil || l.Tuned.Utilization.Value != 0.5 || l.Tuned.Utilization.Reason != "r" {
		t.Errorf("learned %+v", l.Tuned.Utilization)
	}
}

// The next operator holds pods after a sudden step, too.
func TestTheHoldAfterASuddenStepIsLearned(t *testing.T) {
	d := &Decider{hold: time.Minute, surgeUntil: epoch}
	if before, after := d.learned(epoch.Add(-tick)).Hold, d.learned(epoch).Hold; before != maxHold || after != time.Minute {
		t.Errorf("learned to hold for %s, and %s after it; want %s and 1m", before, after, maxHold)
	}
	d.hold = 2 * maxHold
	if got := d.learned(epoch.Add(-tick)).Hold; got != d.hold {
		t.Errorf("learned to hold for %s, want the %s that the user set", got, d.hold)
	}
}

func TestAPresumedMeanGivesWayToRequests(t *testing.T) {
	var m ewma
	if m.presume(0); m.mean() != 0 || m.weight != 0 {
		t.Errorf("nothing presumed: %s of weight %v", m.mean(), m.weight)
	}
	if m.presume(1); m.weight != minServed {
		t.Errorf("a cost of 1 ns presumed: weight %v", m.weight)
	}
	if m.presume(3 * time.Millisecond); m.mean() != 3*time.Millisecond || m.weight != minServed {
		t.Errorf("presumed: %s of weight %v", m.mean(), m.weight)
	}
}

func TestWithoutAThresholdNothingIsSlow(t *testing.T) {
	s := sample{requests: 10, limited: 2, failed: 1}
	s.durations.add([]Bucket{{0.1, 3}, {math.Inf(1), 7}}, 1, nil)
	if got := s.tally(0); got != (Tally{Total: 8, Failed: 1}) {
		t.Errorf("without a threshold: %+v", got)
	}
	if got := s.tally(100 * time.Millisecond); got != (Tally{Total: 8, Failed: 1, Slow: 4}) {
		t.Errorf("with one: %+v", got)
	}
}

// A pool is for the cores that the process can use: those of the limit, or of the machine where there is none.
func TestAPoolIsForTheCoresThatThereAre(t *testing.T) {
	for _, c := range []struct {
		limit, machine float64
		want           string
	}{{2, 8, "on 2 cores"}, {0, 8, "on 8 cores"}, {0, 0, ""}} {
		d := &Decider{direction: map[string]int{}}
		s := constant(100, 4)(0)
		s.Bounds.PoolCores, s.Estimates.Processors, s.Bounds.Workers = c.limit, c.machine, 1
		var decision Decision
		d.resizePool(dawn, s, &decision)
		reason := ""
		if d.size.pool != nil {
			reason = d.size.pool.Reason
		}
		if (reason != "") != (c.want != "") || !strings.Contains(reason, c.want) || (len(decision.Changes) == 0) != (c.want == "") {
			t.Errorf("%+v: %q, changes %+v", c, reason, decision.Changes)
		}
	}
}

// Without a threshold, or before anything is known of what a request takes, a pool is left as it is.
func TestAPoolNeedsAThresholdAndACost(t *testing.T) {
	for name, change := range map[string]func(*Situation){
		"no threshold": func(s *Situation) { s.Bounds.Threshold = 0 }, "no cost": func(s *Situation) { s.Estimates.CPUTime = 0 },
		"no cores": func(s *Situation) { s.Bounds.PoolCores, s.Estimates.Processors = 0, 0 },
	} {
		d := &Decider{direction: map[string]int{}}
		s := constant(100, 4)(0)
		s.Bounds.Workers = 1
		change(&s)
		var decision Decision
		if d.resizePool(dawn, s, &decision); d.size.pool != nil || len(decision.Changes) != 0 {
			t.Errorf("%s: pool %+v, changes %+v", name, d.size.pool, decision.Changes)
		}
	}
}

// What the user has set is not sized, and what was sized before is let go.
func TestWhatIsFixedIsNotSized(t *testing.T) {
	figure := func() *plan.Figure[int32] { return &plan.Figure[int32]{Value: 7} }
	for name, c := range map[string]struct {
		change     func(*Bounds)
		pool, gogc bool
	}{
		"nothing fixed": {func(*Bounds) {}, true, true}, "the pool": {func(b *Bounds) { b.PoolIsFixed = true }, false, true},
		"the collector": {func(b *Bounds) { b.GOGCIsFixed = true }, true, false}, "no limit": {func(b *Bounds) { b.MemoryLimitBytes = 0 }, true, false},
	} {
		d := &Decider{direction: map[string]int{}, size: sizing{pool: figure(), gogc: figure(), poolMoved: dawn, gogcMoved: dawn}}
		s := constant(100, 4)(0)
		c.change(&s.Bounds)
		var decision Decision
		d.resize(dawn, s, &decision)
		if (decision.Workers != nil) != c.pool || (decision.GOGC != nil) != c.gogc {
			t.Errorf("%s: workers %v, GOGC %v", name, decision.Workers, decision.GOGC)
		}
	}
}

// The collector follows the live heap in steps of 50, up by two of them at least, and at most once in a while.
func TestTheCollectorsSteps(t *testing.T) {
	const limit = 256 << 20
	for name, c := range map[string]struct {
		live    float64
		present int32 // 0: Go's own
		moved   time.Duration
		want    int32
	}{
		"a small heap":         {4<<20 - 1, 0, time.Hour, 0},
		"no small heap":        {4 << 20, 0, time.Hour, 400},
		"room for four":        {heapShare * limit / 5, 0, time.Hour, 400},
		"room for more":        {heapShare * limit / 9, 0, time.Hour, 400},
		"room for two":         {heapShare * limit / 3.01, 0, time.Hour, 200},
		"room for one step":    {heapShare * limit / 2.6, 0, time.Hour, 0},
		"as it is":             {heapShare * limit / 2, 0, time.Hour, 0},
		"a step less":          {heapShare * limit / 1.6, 0, time.Hour, 50},
		"no room":              {heapShare * limit, 0, time.Hour, 50},
		"down from what it is": {heapShare * limit / 3.01, 250, time.Hour, 200},
		"soon after a change":  {heapShare * limit / 5, 0, settle - 1, 0},
		"not so soon":          {heapShare * limit / 5, 0, settle, 400},
	} {
		d := &Decider{direction: map[string]int{}}
		d.size.gogcMoved = dawn.Add(-c.moved)
		if c.present > 0 {
			d.size.gogc = &plan.Figure[int32]{Value: c.present}
		}
		var decision Decision
		d.resizeHeap(dawn, Situation{Bounds: Bounds{MemoryLimitBytes: limit}, Estimates: Estimates{HeapLiveBytes: c.live}}, &decision)
		got := int32(0)
		if len(decision.Changes) > 0 {
			got = d.size.gogc.Value
		}
		if got != c.want || (got != 0) != d.size.gogcMoved.Equal(dawn) {
			t.Errorf("%s: GOGC %d, want %d; changes %+v", name, got, c.want, decision.Changes)
		}
	}
}

func TestATunerThatHasNotMeasuredYet(t *testing.T) {
	learned := Learned{Cost: Cost{CPUTime: time.Millisecond}, History: []Change{{What: "pool"}}}
	got := New(learned).Outcome()
	if !got.Early || got.Measured || got.BudgetLeft != 1 || got.Cost != learned.Cost || len(got.History) != 1 {
		t.Errorf("outcome %+v", got)
	}
}

func TestWhoJoinedSinceABudgetWasDivided(t *testing.T) {
	former := Budget{Serving: []string{"a", "b"}}
	for _, c := range []struct {
		serving []string
		want    bool
	}{{nil, false}, {[]string{"a"}, false}, {[]string{"a", "b"}, false}, {[]string{"a", "c"}, true}, {[]string{"c"}, true}} {
		if got := (Budget{Serving: c.serving}).joined(former); got != c.want {
			t.Errorf("%v after %v: %t", c.serving, former.Serving, got)
		}
	}
}

func TestWhatTheServingPodsAreFoundNotToHave(t *testing.T) {
	for name, c := range map[string]struct {
		found InForce
		pods  []string
		want  float64
	}{
		"nothing found, nobody serves": {InForce{}, nil, 0}, "nothing found": {InForce{}, []string{"a"}, 0},
		"equal parts": {InForce{Pods: 4}, []string{"a", "b", "c"}, 0.25}, "equal parts, all serve": {InForce{Pods: 2}, []string{"a", "b"}, 0},
		"more serve than there were": {InForce{Pods: 1}, []string{"a", "b"}, 0},
	} {
		if got := c.found.unaccounted(Budget{Total: 10, Serving: c.pods}); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// While pods are replaced, as many more exist as the Deployment allows, and no more else.
func TestHowManyPodsAreExpected(t *testing.T) {
	b := Budget{Wanted: 4, Surge: 2}
	if got := b.expected(); got != 4 {
		t.Errorf("%d pods while nothing is replaced", got)
	}
	if b.Rolling = true; b.expected() != 6 {
		t.Errorf("%d pods during a rollout", b.expected())
	}
}
