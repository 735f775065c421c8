// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
)

func TestAQueueIsSharedOnceThatHasLasted(t *testing.T) {
	var q sharedQueue
	at := epoch
	during := func(span time.Duration, linked, ready int32, before, after bool) {
		t.Helper()
		if q.shared != before {
			t.Errorf("shared %t before %d of %d pods are linked, want %t", q.shared, linked, ready, before)
		}
		for range span / tick {
			q.observe(at, linked, ready)
			at = at.Add(tick)
		}
		if q.shared != after {
			t.Errorf("shared %t after %s in which %d of %d pods are linked, want %t", q.shared, span, linked, ready, after)
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

// A lone pod cannot count on another one: two are kept where one would do only because it shares its queue.
func TestTheLastPodIsNotLeftAloneWithWhatOnlyTwoCanDo(t *testing.T) {
	for name, c := range map[string]struct {
		perSecond, alone float64
		want             int32
	}{
		"one alone may do less":       {300, 0.72, 2}, // of 288
		"one alone can do it":         {250, 0.72, 1},
		"no queue is shared":          {300, 0, 1},
		"more pods are needed":        {900, 0.72, 3},
		"sharing makes no difference": {300, 0.8, 1},
	} {
		t.Run(name, func(t *testing.T) {
			decision := steps(&Decider{}, 0, time.Hour, func(at time.Duration) Situation {
				s := constant(c.perSecond, 3)(at)
				s.Bounds.MinReplicas, s.Bounds.AloneUtilization = 1, c.alone
				return s
			})
			if decision.Floor.Value != c.want {
				t.Errorf("%d pods, want %d: %s", decision.Floor.Value, c.want, decision.Floor.Reason)
			}
		})
	}
}

// The whole way: links raise the utilization, and their loss takes it back before anything else is known.
func TestPodsAreUsedMoreAsLongAsTheyShareTheirQueue(t *testing.T) {
	spec, f, tuner := specified(), newFleet(4), New(Learned{})
	digest := func(rounds int, linked int32) Outcome {
		var outcome Outcome
		for range rounds {
			reports := f.run(tick, 100, 0.001)
			outcome, _ = tuner.Digest(f.at, Target{Spec: spec, Wanted: 4, Ready: 4, Linked: linked}, len(f.counters), reports, "")
		}
		return outcome
	}
	minute := int(time.Minute / tick)
	alone := digest(5*minute, 0).Tuned
	shared := digest(2*minute, 4).Tuned
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
