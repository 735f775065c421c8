// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/workload/pool"
)

// busyPool returns a pool whose queue has moved at a known pace: one hand-over per interval.
func busyPool(t *testing.T, workers int, interval time.Duration, config pool.Config) *pool.Pool {
	t.Helper()
	config.Workers = workers
	p := pool.New(config)
	for range workers {
		come(t.Context(), p)
	}
	for range 40 {
		come(t.Context(), p)
		time.Sleep(interval)
		p.Release()
		synctest.Wait()
	}
	return p
}

func TestArrivalsThatWouldMissTheirDeadline(t *testing.T) {
	cases := map[string]struct {
		deadline     time.Duration // 0: none
		queueTimeout time.Duration
		ahead        int
		want         error
	}{
		"in time":                        {deadline: 31 * ms, ahead: 2},
		"too late":                       {deadline: 29 * ms, ahead: 2, want: pool.ErrWouldMissDeadline},
		"no deadline":                    {ahead: 20},
		"the first in line always may":   {deadline: 1 * ms},
		"within the queue's timeout":     {queueTimeout: 31 * ms, ahead: 2},
		"not within the queue's timeout": {queueTimeout: 29 * ms, ahead: 2, want: pool.ErrWouldMissDeadline},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := busyPool(t, 2, 10*ms, pool.Config{QueueDepth: 100, QueueTimeout: c.queueTimeout})
				for range c.ahead {
					come(t.Context(), p)
				}
				ctx := t.Context()
				if c.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.deadline)
					defer cancel()
				}
				if got := come(ctx, p); !errors.Is(got.err, c.want) || got.done != (c.want != nil) {
					t.Errorf("%+v, want %v", *got, c.want)
				}
				if got, want := p.RetryAfter(), 10*ms*time.Duration(p.Stats().Queued); got != want {
					t.Errorf("RetryAfter %v, want %v", got, want)
				}
			})
		})
	}
}

// The pace follows the number of workers before it could be measured, and a standstill while it lasts.
func TestPaceForetells(t *testing.T) {
	cases := map[string]struct {
		workers    int
		standstill time.Duration
		deadline   time.Duration
		want       error
	}{
		"twice the workers":     {workers: 4, deadline: 16 * ms},
		"twice, but not thrice": {workers: 4, deadline: 14 * ms, want: pool.ErrWouldMissDeadline},
		"half of the workers":   {workers: 1, deadline: 59 * ms, want: pool.ErrWouldMissDeadline},
		"a standstill":          {workers: 2, standstill: time.Minute, deadline: time.Second, want: pool.ErrWouldMissDeadline},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				config := pool.Config{QueueDepth: 100}
				p := busyPool(t, 2, 10*ms, config)
				config.Workers = c.workers
				for range 2 + max(c.workers-2, 0) {
					come(t.Context(), p)
				}
				p.Set(config)
				time.Sleep(c.standstill)
				ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
				defer cancel()
				if got := come(ctx, p); !errors.Is(got.err, c.want) || got.done != (c.want != nil) {
					t.Errorf("%+v, want %v", *got, c.want)
				}
			})
		})
	}
}

// After a standstill that turned everybody away, the pool must find back to its pace by itself.
func TestPaceRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := busyPool(t, 1, 5*time.Second, pool.Config{QueueDepth: 10, QueueTimeout: time.Hour})
		p.Set(pool.Config{Workers: 1, QueueDepth: 10, QueueTimeout: 50 * ms})
		first := come(t.Context(), p)
		if c := come(t.Context(), p); !errors.Is(c.err, pool.ErrWouldMissDeadline) {
			t.Errorf("at the old pace: %+v", *c)
		}
		// The pace is 500 times too slow and halves every 16 hand-overs.
		const turns, healed = 280, 190
		for turn := range turns {
			time.Sleep(10 * ms)
			p.Release()
			synctest.Wait()
			if !first.done || first.err != nil {
				t.Fatalf("turn %d: the first in line was not served: %+v", turn, *first)
			}
			first = come(t.Context(), p)
			if c := come(t.Context(), p); c.done && turn > healed {
				t.Fatalf("turn %d: nobody may be second in line yet: %+v", turn, *c)
			} else if !c.done {
				p.Release() // the first's
				synctest.Wait()
				first = c
			}
		}
	})
}

