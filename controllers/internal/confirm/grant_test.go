// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package confirm

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// grants are a target whose pods a, b and older have totals.
func grants(a, b, older int64) Target {
	t := target("r1", "a", "b", "older")
	for i, total := range []int64{a, b, older} {
		t.Pods[i].Granted = total
	}
	t.Pods[2].Older = true
	t.OlderRevision = "old-r1"
	return t
}

// A pod is nudged once for each total, nobody else is, and nobody has to confirm anything.
func TestAPodIsNudgedForWhatItWasGranted(t *testing.T) {
	c := newCluster("r1", "a", "b", "older")
	c.on("older", func(p *fakePod) { p.older, p.running = true, "old-r1" })
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		tracker.Ensure(checkout, grants(0, 5, 0)) // what an operator before this one has granted is on its way already
		pass(time.Second)
		before := tracker.Ensure(checkout, grants(0, 5, 0))
		changes, settled := c.told()
		tracker.Ensure(checkout, grants(7, 5, 3))
		tracker.Ensure(checkout, grants(7, 5, 3))
		pass(time.Second)
		tracker.Ensure(checkout, grants(9, 5, 4))
		pass(time.Second)
		tracker.Ensure(checkout, grants(2, 5, 4)) // from a cache that is late
		pass(time.Second)
		for pod, want := range map[string][]string{"a": {"r1+7", "r1+9"}, "b": nil, "older": nil} {
			if diff := cmp.Diff(want, c.nudgesOf(pod)); diff != "" {
				t.Errorf("nudges of pod %s (-want +got):\n%s", pod, diff)
			}
		}
		after := tracker.Ensure(checkout, grants(9, 5, 4))
		if diff := cmp.Diff(before, after); diff != "" || before.Confirmed != 3 {
			t.Errorf("%d confirmed; the result changed:\n%s", before.Confirmed, diff)
		}
		if laterChanges, laterSettled := c.told(); laterChanges != changes || len(laterSettled) != len(settled) {
			t.Errorf("grants told %d changes and %d retunes", laterChanges-changes, len(laterSettled)-len(settled))
		}
	})
}

// Grants come after everything else: they wait for nobody's turn and are not repeated.
func TestGrantsTakeNoTurnFromRetunes(t *testing.T) {
	c := newCluster("r1", "a", "b", "older")
	c.on("older", func(p *fakePod) { p.older, p.running = true, "old-r1" })
	c.on("b", func(p *fakePod) { p.unwritable = errors.New("too many requests") })
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		tracker.Ensure(checkout, grants(0, 0, 0))
		pass(time.Second)
		for total := range int64(10 * serviceNudgesAtOnce) {
			tracker.Ensure(checkout, grants(total, total, 0))
		}
		pass(time.Minute)
		if n := len(c.nudgesOf("a")); n == 0 || n > serviceNudgesAtOnce {
			t.Errorf("%d nudges for a thousand grants at one moment, want %d at most", n, serviceNudgesAtOnce)
		}
	})
}
