// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package confirm

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/controllers/internal/fair"
)

// refresh is how long the fake's kubelets take from a pod's annotation to the refreshed file.
const refresh = 150 * time.Millisecond

var checkout = types.NamespacedName{Namespace: "shop", Name: "checkout"}

// cluster stands in for pods and their kubelets.
type cluster struct {
	mu sync.Mutex
	// configured is the revision in the ConfigMap.
	configured string
	pods       map[types.UID]*fakePod
	// asking is how many questions are open, mostAsking how many were at once.
	asking, mostAsking int
	// changes and settled are what the Tracker told.
	changes int
	settled []time.Duration
	// slots for questions, and those that one namespace may use.
	slots, slotsPerGroup int
}

type fakePod struct {
	running string
	// older pods have another revision for the same content.
	older bool
	// refuses is a revision that the pod does not accept.
	refuses, refusal string
	// unreachable is the answer's error.
	unreachable error
	// silent pods answer nothing until the question is given up.
	silent bool
	// deaf is how many nudges go unheard.
	deaf int
	// unwritable is the error of a nudge.
	unwritable error
	questions  int
	nudges     []string
}

func newCluster(configured string, pods ...string) *cluster {
	c := &cluster{configured: configured, pods: map[types.UID]*fakePod{}, slots: 64, slotsPerGroup: 16}
	for _, name := range pods {
		c.pods[types.UID(name)] = &fakePod{running: configured}
	}
	return c
}

func (c *cluster) ask(ctx context.Context, pod Pod) (Answer, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pods[pod.UID]
	p.questions++
	if p.silent {
		c.asking++
		c.mostAsking = max(c.mostAsking, c.asking)
		c.mu.Unlock()
		<-ctx.Done()
		c.mu.Lock()
		c.asking--
		return Answer{}, ctx.Err()
	}
	if p.unreachable != nil {
		return Answer{}, p.unreachable
	}
	return Answer{Revision: p.running, Refused: p.refusal}, nil
}

func (c *cluster) nudge(_ context.Context, pod Pod, annotation string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pods[pod.UID]
	if p.unwritable != nil {
		return p.unwritable
	}
	p.nudges = append(p.nudges, annotation)
	if p.deaf > 0 {
		p.deaf--
		return nil
	}
	time.AfterFunc(refresh, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if p.refuses == c.configured {
			p.refusal = "pool.workers must be 1 to 100000"
			return
		}
		p.running, p.refusal = c.configured, ""
		if p.older {
			p.running = "old-" + p.running
		}
	})
	return nil
}

// on changes a pod.
func (c *cluster) on(pod string, change func(*fakePod)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c.pods[types.UID(pod)])
}

func (c *cluster) nudgesOf(pod string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.pods[types.UID(pod)].nudges)
}

func (c *cluster) told() (changes int, settled []time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changes, slices.Clone(c.settled)
}

// inBubble runs a test with a Tracker on a clock of its own; a goroutine that outlives Close fails it.
func inBubble(t *testing.T, c *cluster, test func(t *testing.T, tracker *Tracker)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		tracker := NewTracker(Options{
			Ask:        c.ask,
			Nudge:      c.nudge,
			Slots:      fair.NewScheduler(fair.Options{Slots: c.slots, SlotsPerGroup: c.slotsPerGroup}),
			NudgeSlots: fair.NewScheduler(fair.Options{Slots: 4, SlotsPerGroup: 2}),
			Changed: func(types.NamespacedName) {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.changes++
			},
			Settled: func(took time.Duration) {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.settled = append(c.settled, took)
			},
		})
		defer tracker.Close()
		test(t, tracker)
	})
}

// pass lets time go by until everything that was due has happened.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// target is a revision that the named pods should run.
func target(revision string, pods ...string) Target {
	result := Target{Revision: revision, Label: revision + "/s"}
	for i, name := range pods {
		result.Pods = append(result.Pods, Pod{
			UID: types.UID(name), Namespace: checkout.Namespace, Name: name, IP: fmt.Sprintf("10.0.0.%d", i+1),
		})
	}
	return result
}

// configure is the change of a ConfigMap that comes before the Tracker is told of it.
func (c *cluster) configure(revision string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.configured = revision
}
