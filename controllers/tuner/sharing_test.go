// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"
)

// rollable is a Deployment and its pods in virtual time: it replaces pods as the deployment controller does with a surge of a
// quarter and none unavailable, and counts what dividing a limit among them costs.
type rollable struct {
	t       *testing.T
	now     time.Time
	sharing Sharing
	budget  Budget
	pods    []*rolledPod
	made    int
	version int
	// startup of a new pod until it is ready, negative for never, and how long a leaving one goes on running.
	startup, leave time.Duration

	divided  Divided
	patches  int
	changes  int
	highest  float64 // part of the limit that was in force at once
	dividing []int32
}

type rolledPod struct {
	name             string
	version          int
	readyAt, goneAt  time.Time // zero: never, not leaving
	lost             bool
	leaving, serving bool
	hidden           bool // its container waits to be started again
	rate             float64
}

func newRollable(t *testing.T, pods int) *rollable {
	f := &rollable{
		t: t, now: epoch, startup: 8 * time.Second, leave: 6 * time.Second,
		budget: Budget{Total: 1000, Wanted: pods, Surge: (pods + 3) / 4, LeaveWithin: 10 * time.Second, Measured: true, Confirmed: true},
	}
	for range pods {
		f.create().readyAt = f.now
	}
	f.run(30 * time.Second)
	f.patches, f.changes, f.highest, f.dividing = 0, 0, 0, nil
	return f
}

func (f *rollable) create() *rolledPod {
	p := &rolledPod{name: fmt.Sprintf("p%04d", f.made), version: f.version}
	if f.startup >= 0 {
		// Pods do not become ready in the same moment.
		p.readyAt = f.now.Add(f.startup + time.Duration(f.made*37%100)*f.startup/200)
	}
	f.made++
	f.pods = append(f.pods, p)
	return p
}

func (f *rollable) delete(p *rolledPod) {
	p.leaving, p.goneAt = true, f.now
	if p.serving { // who takes no traffic has nothing to wait for
		p.goneAt = f.now.Add(f.leave)
	}
	p.serving = false
}

// run the deployment controller and the operator, which looks whenever anything changed or it wanted to.
func (f *rollable) run(d time.Duration) {
	f.t.Helper()
	for end := f.now.Add(d); f.now.Before(end); f.now = f.now.Add(100 * time.Millisecond) {
		f.control()
		f.look()
	}
}

func (f *rollable) control() {
	f.pods = slices.DeleteFunc(f.pods, func(p *rolledPod) bool { return p.leaving && !f.now.Before(p.goneAt) })
	present, ready, old := 0, 0, 0
	for _, p := range f.pods {
		p.serving = !p.leaving && !p.lost && !p.readyAt.IsZero() && !f.now.Before(p.readyAt)
		if p.leaving {
			continue
		}
		present++
		if p.serving {
			ready++
		}
		if p.version != f.version {
			old++
		}
	}
	most := f.budget.Wanted
	if old > 0 {
		most += f.budget.Surge
	}
	for i := len(f.pods) - 1; i >= 0 && present > most && old == 0; i-- { // scaled in
		if p := f.pods[i]; !p.leaving {
			f.delete(p)
			present--
		}
	}
	for _, p := range f.pods {
		if old > 0 && ready > f.budget.Wanted && !p.leaving && p.version != f.version && p.serving {
			f.delete(p)
			ready--
			present--
			old--
		}
	}
	for ; present < most; present++ {
		f.create()
	}
	f.budget.Rolling = old > 0
}

func (f *rollable) look() {
	f.budget.Serving, f.budget.Unready, f.budget.Leaving = nil, nil, nil
	for _, p := range f.pods {
		switch {
		case p.leaving:
			f.budget.Leaving = append(f.budget.Leaving, p.name)
		case p.serving:
			f.budget.Serving = append(f.budget.Serving, p.name)
		case !p.hidden:
			f.budget.Unready = append(f.budget.Unready, p.name)
		}
	}
	before := f.divided.Pods
	f.divided = f.sharing.Next(f.now, f.budget, nil)
	running := len(f.budget.Serving) + len(f.budget.Unready)
	if f.divided.Pods != before {
		f.changes++
		f.patches += running
		f.dividing = append(f.dividing, f.divided.Pods)
	}
	sum := 0.0
	for _, p := range f.pods {
		if !p.leaving {
			p.rate = f.budget.Total / float64(f.divided.Pods)
		}
		if p.serving || p.leaving && f.now.Before(p.goneAt) {
			sum += p.rate
		}
	}
	f.highest = math.Max(f.highest, sum/f.budget.Total)
}

func (f *rollable) expect(pods int32, why string) {
	f.t.Helper()
	if f.divided.Pods != pods {
		f.t.Errorf("%s: the limit is divided among %d, want %d", why, f.divided.Pods, pods)
	}
}

