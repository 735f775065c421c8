// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package handoff

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"goservice.dev/operator/workload/internal/remote"
)

// faulty is one end of a link.
type faulty struct {
	net.Conn
	vanishes atomic.Bool // what is written does not arrive, and nobody says so

	mu     sync.Mutex
	paused chan struct{} // closed when it goes on; nil while it does
}

func (f *faulty) Write(data []byte) (int, error) {
	f.wait()
	if f.vanishes.Load() {
		return len(data), nil
	}
	return f.Conn.Write(data)
}

func (f *faulty) Read(data []byte) (int, error) {
	n, err := f.Conn.Read(data)
	f.wait()
	return n, err
}

func (f *faulty) wait() {
	f.mu.Lock()
	paused := f.paused
	f.mu.Unlock()
	if paused != nil {
		<-paused
	}
}

// pause the end for a while.
func (f *faulty) pause(d time.Duration) {
	paused := make(chan struct{})
	f.mu.Lock()
	f.paused = paused
	f.mu.Unlock()
	time.AfterFunc(d, func() {
		f.mu.Lock()
		f.paused = nil
		f.mu.Unlock()
		close(paused)
	})
}

// faultyEnds makes all ends of a pod faulty, and returns them as they are made.
func (p *pod) faultyEnds() func() []*faulty {
	var mu sync.Mutex
	var ends []*faulty
	p.wrap = func(conn net.Conn) net.Conn {
		mu.Lock()
		defer mu.Unlock()
		one := &faulty{Conn: conn}
		ends = append(ends, one)
		return one
	}
	return func() []*faulty {
		mu.Lock()
		defer mu.Unlock()
		return ends
	}
}

// It has not run, and the pod that would have run it can say so.
func TestARequestThatIsLostOnItsWayReturnsToItsQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, link := unlinked(2, 1)
		one := all[0]
		ends := one.faultyEnds()
		one.heard = func(kind byte) {
			if kind == frameGrant {
				ends()[0].vanishes.Store(true)
			}
		}
		stop := link(t)
		synctest.Wait()
		if !one.pool.TryAcquire() {
			t.Fatal("busy")
		}
		time.AfterFunc(200*time.Millisecond, one.pool.Release)
		began := time.Now()
		if who, err := one.arrive(t.Context(), 1, time.Millisecond); err != nil || who != one.name || runsOf(all, 1) != 1 {
			t.Errorf("%q, %v, %d runs", who, err, runsOf(all, 1))
		}
		if took := time.Since(began); took > 300*time.Millisecond {
			t.Errorf("it took %s", took)
		}
		time.Sleep(3 * time.Minute) // the silence is noticed
		if one.broker.Peers() != 0 || all[1].broker.Peers() != 0 {
			t.Error("the link has not ended")
		}
		stop()
	})
}

// A link may be dead one way for as long as it takes to notice its silence. Each worker that is kept for what waits at its other end is lost for a
// quarter of a second.
func TestALinkThatIsDeadOneWayCostsFewWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, link := unlinked(2, 1)
		one, other := all[0], all[1]
		ends := other.faultyEnds()
		stop := link(t)
		synctest.Wait()
		ends()[0].vanishes.Store(true)
		if !one.pool.TryAcquire() {
			t.Fatal("busy")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		if who, err := one.arrive(ctx, 1, time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%q, %v", who, err)
		}
		other.broker.mu.Lock()
		kept := other.broker.grants / 2
		other.broker.mu.Unlock()
		if kept < 2 || kept > 8 {
			t.Errorf("%d workers were kept for it in two minutes", kept)
		}
		one.pool.Release()
		stop()
	})
}

// A request that went to a pod which had just invited, and whose refusal is lost, has not run and fails all the same: nobody can know.
func TestFaultsOfLinksFailNoMoreRequestsThanWorkersAreLostAndRunNoneTwice(t *testing.T) {
	const work, requests = 10 * time.Millisecond, 4000
	for name, test := range map[string]struct {
		disturb func(other *pod, end *faulty) // with which it is linked to the pod where requests come in
		fails   bool                          // what it runs at that moment
	}{
		"another pod pauses": {disturb: func(_ *pod, end *faulty) { end.pause(3 * time.Second) }},
		"keys are rotated": {disturb: func(other *pod, _ *faulty) {
			other.broker.mu.Lock()
			linked := slices.Clone(other.broker.peers)
			other.broker.mu.Unlock()
			for _, p := range linked {
				p.Retire()
			}
		}},
		"what another pod sends vanishes": {fails: true, disturb: func(_ *pod, end *faulty) { end.vanishes.Store(true) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all, link := unlinked(8, 1)
				var ends []func() []*faulty
				for _, one := range all[1:] {
					ends = append(ends, one.faultyEnds())
				}
				stop := link(t)
				var clients sync.WaitGroup
				failed, disturbed := 0, 0
				var mu sync.Mutex
				for id := range requests {
					time.Sleep(time.Duration(rand.ExpFloat64() * float64(work) / 3))
					if n := id / 500; id%500 == 499 && n < len(ends) {
						test.disturb(all[1+n], ends[n]()[0])
						disturbed++
					}
					clients.Go(func() {
						_, err := all[0].arrive(t.Context(), id, work)
						runs := runsOf(all, id)
						if err == nil && runs != 1 || err != nil && (!test.fails || runs > 1 || !errors.Is(err, remote.ErrBroken)) {
							t.Errorf("request %d ran %d times: %v", id, runs, err)
						}
						if err != nil {
							mu.Lock()
							failed++
							mu.Unlock()
						}
					})
				}
				clients.Wait()
				if failed > disturbed {
					t.Errorf("%d requests failed, of %d workers that were lost", failed, disturbed)
				}
				if moved := all[0].broker.Counters().Moved.Sum(); moved < requests/4 {
					t.Errorf("only %d requests moved", moved)
				}
				t.Logf("%d moved, %d failed, %d returned", all[0].broker.Counters().Moved.Sum(), failed, all[0].broker.Counters().Returned.Sum())
				stop()
			})
		})
	}
}

func TestAPodThatSendsGarbageKeepsNoWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(3, 4))
		for range 300 {
			one := newPod("one", 2)
			one.broker.Take(true)
			one.limiter.Set(10, 10)
			one.broker.ShareLimit(true, true)
			other := meet(t, one)
			_ = other.link.Send(frameWant, want{Waiting: 3, Expected: time.Second, Work: time.Second, Memory: time.Second}.encode())
			for range 20 {
				payload := make([]byte, random.IntN(12))
				for i := range payload {
					payload[i] = byte(random.IntN(1 << random.IntN(9)))
				}
				kinds := []byte{frameTakes, frameWant, frameGrant, frameRelease, frameAsk, frameTokens, frameTokens + 1, remote.FirstKind, remote.LastKind}
				_ = other.link.Send(kinds[random.IntN(len(kinds))], payload)
				if random.IntN(4) == 0 {
					time.Sleep(time.Millisecond)
				}
			}
			other.end()
			one.broker.again.Stop()
			if stats := one.pool.Stats(); stats.Busy != 0 || stats.Queued != 0 || one.broker.Peers() != 0 {
				t.Fatalf("%+v", stats)
			}
		}
	})
}
