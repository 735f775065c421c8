// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"strings"
	"testing"
	"time"
)

// bounds of a service whose pods take 2·0.8/0.005 = 320 requests per second.
func bounds() Bounds {
	return Bounds{
		MinReplicas: 2, MaxReplicas: 40, Utilization: 0.8, Cores: 2, Workers: 128,
		Threshold: 100 * time.Millisecond, SlowBudget: 0.01, HoldFor: 5 * time.Minute, PoolCores: 2, MemoryLimitBytes: 256 << 20,
	}
}

func estimates(perSecond float64) Estimates {
	return Estimates{
		Known: true, CPUTime: 5 * time.Millisecond, ServiceTime: 10 * time.Millisecond, Processors: 2, Pooled: 1,
		Demand: Rate{perSecond * 60, 60}, DemandPanic: Rate{perSecond * 6, 6}, DemandNow: Rate{perSecond * 2, 2},
		CPU: perSecond * 0.005, Objectives: Tally{Total: perSecond * 60, Slow: perSecond * 60 * 0.001}, HeapLiveBytes: 1 << 20, GOGC: 100,
	}
}

// steps runs the decider every tick with what situation gives for each moment since the start.
func steps(d *Decider, from, until time.Duration, situation func(time.Duration) Situation) Decision {
	var last Decision
	for at := from; at <= until; at += tick {
		last = d.Decide(epoch.Add(at), situation(at))
	}
	return last
}

func constant(perSecond float64, wanted int32) func(time.Duration) Situation {
	return func(time.Duration) Situation {
		return Situation{Bounds: bounds(), Estimates: estimates(perSecond), Wanted: wanted, Ready: wanted, Lead: 30 * time.Second}
	}
}

// loaded is a demand that changes, as the windows of the estimates show it, on as many pods as the decider wants.
func loaded(d *Decider, rate func(time.Duration) float64) func(time.Duration) Situation {
	return func(at time.Duration) Situation {
		over := func(window time.Duration) Rate {
			events := 0.0
			for back := tick; back <= window; back += tick {
				events += rate(at-back) * tick.Seconds()
			}
			return Rate{events, window.Seconds()}
		}
		s := constant(rate(at), max(d.floor, 2))(at)
		e := &s.Estimates
		e.Demand, e.DemandPanic, e.DemandNow, e.DemandBefore = over(StableWindow), over(PanicWindow), over(tick), Rate{rate(at-2*tick) * tick.Seconds(), tick.Seconds()}
		e.DemandSince = e.Demand
		s.Bounds.HoldFor = time.Minute
		return s
	}
}

// bursts begin at regular times and end soon after.
func bursts(every, take time.Duration) func(time.Duration) float64 {
	return func(at time.Duration) float64 {
		if at >= 0 && at%every < take {
			return 3200
		}
		return 800
	}
}

func TestFloorFollowsDemand(t *testing.T) {
	for name, c := range map[string]struct {
		perSecond    float64
		wanted, want int32
		reason       string
	}{
		"by CPU":            {1600, 5, 5, "1600 req/s over the last minute, 5ms of CPU each on 2 cores, at 80% utilization"},
		"not below minimum": {10, 2, 2, "10 req/s"},
		"not above maximum": {1e6, 40, 40, "pods, at most 40 are allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			got := steps(&Decider{}, 0, 10*time.Minute, constant(c.perSecond, c.wanted))
			if got.Floor.Value != c.want || !strings.Contains(got.Floor.Reason, c.reason) {
				t.Errorf("floor %d, %q; want %d, %q", got.Floor.Value, got.Floor.Reason, c.want, c.reason)
			}
		})
	}
}

