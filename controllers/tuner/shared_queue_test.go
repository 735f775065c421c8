// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
)

func TestAQueueIsSharedOnceThatHasLasted(t *testing.T) {
	var q sharedQueue
	at := epoch
	during := func(span time.Duration, linked, ready float64, before, after bool) {
		t.Helper()
		if q.shared != before {
			t.Errorf("shared %t before %g of %g pods are linked, want %t", q.shared, linked, ready, before)
		}
		for range span / tick {
			q.observe(at, linked/ready, int32(ready))
			at = at.Add(tick)
		}
		if q.shared != after {
			t.Errorf("shared %t after %s in which %g of %g pods are linked, want %t", q.shared, span, linked, ready, after)
		}
	}
	during(10*time.Minute, 0, 4, false, false) // nobody is linked
	during(10*time.Minute, 2, 4, false, false) // half of them are
	during(linkedFor-tick, 4, 4, false, false) // not for long
	during(tick, 0, 4, false, false)           // and then are not
	during(linkedFor-tick, 3, 4, false, false)
	during(2*tick, 4, 4, false, true)
	during(unlinkedFor-tick, 1, 4, true, true) // new ones are still to link
	during(time.Minute, 4, 5, true, true)
	during(unlinkedFor+tick, 0, 5, true, false) // a policy cuts them off
	during(2*linkedFor, 1, 1, false, false)     // nobody to share with
}

// Few pods are kept less busy than many: what chance sends within the threshold is more of what they can do. 5 ms of CPU on 2 cores,
// 90 ms of room: 36 requests for each pod.
func TestFewPodsKeepMoreRoomForChance(t *testing.T) {
	situation := constant(100, 2)(0)
	situation.Bounds.AloneUtilization = 0.6
	for pods := int32(1); pods <= 1000; pods *= 10 {
		busy, can := situation.roomForChance(pods), 36*float64(pods)
		near(t, "room of "+integer(pods)+" pods", (1-busy)*can, 2.5*math.Sqrt(busy*can), 1e-9)
	}
	situation.Bounds.AloneUtilization = 0.72
	near(t, "as much as a pod that is alone", situation.roomForChance(1), 0.72, 0)
	situation.Estimates.CPUTime = 0
	near(t, "without a cost", situation.roomForChance(1), 1, 0)
}

func TestAFloorOfPodsInOneQueueLeavesRoomForChance(t *testing.T) {
	for name, c := range map[string]struct {
		perSecond, alone float64
		want             int32
		utilization      float64
	}{
		"one may not do what two may":   {300, 0.6, 2, 0.7456}, // of 264, where a pod at 80% takes 320
		"one is enough":                 {250, 0.6, 1, 0.6612},
		"two may not do what three may": {605, 0.6, 3, 0.7866}, // of 596
		"many":                          {4400, 0.6, 14, 0.8},
		"no queue is shared":            {300, 0, 1, 0.8},
		"sharing makes no difference":   {300, 0.8, 1, 0.8},
	} {
		t.Run(name, func(t *testing.T) {
			decision := steps(&Decider{}, 0, time.Hour, func(at time.Duration) Situation {
				s := constant(c.perSecond, c.want)(at)
				s.Bounds.MinReplicas, s.Bounds.AloneUtilization = 1, c.alone
				return s
			})
			if decision.Floor.Value != c.want {
				t.Errorf("%d pods, want %d: %s", decision.Floor.Value, c.want, decision.Floor.Reason)
			}
			near(t, "utilization", decision.Utilization.Value, c.utilization, 1e-3)
		})
	}
}

