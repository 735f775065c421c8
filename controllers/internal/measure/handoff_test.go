// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/controllers/tuner"
)

// linkedWith says with how many others each of some pods is linked, by turns; below 0: the pod shares no queue.
func (c *cluster) linkedWith(peers ...float64) {
	c.set(func() {
		c.peers = map[string]*float64{}
		for i, n := range peers {
			if n >= 0 {
				c.peers[fmt.Sprintf("checkout-%d", i)] = &n
			}
		}
	})
}

func TestWhatASharedQueueBringsIsCountedOverMinutesAndManyRequests(t *testing.T) {
	running(t, func(c *cluster, loop *Loop) {
		c.linkedWith(2, 2, 2)
		c.set(func() { c.perSecond, c.moved = 20, 0.239 })
		loop.Follow(serviceName, targetOf(3))
		pass(4 * time.Minute)
		if got := loop.Sharing(serviceName); got.Counted {
			t.Errorf("after four minutes: %+v", got)
		}
		pass(2 * time.Minute)
		want := Sharing{Counted: true, MovedPercent: 23, Hop: 300 * time.Microsecond, LinksKnown: true}
		if diff := cmp.Diff(want, loop.Sharing(serviceName)); diff != "" {
			t.Errorf("after a window (-want +got):\n%s", diff)
		}
		c.set(func() { c.moved = 0 }) // the counters stand still: nothing is counted anew
		pass(time.Minute)
		c.set(func() { c.perSecond = 0.001 })
		pass(time.Hour)
		if got := loop.Sharing(serviceName); got.MovedPercent == 0 {
			t.Errorf("a few requests are a window: %+v", got)
		}
		c.set(func() { c.perSecond = 20 })
		pass(6 * time.Minute)
		c.set(func() { c.moved = 0.239 })
		if got := loop.Sharing(serviceName); got.MovedPercent != 0 || !got.Counted || got.Hop != 0 {
			t.Errorf("when none moved: %+v", got)
		}
		loop.Forget(serviceName)
		if got := loop.Sharing(serviceName); got != (Sharing{}) {
			t.Errorf("of a service that is gone: %+v", got)
		}
	})
}

// Few pods have the clients: what the others do not move says nothing.
func TestLinksOverWhichRequestsDoNotMoveAreNone(t *testing.T) {
	var q sharedQueue
	now := time.Unix(0, 0)
	pods, counted := make([]Pod, 16), make([]HandOff, 16)
	for i := range pods {
		pods[i], counted[i].Peers = Pod{Name: fmt.Sprint(i), Ready: true}, new(15.0)
	}
	rounds := func(n int, moved, failed float64) {
		for range n {
			now = now.Add(5 * time.Second)
			samples := map[string]Sample{}
			for i, pod := range pods {
				if i < 4 {
					counted[i].Moved, counted[i].Failed = counted[i].Moved+moved/4, counted[i].Failed+failed/4
				}
				samples[pod.Name] = Sample{HandOff: counted[i]}
			}
			q.round(now, pods, samples)
		}
	}
	expect := func(when string, fail bool) {
		t.Helper()
		linked := 1.0
		if fail {
			linked = 0
		}
		if got := q.linked(pods, nil); q.sharing.MovesFail != fail || got != linked {
			t.Errorf("%s: moves fail: %t, linked: %g", when, q.sharing.MovesFail, got)
		}
	}
	rounds(1, 0, 1e6)
	expect("what was before the pods were seen first", false)
	rounds(1, 0, 16)
	expect("a pod that dies takes a few along", false)
	rounds(1, 60, 40)
	expect("not half are returned", false)
	rounds(2, 0, 40)
	expect("most are returned", true)
	rounds(24, 0, 1) // fewer than say anything
	expect("few move, and none of them arrives", true)
	rounds(120, 60, 40)
	expect("not enough arrive", true)
	rounds(120, 80, 20)
	expect("most arrive again", false)
	rounds(1, 0, 10_000)
	expect("they are returned again", true)
	rounds(12, 0, 0)
	expect("none was to move for a minute", true)
	rounds(180, 0, 0)
	expect("none was to move for a quarter of an hour", false)
	rounds(1, 10, 60)
	for i := range counted {
		counted[i].Moved, counted[i].Failed = 0, 0
	}
	expect("before all processes end", true)
	rounds(1, 40, 0) // the differences are below zero
	rounds(20, 400, 0)
	expect("other processes", false)
}