func TestFloorByWorkersOfWaitingHandlers(t *testing.T) {
	got := steps(&Decider{}, 0, 10*time.Minute, func(time.Duration) Situation {
		s := constant(1000, 10)(0)
		s.Bounds.PoolIsFixed, s.Bounds.Workers = true, 10
		s.Estimates.ServiceTime = 100 * time.Millisecond // 10 workers · 0.8 ÷ 0.1 s = 80 per second and pod
		return s
	})
	if got.Floor.Value != 13 || !strings.Contains(got.Floor.Reason, "10 workers") {
		t.Errorf("floor %d: %q", got.Floor.Value, got.Floor.Reason)
	}
}

// Handlers that wait hold workers, of which a pod that sizes its pool has as many as it takes: its CPU bounds what it can serve.
func TestFloorOfWaitingHandlersWhereThePoolSizesItself(t *testing.T) {
	for most, want := range map[float64]int32{4096: 2, 0: 15} {
		got := steps(&Decider{}, 0, 10*time.Minute, func(time.Duration) Situation {
			s := constant(500, 1)(0)
			s.Bounds.Threshold, s.Bounds.SlowBudget = 0, 0
			s.Estimates.MostWorkers = most
			s.Estimates.CPUTime, s.Estimates.ServiceTime = time.Millisecond, 2*time.Second // 128 workers · 0.8 ÷ 2 s = 51 per second and pod
			return s
		})
		if got.Floor.Value != want {
			t.Errorf("at most %v workers: floor %d, %q; want %d", most, got.Floor.Value, got.Floor.Reason, want)
		}
	}
}

func TestNoPodForRequestsThatTheLimitTurnsAway(t *testing.T) {
	limited := func(shared, each float64) func(time.Duration) Situation {
		return func(at time.Duration) Situation {
			s := constant(3200, 5)(0)
			if at > 5*time.Minute {
				s.Estimates.DemandNow, s.Estimates.DemandBefore, s.Estimates.Trend = Rate{12800, 2}, Rate{6400, 2}, 50
			}
			s.Bounds.SharedLimit, s.Bounds.PodLimit = shared, each
			return s
		}
	}
	for name, c := range map[string]struct {
		shared, each float64
		want         int32
		reason       string
	}{
		"the service's limit":   {1600, 0, 5, "1600 req/s over the last minute"},
		"a limit that is slack": {1e6, 0, 30, "after a sudden step"},
		"each pod's limit":      {0, 200, 40, "at most 200 req/s admitted by each pod"},
	} {
		t.Run(name, func(t *testing.T) {
			got := steps(&Decider{}, 0, 6*time.Minute, limited(c.shared, c.each))
			if got.Floor.Value != c.want || !strings.Contains(got.Floor.Reason, c.reason) {
				t.Errorf("floor %d, %q; want %d, %q", got.Floor.Value, got.Floor.Reason, c.want, c.reason)
			}
		})
	}
}

func TestSuddenStepIsAnsweredAtOnceAndHeld(t *testing.T) {
	d := &Decider{}
	steps(d, 0, 5*time.Minute, constant(800, 3))
	at := 5*time.Minute + tick
	step := constant(800, 3)(0)
	step.Estimates.DemandNow = Rate{3200 * 2, 2}
	step.Estimates.DemandPanic = Rate{(800*4 + 3200*2), 6}
	got := d.Decide(epoch.Add(at), step)
	if !got.Panic || !got.AtOnce || got.Floor.Value != 15 {
		t.Fatalf("panic %v, at once %v, floor %d; want the whole step and a margin: 15", got.Panic, got.AtOnce, got.Floor.Value)
	}
	if len(got.Changes) != 1 || !strings.Contains(got.Changes[0].Reason, "after a sudden step") {
		t.Errorf("changes: %+v", got.Changes)
	}
	// It is gone at once: the answer stays for a minute, then pods go step by step.
	held := steps(d, at+tick, at+StableWindow-tick, constant(800, 15))
	if held.Floor.Value != 15 || held.Frozen == "" {
		t.Errorf("floor %d within a minute, frozen: %q", held.Floor.Value, held.Frozen)
	}
	first := steps(d, at+StableWindow, at+StableWindow+tick, constant(800, 10))
	if first.Floor.Value != 11 {
		t.Errorf("first step in leads to %d, want 11", first.Floor.Value)
	}
	last := steps(d, at+StableWindow+2*tick, at+10*time.Minute, constant(800, 8))
	if last.Floor.Value != 3 {
		t.Errorf("in the end %d, want 3", last.Floor.Value)
	}
}

