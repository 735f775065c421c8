// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/controllers/plan"
)

// judging is a situation in which the utilization is judged: enough pods, a share of slow requests.
func judging(slow float64, change ...func(*Situation)) Situation {
	s := Situation{
		Bounds: Bounds{Utilization: 0.7, Cores: 1, Threshold: 100 * time.Millisecond, SlowBudget: 0.01},
		Ready:  10, Wanted: 10, Estimates: Estimates{Known: true, CPU: 7, Objectives: Tally{Total: 10_000, Slow: 10_000 * slow}},
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

// refused are requests that pods turned away, of 10,000 and of an objective that allows ten.
func refused(requests float64) func(*Situation) {
	return func(s *Situation) { s.Estimates.Refused, s.Bounds.FailedBudget = requests, 0.001 }
}

func TestWhenTheUtilizationIsLowered(t *testing.T) {
	const formula = "by the queueing formula"
	const slow = "2% of requests take longer than 100ms; the objective allows 1%"
	const full = "0.2% of requests are turned away by pods that are full; the objective allows 0.1%"
	began := func(change ...func(*Decider)) func() *Decider {
		return func() *Decider {
			d := &Decider{direction: map[string]int{}}
			for _, c := range change {
				c(d)
			}
			return d
		}
	}
	refusing := func(d *Decider) { d.rho.refusedSince = dawn.Add(-StableWindow) }
	cases := map[string]struct {
		decider   func() *Decider
		situation Situation
		value     float64
		reason    string
	}{
		"more turned away than may fail": {began(refusing), judging(0.01, refused(20)), 0.7 * lowerBy, full},
		"as many turned away":            {began(refusing), judging(0.01, refused(10)), 0.7, formula},
		"turned away, and none may be":   {began(refusing), judging(0, refused(20), func(s *Situation) { s.Bounds.FailedBudget = 0 }), 0.7, formula},
		"turned away without latency":    {began(refusing), judging(0, refused(20), func(s *Situation) { s.Bounds.Threshold, s.Bounds.SlowBudget = 0, 0 }), 0.7 * lowerBy, full},
		"turned away for a while":        {began(func(d *Decider) { d.rho.refusedSince = dawn.Add(1 - StableWindow) }), judging(0, refused(20)), 0.7, formula},
		"more slow than turned away":     {began(refusing), judging(0.05, refused(20)), 0.7 * lowerBy, "5% of requests take longer than 100ms; the objective allows 1%"},
		"as many as may be":              {began(), judging(0.01), 0.7, formula},
		"more than may be":               {began(), judging(0.02), 0.7 * lowerBy, slow},
		"more, but no objective":         {began(), judging(0.02, func(s *Situation) { s.Bounds.SlowBudget = 0 }), 0.7, formula},
		"more, but it is not known":      {began(), judging(0.02, func(s *Situation) { s.Estimates.Known = false }), 0.7, formula},
		"more, of nine":                  {began(), judging(0, func(s *Situation) { s.Estimates.Objectives = Tally{Total: 450, Slow: 9} }), 0.7, formula},
		"more, of ten":                   {began(), judging(0, func(s *Situation) { s.Estimates.Objectives = Tally{Total: 500, Slow: 10} }), 0.7 * lowerBy, slow},
		"during a panic":                 {began(func(d *Decider) { d.panicUntil = dawn }), judging(0.02), 0.7, formula},
		"after a panic":                  {began(func(d *Decider) { d.panicUntil = dawn.Add(-1) }), judging(0.02), 0.7 * lowerBy, slow},
		"soon after a change":            {began(func(d *Decider) { d.rho.judgedAt = dawn.Add(1 - StableWindow) }), judging(0.02), 0.7, formula},
		"a window after a change":        {began(func(d *Decider) { d.rho.judgedAt = dawn.Add(-StableWindow) }), judging(0.02), 0.7 * lowerBy, slow},
		"as full as is tolerated":        {began(), judging(0.02, func(s *Situation) { s.Estimates.CPU *= tolerated }), 0.7 * lowerBy, slow},
		"too few pods":                   {began(), judging(0.02, func(s *Situation) { s.Estimates.CPU = 7*tolerated + 0.01 }), 0.7, formula},
		"fixed by the user":              {began(), judging(0.02, func(s *Situation) { s.Bounds.UtilizationIsFixed = true }), 0.7, "set by hand"},
		"steps were futile":              {began(func(d *Decider) { d.rho.futile = true }), judging(0.02), 0.7, formula},
		"at the least":                   {began(func(d *Decider) { d.rho = steering{value: minUtilization, lowered: true, reason: "r"} }), judging(0.02), minUtilization, "r"},
		"near the least":                 {began(func(d *Decider) { d.rho = steering{value: 0.31, lowered: true, reason: "r"} }), judging(0.02, func(s *Situation) { s.Estimates.CPU = 1 }), minUtilization, slow},
		"lowered below a plan that fell": {began(func(d *Decider) { d.rho = steering{value: 0.71, lowered: true, reason: "r"} }), judging(0.01), 0.7, formula},
		"lowered, as the plan's":         {began(func(d *Decider) { d.rho = steering{value: 0.7, lowered: true, reason: "r"} }), judging(0.01), 0.7, "r"},
		"a slow dependency": {began(), judging(0.02, func(s *Situation) {
			s.Estimates.CPUTime, s.Estimates.ServiceTime = time.Millisecond, 51*time.Millisecond // e^(−99/50) is 14 %
		}), 0.7, formula},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d := c.decider()
			var decision Decision
			got := d.steer(dawn, c.situation, &decision)
			if math.Abs(got.Value-c.value) > 1e-12 || got.Reason != c.reason {
				t.Errorf("%v, %s; want %v, %s", got.Value, got.Reason, c.value, c.reason)
			}
			if moved := strings.HasSuffix(c.reason, "%"); moved != (len(decision.Changes) == 1) || moved != (d.rho.judgedAt.Equal(dawn)) {
				t.Errorf("changes %+v, judged at %s", decision.Changes, d.rho.judgedAt)
			}
		})
	}
}