// Every division is a write to each pod, so a rollout of n pods must have a number of them that does not grow with n.
func TestARolloutCostsAFewWritesPerPod(t *testing.T) {
	for _, c := range []struct {
		startup time.Duration
		most    float64 // writes per pod
	}{
		{2 * time.Second, 8}, // pods start more quickly than others leave
		{8 * time.Second, 4},
		{20 * time.Second, 14}, // each batch of a quarter is late once
		{time.Minute, 20},
	} {
		for _, pods := range []int{4, 30, 100, 300} {
			t.Run(fmt.Sprintf("%d pods that start in %s", pods, c.startup), func(t *testing.T) {
				f := newRollable(t, pods)
				f.version, f.startup = 1, c.startup
				f.run(10*c.startup + time.Minute)
				f.expect(int32(pods), "afterwards")
				if cost := float64(f.patches) / float64(pods); cost > c.most {
					t.Errorf("%.1f writes per pod, want at most %g: divided among %v", cost, c.most, f.dividing)
				}
				if f.highest > 1+1e-9 {
					t.Errorf("%.3f of the limit was in force: divided among %v", f.highest, f.dividing)
				}
			})
		}
	}
}

// As long as what is in force does not exceed the limit together with what leaving pods have, a rollout changes nothing.
func TestARolloutChangesNothingThatIsWithinTheLimit(t *testing.T) {
	var s Sharing
	b := Budget{Total: 1200, Wanted: 12, LeaveWithin: 10 * time.Second, Confirmed: true}
	for i := range 12 {
		b.Serving = append(b.Serving, fmt.Sprintf("p%02d", i))
	}
	s.Next(epoch, b, nil)
	b.Wanted, b.Rolling, b.Serving, b.Leaving = 11, true, b.Serving[:11], b.Serving[11:]
	if got := s.Next(epoch.Add(time.Minute), b, nil).Pods; got != 12 {
		t.Errorf("divided among %d; with 11 that serve and one that leaves, 12 have the whole limit", got)
	}
}

func TestAStuckRolloutTakesNothingAwayForLong(t *testing.T) {
	f := newRollable(t, 2)
	f.version, f.startup = 1, -1
	f.run(time.Second)
	f.expect(3, "while the first new pod starts")
	f.run(20 * time.Second)
	f.expect(2, "when it does not become ready")
	// Its container ends and starts again, without end.
	before := f.patches
	for range 30 {
		f.run(10 * time.Second)
		f.pods[2].hidden = !f.pods[2].hidden
	}
	f.expect(2, "while it crashes")
	if f.patches != before {
		t.Errorf("a pod that crashes cost %d writes", f.patches-before)
	}
}

// Nothing happens to a pod that does not become ready: whoever looks only when asked to must see that it is late.
func TestALookIsAskedForWhenExpectedPodsAreLate(t *testing.T) {
	var s Sharing
	b := Budget{Total: 100, Serving: []string{"a", "b"}, Wanted: 2, Confirmed: true}
	s.Next(epoch, b, nil)
	b.Unready, b.Wanted = []string{"c"}, 3
	now := epoch.Add(time.Minute)
	divided := s.Next(now, b, nil)
	if late := now.Add(lateAfter); divided.Pods != 3 || !divided.Again.Equal(late) {
		t.Fatalf("divided among %d until %s, want 3 until %s", divided.Pods, divided.Again, late)
	}
	for looks := 0; !divided.Again.IsZero() && looks < 10; looks++ {
		now = divided.Again
		divided = s.Next(now, b, nil)
	}
	if divided.Pods != 2 {
		t.Errorf("divided among %d, want the 2 that serve", divided.Pods)
	}
}

func TestPodsThatLoseReadinessGiveUpTheirPart(t *testing.T) {
	f := newRollable(t, 4)
	f.pods[0].lost, f.pods[1].lost = true, true
	f.run(4 * time.Second)
	f.expect(2, "after their node died")
	f.pods[0].lost, f.pods[1].lost = false, false
	f.run(200 * time.Millisecond)
	f.expect(4, "after it came back")
}

// Pods that come back after none served are expected as those of a new service are.
func TestAnOutageOfAllPodsDividesNothingAgain(t *testing.T) {
	f := newRollable(t, 4)
	for _, p := range f.pods {
		p.lost = true
	}
	f.run(time.Minute)
	for _, p := range f.pods {
		p.lost = false
		f.run(4 * time.Second)
		f.expect(4, "while all are expected back")
	}
	if f.changes > 0 {
		t.Errorf("divided among %v", f.dividing)
	}
}

func TestAPodThatLosesReadinessRightAfterItsStartGivesUpItsPart(t *testing.T) {
	f := newRollable(t, 4)
	f.budget.Wanted = 8
	f.run(13 * time.Second) // the last one has been ready for a second
	f.expect(8, "when all serve")
	f.pods[0].lost = true
	f.run(4 * time.Second)
	f.expect(7, "after one was lost")
}