// A step that began in the middle of a round shows by half in it. Where pods were full in the meantime, how much they did in
// addition tells since when.
func TestAStepIsSeenWholeAtTheFirstLook(t *testing.T) {
	// Three pods do 1200 req/s at most; for half a second, of the round's two, 3200 come instead of 800.
	partly := func() Situation {
		s := constant(800, 3)(0)
		s.Estimates.DemandBefore, s.Estimates.DoneBefore = Rate{800 * 2, 2}, Rate{800 * 2, 2}
		s.Estimates.DemandNow = Rate{800*2 + 2400*0.5, 2}
		s.Estimates.DemandPanic = Rate{800*6 + 2400*0.5, 6}
		return s
	}
	for name, c := range map[string]struct {
		change func(*Estimates)
		want   int32
	}{
		"pods were full": {func(e *Estimates) {
			e.Saturation, e.Rejected, e.Done = 1, 900, Rate{800*2 + 200, 2} // of the 1200 more 200 were done, at 400 req/s more than before
		}, 15},
		"pods that had hardly any room do not tell since when": {func(e *Estimates) {
			e.DemandBefore, e.DoneBefore, e.DemandPanic.Events = Rate{1180 * 2, 2}, Rate{1180 * 2, 2}, 1180*6+2020
			e.DemandNow.Events = 1180*2 + 2020*1
			e.Saturation, e.Rejected, e.Done = 1, 2000, Rate{1180 * 2, 2} // turning away took the rest
		}, 16}, // as if it had begun in the middle of the round: 3200 req/s; 44 if what they did in addition were believed
		"pods have done nothing yet": {func(e *Estimates) {
			e.DemandBefore, e.DoneBefore, e.DemandNow = Rate{0, 2}, Rate{0, 2}, Rate{400, 2}
			e.Saturation, e.Rejected, e.Done = 1, 300, Rate{0, 2}
		}, 8}, // as if it had all come within an eighth of the round
		"a limit always turns half of them away": {func(e *Estimates) {
			e.DemandBefore, e.DemandNow.Events = Rate{1600 * 2, 2}, 1600*2+2400*0.5
			e.Saturation, e.Rejected, e.Done = 1, 1600+1000, Rate{800*2 + 200, 2}
		}, 18}, // about 4000 req/s, those that the limit will turn away among them
		"they take longer than the round": {func(e *Estimates) {
			e.ServiceTime, e.MostWorkers = 4*time.Second, 4096
			e.Saturation, e.Rejected, e.Done = 1, 900, Rate{800 * 2, 2}
		}, 10}, // as if it had begun in the middle
		"they had room": {func(e *Estimates) { e.Saturation = 0.95 }, 10}, // 1400 req/s and the rise once more
		"handlers hang and nothing more comes": {func(e *Estimates) {
			e.Saturation, e.Rejected, e.Done = 1, 900, Rate{800 * 2, 2}
			e.DemandNow, e.DemandPanic = e.DemandBefore, Rate{800 * 6, 6}
		}, 3},
		"hardly anything shows yet": {func(e *Estimates) {
			e.Saturation, e.Rejected, e.Done = 1, 10, Rate{800*2 + 80, 2}
			e.DemandNow.Events, e.DemandPanic.Events = 800*2+190, 800*6+190
		}, 8}, // as if it had all come within a quarter of a second
		"chance sends more to pods that turn some away": {func(e *Estimates) {
			e.Saturation, e.Rejected, e.Done = 1, 10, Rate{800 * 2, 2}
			e.DemandNow.Events, e.DemandPanic.Events = 800*2+100, 800*6+100
		}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			d := &Decider{}
			steps(d, 0, 5*time.Minute, constant(800, 3))
			s := partly()
			c.change(&s.Estimates)
			if got := d.Decide(epoch.Add(5*time.Minute+tick), s); got.Floor.Value != c.want {
				t.Errorf("floor %d, want %d: %s", got.Floor.Value, c.want, got.Floor.Reason)
			}
		})
	}
}

