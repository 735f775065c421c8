// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package handoff

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goservice.dev/operator/workload/internal/remote"
)

const frameTry = remote.FirstKind + 7

// listened notes which frames a pod hears besides those of calls that run.
func listened(p *pod) (kinds func() []byte) {
	var mu sync.Mutex
	var all []byte
	p.heard = func(kind byte) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, kind)
	}
	return func() []byte {
		mu.Lock()
		defer mu.Unlock()
		heard := all
		all = nil
		return heard
	}
}

// blocked is a service of two pods, the first of which is busy until the test ends and has moved one request to the other, which has just
// answered it.
func blocked(t *testing.T) (one, other *pod, heard func() []byte, stop func()) {
	t.Helper()
	all, link := unlinked(2, 1)
	one, other = all[0], all[1]
	heard = listened(other)
	end := link(t)
	synctest.Wait() // they know of each other
	for _, p := range all {
		p.broker.work.Store(int64(10 * time.Millisecond))
		p.broker.served.Store(coldFor)
	}
	if !one.pool.TryAcquire() {
		t.Fatal("busy")
	}
	if who, err := one.arrive(t.Context(), 1, 10*time.Millisecond); err != nil || who != other.name {
		t.Fatalf("%q, %v", who, err)
	}
	synctest.Wait()
	heard()
	return one, other, heard, func() {
		one.pool.Release()
		synctest.Wait()
		end()
	}
}

// Each message wakes a process, which costs more than what it says.
func TestARequestGoesStraightToAPodThatHasJustHadAWorkerFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, other, heard, stop := blocked(t)
		ran := make(chan string)
		for id := range 2 { // the first one alone would wait for the worker here
			go func() {
				who, _ := one.arrive(t.Context(), 2+id, 10*time.Millisecond)
				ran <- who
			}()
			synctest.Wait()
		}
		if who := <-ran; who != other.name {
			t.Errorf("it ran in %s", who)
		}
		if kinds := heard(); len(kinds) == 0 || kinds[0] != frameTry {
			t.Errorf("the other pod heard %v", kinds)
		}
		<-ran
		stop()
	})
}

func TestAnInvitationIsForgottenSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, _, heard, stop := blocked(t)
		time.Sleep(invitationLife + time.Millisecond)
		if _, err := one.arrive(t.Context(), 2, 10*time.Millisecond); err != nil {
			t.Error(err)
		}
		if kinds := heard(); slices.Contains(kinds, frameTry) || !slices.Contains(kinds, frameWant) {
			t.Errorf("the other pod heard %v", kinds)
		}
		stop()
	})
}

func TestARequestThatFindsNoWorkerWhereItWasInvitedWaitsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, other, _, stop := blocked(t)
		if !other.pool.TryAcquire() { // somebody was faster
			t.Fatal("busy")
		}
		done := make(chan string)
		for id := range 2 { // the first one alone would wait for the worker here
			go func() {
				who, _ := one.arrive(t.Context(), 2+id, time.Millisecond)
				done <- who
			}()
		}
		synctest.Wait()
		time.Sleep(100 * time.Millisecond)
		if c := one.broker.Counters(); c.Missed.Sum() != 1 || c.Returned.Sum() != 0 || c.Moved.Sum() != 1 {
			t.Errorf("%+v", c)
		}
		other.pool.Release()
		for range 2 {
			if who := <-done; who != other.name {
				t.Errorf("it ran in %q", who)
			}
		}
		stop()
	})
}

func TestWhoMayNotTakeInvitesNobody(t *testing.T) {
	for name, set := range map[string]func(b *Broker){
		"draining":              func(b *Broker) { b.Take(false) },
		"on trial":              func(b *Broker) { b.TakeShare(0.1) },
		"cold and visited":      func(b *Broker) { b.served.Store(0); b.visits = 1 },
		"all workers at work":   func(b *Broker) { b.pool.TryAcquire() },
		"somebody waits":        func(b *Broker) { b.pool.TryAcquire(); go func() { _ = b.pool.Acquire(context.Background()) }() },
		"all workers were kept": func(b *Broker) { b.pool.TryAcquire(); b.visits = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPod("one", 1)
				to := &peer{broker: p.broker}
				p.broker.Take(true)
				if free, _ := to.Invites(); !free {
					t.Error("a pod that is free does not invite")
				}
				set(p.broker)
				synctest.Wait()
				if free, _ := to.Invites(); free {
					t.Error("it invites")
				}
				for p.pool.Stats().Busy > 0 {
					p.pool.Release()
					synctest.Wait()
				}
			})
		})
	}
}

// A request that waits for less than it works gains nothing that its client would see, and moving it costs both pods.
func TestWhereHardlyAnybodyWaitsHardlyAnythingMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const work, requests = 10 * time.Millisecond, 4000
		all, stop := newService(t, 16, 1)
		result := offer(t, all, 16, 0.1*16/work.Seconds(), requests, work)
		asked := uint64(0)
		for _, one := range all {
			asked += one.broker.Counters().Asked
		}
		if result.moved > requests/20 || asked > requests/20 {
			t.Errorf("%d of %d requests moved, other pods were asked %d times", result.moved, requests, asked)
		}
		if p99 := result.quantile(0.99); p99 > 2*work {
			t.Errorf("p99 of the wait %s", p99)
		}
		stop()
	})
}

// A timer wakes the process as well.
func TestNothingIsDoneForThoseWhoDoNotWaitAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, _, _, stop := blocked(t)
		go func() { _, _ = one.arrive(t.Context(), 2, 10*time.Millisecond) }()
		synctest.Wait()
		if !one.broker.armed.Load() {
			t.Fatal("nobody follows the one who waits")
		}
		one.pool.Release()
		synctest.Wait()
		time.Sleep(10 * time.Millisecond) // it works
		synctest.Wait()
		if one.broker.armed.Load() {
			t.Error("the timer goes on")
		}
		if !one.pool.TryAcquire() {
			t.Error("busy")
		}
		stop()
	})
}