// A pod that is ready and not ready in turn must not make everybody else's part move each time.
func TestAFlappingPodCostsLittle(t *testing.T) {
	const pods = 100
	f := newRollable(t, pods)
	hour := time.Hour / (40 * time.Second)
	for range hour {
		f.pods[0].lost = !f.pods[0].lost
		f.run(40 * time.Second)
	}
	if perSecond := float64(f.patches) / time.Hour.Seconds(); perSecond > 0.7 {
		t.Errorf("%.2f writes a second for one pod that flaps, in %d divisions", perSecond, f.changes)
	}
	if f.highest > 1+1e-9 {
		t.Errorf("%.3f of the limit was in force", f.highest)
	}
}

// Clients keep their connections to leaving pods, so the others must not have their part as well; they have it as soon as only those pods
// are there that are wanted.
func TestOthersGrowWhenLeavingPodsAreGone(t *testing.T) {
	f := newRollable(t, 10)
	f.budget.Wanted = 2
	f.run(5 * time.Second)
	f.expect(10, "while eight pods leave")
	f.run(1500 * time.Millisecond) // they are gone after six seconds
	f.expect(2, "when they have left")
	if f.highest > 1+1e-9 {
		t.Errorf("%.3f of the limit was in force", f.highest)
	}
	if f.changes != 1 {
		t.Errorf("divided among %v", f.dividing)
	}
}

func TestALeavingPodIsNotWaitedForForever(t *testing.T) {
	f := newRollable(t, 4)
	f.leave, f.budget.Wanted = 10*time.Minute, 2
	f.run(f.budget.LeaveWithin - time.Second)
	f.expect(4, "while clients may still come")
	f.run(5 * time.Second)
	f.expect(2, "afterwards")
}

func TestPodsThatStartHaveTheirPartBeforeTheyServe(t *testing.T) {
	f := newRollable(t, 2)
	f.budget.Wanted = 8
	f.run(100 * time.Millisecond)
	f.expect(8, "before the first of them serves")
	f.run(20 * time.Second)
	if f.changes != 1 || f.highest > 1+1e-9 {
		t.Errorf("divided among %v, %.3f of the limit in force", f.dividing, f.highest)
	}
}

// Whatever an operator before this one has left stays as it is.
func TestARestartDividesNothingAgain(t *testing.T) {
	for name, prepare := range map[string]func(f *rollable){
		"all serve": func(*rollable) {},
		"a stuck rollout": func(f *rollable) {
			f.version, f.startup = 1, -1
			f.run(30 * time.Second)
		},
		"two are lost": func(f *rollable) {
			f.pods[0].lost, f.pods[1].lost = true, true
			f.run(30 * time.Second)
		},
		"in the middle of a rollout": func(f *rollable) {
			f.version = 1
			f.run(3 * time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newRollable(t, 6)
			prepare(f)
			before := f.changes
			pods := int(f.divided.Pods)
			f.sharing = Sharing{}
			f.budget.InForce = func() InForce { return InForce{Pods: pods, Newcomer: f.budget.Total / float64(pods)} }
			f.run(4 * time.Second)
			if f.changes != before {
				t.Errorf("divided among %v, before the restart among %d", f.dividing, pods)
			}
		})
	}
}

// An operator that has just begun cuts nobody below half of what they would have, whatever leaving pods have in force.
func TestTheFirstLookCutsNobodyBelowHalf(t *testing.T) {
	for name, c := range map[string]struct {
		found  InForce
		leaves int
		want   int32
	}{
		"nearly all":          {InForce{Parts: map[string]float64{"gone": 960, "a": 20, "b": 20}}, 1, 4},
		"all":                 {InForce{Parts: map[string]float64{"gone": 1000}}, 1, 4},
		"a third":             {InForce{Parts: map[string]float64{"gone": 334, "a": 333, "b": 333}}, 1, 4},
		"hardly any":          {InForce{Parts: map[string]float64{"gone": 10, "a": 495, "b": 495}}, 1, 3},
		"none at all":         {InForce{Parts: map[string]float64{"a": 500, "b": 500}}, 1, 2},
		"nobody leaves":       {InForce{}, 0, 2},
		"equally among more":  {InForce{Pods: 32}, 30, 32},
		"among more than are": {InForce{Pods: math.MaxInt32}, 1, 20},
	} {
		var s Sharing
		b := Budget{
			Total: 1000, Serving: []string{"a", "b"}, Wanted: 2, LeaveWithin: 10 * time.Second, Measured: true, Confirmed: true,
			InForce: func() InForce { return c.found },
		}
		for i := range c.leaves {
			b.Leaving = append(b.Leaving, fmt.Sprint("gone", i))
		}
		if got := s.Next(epoch, b, nil); got.Pods != c.want {
			t.Errorf("%s: limits are divided among %d pods, want %d", name, got.Pods, c.want)
		}
	}
}