// What pods turn away of a step does not count, nor what they do for less than the stable window.
func TestWhatIsTurnedAwayCountsOnlyWhereItStays(t *testing.T) {
	d := &Decider{direction: map[string]int{}}
	at := dawn
	look := func(requests float64) float64 {
		at = at.Add(StableWindow / 2)
		return d.steer(at, judging(0, refused(requests)), &Decision{}).Value
	}
	for i, c := range []struct {
		requests, want float64
		panics         bool
	}{
		{20, 0.7, false}, {20, 0.7, false}, {5, 0.7, false}, {20, 0.7, false}, {20, 0.7, false}, {20, 0.7, true}, {20, 0.7, false}, {20, 0.7, false},
		{20, 0.7 * lowerBy, false},
	} {
		if c.panics {
			d.panicUntil = at.Add(StableWindow)
		}
		if got := look(c.requests); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("look %d: %v, want %v", i, got, c.want)
		}
	}
}

// Up it goes by small steps, each larger than the one before, once it has been calm for long enough.
func TestTheUtilizationRisesInCalmTimes(t *testing.T) {
	d := &Decider{direction: map[string]int{}, rho: steering{value: 0.5, lowered: true, reason: "r"}}
	value := func(after time.Duration, share float64) float64 {
		return math.Round(d.steer(dawn.Add(after), judging(share), &Decision{}).Value*1e6) / 1e6
	}
	for _, step := range []struct {
		after time.Duration
		share float64
		want  float64
	}{
		{0, 0.005, 0.5}, {calm - 1, 0.005, 0.5}, {calm, 0.005, 0.51}, {2*calm - 1, 0, 0.51}, {2 * calm, 0, 0.53}, {3 * calm, 0, 0.57},
		{3*calm + StableWindow, 0.0051, 0.57}, {4 * calm, 0, 0.57}, {5*calm - 1, 0, 0.57}, {5 * calm, 0, 0.58},
		{6 * calm, 0, 0.6}, {7 * calm, 0, 0.64}, {8 * calm, 0, 0.7}, {9 * calm, 0, 0.7},
	} {
		if got := value(step.after, step.share); got != step.want {
			t.Errorf("after %s with %v: %v, want %v", step.after, step.share, got, step.want)
		}
	}
	if d.rho.reason != "by the queueing formula" || d.rho.lowered {
		t.Errorf("reason %q, lowered %t, back at the plan's", d.rho.reason, d.rho.lowered)
	}
}

