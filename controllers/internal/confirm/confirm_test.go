// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package confirm

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/controllers/internal/fair"
)

func TestPodsThatRunTheRevisionAreLeftAlone(t *testing.T) {
	c := newCluster("r1", "a", "b", "c")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		first := tracker.Ensure(checkout, target("r1", "a", "b", "c"))
		if first.Confirmed != 0 || first.Total != 3 || !first.Waiting {
			t.Errorf("before any answer: %+v", first)
		}
		pass(0)
		got := tracker.Ensure(checkout, target("r1", "a", "b", "c"))
		if got.Confirmed != 3 || got.Waiting || got.Retuned || got.ConfirmedAt.IsZero() || len(got.Unconfirmed) != 0 {
			t.Errorf("after the answers: %+v", got)
		}
		for _, pod := range []string{"a", "b", "c"} {
			if nudges := c.nudgesOf(pod); len(nudges) > 0 {
				t.Errorf("pod %s was nudged: %v", pod, nudges)
			}
		}
		changes, settled := c.told()
		if changes == 0 || len(settled) > 0 {
			t.Errorf("told of %d changes and of retunes %v, want some and none", changes, settled)
		}
		pass(time.Hour)
		if later, _ := c.told(); later != changes {
			t.Errorf("%d changes told in an hour in which nothing changed", later-changes)
		}
	})
}

func TestRunningPodsTakeANewRevisionAtOnce(t *testing.T) {
	c := newCluster("r1", "a", "b")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		tracker.Ensure(checkout, target("r1", "a", "b"))
		pass(time.Minute)
		c.configure("r2")
		changedAt := time.Now()
		tracker.Ensure(checkout, target("r2", "a", "b"))
		pass(time.Second)
		got := tracker.Ensure(checkout, target("r2", "a", "b"))
		took := got.ConfirmedAt.Sub(changedAt)
		want := Result{
			Revision: "r2", Label: "r2/s", PreviousLabel: "r1/s", Confirmed: 2, Total: 2, Retuned: true,
			ChangedAt: changedAt, ConfirmedAt: changedAt.Add(took),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("result (-want +got):\n%s", diff)
		}
		// No sooner than the kubelets, and no later than two questions after them.
		if took < refresh || took > refresh+2*firstPause {
			t.Errorf("confirmed after %s, the kubelets took %s", took, refresh)
		}
		for _, pod := range []string{"a", "b"} {
			if diff := cmp.Diff([]string{"r2"}, c.nudgesOf(pod)); diff != "" {
				t.Errorf("nudges of pod %s (-want +got):\n%s", pod, diff)
			}
		}
		if _, settled := c.told(); len(settled) != 1 || settled[0] != took {
			t.Errorf("told of retunes that took %v, want %s", settled, took)
		}
	})
}

func TestWhatTheUserDidNotChangeIsQuiet(t *testing.T) {
	c := newCluster("r1", "a")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		step := func(revision, label string, generation int64) Result {
			c.configure(revision)
			next := target(revision, "a")
			next.Label, next.Generation = label, generation
			tracker.Ensure(checkout, next)
			if allConfirmed(tracker) && revision != "r1" {
				t.Errorf("%s counts as confirmed before the pod has it", revision)
			}
			pass(time.Second)
			if !allConfirmed(tracker) {
				t.Errorf("%s is not confirmed", revision)
			}
			return tracker.Ensure(checkout, next)
		}
		if allConfirmed(tracker) {
			t.Error("confirmed before there was anything to confirm")
		}
		step("r1", "100/s", 1)
		for _, c := range []struct {
			revision, label string
			generation      int64
			quiet, edited   bool
		}{
			{"r2", "100/s", 1, true, false}, {"r3", "100/s", 2, false, true}, {"r4", "50/s", 2, false, false}, {"r5", "50/s", 2, true, false},
		} {
			if got := step(c.revision, c.label, c.generation); got.Quiet != c.quiet || got.Edited != c.edited || !got.Retuned {
				t.Errorf("%s: quiet %t, edited %t, retuned %t; want %t, %t and true", c.revision, got.Quiet, got.Edited, got.Retuned, c.quiet, c.edited)
			}
		}
	})
}

