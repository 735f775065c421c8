// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

var dawn = time.Date(2026, 1, 2, 6, 0, 0, 0, time.UTC)

// pace of a HorizontalPodAutoscaler, in which floors move.
const pace = 15 * time.Second

// What the loop may move, and how far, for every part of a spec that says so.
func TestBoundsOfASpec(t *testing.T) {
	scaled := func() v1alpha1.GoServiceSpec {
		return v1alpha1.GoServiceSpec{Autoscaling: &v1alpha1.AutoscalingSpec{MinReplicas: new(int32(2)), MaxReplicas: new(int32(20))}}
	}
	basis := Bounds{
		MinReplicas: 2, MaxReplicas: 20, MaxStep: 9, DoublingAllowed: true, Utilization: 0.7, Cores: 0.25, Workers: 5,
		MemoryLimitBytes: 241591910,
	}
	cases := map[string]struct {
		spec func(*v1alpha1.GoServiceSpec)
		want func(*Bounds)
	}{
		"autoscaled": {func(*v1alpha1.GoServiceSpec) {}, func(*Bounds) {}},
		"not autoscaled": {func(s *v1alpha1.GoServiceSpec) { s.Autoscaling = nil }, func(b *Bounds) {
			b.MaxReplicas, b.MaxStep, b.DoublingAllowed = 2, 0, false
		}},
		"steps": {func(s *v1alpha1.GoServiceSpec) { s.Tuning = &v1alpha1.TuningSpec{MaxStep: new(int32(3))} }, func(b *Bounds) {
			b.MaxStep, b.DoublingAllowed = 3, false
		}},
		"tuning that says nothing of steps": {func(s *v1alpha1.GoServiceSpec) { s.Tuning = &v1alpha1.TuningSpec{} }, func(*Bounds) {}},
		"a utilization": {func(s *v1alpha1.GoServiceSpec) { s.Autoscaling.TargetCPUUtilization = new(int32(50)) }, func(b *Bounds) {
			b.Utilization, b.UtilizationIsFixed = 0.5, true
		}},
		"workers":                  {func(s *v1alpha1.GoServiceSpec) { s.Pool = &v1alpha1.PoolSpec{Workers: new(int32(3))} }, func(b *Bounds) { b.PoolIsFixed = true }},
		"a queue":                  {func(s *v1alpha1.GoServiceSpec) { s.Pool = &v1alpha1.PoolSpec{QueueDepth: new(int32(3))} }, func(*Bounds) {}},
		"a pool that says nothing": {func(s *v1alpha1.GoServiceSpec) { s.Pool = &v1alpha1.PoolSpec{} }, func(*Bounds) {}},
		"the collector":            {func(s *v1alpha1.GoServiceSpec) { s.Runtime = &v1alpha1.RuntimeSpec{GOGC: new(int32(50))} }, func(b *Bounds) { b.GOGCIsFixed = true }},
		"a shared limit":           {func(s *v1alpha1.GoServiceSpec) { s.RateLimit = &v1alpha1.RateLimitSpec{RequestsPerSecond: 9} }, func(b *Bounds) { b.SharedLimit = 9 }},
		"a limit of each pod": {func(s *v1alpha1.GoServiceSpec) {
			s.RateLimit = &v1alpha1.RateLimitSpec{RequestsPerSecond: 9, Scope: v1alpha1.ScopePod}
		}, func(b *Bounds) { b.PodLimit = 9 }},
		"an objective of availability": {func(s *v1alpha1.GoServiceSpec) { s.SLO = &v1alpha1.SLOSpec{Availability: "99"} }, func(b *Bounds) {
			percent := 99.0
			b.FailedBudget = 1 - percent/100
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			spec, want := scaled(), basis
			c.spec(&spec)
			c.want(&want)
			p := plan.Compute(&spec, plan.Observed{})
			want.HoldFor = p.ScaleDownWindow.Value
			if diff := cmp.Diff(want, BoundsOf(&spec, p, 5)); diff != "" {
				t.Errorf("bounds (-want +got):\n%s", diff)
			}
		})
	}
}

