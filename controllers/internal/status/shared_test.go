// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/tuner"
)

// measuredSharing is a service whose pods are linked and measured.
func measuredSharing(moved *Moved) Situation {
	s := sharing()
	s.Outcome = &tuner.Outcome{Measured: true}
	s.HandOff.LinksKnown, s.HandOff.Moved = true, moved
	return s
}

func TestTheMessageSaysWhatASharedQueueBrings(t *testing.T) {
	const without = "a request that would wait may run in another pod that is free"
	for name, c := range map[string]struct {
		moved  *Moved
		change func(*Situation)
		want   string
	}{
		"not measured yet":             {want: without},
		"a quarter":                    {moved: &Moved{23, 312 * time.Microsecond}, want: "23% of the requests ran in another pod that was free, 0.3 ms away"},
		"a long way":                   {moved: &Moved{5, 9600 * time.Microsecond}, want: "5% of the requests ran in another pod that was free, 10 ms away"},
		"next door":                    {moved: &Moved{100, 3 * time.Microsecond}, want: "100% of the requests ran in another pod that was free, 0.01 ms away"},
		"none":                         {moved: &Moved{}, want: "less than 1% of the requests had to run in another pod that was free"},
		"without objectives":           {moved: &Moved{23, time.Millisecond}, change: func(s *Situation) { s.Outcome = nil }, want: without},
		"by a Prometheus that is none": {moved: &Moved{23, time.Millisecond}, change: func(s *Situation) { s.Outcome = &tuner.Outcome{NoPrometheus: true} }, want: without},
	} {
		t.Run(name, func(t *testing.T) {
			s := measuredSharing(c.moved)
			if c.change != nil {
				c.change(&s)
			}
			want := "True Shared: " + c.want + "; pods know each other by the key in Secret checkout-peers"
			if got := said(computed(s))[v1alpha1.ConditionQueueShared]; got != want {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

func TestWhatASharedQueueBringsIsToldAgainOnlyWhenItMovedByFivePoints(t *testing.T) {
	for name, c := range map[string]struct {
		before, now *Moved
		told        bool
	}{
		"the same":                     {&Moved{23, 300 * time.Microsecond}, &Moved{23, 300 * time.Microsecond}, false},
		"four points more":             {&Moved{23, 300 * time.Microsecond}, &Moved{27, 310 * time.Microsecond}, false},
		"five points more":             {&Moved{23, 300 * time.Microsecond}, &Moved{28, 300 * time.Microsecond}, true},
		"five points less":             {&Moved{23, 300 * time.Microsecond}, &Moved{18, 300 * time.Microsecond}, true},
		"none any more":                {&Moved{4, 300 * time.Microsecond}, &Moved{0, 0}, true},
		"hardly any":                   {&Moved{0, 0}, &Moved{4, 300 * time.Microsecond}, false},
		"some":                         {&Moved{0, 0}, &Moved{5, 300 * time.Microsecond}, true},
		"twice as far":                 {&Moved{23, 300 * time.Microsecond}, &Moved{23, 600 * time.Microsecond}, false},
		"farther":                      {&Moved{23, 300 * time.Microsecond}, &Moved{23, 601 * time.Microsecond}, true},
		"nearer":                       {&Moved{23, 300 * time.Microsecond}, &Moved{23, 149 * time.Microsecond}, true},
		"an operator that has begun":   {&Moved{23, 300 * time.Microsecond}, nil, false},
		"still none":                   {&Moved{0, 0}, &Moved{0, 0}, false},
		"the first figure ever":        {nil, &Moved{1, 300 * time.Microsecond}, true},
		"nothing known as ever before": {nil, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := measuredSharing(c.before)
			s.Service.Status = computed(s)
			s.HandOff.Moved, s.HandOff.Written = c.now, s.Service.Status.HandOff
			after := computed(s)
			if diff := cmp.Diff(s.Service.Status, after); (diff != "") != c.told {
				t.Errorf("a write: %t, want %t\n%s", diff != "", c.told, diff)
			}
		})
	}
}

// Another key is written by somebody who knows nothing of figures.
func TestTheFiguresStayWhenTheKeyChanges(t *testing.T) {
	s := measuredSharing(&Moved{23, 300 * time.Microsecond})
	s.Service.Status = computed(s)
	s.HandOff.Moved, s.HandOff.Written = nil, &v1alpha1.HandOffStatus{Secret: "checkout-peers", Revision: "r2", ChangedAt: metav1.NewTime(noon)}
	got := computed(s).HandOff
	want := &v1alpha1.HandOffStatus{Secret: "checkout-peers", Revision: "r2", ChangedAt: metav1.NewTime(noon), MovedPercent: new(int32(23)), HopMicroseconds: new(int64(300))}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What chance makes of a steady load, window by window, must not write statuses.
func TestASteadyLoadWritesNoStatus(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for percent := range int32(60) {
		s, writes := measuredSharing(nil), 0
		for range 300 {
			wobble := int32(random.IntN(4)) - 2
			s.HandOff.Moved = &Moved{max(percent+wobble, 0), time.Duration(200+random.IntN(190)) * time.Microsecond}
			after := computed(s)
			if diff := cmp.Diff(s.Service.Status.HandOff, after.HandOff); diff != "" {
				writes++
			}
			s.Service.Status, s.HandOff.Written = after, after.HandOff
		}
		if writes > 2 { // the first one, and that hardly any are none
			t.Errorf("%d%%: %d writes", percent, writes)
		}
	}
}

func TestPodsThatFindNobodyAreToldWithWhatToDo(t *testing.T) {
	const all = "False PeersUnreachable: pods have had no link to each other for a minute, so that each one's queue is not shared; allow port 9443"
	s := measuredSharing(nil)
	s.HandOff.Sharers, s.HandOff.Unlinked = 3, 3
	lonely := computed(s)
	if got := said(lonely)[v1alpha1.ConditionQueueShared]; !strings.HasPrefix(got, all) || !strings.Contains(got, "NetworkPolicies") || !strings.Contains(got, "mesh") {
		t.Errorf("got %q", got)
	}
	s.HandOff.MovesFail = true // which follows from it
	s.HandOff.Unlinked = 1
	if got := said(computed(s))[v1alpha1.ConditionQueueShared]; !strings.HasPrefix(got, "False PeersUnreachable: some pods have had no link to another pod") {
		t.Errorf("got %q", got)
	}

	t.Log("the next operator does not know yet")
	s.Service.Status = lonely
	s.HandOff.Written = lonely.HandOff
	s.HandOff.LinksKnown, s.HandOff.Sharers, s.HandOff.Unlinked = false, 0, 0
	if diff := cmp.Diff(lonely, computed(s)); diff != "" {
		t.Errorf("it writes:\n%s", diff)
	}
	s.HandOff.LinksKnown = true
	if got := said(computed(s))[v1alpha1.ConditionQueueShared]; !strings.HasPrefix(got, "False MovesFail: most of the requests") || !strings.Contains(got, "throttled") {
		t.Errorf("got %q", got)
	}
	s.HandOff.MovesFail = false
	if got := said(computed(s))[v1alpha1.ConditionQueueShared]; !strings.HasPrefix(got, "True Shared: ") {
		t.Errorf("when they are linked: %q", got)
	}
	s.HandOff.LinksKnown, s.Outcome = false, nil
	if got := said(computed(s))[v1alpha1.ConditionQueueShared]; !strings.HasPrefix(got, "True Shared: ") {
		t.Errorf("when nothing is measured any more: %q", got)
	}
}