// Older pods have another name for the same live settings; both kinds confirm side by side.
func TestOlderPodsConfirmTheirOwnRevision(t *testing.T) {
	c := newCluster("r1", "new", "old")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		c.on("old", func(p *fakePod) { p.running, p.older = "old-r1", true })
		step := func(revision string) Result {
			next := target(revision, "new", "old")
			next.OlderRevision, next.Pods[1].Older = "old-"+revision, true
			c.configure(revision)
			tracker.Ensure(checkout, next)
			pass(time.Second)
			return tracker.Ensure(checkout, next)
		}
		if got := step("r1"); got.Confirmed != 2 || len(c.nudgesOf("old")) > 0 {
			t.Errorf("what the pods run already: %+v, nudges of the older pod %v", got, c.nudgesOf("old"))
		}
		if got := step("r2"); got.Confirmed != 2 || got.Revision != "r2" {
			t.Errorf("not confirmed: %+v", got)
		}
		if diff := cmp.Diff([]string{"old-r2"}, c.nudgesOf("old")); diff != "" {
			t.Errorf("nudges of the older pod (-want +got):\n%s", diff)
		}
	})
}

func TestLostNudgesAreRepeated(t *testing.T) {
	c := newCluster("r1", "a")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		c.configure("r2")
		c.on("a", func(p *fakePod) { p.deaf = 2 })
		tracker.Ensure(checkout, target("r2", "a"))
		pass(2 * time.Second)
		if got := tracker.Ensure(checkout, target("r2", "a")); got.Confirmed != 1 {
			t.Errorf("not confirmed though the third nudge was heard: %+v", got)
		}
		if diff := cmp.Diff([]string{"r2", "r2.1", "r2.2"}, c.nudgesOf("a")); diff != "" {
			t.Errorf("nudges (-want +got):\n%s", diff)
		}
	})
}

// After a restart of the operator a pod may bear the nudge already: writing the same value would tell its kubelet nothing.
func TestANudgeAlwaysChangesThePod(t *testing.T) {
	c := newCluster("r1", "a")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		c.configure("r2")
		wanted := target("r2", "a")
		wanted.Pods[0].Annotation = "r2"
		tracker.Ensure(checkout, wanted)
		pass(time.Second)
		if got := tracker.Ensure(checkout, wanted); got.Confirmed != 1 {
			t.Errorf("not confirmed: %+v", got)
		}
		if diff := cmp.Diff([]string{"r2.1"}, c.nudgesOf("a")); diff != "" {
			t.Errorf("nudges (-want +got):\n%s", diff)
		}
	})
}

func TestNudgesOfAKubeletThatNeverActsAreFew(t *testing.T) {
	c := newCluster("r1", "a")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		c.configure("r2")
		c.on("a", func(p *fakePod) { p.deaf = 1000 })
		tracker.Ensure(checkout, target("r2", "a"))
		pass(24 * time.Hour)
		if nudges := c.nudgesOf("a"); len(nudges) != maxNudges {
			t.Errorf("%d nudges in a day, want %d", len(nudges), maxNudges)
		}
		got := tracker.Ensure(checkout, target("r2", "a"))
		want := []Unconfirmed{{Pod: "a", Reason: "still runs revision r1"}}
		if diff := cmp.Diff(want, got.Unconfirmed); diff != "" || got.Waiting {
			t.Errorf("waiting: %t, unconfirmed (-want +got):\n%s", got.Waiting, diff)
		}
		if changes, _ := c.told(); changes != 1 {
			t.Errorf("told of %d changes, want one: nothing changed since", changes)
		}
	})
}

// A pod that runs no revision has read nothing, which is another trouble than running an earlier one.
func TestAPodThatHasReadNothingIsSaidToHave(t *testing.T) {
	c := newCluster("r1", "a")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		c.on("a", func(p *fakePod) { p.running, p.deaf = "", 1000 })
		tracker.Ensure(checkout, target("r1", "a"))
		pass(patience + time.Second)
		want := []Unconfirmed{{Pod: "a", Reason: "runs its built-in values and has not read its live settings yet"}}
		if diff := cmp.Diff(want, tracker.Ensure(checkout, target("r1", "a")).Unconfirmed); diff != "" {
			t.Errorf("unconfirmed (-want +got):\n%s", diff)
		}
	})
}

func TestARefusedDocumentIsReportedAndTheNextOneTaken(t *testing.T) {
	c := newCluster("r1", "a", "b")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		c.on("b", func(p *fakePod) { p.refuses = "r2" })
		c.configure("r2")
		tracker.Ensure(checkout, target("r2", "a", "b"))
		pass(patience + time.Second)
		got := tracker.Ensure(checkout, target("r2", "a", "b"))
		want := []Unconfirmed{{Pod: "b", Reason: "rejects the live settings: pool.workers must be 1 to 100000", Rejected: true}}
		if diff := cmp.Diff(want, got.Unconfirmed); diff != "" || got.Confirmed != 1 {
			t.Errorf("%d confirmed, unconfirmed (-want +got):\n%s", got.Confirmed, diff)
		}
		c.configure("r3")
		tracker.Ensure(checkout, target("r3", "a", "b"))
		pass(time.Second)
		if got := tracker.Ensure(checkout, target("r3", "a", "b")); got.Confirmed != 2 {
			t.Errorf("the next revision was not taken within a second: %+v", got)
		}
	})
}