func TestWhatWaitsElsewhere(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		cpu, service, threshold time.Duration
		want                    bool
	}{
		{0, 50 * ms, 100 * ms, false}, {ms, ms, 100 * ms, false}, {ms, 2 * ms, 100 * ms, false},
		{1, 30 * ms, 100 * ms, true}, {30 * ms, 30*ms + 1, 30*ms + 1, true}, // of a request that takes no CPU, and hardly waits
		{10 * ms, 30 * ms, 100 * ms, true},  // e^(−90/20) is 1.1 %
		{10 * ms, 29 * ms, 100 * ms, false}, // e^(−90/19) is 0.9 %
		{10 * ms, 30 * ms, 10 * ms, false}, {10 * ms, 30 * ms, 5 * ms, false}, {10 * ms, 5 * ms, 100 * ms, false},
	} {
		s := Situation{Bounds: Bounds{Threshold: c.threshold, SlowBudget: 0.01}, Estimates: Estimates{CPUTime: c.cpu, ServiceTime: c.service}}
		if got := s.waitsElsewhere(); got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
}

func TestRatesAndShares(t *testing.T) {
	window := StableWindow.Seconds()
	for rate, want := range map[Rate][3]float64{ // per second, at least, mean
		{}: {}, {10, -1}: {}, {100, 10}: {10, 8, 8}, {1, 1}: {1, 0, 0}, {4, 2}: {2, 0, 0}, {9, 1}: {9, 3, 3},
		{900, window / 2}: {1800 / window, 1680 / window, 1800 / window}, {900, window/2 - 1}: {900 / (window/2 - 1), 840 / (window/2 - 1), 840 / (window/2 - 1)},
	} {
		if got := [3]float64{rate.PerSecond(), rate.AtLeast(), rate.mean()}; got != want {
			t.Errorf("%+v: %v, want %v", rate, got, want)
		}
	}
	for tally, want := range map[Tally][2]float64{ // failed, slow
		{}: {}, {Total: 10, Failed: 2, Slow: 4}: {0.2, 0.5}, {Total: 10, Failed: 10, Slow: 1}: {1, 0}, {Total: 1, Failed: 2}: {1, 0},
		{Total: 10, Failed: -1, Slow: -1}: {0, 0}, {Total: 10, Slow: 11}: {0, 1},
	} {
		if got := [2]float64{tally.FailedShare(), tally.SlowShare()}; got != want {
			t.Errorf("%+v: %v, want %v", tally, got, want)
		}
	}
	for _, c := range []struct {
		tally        Tally
		failed, slow float64
		want         float64
	}{
		{Tally{Total: 100, Failed: 1, Slow: 1}, 0, 0, 1}, {Tally{Total: 100, Failed: 1}, 0.02, 0, 0.5}, {Tally{Total: 100, Slow: 1}, 0, 0.02, 0.5},
		{Tally{Total: 100, Failed: 1}, 0.02, 0.5, 0.5}, {Tally{Total: 100, Failed: 3}, 0.01, 0, -2}, {Tally{Total: 200, Failed: 100, Slow: 10}, 1, 0.1, 0},
	} {
		if got := budgetLeft(c.tally, c.failed, c.slow); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%+v: %v is left", c, got)
		}
	}
}