// A limit cuts every rate that is above it, and what is cut has no trend.
func TestALimitCutsTheDemand(t *testing.T) {
	rates := Estimates{
		Demand: Rate{600, 60}, DemandSince: Rate{300, 30}, DemandPanic: Rate{60, 6}, DemandNow: Rate{20, 2}, DemandBefore: Rate{20, 2}, Trend: 1,
	}
	for limit, want := range map[float64]Estimates{
		0: rates, 11: rates, 10: rates,
		5: {Demand: Rate{300, 60}, DemandSince: Rate{150, 30}, DemandPanic: Rate{30, 6}, DemandNow: Rate{10, 2}, DemandBefore: Rate{10, 2}},
	} {
		got := Situation{Bounds: Bounds{SharedLimit: limit}, Estimates: rates}.limited().Estimates
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("a limit of %v (-want +got):\n%s", limit, diff)
		}
	}
	for limit, want := range map[float64]float64{0: 7, 5: 5, 7: 7, 9: 7} {
		if got := (Situation{Bounds: Bounds{SharedLimit: limit}}).withinLimit(7); got != want {
			t.Errorf("within %v: %v, want %v", limit, got, want)
		}
	}
}

func TestACostIsTakenOverWhereItDiffers(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct{ used, measured, want time.Duration }{
		{0, 3 * ms, 3 * ms}, {10 * ms, 0, 10 * ms}, {10 * ms, -1, 10 * ms}, {10 * ms, 11 * ms, 10 * ms}, {10 * ms, 11*ms + 1, 11 * ms},
		{10 * ms, 9 * ms, 10 * ms}, {10 * ms, 9*ms - 1, 9 * ms}, {ms, 1234567, 1200 * time.Microsecond}, {ms, 1250000, 1300 * time.Microsecond},
		{ms, 99 * time.Nanosecond, 99 * time.Nanosecond}, {ms, 994 * time.Nanosecond, 990 * time.Nanosecond},
	} {
		got := Cost{ServiceTime: c.used, CPUTime: c.used}.Settle(Estimates{ServiceTime: c.measured, CPUTime: c.measured})
		if got != (Cost{c.want, c.want}) {
			t.Errorf("%s where %s is measured: %+v, want %s", c.used, c.measured, got, c.want)
		}
	}
	if got := (Cost{2, 5}).raised(Cost{3, 4}); got != (Cost{3, 5}) {
		t.Errorf("raised: %+v", got)
	}
}

// What one pod can take is the least of what its CPU, its workers and its limit let through.
func TestThePodsCapacity(t *testing.T) {
	const ms = time.Millisecond
	cases := map[string]struct {
		bounds    Bounds
		estimates Estimates
		want      float64
		reason    string
	}{
		"nothing known":             {Bounds{Cores: 1, Workers: 4}, Estimates{}, 0, ""},
		"the CPU":                   {Bounds{Cores: 2}, Estimates{CPUTime: 10 * ms}, 100, "10ms of CPU each on 2 cores"},
		"the CPU of no container":   {Bounds{}, Estimates{CPUTime: 10 * ms}, 0, ""},
		"workers":                   {Bounds{Workers: 4}, Estimates{ServiceTime: 20 * ms, Pooled: 1}, 100, "20ms in one of 4 workers each"},
		"workers that half pass by": {Bounds{Workers: 4}, Estimates{ServiceTime: 20 * ms, Pooled: 0.5}, 200, "20ms in one of 4 workers for 50% of them"},
		"workers that all pass by":  {Bounds{Workers: 4}, Estimates{ServiceTime: 20 * ms}, 0, ""},
		"most workers":              {Bounds{Workers: 4}, Estimates{ServiceTime: 20 * ms, Pooled: 1, MostWorkers: 8}, 200, "20ms in one of 8 workers each"},
		"no pool":                   {Bounds{}, Estimates{ServiceTime: 20 * ms, Pooled: 1}, 0, ""},
		"fewer by workers":          {Bounds{Cores: 2, Workers: 4}, Estimates{CPUTime: 10 * ms, ServiceTime: 40 * ms, Pooled: 1}, 50, "40ms in one of 4 workers each"},
		"fewer by the CPU":          {Bounds{Cores: 2, Workers: 4}, Estimates{CPUTime: 10 * ms, ServiceTime: 10 * ms, Pooled: 1}, 100, "10ms of CPU each on 2 cores"},
		"a limit alone":             {Bounds{PodLimit: 30}, Estimates{}, 15, "at most 30 req/s admitted by each pod"},
		"fewer by the limit":        {Bounds{Cores: 2, PodLimit: 30}, Estimates{CPUTime: 10 * ms}, 15, "at most 30 req/s admitted by each pod"},
		"a limit above that":        {Bounds{Cores: 2, PodLimit: 300}, Estimates{CPUTime: 10 * ms}, 100, "10ms of CPU each on 2 cores"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, reason := capacity(Situation{Bounds: c.bounds, Estimates: c.estimates}, 0.5)
			if math.Abs(got-c.want) > 1e-9 || reason != c.reason {
				t.Errorf("%v req/s, %s; want %v, %s", got, reason, c.want, c.reason)
			}
		})
	}
	for _, c := range []struct {
		demand, perPod float64
		want           int32
	}{{0, 10, 0}, {-1, 10, 0}, {10, 0, 0}, {10, -1, 0}, {1, 10, 1}, {10, 10, 1}, {10.000001, 10, 1}, {10.1, 10, 2}, {math.Inf(1), 1, math.MaxInt32 / 2}} {
		if got := podsFor(c.demand, c.perPod); got != c.want {
			t.Errorf("%v at %v per pod: %d pods, want %d", c.demand, c.perPod, got, c.want)
		}
	}
	// A pod more is not asked for until the demand is above what there is by more than chance.
	for _, c := range []struct {
		floor  int32
		demand float64
		rising bool
		want   int32
	}{{2, 20, false, 2}, {2, 20.5, false, 2}, {2, 20.7, false, 3}, {2, 20.5, true, 3}, {1, 20.5, false, 3}, {3, 20.5, false, 3}, {2, 10, false, 1}} {
		if got := (&Decider{floor: c.floor}).podsFor(c.demand, 10, c.rising, Situation{}); got != c.want {
			t.Errorf("%+v: %d pods", c, got)
		}
	}
}