func TestAWindowLeavesOutProcessesThatCountAnew(t *testing.T) {
	var q sharedQueue
	now := time.Unix(0, 0)
	pods := []Pod{{Name: "a", Ready: true}, {Name: "b", Ready: true}}
	round := func(requests, moved float64) Sharing {
		now = now.Add(sharingWindow / 2)
		sample := func(requests, moved float64) Sample {
			return Sample{Counters: tuner.Counters{Requests: requests}, HandOff: HandOff{Moved: moved, HopSeconds: 0.001, Peers: new(1.0)}}
		}
		return q.round(now, pods, map[string]Sample{"a": sample(requests, moved), "b": sample(5000, 5000)})
	}
	round(1e6, 1e6) // what was before it was seen first is no part of it
	round(100, 0)   // restarted
	round(700, 60)
	got := round(1300, 120)
	if want := (Sharing{Counted: true, MovedPercent: 10, Hop: time.Millisecond, LinksKnown: true}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// Pods are not trusted.
func TestAPodThatLiesAboutItsHopsDoesNotBreakTheFigure(t *testing.T) {
	var q sharedQueue
	now := time.Unix(0, 0)
	for i := range 3 {
		n := float64(i) * 1000
		lie := Sample{Counters: tuner.Counters{Requests: n}, HandOff: HandOff{Moved: n * 1e6, HopSeconds: maxValue, Peers: new(maxValue)}}
		now = now.Add(sharingWindow)
		q.round(now, []Pod{{Name: "a", Ready: true}}, map[string]Sample{"a": lie})
	}
	if got := q.sharing; got.MovedPercent != 100 || got.Hop != maxHopSeconds*time.Second {
		t.Errorf("%+v", got)
	}
}

func TestPodsWithoutALinkForAMinuteAreTold(t *testing.T) {
	fine := Sharing{LinksKnown: true}
	for name, c := range map[string]struct {
		peers       []float64
		notReady    bool
		early, late Sharing
	}{
		"all are linked":               {peers: []float64{2, 2, 2}, early: fine, late: fine},
		"none is linked":               {peers: []float64{0, 0, 0}, late: Sharing{LinksKnown: true, Sharers: 3, Unlinked: 3}},
		"one is not":                   {peers: []float64{1, 1, 0}, late: Sharing{LinksKnown: true, Sharers: 3, Unlinked: 1}},
		"one shares":                   {peers: []float64{0, -1, -1}, early: fine, late: fine},
		"none shares":                  {peers: []float64{-1, -1, -1}, early: fine, late: fine},
		"one pod alone":                {peers: []float64{0}, early: fine, late: fine},
		"no pod is ready":              {peers: []float64{0, 0, 0}, notReady: true, early: fine, late: fine},
		"two share and are not linked": {peers: []float64{0, 0, -1}, late: Sharing{LinksKnown: true, Sharers: 2, Unlinked: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			running(t, func(c2 *cluster, loop *Loop) {
				c2.linkedWith(c.peers...)
				target := targetOf(int32(len(c.peers)))
				for i := range target.Pods {
					target.Pods[i].Ready = !c.notReady
				}
				loop.Follow(serviceName, target)
				pass(55 * time.Second)
				if got := loop.Sharing(serviceName); got != c.early {
					t.Errorf("after 55 s %+v, want %+v", got, c.early)
				}
				pass(45 * time.Second)
				if got := loop.Sharing(serviceName); got != c.late {
					t.Errorf("after 100 s %+v, want %+v", got, c.late)
				}
				if len(c.peers) < 3 {
					return
				}
				t.Log("a round that is lost changes nothing")
				c2.set(func() { c2.silent = "checkout-1" })
				pass(30 * time.Second)
				if got := loop.Sharing(serviceName); got != c.late {
					t.Errorf("while a pod does not answer: %+v, want %+v", got, c.late)
				}
				c2.set(func() { c2.silent = "" })
				c2.linkedWith(2, 2, 2)
				pass(2 * time.Minute) // the silent one is asked less often
				if got := loop.Sharing(serviceName); got != fine {
					t.Errorf("when all are linked: %+v", got)
				}
			})
		})
	}
}

// The first pod had nobody to be linked with; that is no reason to say of it that it finds nobody.
func TestAPodThatWasAloneHasAMinuteToFindTheSecond(t *testing.T) {
	running(t, func(c *cluster, loop *Loop) {
		c.linkedWith(0, 0)
		loop.Follow(serviceName, targetOf(1))
		pass(time.Hour)
		loop.Follow(serviceName, targetOf(2))
		pass(50 * time.Second)
		if got := loop.Sharing(serviceName); got.Unlinked > 0 || got.LinksKnown {
			t.Errorf("%+v", got)
		}
		pass(time.Minute)
		if got := loop.Sharing(serviceName); got.Unlinked != 2 {
			t.Errorf("a minute later: %+v", got)
		}
	})
}

// Whether anything is told is for the status; but the loop must not wake it for nothing.
func TestASharedQueueIsTellingOnlyAtTheEndOfAWindow(t *testing.T) {
	var q sharedQueue
	now, told, last := time.Unix(0, 0), 0, Sharing{}
	for i := range 720 { // an hour
		now = now.Add(5 * time.Second)
		n := float64(i) * 500
		sample := Sample{Counters: tuner.Counters{Requests: n}, HandOff: HandOff{Moved: n / 4, HopSeconds: 0.0003 + float64(i%7)*1e-5, Peers: new(1.0)}}
		got := q.round(now, []Pod{{Name: "a", Ready: true}}, map[string]Sample{"a": sample})
		if got != last {
			told++
		}
		last = got
	}
	if told > 13 {
		t.Errorf("told %d times in an hour", told)
	}
}

// What pods say of their links decides how busy they may be: for a minute of it, and again as soon as it ends.
func TestLinksDecideHowBusyPodsMayBe(t *testing.T) {
	running(t, func(c *cluster, loop *Loop) {
		c.set(func() { c.perSecond = 100 })
		target := targetOf(30) // of which a few are asked
		for i := range target.Pods {
			target.Pods[i].Ready = true
		}
		loop.Follow(serviceName, target)
		for _, step := range []struct {
			after  time.Duration
			silent string
			peers  []float64
			want   bool
		}{
			{30 * time.Second, "", []float64{2, 2, 2}, false},
			{time.Minute, "", []float64{2, 2, 2}, true},
			{time.Minute, "checkout-1", []float64{2, 2, 2}, true}, // who does not answer has not lost its links
			{time.Minute, "", []float64{0, 0, 0}, false},
		} {
			c.linkedWith(slices.Repeat(step.peers, 10)...)
			c.set(func() { c.silent = step.silent })
			pass(step.after)
			if outcome := loop.Follow(serviceName, target); outcome.Tuned.QueueShared != step.want {
				t.Errorf("%s with %v links: shared %t, want %t", step.after, step.peers, outcome.Tuned.QueueShared, step.want)
			}
		}
	})
}