func TestHistograms(t *testing.T) {
	inf := math.Inf(1)
	buckets := []Bucket{{0.1, 10}, {0.2, 30}, {0.5, 30}, {inf, 40}}
	known := []float64{0.1, 0.2, 0.5, inf}
	var h histogram
	if h.total() != 0 || h.quantile(0.5) != 0 || h.within(time.Second) != 0 {
		t.Error("an empty histogram holds something")
	}
	h.add(buckets, 2, known)
	h.add(buckets, 0.5, nil)
	h.add([]Bucket{{0.1, 100}, {inf, 100}}, 1, nil) // of other bounds
	if diff := cmp.Diff([]float64{25, 75, 75, 100}, h.counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	if &h.bounds[0] != &known[0] {
		t.Error("bounds that are known are not shared")
	}
	var own histogram
	own.add(buckets, 1, []float64{1})
	if diff := cmp.Diff(known, own.bounds); diff != "" {
		t.Errorf("bounds (-want +got):\n%s", diff)
	}
	h.merge(own)
	h.merge(histogram{bounds: []float64{1, inf}, counts: []float64{5, 5}})
	h.scale(2)
	if diff := cmp.Diff([]float64{70, 210, 210, 280}, h.counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
	var merged histogram
	merged.merge(own)
	merged.scale(3)
	if own.counts[0] != 10 || merged.counts[0] != 30 {
		t.Errorf("counts %v and %v: one is the other", own.counts, merged.counts)
	}
	for bound, want := range map[time.Duration]float64{
		99 * time.Millisecond: 0, 100 * time.Millisecond: 70, 150 * time.Millisecond: 70, 200 * time.Millisecond: 210, time.Hour: 210,
	} {
		if got := h.within(bound); got != want {
			t.Errorf("within %s: %v, want %v", bound, got, want)
		}
	}
	for q, want := range map[float64]time.Duration{0: 0, 0.125: 50 * time.Millisecond, 0.25: 100 * time.Millisecond, 0.5: 150 * time.Millisecond, 0.75: 200 * time.Millisecond, 0.9: 500 * time.Millisecond, 1: 500 * time.Millisecond} {
		if got := h.quantile(q); got.Round(time.Microsecond) != want {
			t.Errorf("quantile %v: %s, want %s", q, got, want)
		}
	}
	if got := durationOf(1e12); got != maxCost {
		t.Errorf("the longest duration is %s, want %s", got, maxCost)
	}
}

// Hours of the last day, parts of the window before it, and nothing from before the window.
func TestTheLedgerMergesWhatIsOld(t *testing.T) {
	const window = 72 * time.Hour // in parts of two hours
	var l ledger
	if !l.since().IsZero() || l.sum() != (Tally{}) {
		t.Error("an empty ledger holds something")
	}
	start := dawn.Add(90*time.Second + time.Millisecond)
	for hour := range 73 {
		l.add(start.Add(time.Duration(hour)*time.Hour), window, Tally{Total: 10, Failed: 2, Slow: 3})
		l.add(start.Add(time.Duration(hour)*time.Hour+time.Minute), window, Tally{Total: 1})
	}
	if age := start.Add(72*time.Hour + time.Minute).Sub(l.since()); age > window || age < window-3*time.Hour {
		t.Errorf("the oldest that counts is %s old", age)
	}
	var hourlyOnes, longer int
	for i := range l.intervals[:len(l.intervals)-1] {
		switch length := l.intervals[i+1].Start.Sub(l.intervals[i].Start); length {
		case time.Hour:
			hourlyOnes++
		case 2 * time.Hour:
			longer++
		}
	}
	if hourlyOnes < 23 || hourlyOnes > 26 || longer < 20 || len(l.intervals) > MaxIntervals {
		t.Errorf("%d hours and %d parts of two hours of %d intervals", hourlyOnes, longer, len(l.intervals))
	}
	total := l.sum()
	if total.Failed != total.Total/11*2 || total.Slow != total.Total/11*3 || total.Total < 11*71 || total.Total > 11*73 {
		t.Errorf("sum %+v", total)
	}
	later := start.Add(80 * time.Hour)
	l.add(later, window, Tally{Total: 1})
	if age := later.Sub(l.since()); age > window {
		t.Errorf("what is %s old counts", age)
	}
	l.add(start.Add(1000*time.Hour), window, Tally{Total: 5, Failed: 1, Slow: 2})
	if diff := cmp.Diff(Tally{Total: 5, Failed: 1, Slow: 2}, l.sum()); diff != "" {
		t.Errorf("after a long pause (-want +got):\n%s", diff)
	}
}

func TestWhatMoves(t *testing.T) {
	steady := Estimates{Known: true, Demand: Rate{6000, 60}, DemandNow: Rate{200, 2}}
	with := func(change func(*Estimates)) Estimates {
		e := steady
		change(&e)
		return e
	}
	cases := map[string]struct {
		estimates Estimates
		want      bool
	}{
		"nothing":                    {steady, false},
		"a trend":                    {with(func(e *Estimates) { e.Trend = 0.1 }), true},
		"a fall":                     {with(func(e *Estimates) { e.Trend = -0.1 }), true},
		"requests turned away":       {with(func(e *Estimates) { e.Rejected = 1 }), true},
		"chance":                     {with(func(e *Estimates) { e.DemandNow.Events = 200 + 3*math.Sqrt(200) }), false},
		"more than chance":           {with(func(e *Estimates) { e.DemandNow.Events = 201 + 3*math.Sqrt(200) }), true},
		"less than chance":           {with(func(e *Estimates) { e.DemandNow.Events = 199 - 3*math.Sqrt(200) }), true},
		"more than chance, a little": {Estimates{Demand: Rate{6e6, 60}, DemandNow: Rate{2e5 * 1.1, 2}}, false},
		"more than that":             {Estimates{Demand: Rate{6e6, 60}, DemandNow: Rate{2e5*1.1 + 1, 2}}, true},
		"three out of nothing":       {Estimates{DemandNow: Rate{3, 2}}, false},
		"four out of nothing":        {Estimates{DemandNow: Rate{4, 2}}, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := c.estimates.moving(); got != c.want {
				t.Errorf("%t, want %t", got, c.want)
			}
		})
	}
	tuner := &Tuner{started: dawn}
	for _, c := range []struct {
		after   time.Duration
		e       Estimates
		changes []Change
		panic   bool
		want    bool
	}{
		{grace - 1, Estimates{}, nil, false, true}, {grace, Estimates{}, nil, false, false}, {time.Hour, steady, nil, false, false},
		{time.Hour, steady, []Change{{}}, false, true}, {time.Hour, steady, nil, true, true},
	} {
		tuner.decider.panicUntil = time.Time{}
		if c.panic {
			tuner.decider.panicUntil = dawn.Add(c.after + 1)
		}
		if got := tuner.movesAfter(dawn.Add(c.after), c.e, c.changes); got != c.want {
			t.Errorf("%+v: %t", c, got)
		}
	}
}

// An operator that is new takes over what is there, and says so where nothing is known.
func TestAFrozenFloorStaysWithinItsBounds(t *testing.T) {
	d := &Decider{}
	s := Situation{Bounds: Bounds{MinReplicas: 2, MaxReplicas: 9, Utilization: 0.7}, Wanted: 5}
	got := d.Decide(dawn, s)
	if diff := cmp.Diff(plan.Figure[int32]{Value: 5, Reason: "scale-in is paused: too few pods report metrics"}, got.Floor); diff != "" {
		t.Errorf("floor (-want +got):\n%s", diff)
	}
	s.Bounds.MaxReplicas = 4
	got = d.Decide(dawn.Add(time.Second), s)
	if got.Floor.Value != 4 || d.floor != 4 || len(got.Changes) != 1 || got.Changes[0].To != "4" {
		t.Errorf("floor %+v, kept %d, changes %+v; want 4", got.Floor, d.floor, got.Changes)
	}
	s.Estimates.Known = true
	if got = d.Decide(dawn.Add(2*time.Second), s); got.Frozen != "scale-in is paused: there were too few requests to measure the cost of one" {
		t.Errorf("frozen: %q", got.Frozen)
	}
}

// A utilization that the user had set and took back is not taken for one that was measured.
func TestAUtilizationSetByHandIsForgotten(t *testing.T) {
	d := &Decider{direction: map[string]int{}, rho: steering{value: 0.6, lowered: true, reason: "measured"}}
	var decision Decision
	if got := d.steer(epoch, judging(0, func(s *Situation) { s.Bounds.Utilization, s.Bounds.UtilizationIsFixed = 0.5, true }), &decision); got.Value != 0.5 {
		t.Fatalf("%v while set by hand", got)
	}
	if got := d.steer(epoch.Add(time.Second), judging(0), &decision); got.Value != 0.7 || d.rho.lowered {
		t.Errorf("%v, lowered %t, after that", got, d.rho.lowered)
	}
}

// A plan that allows less for a while, as while a dependency is slow or pods have lost their links, does not unlearn what was measured.
func TestWhatWasMeasuredOutlastsALowerPlan(t *testing.T) {
	d := &Decider{direction: map[string]int{}, rho: steering{value: 0.52, lowered: true, judgedAt: dawn, reason: "measured"}}
	look := func(plan float64) float64 {
		s := judging(0.006, func(s *Situation) { s.Bounds.Utilization = plan })
		return d.steer(dawn.Add(time.Second), s, &Decision{}).Value
	}
	for _, c := range []struct{ plan, want float64 }{{0.72, 0.52}, {0.3, 0.3}, {0.5, 0.5}, {0.72, 0.52}, {0.4, 0.4}, {0.52, 0.52}} {
		if got := look(c.plan); got != c.want {
			t.Errorf("the plan allows %v: %v, want %v", c.plan, got, c.want)
		}
	}
	look(0.3)
	if learned := d.learned(dawn).Tuned.Utilization; learned == nil || learned.Value != 0.52 || learned.Reason != "measured" {
		t.Errorf("learned while the plan allows less: %+v", learned)
	}
	d.setUtilization(dawn, 0.35, "lower still", &Decision{})
	if got := look(0.72); got != 0.35 {
		t.Errorf("%v after another step, want 0.35", got)
	}
}