func TestWhatWasNeededIsHeld(t *testing.T) {
	d := &Decider{}
	steps(d, 0, time.Minute, constant(3200, 10))
	if got := steps(d, time.Minute+tick, 6*time.Minute-tick, constant(800, 10)); got.Floor.Value != 10 || !strings.Contains(got.Floor.Reason, "in the last 5m") {
		t.Errorf("floor %d within the hold time: %q", got.Floor.Value, got.Floor.Reason)
	}
	if got := steps(d, 6*time.Minute, 10*time.Minute, constant(800, 10)); got.Floor.Value != 3 {
		t.Errorf("floor %d after it, want 3", got.Floor.Value)
	}
}

func TestAScaleInThatWasTooEarlyIsRegretted(t *testing.T) {
	d := &Decider{}
	ups := 0
	situation := loaded(d, bursts(4*time.Minute, 30*time.Second))
	for at := time.Duration(0); at < time.Hour; at += tick {
		for _, change := range d.Decide(epoch.Add(at), situation(at)).Changes {
			if change.What == "replica floor" && change.Turned && change.To == "15" {
				ups++
			}
		}
	}
	if ups > 6 { // 15 without learning
		t.Errorf("scaled out %d times for a load that comes back every four minutes", ups)
	}
}

func TestNothingIsScaledInWithoutMeasurements(t *testing.T) {
	d := &Decider{}
	steps(d, 0, time.Minute, constant(3200, 10))
	got := steps(d, time.Minute, 30*time.Minute, func(time.Duration) Situation {
		s := constant(0, 10)(0)
		s.Estimates = Estimates{}
		return s
	})
	if got.Floor.Value != 10 || got.Frozen == "" {
		t.Errorf("floor %d, frozen %q", got.Floor.Value, got.Frozen)
	}
	// The hold time counts from when the figures are back.
	back := steps(d, 30*time.Minute, 34*time.Minute, constant(320, 10))
	if back.Floor.Value != 10 {
		t.Errorf("floor %d soon after the figures are back", back.Floor.Value)
	}
}

func TestIdleServicesGoBackToTheMinimum(t *testing.T) {
	got := steps(&Decider{}, 0, 15*time.Minute, func(time.Duration) Situation {
		s := constant(0.5, 10)(0)
		s.Estimates.CPUTime, s.Estimates.ServiceTime = 0, 0 // never enough requests to tell
		return s
	})
	if got.Floor.Value != 2 || !strings.Contains(got.Floor.Reason, "no more than the minimum") {
		t.Errorf("floor %d: %q", got.Floor.Value, got.Floor.Reason)
	}
}

func TestAFreshDeciderKeepsWhatItFinds(t *testing.T) {
	got := steps(&Decider{}, 0, 4*time.Minute, constant(100, 20))
	if got.Floor.Value != 20 {
		t.Errorf("floor %d right after a start, want the 20 pods that were there", got.Floor.Value)
	}
}

