// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package handoff

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goservice.dev/operator/workload/pool"
)

// shallow gives the pods a queue of a few places.
func shallow(all []*pod, depth int) {
	for _, one := range all {
		one.pool.Set(pool.Config{Workers: 1, QueueDepth: depth})
	}
}

// distant pods are eight with one worker and so many places each, between which a message takes a while, and which know of each other.
func distant(t *testing.T, depth int, way time.Duration) (all []*pod, stop func()) {
	t.Helper()
	all, link := unlinked(8, 1)
	shallow(all, depth)
	for _, one := range all {
		one.way = way
	}
	stop = link(t)
	time.Sleep(time.Second)
	return all, stop
}

// burst sends so many requests to a pod at once, and returns how many were refused and the longest time until one was.
func burst(t *testing.T, at *pod, requests int, take time.Duration) (refused int, late time.Duration) {
	t.Helper()
	var clients sync.WaitGroup
	var mu sync.Mutex
	for id := range requests {
		clients.Go(func() {
			began := time.Now()
			_, err := at.arrive(t.Context(), id, take)
			if err == nil {
				return
			}
			if !errors.Is(err, pool.ErrQueueFull) {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			refused++
			late = max(late, time.Since(began))
		})
	}
	clients.Wait()
	return refused, late
}

func TestABurstThatOnePodHasNoRoomForIsNotRefusedWhileOthersAreFree(t *testing.T) {
	for name, depth := range map[string]int{"a queue of two": 2, "no queue": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all, stop := distant(t, depth, 100*time.Microsecond)
				if refused, _ := burst(t, all[0], 8, 100*time.Millisecond); refused > 0 {
					t.Errorf("%d of 8 were refused, runs %v", refused, byPod(all))
				}
				stop()
			})
		})
	}
}

// A CPU quota stops a pod for up to 100 ms at a time, so that messages take as long on their way. Work takes long in such pods, too.
func TestPodsThatAQuotaStopsShareTheirQueue(t *testing.T) {
	for name, depth := range map[string]int{"in line": 8, "without room": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all, stop := distant(t, depth, 45*time.Millisecond)
				const work = 400 * time.Millisecond
				for id, one := range all { // so that they know what it takes
					if _, err := one.arrive(t.Context(), id, work); err != nil {
						t.Fatal(err)
					}
				}
				if refused, _ := burst(t, all[0], 3, work); refused > 0 {
					t.Errorf("%d of 3 were refused", refused)
				}
				if got := all[0].broker.Counters(); got.Moved.Sum() != 2 || got.Returned.Sum() != 0 {
					t.Errorf("%+v, runs %v", got, byPod(all))
				}
				stop()
			})
		})
	}
}

// A request for which there is no room is served here, if that is where a worker becomes free first.
func TestARequestWithoutRoomTakesAWorkerThatBecomesFreeHere(t *testing.T) {
	for name, depth := range map[string]int{"no queue": 0, "a queue": 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all, stop := newService(t, 2, 1)
				shallow(all, depth)
				one := all[0]
				if !all[1].pool.TryAcquire() { // which stays busy
					t.Fatal("busy")
				}
				const work = 100 * time.Millisecond
				if _, err := one.arrive(t.Context(), 0, work); err != nil {
					t.Fatal(err)
				}
				var clients sync.WaitGroup
				for id := range 1 + depth { // at work, and in line
					clients.Go(func() { _, _ = one.arrive(t.Context(), 1+id, work) })
				}
				time.Sleep(work - 5*time.Millisecond)
				began := time.Now()
				who, err := one.arrive(t.Context(), 8, work)
				if took, want := time.Since(began), 5*time.Millisecond+time.Duration(1+depth)*work; err != nil || who != one.name || took != want {
					t.Errorf("%q, %v after %s, want %s", who, err, took, want)
				}
				clients.Wait()
				all[1].pool.Release()
				stop()
			})
		})
	}
}

// A request that nobody takes is refused after as long as work takes, if that is neither too long for it nor for anybody in line.
func TestHowLongAnOfferWaits(t *testing.T) {
	for name, c := range map[string]struct{ work, patience, deadline, want time.Duration }{
		"as long as work takes":            {work: 40 * time.Millisecond, patience: time.Second, want: 40 * time.Millisecond},
		"quick work":                       {work: time.Millisecond, want: 5 * time.Millisecond},
		"long work":                        {work: time.Minute, want: 100 * time.Millisecond},
		"nobody waits in line for so long": {work: time.Minute, patience: 25 * time.Millisecond, want: 25 * time.Millisecond},
		"there must be time for the work":  {work: 40 * time.Millisecond, deadline: 60 * time.Millisecond, want: 20 * time.Millisecond},
		"there is none":                    {work: 40 * time.Millisecond, deadline: 30 * time.Millisecond, want: 5 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				one := newPod("one", 1)
				one.pool.Set(pool.Config{Workers: 1, QueueTimeout: c.patience})
				other := meet(t, one)
				other.say(frameTakes, 1)
				for range 500 { // until the mean is there
					one.broker.Worked(c.work)
				}
				if !one.pool.TryAcquire() {
					t.Fatal("busy")
				}
				ctx := t.Context()
				if c.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.deadline)
					defer cancel()
				}
				began := time.Now()
				err := one.broker.AcquireFor(ctx, pool.Claim{Movable: true})
				if took := time.Since(began); !errors.Is(err, pool.ErrQueueFull) || took != c.want {
					t.Errorf("%v after %s, want %s", err, took, c.want)
				}
				other.end()
			})
		})
	}
}