// The whole way: links raise the utilization, and their loss takes it back before anything else is known.
func TestPodsAreUsedMoreAsLongAsTheyShareTheirQueue(t *testing.T) {
	spec, f, tuner := specified(), newFleet(12), New(Learned{})
	digest := func(rounds int, linked float64) Outcome {
		var outcome Outcome
		for range rounds {
			reports := f.run(tick, 100, 0.001)
			outcome, _ = tuner.Digest(f.at, Target{Spec: spec, Wanted: 12, Ready: 12, Linked: linked}, len(f.counters), reports, "")
		}
		return outcome
	}
	minute := int(time.Minute / tick)
	alone := digest(5*minute, 0).Tuned
	shared := digest(2*minute, 1).Tuned
	if alone.QueueShared || !shared.QueueShared || shared.Utilization.Value <= alone.Utilization.Value {
		t.Errorf("utilization %g (shared: %t), then %g (shared: %t)", alone.Utilization.Value, alone.QueueShared, shared.Utilization.Value, shared.QueueShared)
	}
	again := digest(minute, 0).Tuned
	if again.QueueShared || again.Utilization.Value != alone.Utilization.Value {
		t.Errorf("utilization %g (shared: %t) after the links are gone", again.Utilization.Value, again.QueueShared)
	}
}

// The next operator counts on it from the start, if the condition says so and the service was measured.
func TestASharedQueueIsRecalledFromItsCondition(t *testing.T) {
	condition := func(status metav1.ConditionStatus) []metav1.Condition {
		return []metav1.Condition{{Type: v1alpha1.ConditionQueueShared, Status: status}}
	}
	measured := &v1alpha1.LearnedStatus{Version: learnedVersion, CPUNanoseconds: 5e6, ServiceNanoseconds: 1e7}
	for name, c := range map[string]struct {
		status v1alpha1.GoServiceStatus
		want   bool
	}{
		"shared":              {v1alpha1.GoServiceStatus{Learned: measured, Conditions: condition(metav1.ConditionTrue)}, true},
		"links are missing":   {v1alpha1.GoServiceStatus{Learned: measured, Conditions: condition(metav1.ConditionFalse)}, false},
		"unknown":             {v1alpha1.GoServiceStatus{Learned: measured}, false},
		"not measured so far": {v1alpha1.GoServiceStatus{Conditions: condition(metav1.ConditionTrue)}, false},
	} {
		if got := New(Recall(&c.status)).Outcome().Tuned.QueueShared; got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}

// What chance does not need is room for what comes while pods start.
func TestPodsThatStartSlowlyKeepMoreRoom(t *testing.T) {
	for startup, want := range map[time.Duration]float64{
		10 * time.Second: 0.85, 20 * time.Second: 0.85, 30 * time.Second: 0.8, 40 * time.Second: 0.75, 2 * time.Minute: 0.72,
	} {
		b := Bounds{Utilization: 0.85, AloneUtilization: 0.72}.withRoom(startup)
		if near(t, startup.String(), b.Utilization, want, 1e-9); (b.UtilizationWhy == "") != (want == 0.85) {
			t.Errorf("%s: %q", startup, b.UtilizationWhy)
		}
	}
	if fixed := (Bounds{Utilization: 0.85, UtilizationIsFixed: true}).withRoom(time.Hour); fixed.Utilization != 0.85 {
		t.Errorf("set by hand: %g", fixed.Utilization)
	}
}

// A rise by chance, on pods that are as full as they may be, says nothing of those that went: they are not held for longer because of it.
func TestChanceIsNoReasonToHoldPodsLonger(t *testing.T) {
	for name, c := range map[string]struct {
		above float64 // of what the present pods take
		want  bool
	}{"by chance": {1.006, false}, "more than they take": {1.2, true}} {
		t.Run(name, func(t *testing.T) {
			d := &Decider{}
			brief := func(perSecond float64) Situation {
				s := constant(perSecond, max(d.floor, 2))(0)
				s.Bounds.HoldFor = time.Minute
				return s
			}
			at := 10 * time.Minute
			steps(d, 0, at, func(time.Duration) Situation { return brief(10 * 320) })
			for ; d.floor > 8; at += tick {
				d.Decide(epoch.Add(at), brief(8*320))
			}
			held := d.hold
			s := brief(8 * 320 * c.above)
			s.Estimates.Trend, s.Estimates.TrendError = 0.2, 0.1
			d.Decide(epoch.Add(at), s)
			if d.floor <= 8 || d.hold > held != c.want {
				t.Errorf("%d pods, held for %s, then for %s", d.floor, held, d.hold)
			}
		})
	}
}