func TestAShortageIsNoChance(t *testing.T) {
	for _, c := range []struct {
		needed int32 // before
		demand float64
		want   int32
	}{{0, 20, 0}, {0, 20.5, 0}, {0, 20.7, 3}, {3, 20.5, 3}, {3, 20, 0}, {3, 45, 5}} {
		d := &Decider{needed: c.needed}
		if d.noteShortage(c.demand, 10, 2); d.needed != c.want {
			t.Errorf("%+v: %d are needed", c, d.needed)
		}
	}
}

// Each figure's change says whether it moves in another direction than before.
func TestChangesTurn(t *testing.T) {
	d := &Decider{direction: map[string]int{}, floor: 2}
	var got []Change
	for i, floor := range []int32{3, 5, 5, 4, 2, 3} {
		var decision Decision
		d.setFloor(afterDawn(i), floor, "because", Bounds{MinReplicas: 1, MaxReplicas: 100}, &decision)
		got = append(got, decision.Changes...)
		if d.floor != floor {
			t.Errorf("the floor is %d, want %d", d.floor, floor)
		}
	}
	change := func(at int, from, to string, turned bool) Change {
		return Change{At: afterDawn(at), What: "replica floor", From: from, To: to, Reason: "because", Turned: turned}
	}
	want := []Change{change(0, "2", "3", true), change(1, "3", "5", false), change(3, "5", "4", true), change(4, "4", "2", false), change(5, "2", "3", true)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	var decision Decision
	d.change(dawn, "pool", "4", "3", -1, "", &decision)
	d.change(dawn, "gogc", "100", "200", 1, "", &decision)
	d.change(dawn, "pool", "3", "2", -1, "", &decision)
	if c := decision.Changes; !c[0].Turned || !c[1].Turned || c[2].Turned {
		t.Errorf("changes of other figures: %+v", c)
	}
}

// The highest need of the hold time counts, and each need only as long as nothing higher came after it.
func TestNeedsAreRemembered(t *testing.T) {
	d := &Decider{hold: 10 * time.Second}
	for _, step := range []struct {
		after time.Duration
		pods  int32
		first int32
		kept  int
	}{
		{0, 5, 5, 1}, {time.Second, 3, 5, 2}, {2 * time.Second, 3, 5, 2}, {3 * time.Second, 4, 5, 2}, {10 * time.Second, 1, 5, 3},
		{10*time.Second + 1, 1, 4, 2}, {13 * time.Second, 2, 4, 2}, {13*time.Second + 1, 1, 2, 2}, {14 * time.Second, 9, 9, 1},
	} {
		if d.remember(dawn.Add(step.after), step.pods); d.needs[0].pods != step.first || len(d.needs) != step.kept {
			t.Errorf("after %s: %+v, want %d needs, %d first", step.after, d.needs, step.kept, step.first)
		}
	}
}

// Down it goes in steps, and what is gone is remembered from the first of them.
func TestTheFloorShrinksInSteps(t *testing.T) {
	d := &Decider{floor: 20, shrunkAt: dawn}
	for _, step := range []struct {
		after        time.Duration
		highest      int32
		panics       bool
		want, shrunk int32
	}{
		{pace - 1, 1, false, 20, 0}, {pace, 1, true, 20, 0}, {pace, 1, false, 14, 20}, {pace + 1, 1, false, 14, 20},
		{2 * pace, 12, false, 12, 20}, {3 * pace, 12, false, 12, 20}, {3 * pace, 15, false, 15, 20},
		{4 * pace, 1, false, 11, 20}, {4*pace + regretWithin + 1, 1, false, 8, 11}, {5*pace + regretWithin + 1, 7, false, 7, 11},
	} {
		if got := d.shrunk(dawn.Add(step.after), step.highest, time.Minute, step.panics); got != step.want || d.shrunkFrom != step.shrunk {
			t.Errorf("after %s to %d: %d, from %d; want %d, from %d", step.after, step.highest, got, d.shrunkFrom, step.want, step.shrunk)
		}
		d.floor = step.want
	}
	last := &Decider{floor: 2, shrunkAt: dawn}
	if got := last.shrunk(dawn.Add(time.Minute), 1, time.Minute, false); got != 1 {
		t.Errorf("of two, %d stay", got)
	}
}

// Up it goes no further than one step from what is there, in as many steps as it takes.
func TestTheFloorRisesInSteps(t *testing.T) {
	d := &Decider{floor: 4}
	situation := func(wanted, most int32, doubling bool) Situation {
		return Situation{Wanted: wanted, Bounds: Bounds{MaxStep: most, DoublingAllowed: doubling}}
	}
	for _, step := range []struct {
		after     time.Duration
		floor     int32
		situation Situation
		want      int32
	}{
		{0, 9, situation(4, 0, false), 9}, {0, 4, situation(4, 2, false), 4}, {0, 3, situation(4, 2, false), 3}, {0, 6, situation(6, 2, false), 6},
		{0, 9, situation(4, 3, false), 7}, {pace - 1, 20, situation(4, 3, false), 7}, {pace, 20, situation(4, 3, false), 7},
		{2 * pace, 20, situation(6, 3, false), 9}, {3 * pace, 20, situation(6, 3, true), 12}, {4 * pace, 20, situation(6, 9, true), 15},
	} {
		if got := d.stepped(dawn.Add(step.after), step.floor, step.situation); got != step.want {
			t.Errorf("after %s from %+v to %d: %d, want %d", step.after, step.situation, step.floor, got, step.want)
		}
	}
}

func TestFiguresAreReadable(t *testing.T) {
	for f, want := range map[float64]string{0: "0", 1: "1", 1.234: "1.23", 99.96: "100", 99.4: "99.4", 100: "100", 123.4: "123", 0.01234: "0.0123"} {
		if got := short(f); got != want {
			t.Errorf("%v is written %s, want %s", f, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		100 * time.Millisecond: "100ms", 123456 * time.Microsecond: "123ms", 99994 * time.Microsecond: "99.99ms", time.Millisecond: "1ms",
		1234567: "1.23ms", 999_400: "999µs", 1499: "1µs",
	} {
		if got := round(d); got != want {
			t.Errorf("%d ns are written %s, want %s", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{time.Minute: "1m", 90 * time.Second: "1m30s", time.Hour: "60m", 30 * time.Second: "30s"} {
		if got := readable(d); got != want {
			t.Errorf("%s is written %s", want, got)
		}
	}
}

// The reason for keeping pods that are not needed now: they were needed lately, a sudden step was seen, or a scale-in goes in steps.
func TestWhyPodsStay(t *testing.T) {
	for want, c := range map[string]struct {
		floor, highest int32
		panics         bool
	}{
		"held at the most that was needed in the last 5m": {5, 5, true}, "no pod goes for a minute after a sudden step": {6, 5, true}, "of the pods go every": {6, 5, false},
	} {
		if got := stays(c.floor, c.highest, 5*time.Minute, c.panics); !strings.Contains(got, want) {
			t.Errorf("%+v: %q, want %q", c, got, want)
		}
	}
}

// A longer hold is kept where a surge needs pods that are only there because of it, and forgotten where it needs more than there are.
func TestAHoldThatHelpedIsKept(t *testing.T) {
	surge := Estimates{Demand: Rate{6000, 60}, DemandPanic: Rate{3000, 6}}
	for needed, kept := range map[int32]bool{4: true, 5: true, 6: false} {
		d := &Decider{floor: 5, hold: time.Minute, heldSince: dawn.Add(-time.Hour)}
		if d.reward(dawn, needed, surge); d.heldSince.Equal(dawn) != kept {
			t.Errorf("%d needed of 5: held since %s", needed, d.heldSince)
		}
		calm := &Decider{floor: 5, hold: time.Minute, heldSince: dawn.Add(-time.Hour), surgeUntil: dawn.Add(time.Second)}
		if calm.reward(dawn, needed, Estimates{Demand: Rate{6000, 60}, DemandPanic: Rate{600, 6}}); calm.heldSince.Equal(dawn) {
			t.Errorf("%d needed of 5 without a surge: held anew", needed)
		}
	}
}