func TestWhereAllPodsAreFullRequestsAreRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, stop := newService(t, 4, 1)
		shallow(all, 0)
		for _, one := range all {
			if !one.pool.TryAcquire() {
				t.Fatal("busy")
			}
		}
		synctest.Wait()
		waited, asked := 0, all[0].broker.Counters().Asked
		const requests, every = 10_000, time.Millisecond
		var clients sync.WaitGroup
		var mu sync.Mutex
		for range requests {
			time.Sleep(every)
			clients.Go(func() {
				began := time.Now()
				if _, err := all[0].arrive(t.Context(), 1, 0); !errors.Is(err, pool.ErrQueueFull) {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if took := time.Since(began); took > 0 {
					waited++
					if took > leastOfferWait {
						t.Errorf("refused after %s", took)
					}
				}
			})
		}
		clients.Wait()
		const seconds = int(requests * every / time.Second)
		asked = all[0].broker.Counters().Asked - asked
		if declined := all[0].broker.Counters().Declined; declined != uint64(waited) {
			t.Errorf("%d declined, %d waited", declined, waited)
		}
		if waited > 10*seconds || asked > uint64(15*seconds) {
			t.Errorf("in %d s %d of %d requests waited, and others were asked %d times", seconds, waited, requests, asked)
		}
		for _, one := range all {
			one.pool.Release()
		}
		time.Sleep(time.Second)
		shallow(all, 0)
		if refused, _ := burst(t, all[0], 4, 100*time.Millisecond); refused > 0 {
			t.Errorf("%d of 4 were refused when all were free again", refused)
		}
		stop()
	})
}

func TestARequestThatWouldWaitTooLongIsOfferedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, stop := newService(t, 16, 1)
		one := all[0]
		take := func(takes bool) {
			for _, other := range all[1:] {
				other.broker.Take(takes)
			}
		}
		take(false)
		synctest.Wait()
		var clients sync.WaitGroup
		for id := range 20 { // from which the pool knows its pace
			clients.Go(func() { _, _ = one.arrive(t.Context(), id, 100*time.Millisecond) })
		}
		time.Sleep(950 * time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), 80*time.Millisecond)
		defer cancel()
		if _, err := one.arrive(ctx, 8, 10*time.Millisecond); !errors.Is(err, pool.ErrWouldMissDeadline) {
			t.Fatalf("it would not be refused: %v", err)
		}
		time.Sleep(2 * firstPause) // since that offer was in vain
		take(true)
		if who, err := one.arrive(ctx, 9, 10*time.Millisecond); err != nil {
			t.Errorf("%q, %v", who, err)
		}
		clients.Wait()
		stop()
	})
}

func TestTheMostImportantOfferTakesTheWorkerOfAnotherPod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := newPod("one", 1)
		shallow([]*pod{one}, 0)
		other := meet(t, one)
		other.say(frameTakes, 1)
		if !one.pool.TryAcquire() {
			t.Fatal("busy")
		}
		answers := map[pool.Priority]error{}
		var mu sync.Mutex
		var clients sync.WaitGroup
		for _, priority := range []pool.Priority{pool.Normal, pool.Critical, pool.Sheddable} {
			clients.Go(func() {
				err := one.broker.AcquireFor(t.Context(), pool.Claim{Movable: true, Priority: priority})
				mu.Lock()
				defer mu.Unlock()
				answers[priority] = err
			})
			synctest.Wait()
		}
		other.say(frameGrant, 7)
		clients.Wait()
		for priority, err := range answers {
			if _, granted := errors.AsType[*Grant](err); granted != (priority == pool.Critical) {
				t.Errorf("%s: %v", priority, err)
			}
		}
		if err := one.broker.AcquireFor(t.Context(), pool.Claim{}); !errors.Is(err, pool.ErrQueueFull) { // which may not move
			t.Error(err)
		}
		one.pool.Release()
		other.end()
		one.broker.again.Stop()
	})
}
