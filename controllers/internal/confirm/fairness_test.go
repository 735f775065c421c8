// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package confirm

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/controllers/internal/fair"
)

// podNames of a service with many pods.
func podNames(prefix string, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%s-%d", prefix, i)
	}
	return names
}

// questionsTo a pod so far.
func (c *cluster) questionsTo(pod string) (n int) {
	c.on(pod, func(p *fakePod) { n = p.questions })
	return n
}

// One tenant with a thousand pods that do not answer delays nobody else's retune.
func TestSilentPodsOfOthersDelayNoRetune(t *testing.T) {
	silent := podNames("silent", 1000)
	c := newCluster("r1", append([]string{"a", "b"}, silent...)...)
	for _, name := range silent {
		c.on(name, func(p *fakePod) { p.silent = true })
	}
	c.slots, c.slotsPerGroup = 24, 8
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		other := types.NamespacedName{Namespace: "silent", Name: "silent"}
		tracker.Ensure(other, target("r1", silent...))
		tracker.Ensure(checkout, target("r1", "a", "b"))
		for round := range 20 {
			pass(3 * time.Second)
			revision := fmt.Sprint("r", round+2)
			c.configure(revision)
			tracker.Ensure(other, target(revision, silent...))
			changedAt := time.Now()
			tracker.Ensure(checkout, target(revision, "a", "b"))
			pass(time.Second)
			got := tracker.Ensure(checkout, target(revision, "a", "b"))
			if took := got.ConfirmedAt.Sub(changedAt); got.Confirmed != 2 || took > refresh+2*firstPause {
				t.Fatalf("%d pods confirmed %s after %s", got.Confirmed, revision, took)
			}
		}
		pass(time.Hour)
		if got := tracker.Ensure(other, target("r21", silent...)); got.Waiting || len(got.Unconfirmed) != len(silent) {
			t.Errorf("of the silent pods, %d are unconfirmed; waiting: %t", len(got.Unconfirmed), got.Waiting)
		}
	})
}

// Whoever cannot be asked because others are has not failed to answer.
func TestAWaitForATurnIsNotThePodsFault(t *testing.T) {
	c := newCluster("r1", "a")
	c.slots, c.slotsPerGroup = 1, 1
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		release, _, err := tracker.options.Slots.Acquire(t.Context(), "others")
		if err != nil {
			t.Fatal(err)
		}
		c.configure("r2")
		tracker.Ensure(checkout, target("r2", "a"))
		pass(10 * patience)
		release()
		pass(refresh / 2) // it still runs r1
		if got := tracker.Ensure(checkout, target("r2", "a")); !got.Waiting || c.questionsTo("a") == 0 {
			t.Errorf("given up after %d questions: %+v", c.questionsTo("a"), got)
		}
		pass(time.Second)
		if got := tracker.Ensure(checkout, target("r2", "a")); got.Confirmed != 1 {
			t.Errorf("not confirmed: %+v", got)
		}
		if changes, _ := c.told(); changes != 1 {
			t.Errorf("told of %d changes, want the confirmation only", changes)
		}
	})
}

func TestAPodThatBecomesReadyIsAskedAtOnce(t *testing.T) {
	c := newCluster("r1", "a")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		c.on("a", func(p *fakePod) { p.silent = true })
		tracker.Ensure(checkout, target("r1", "a"))
		pass(time.Hour)
		c.on("a", func(p *fakePod) { p.silent = false })
		ready := target("r1", "a")
		ready.Pods[0].Ready = true
		tracker.Ensure(checkout, ready)
		pass(0)
		if got := tracker.Ensure(checkout, ready); got.Confirmed != 1 {
			t.Errorf("not confirmed at once: %+v", got)
		}
	})
}

func TestASilentPodIsAskedLessAndLessOften(t *testing.T) {
	c := newCluster("r1", "a")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		c.on("a", func(p *fakePod) { p.silent = true })
		tracker.Ensure(checkout, target("r1", "a"))
		pass(time.Hour)
		if n, most := c.questionsTo("a"), int(time.Hour/fair.MaxPause)+15; n > most {
			t.Errorf("asked %d times in an hour, want %d at most", n, most)
		}
		before := c.questionsTo("a")
		for i := range 10 {
			tracker.Ensure(checkout, target(fmt.Sprint("other", i), "a"))
			pass(2 * time.Second)
			if got := tracker.Ensure(checkout, target(fmt.Sprint("other", i), "a")); got.Waiting {
				t.Error("waited for although it has been silent for an hour")
			}
		}
		if n := c.questionsTo("a") - before; n > 20 {
			t.Errorf("asked %d times for ten revisions", n)
		}
	})
}

// A retune of a large service comes to the API server as a stream of writes, and no pod is given up on meanwhile.
func TestNudgesComeInAStream(t *testing.T) {
	names := podNames("pod", 600)
	c := newCluster("r1", names...)
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		tracker.Ensure(checkout, target("r1", names...))
		pass(time.Minute)
		c.configure("r2")
		before, _ := c.told()
		tracker.Ensure(checkout, target("r2", names...))
		pass(time.Second)
		if n := c.nudged(names); n < serviceNudgesAtOnce || n > serviceNudgesAtOnce+serviceNudgesPerSecond {
			t.Errorf("%d nudges in the first second", n)
		}
		pass(8 * time.Second) // longer than the patience
		if got := tracker.Ensure(checkout, target("r2", names...)); !got.Waiting {
			t.Errorf("given up on %d pods", len(got.Unconfirmed))
		}
		pass(3 * time.Second)
		if got := tracker.Ensure(checkout, target("r2", names...)); got.Confirmed != len(names) || c.nudged(names) != len(names) {
			t.Errorf("%d confirmed after %d nudges", got.Confirmed, c.nudged(names))
		}
		if after, _ := c.told(); after != before+1 {
			t.Errorf("told of %d changes, want one", after-before)
		}
	})
}

// nudged is how many nudges pods had.
func (c *cluster) nudged(pods []string) (n int) {
	for _, pod := range pods {
		n += len(c.nudgesOf(pod))
	}
	return n
}