func TestAnUnreachablePodIsReportedButNotAbandoned(t *testing.T) {
	c := newCluster("r1", "a", "b")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		c.on("a", func(p *fakePod) { p.silent = true })
		tracker.Ensure(checkout, target("r1", "a", "b"))
		pass(patience - 2*time.Second)
		if got := tracker.Ensure(checkout, target("r1", "a", "b")); !got.Waiting || got.Confirmed != 1 {
			t.Errorf("before patience ran out: %+v", got)
		}
		pass(5 * time.Second)
		got := tracker.Ensure(checkout, target("r1", "a", "b"))
		want := []Unconfirmed{{Pod: "a", Reason: "does not answer on port 9100 within a second: is a NetworkPolicy blocking the operator?"}}
		if diff := cmp.Diff(want, got.Unconfirmed); diff != "" || got.Waiting {
			t.Errorf("waiting: %t, unconfirmed (-want +got):\n%s", got.Waiting, diff)
		}
		changes, _ := c.told()
		pass(time.Hour)
		if later, _ := c.told(); later != changes {
			t.Errorf("%d changes told in an hour in which nothing changed", later-changes)
		}
		c.on("a", func(p *fakePod) { p.silent = false })
		pass(fair.MaxPause + time.Second)
		if got := tracker.Ensure(checkout, target("r1", "a", "b")); got.Confirmed != 2 || len(got.Unconfirmed) != 0 {
			t.Errorf("the pod can be reached again: %+v", got)
		}
		if later, _ := c.told(); later == changes {
			t.Error("nobody was told that the pod confirmed")
		}
	})
}

func TestAPodThatCannotBeAnnotatedIsReported(t *testing.T) {
	c := newCluster("r1", "a")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		c.configure("r2")
		c.on("a", func(p *fakePod) { p.unwritable = fmt.Errorf("context deadline exceeded") })
		tracker.Ensure(checkout, target("r2", "a"))
		pass(patience + 20*time.Second)
		got := tracker.Ensure(checkout, target("r2", "a"))
		want := []Unconfirmed{{Pod: "a", Reason: "cannot be annotated: context deadline exceeded"}}
		if diff := cmp.Diff(want, got.Unconfirmed); diff != "" {
			t.Errorf("unconfirmed (-want +got):\n%s", diff)
		}
	})
}

func TestThreeRevisionsWithinASecondEndOnTheLast(t *testing.T) {
	c := newCluster("r1", "a", "b")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		tracker.Ensure(checkout, target("r1", "a", "b"))
		pass(time.Minute)
		for _, revision := range []string{"r2", "r3", "r4"} {
			c.configure(revision)
			tracker.Ensure(checkout, target(revision, "a", "b"))
			pass(refresh / 4)
		}
		pass(time.Second)
		got := tracker.Ensure(checkout, target("r4", "a", "b"))
		if got.Revision != "r4" || got.Confirmed != 2 || got.Total != 2 || !got.Retuned {
			t.Errorf("not every pod is on the last revision: %+v", got)
		}
		if got.PreviousLabel != "r1/s" {
			t.Errorf("retuned from %s, the pods never ran anything but r1 before", got.PreviousLabel)
		}
		if _, settled := c.told(); len(settled) != 1 {
			t.Errorf("told of retunes that took %v, want one: of the last revision", settled)
		}
		questions := 0
		c.on("a", func(p *fakePod) { questions = p.questions })
		pass(time.Hour)
		c.on("a", func(p *fakePod) {
			if p.questions != questions {
				t.Errorf("%d questions more in an hour after all was confirmed", p.questions-questions)
			}
		})
	})
}

// A pod that takes no traffic, such as one of a dead node, keeps nobody from growing once it has been given up on.
func TestADeadPodHoldsNobodyUp(t *testing.T) {
	c := newCluster("r1", "a", "b")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		wanted := target("r1", "a", "b")
		wanted.Pods[0].Ready, wanted.Pods[1].Ready = true, true
		c.on("b", func(p *fakePod) { p.silent = true })
		tracker.Ensure(checkout, wanted)
		pass(2 * patience)
		if allConfirmed(tracker) {
			t.Error("a pod that takes traffic does not answer, and the service counts as confirmed")
		}
		wanted.Pods[1].Ready = false
		tracker.Ensure(checkout, wanted)
		if !allConfirmed(tracker) {
			t.Error("a pod that takes no traffic and does not answer is waited for")
		}
	})
}

func allConfirmed(tracker *Tracker) bool {
	all, _ := tracker.Confirmed(checkout)
	return all
}