// An open stream of four times what the pool can do, in simulated time: the workers must be kept busy by those who are admitted,
// and nobody may be admitted late.
func TestCalmAtFourTimesTheCapacity(t *testing.T) {
	const (
		workers, depth = 16, 64
		timeout        = 25 * ms
		service        = 9 * ms
		overload       = 4
		arrivals       = 40_000
	)
	distributions := map[string]func(*rand.Rand) time.Duration{
		"even":        func(*rand.Rand) time.Duration { return service },
		"exponential": func(r *rand.Rand) time.Duration { return time.Duration(r.ExpFloat64() * float64(service)) },
		"two kinds": func(r *rand.Rand) time.Duration { // nine short ones, one that takes ten times the mean
			if r.IntN(10) > 0 {
				return 0
			}
			return 10 * service
		},
	}
	for name, serviceTime := range distributions {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(3, 4))
				p := pool.New(pool.Config{Workers: workers, QueueDepth: depth, QueueTimeout: timeout})
				var mu sync.Mutex
				var work time.Duration
				var waits []time.Duration
				var requests sync.WaitGroup
				start := time.Now()
				for range arrivals {
					takes, came := serviceTime(random), time.Now()
					requests.Go(func() {
						if p.Acquire(t.Context()) != nil {
							return
						}
						defer p.Release()
						mu.Lock()
						work, waits = work+takes, append(waits, time.Since(came))
						mu.Unlock()
						time.Sleep(takes)
					})
					time.Sleep(time.Duration(random.ExpFloat64() * float64(service) / workers / overload))
				}
				requests.Wait()
				goodput := float64(work) / float64(workers*time.Since(start))
				slices.Sort(waits)
				t.Logf("goodput %.1f %%, longest wait of an admitted request %v, %+v", 100*goodput, waits[len(waits)-1], p.Stats().Rejected)
				if goodput < 0.95 {
					t.Errorf("goodput is %.1f %% of the capacity, want 95 %%", 100*goodput)
				}
				if longest := waits[len(waits)-1]; longest > timeout {
					t.Errorf("an admitted request waited %v, at most %v is allowed", longest, timeout)
				}
			})
		})
	}
}

// history is a pool and those who came to it.
type history struct {
	t       *testing.T
	p       *pool.Pool
	waiting []*caller
	cancels map[*caller]context.CancelFunc
}

// FuzzInvariants drives a pool through any history and checks after each step what must always hold: no worker is idle while
// somebody waits, the line is served in order, and the figures add up.
func FuzzInvariants(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, uint16(200))
	}
	f.Fuzz(func(t *testing.T, seed uint64, steps uint16) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			h := history{t: t, p: pool.New(pool.Config{Workers: 2, QueueDepth: 4}), cancels: map[*caller]context.CancelFunc{}}
			for range int(steps) % 1000 {
				h.step(random)
				h.check()
			}
			for _, cancel := range h.cancels {
				cancel()
			}
		})
	})
}

func (h *history) step(random *rand.Rand) {
	switch kind := random.IntN(12); {
	case kind < 5:
		ctx, cancel := context.WithCancel(h.t.Context())
		if random.IntN(3) == 0 {
			ctx, cancel = context.WithTimeout(h.t.Context(), time.Duration(random.IntN(100))*ms)
		}
		c := come(ctx, h.p)
		h.cancels[c] = cancel
		if !c.done {
			h.waiting = append(h.waiting, c)
		}
	case kind < 9:
		if h.p.Stats().Busy > 0 {
			h.p.Release()
		}
	case kind < 10:
		time.Sleep(time.Duration(random.IntN(40)) * ms)
	case kind < 11:
		h.p.Set(pool.Config{Workers: 1 + random.IntN(5), QueueDepth: random.IntN(8), QueueTimeout: time.Duration(random.IntN(3)) * 30 * ms})
	default:
		if len(h.waiting) > 0 {
			h.cancels[h.waiting[random.IntN(len(h.waiting))]]()
		}
	}
	synctest.Wait()
}

func (h *history) check() {
	var still []*caller
	for _, c := range h.waiting {
		switch {
		case !c.done:
			still = append(still, c)
		case c.err == nil && len(still) > 0:
			h.t.Fatal("somebody who came later was served first")
		}
	}
	h.waiting = still
	s := h.p.Stats()
	if s.Queued != len(still) {
		h.t.Fatalf("%d are said to wait, %d do", s.Queued, len(still))
	}
	if s.Queued > 0 && s.Busy < s.Workers {
		h.t.Fatalf("%d wait while only %d of %d workers are busy", s.Queued, s.Busy, s.Workers)
	}
}

// Under load from all sides, for the race detector: afterwards every worker must be back.
func TestNothingIsLostUnderLoad(t *testing.T) {
	p := pool.New(pool.Config{Workers: 3, QueueDepth: 10, QueueTimeout: 2 * ms})
	var users sync.WaitGroup
	for i := range 16 {
		users.Go(func() {
			for j := range 300 {
				ctx, cancel := context.WithCancel(t.Context())
				switch {
				case (i+j)%4 == 0:
					time.AfterFunc(time.Duration(j)*time.Microsecond, cancel)
					_ = p.Do(ctx, func(context.Context) error { return nil })
				case (i+j)%4 == 1:
					if job, err := p.Submit(ctx, func(context.Context) error { return nil }); err == nil {
						_ = job.Wait(t.Context())
					}
				case j%50 == 2:
					p.Set(pool.Config{Workers: 1 + j%5, QueueDepth: j % 12, QueueTimeout: time.Duration(j%4) * ms})
				default:
					_ = p.Do(ctx, func(context.Context) error { return nil })
				}
				cancel()
			}
		})
	}
	users.Wait()
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}
	s := p.Stats()
	if diff := cmp.Diff([2]int{}, [2]int{s.Busy, s.Queued}); diff != "" {
		t.Error(diff)
	}
}
