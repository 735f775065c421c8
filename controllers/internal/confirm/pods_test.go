// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package confirm

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"
)

func TestNoPodsNothingToConfirm(t *testing.T) {
	inBubble(t, newCluster("r1", "a"), func(t *testing.T, tracker *Tracker) {
		got := tracker.Ensure(checkout, target("r1"))
		if got.Total != 0 || got.Waiting || !got.ConfirmedAt.IsZero() {
			t.Errorf("without pods: %+v", got)
		}
		pass(time.Minute)
		tracker.Ensure(checkout, target("r1", "a"))
		pass(0)
		if got := tracker.Ensure(checkout, target("r1", "a")); got.Confirmed != 1 || !got.ConfirmedAt.Equal(time.Now()) {
			t.Errorf("the first pod came a minute later: %+v", got)
		}
	})
}

func TestAPodThatStartsMeanwhileIsAskedToo(t *testing.T) {
	c := newCluster("r1", "a", "b")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		tracker.Ensure(checkout, target("r1", "a"))
		pass(time.Minute)
		c.configure("r2")
		tracker.Ensure(checkout, target("r2", "a"))
		pass(refresh / 2)
		// It mounted the old document.
		if got := tracker.Ensure(checkout, target("r2", "a", "b")); got.Total != 2 || got.Confirmed != 0 {
			t.Errorf("while both are asked: %+v", got)
		}
		pass(time.Second)
		if got := tracker.Ensure(checkout, target("r2", "a", "b")); got.Confirmed != 2 {
			t.Errorf("both have had time: %+v", got)
		}
	})
}

func TestARestartedContainerIsAskedAgain(t *testing.T) {
	c := newCluster("r1", "a")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		tracker.Ensure(checkout, target("r1", "a"))
		pass(time.Minute)
		c.on("a", func(p *fakePod) { p.running = "" }) // it has not read its document yet
		restarted := target("r1", "a")
		restarted.Pods[0].Restarts++
		if got := tracker.Ensure(checkout, restarted); got.Confirmed != 0 || !got.Waiting {
			t.Errorf("right after the restart: %+v", got)
		}
		pass(time.Second)
		if got := tracker.Ensure(checkout, restarted); got.Confirmed != 1 || got.Retuned {
			t.Errorf("a second after the restart: %+v", got)
		}
	})
}

func TestAPodIsAskedOnceItHasAnAddress(t *testing.T) {
	c := newCluster("r1", "a")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		bare := target("r1", "a")
		bare.Pods[0].IP = ""
		tracker.Ensure(checkout, bare)
		pass(patience + time.Second)
		want := []Unconfirmed{{Pod: "a", Reason: "has no address yet"}}
		if diff := cmp.Diff(want, tracker.Ensure(checkout, bare).Unconfirmed); diff != "" {
			t.Errorf("unconfirmed (-want +got):\n%s", diff)
		}
		c.on("a", func(p *fakePod) {
			if p.questions != 0 {
				t.Errorf("asked %d times without an address", p.questions)
			}
		})
		tracker.Ensure(checkout, target("r1", "a"))
		pass(0)
		if got := tracker.Ensure(checkout, target("r1", "a")); got.Confirmed != 1 {
			t.Errorf("with an address: %+v", got)
		}
	})
}

func TestAPodThatLeavesIsNotWaitedFor(t *testing.T) {
	c := newCluster("r1", "a", "b")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		tracker.Ensure(checkout, target("r1", "a", "b"))
		pass(time.Minute)
		c.on("b", func(p *fakePod) { p.unreachable = errors.New("connection refused") })
		c.configure("r2")
		tracker.Ensure(checkout, target("r2", "a", "b"))
		pass(time.Second)
		got := tracker.Ensure(checkout, target("r2", "a"))
		if got.Confirmed != 1 || got.Total != 1 || got.ConfirmedAt.IsZero() {
			t.Errorf("after the unreachable pod left: %+v", got)
		}
		questions := 0
		c.on("b", func(p *fakePod) { questions = p.questions })
		pass(time.Hour)
		c.on("b", func(p *fakePod) {
			if p.questions != questions {
				t.Errorf("%d questions to a pod that is gone", p.questions-questions)
			}
		})
	})
}

func TestCloseEndsEverything(t *testing.T) {
	c := newCluster("r1", "a", "b")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		c.on("a", func(p *fakePod) { p.silent = true })
		c.on("b", func(p *fakePod) { p.unreachable = errors.New("connection refused") })
		tracker.Ensure(checkout, target("r1", "a", "b"))
		pass(time.Second)
		began := time.Now()
		tracker.Close()
		if took := time.Since(began); took != 0 {
			t.Errorf("closing waited %s for a pod that does not answer", took)
		}
		got := tracker.Ensure(checkout, target("r2", "a", "b"))
		want := Result{Revision: "r2", Total: 2, Waiting: true}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after Close (-want +got):\n%s", diff)
		}
		before, _ := c.told()
		pass(time.Minute)
		if after, _ := c.told(); after != before {
			t.Error("told of changes after Close")
		}
	})
}

func TestAForgottenServiceIsNotAskedAnyMore(t *testing.T) {
	c := newCluster("r1", "a")
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		c.on("a", func(p *fakePod) { p.unreachable = errors.New("connection refused") })
		tracker.Ensure(checkout, target("r1", "a"))
		pass(time.Second)
		tracker.Forget(checkout)
		tracker.Forget(checkout)
		questions := 0
		c.on("a", func(p *fakePod) { questions = p.questions })
		pass(time.Hour)
		c.on("a", func(p *fakePod) {
			if p.questions != questions {
				t.Errorf("%d questions to a pod of a service that is gone", p.questions-questions)
			}
		})
	})
}

func TestQuestionsAtOnceAreBounded(t *testing.T) {
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprintf("pod-%02d", i))
	}
	c := newCluster("r1", names...)
	for _, name := range names {
		c.on(name, func(p *fakePod) { p.silent = true })
	}
	c.slots = 7
	inBubble(t, c, func(t *testing.T, tracker *Tracker) {
		tracker.Ensure(checkout, target("r1", names...))
		pass(time.Minute)
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.mostAsking != 7 {
			t.Errorf("%d questions at once, want 7", c.mostAsking)
		}
		for _, name := range names {
			if c.pods[types.UID(name)].questions == 0 {
				t.Errorf("%s was never asked", name)
			}
		}
	})
}