func TestUtilizationGoesDownQuicklyAndUpSlowly(t *testing.T) {
	d := &Decider{}
	slow := func(share float64, ready int32) func(time.Duration) Situation {
		return func(time.Duration) Situation {
			s := constant(1600, ready)(0)
			s.Estimates.Objectives = Tally{Total: 96000, Slow: 96000 * share}
			return s
		}
	}
	got := steps(d, 0, 2*time.Minute, slow(0.02, 5))
	if got.Utilization.Value > 0.8*lowerBy+1e-9 || !strings.Contains(got.Utilization.Reason, "longer than 100ms") {
		t.Fatalf("after two minutes at twice the budget: %+v", got.Utilization)
	}
	low := got.Utilization.Value
	got = steps(d, 2*time.Minute+tick, 12*time.Minute, slow(0.001, 8))
	if got.Utilization.Value <= low || got.Utilization.Value > low+3*raiseBy {
		t.Errorf("after ten calm minutes: %v, was %v", got.Utilization.Value, low)
	}
}

func TestUtilizationIsNotToBlameForTooFewPods(t *testing.T) {
	got := steps(&Decider{}, 0, 5*time.Minute, func(time.Duration) Situation {
		s := constant(1600, 3)(0) // 8 cores' worth of work on 3 pods of 2
		s.Estimates.Objectives = Tally{Total: 96000, Slow: 50000}
		return s
	})
	if got.Utilization.Value != 0.8 {
		t.Errorf("utilization %v", got.Utilization.Value)
	}
}

// Pods that tell of no CPU time, and have no pool, have no floor: one that was found would stay for good.
func TestWithoutCPUTimeThereIsNoFloor(t *testing.T) {
	without := func(noCPU bool) func(time.Duration) Situation {
		return func(time.Duration) Situation {
			s := constant(1600, 40)(0)
			s.Bounds.Workers = 0
			s.Estimates.CPUTime, s.Estimates.ServiceTime, s.Estimates.CPU, s.Estimates.NoCPU = 0, 0, 0, noCPU
			return s
		}
	}
	if got := steps(&Decider{}, 0, 2*time.Minute, without(false)); got.Floor.Value != 40 || got.Frozen == "" {
		t.Errorf("while that is not known: %d, frozen %q", got.Floor.Value, got.Frozen)
	}
	got := steps(&Decider{}, 0, 2*time.Minute, without(true))
	if got.Floor.Value != 2 || got.Frozen != "" || got.AtOnce || !strings.Contains(got.Floor.Reason, "the autoscaler alone decides") {
		t.Errorf("%d, frozen %q: %s", got.Floor.Value, got.Frozen, got.Floor.Reason)
	}
}

// Where somebody else decides how many pods there are, their number is no decision of the loop.
func TestWhoElseScalesIsNoDecision(t *testing.T) {
	d := &Decider{}
	for i, pods := range []int32{5, 8, 3} {
		got := d.Decide(epoch.Add(time.Duration(i)*tick), func() Situation {
			s := constant(1600, pods)(0)
			s.Bounds.MinReplicas, s.Bounds.MaxReplicas, s.Bounds.PoolIsFixed = pods, pods, true
			return s
		}())
		if got.Floor.Value != pods || len(got.Changes) > 0 {
			t.Errorf("%d pods: floor %d, changes %+v", pods, got.Floor.Value, got.Changes)
		}
	}
}

// A service that has had hardly any requests for half of the window is idle, although nobody knows what a request costs.
func TestHalfAWindowTellsThatAServiceIsIdle(t *testing.T) {
	for _, c := range []struct {
		seconds, events float64
		idle            bool
	}{
		{StableWindow.Seconds() / 2, minServed - 1, true}, {StableWindow.Seconds()/2 - 1, minServed - 1, false}, {StableWindow.Seconds() / 2, minServed, false},
	} {
		s := constant(0, 4)(0)
		s.Estimates.CPUTime, s.Estimates.ServiceTime, s.Estimates.Demand = 0, 0, Rate{c.events, c.seconds}
		if got := (&Decider{}).Decide(epoch, s); (got.Frozen == "") != c.idle {
			t.Errorf("%+v: frozen %q", c, got.Frozen)
		}
	}
}
