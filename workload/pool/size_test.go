// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// process is what a pool under test is told of its process: how many processors of it are busy, and the rest as it stands.
type process struct {
	reading

	at   time.Time
	busy float64
	// threads that wait in the kernel.
	threads float64
	read    int
}

func (x *process) measure() reading {
	x.read++
	now := time.Now()
	if !x.at.IsZero() {
		x.cpu += time.Duration(x.busy * float64(now.Sub(x.at)))
	}
	x.at = now
	return x.reading
}

// set changes what the pool will be told.
func (x *process) set(p *Pool, change func(*reading)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(&x.reading)
}

// sizedPool has a worker in use for each one that it may have.
func sizedPool(x *process, config Config) *Pool {
	p := New(Config{Workers: 1})
	p.sizing.measure = x.measure
	p.sizing.stalls = func() float64 { // which is called without the lock
		p.mu.Lock()
		defer p.mu.Unlock()
		return x.threads
	}
	p.Set(config)
	return p
}

// press has callers wait for as long as d takes, each of which holds its worker for a second.
func press(p *Pool, callers int, d time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	for range callers {
		go func() {
			for ctx.Err() == nil {
				hold := time.Second
				err := p.Acquire(ctx)
				if err != nil {
					hold = 20 * ms // and come again
				}
				select {
				case <-time.After(hold):
				case <-ctx.Done():
				}
				if err == nil {
					p.Release()
				}
			}
		}()
	}
	time.Sleep(d)
	cancel()
	synctest.Wait()
}

func TestAPoolGrowsWhileProcessorsAreIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &process{reading: reading{processors: 2}, busy: 0.1}
		p := sizedPool(x, Config{Workers: 8, MaxWorkers: 1000, QueueDepth: 2000, QueueTimeout: 100 * ms})
		press(p, 500, 150*ms)
		if s := p.Stats(); s.Workers < 500 || s.Workers > 1000 || s.Rejected != (Rejected{}) {
			t.Errorf("%d workers after 150 ms, %+v", s.Workers, s.Rejected)
		}
		consistent(t, p)
	})
}

func TestAPoolGrowsToItsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &process{reading: reading{processors: 2}, busy: 0.1}
		p := sizedPool(x, Config{Workers: 8, MaxWorkers: 100, QueueDepth: 2000})
		press(p, 500, time.Second)
		if s := p.Stats(); s.Workers != 100 || s.MinWorkers != 2 || s.MaxWorkers != 100 {
			t.Errorf("%+v", s)
		}
	})
}

// Whatever else is wanted: with all processors busy, and goroutines that wait for them, fewer workers do as much.
func TestAPoolShrinksWhileProcessorsAreBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &process{reading: reading{processors: 2, runnable: 300}, busy: 2}
		p := sizedPool(x, Config{Workers: 64, MaxWorkers: 1000, QueueDepth: 2000, QueueTimeout: 100 * ms})
		press(p, 500, 15*time.Second)
		if s := p.Stats(); s.Workers != 2 {
			t.Errorf("%d workers, want one for each processor", s.Workers)
		}
	})
}

// Beside a noisy neighbor the process gets half of its processors, however many goroutines are ready to run.
func TestAPoolDoesNotGrowForWhatANeighborTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &process{reading: reading{processors: 2, runnable: 30}, busy: 1}
		p := sizedPool(x, Config{Workers: 16, MaxWorkers: 1000, QueueDepth: 2000, QueueTimeout: 100 * ms})
		press(p, 500, 10*time.Second)
		if s := p.Stats(); s.Workers > 16 {
			t.Errorf("%d workers", s.Workers)
		}
	})
}

// On a full node, threads wait in the kernel for processors that others have: Go has nothing that is ready to run, and fewer workers do as
// much.
func TestAPoolShrinksToWhatItGetsOfAFullNode(t *testing.T) {
	for _, processors := range []float64{16, 64} {
		t.Run(fmt.Sprint(processors), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := &process{reading: reading{processors: processors}, busy: 1, threads: processors - 1}
				p := sizedPool(x, Config{Workers: 64, MaxWorkers: 1000, QueueDepth: 2000, QueueTimeout: 100 * ms})
				press(p, 500, 15*time.Second)
				if s := p.Stats(); s.Workers > 2 || s.MinWorkers > 1 {
					t.Errorf("%d workers, at least %d, for the one processor that there is", s.Workers, s.MinWorkers)
				}
				x.set(p, func(*reading) { x.threads = 0 })
				press(p, 500, 15*time.Second)
				if s := p.Stats(); s.Workers < 500 {
					t.Errorf("%d workers once the node has processors", s.Workers)
				}
			})
		})
	}
}

// A thread that waits for its turn once in a while does not keep a pool small whose processors are mostly idle.
func TestAPoolGrowsAlthoughThreadsWaitAtTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &process{reading: reading{processors: 2}, busy: 0.3, threads: 0.2}
		p := sizedPool(x, Config{Workers: 8, MaxWorkers: 1000, QueueDepth: 2000, QueueTimeout: 100 * ms})
		press(p, 500, 150*ms)
		if s := p.Stats(); s.Workers < 500 {
			t.Errorf("%d workers after 150 ms", s.Workers)
		}
	})
}

// Half a processor by quota is all there is, although Go runs on two.
func TestAQuotaIsAllThereIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &process{reading: reading{processors: 0.5, limited: true, runnable: 30}, busy: 0.5}
		p := sizedPool(x, Config{Workers: 16, MaxWorkers: 1000, QueueDepth: 2000, QueueTimeout: 100 * ms})
		press(p, 500, 15*time.Second)
		if s := p.Stats(); s.Workers != 1 || s.MinWorkers != 1 {
			t.Errorf("%d workers, at least %d", s.Workers, s.MinWorkers)
		}
	})
}

// A pool has a worker at least, and says so, however small its part of a processor is.
func TestAPoolHasOneWorkerAtLeast(t *testing.T) {
	for name, x := range map[string]*process{
		"by quota":     {reading: reading{processors: 0.1, limited: true, runnable: 30}, busy: 0.1},
		"by neighbors": {reading: reading{processors: 1, runnable: 30}, busy: 0.1, threads: 0.9},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := sizedPool(x, Config{Workers: 16, MaxWorkers: 1000, QueueDepth: 2000, QueueTimeout: 100 * ms})
				press(p, 500, 15*time.Second)
				if s := p.Stats(); s.Workers != 1 || s.MinWorkers != 1 {
					t.Errorf("%d workers, at least %d", s.Workers, s.MinWorkers)
				}
			})
		})
	}
}

// A container's quota may change while it runs; the least number of workers follows it.
func TestTheLeastNumberFollowsTheQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &process{reading: reading{processors: 8, limited: true, runnable: 300}, busy: 8}
		p := sizedPool(x, Config{Workers: 16, MaxWorkers: 1000, QueueDepth: 2000, QueueTimeout: 100 * ms})
		x.set(p, func(r *reading) { x.busy, r.processors = 1, 1 })
		press(p, 500, 15*time.Second)
		if s := p.Stats(); s.Workers != 1 || s.MinWorkers != 1 {
			t.Errorf("%d workers, at least %d; want one for the one processor", s.Workers, s.MinWorkers)
		}
	})
}

// Live memory close to the limit: fewer workers with each collection that finds it so, and none more.
func TestAPoolShrinksWhereMemoryIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &process{reading: reading{processors: 2, tight: true, live: 100 << 20, collection: 1}, busy: 0.1}
		p := sizedPool(x, Config{Workers: 64, MaxWorkers: 1000, QueueDepth: 2000})
		press(p, 500, 10*time.Second)
		if s := p.Stats(); s.Workers != 48 {
			t.Errorf("%d workers after one collection, want 48", s.Workers)
		}
		x.set(p, func(r *reading) { r.collection, r.live = 2, 90<<20 })
		press(p, 500, 10*time.Second)
		if s := p.Stats(); s.Workers != 36 {
			t.Errorf("%d workers after two collections, want 36", s.Workers)
		}
		x.set(p, func(r *reading) { r.tight = false })
		press(p, 500, 10*time.Second)
		if s := p.Stats(); s.Workers < 500 {
			t.Errorf("%d workers once there is memory", s.Workers)
		}
	})
}

// Memory that workers do not hold, such as that of a cache, does not become less with fewer workers.
func TestAPoolDoesNotShrinkForMemoryThatItsWorkersDoNotHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &process{reading: reading{processors: 2, tight: true, live: 100 << 20}, busy: 0.1}
		p := sizedPool(x, Config{Workers: 64, MaxWorkers: 1000, QueueDepth: 2000})
		for collection := range uint64(20) {
			x.set(p, func(r *reading) { r.collection = collection + 1 })
			press(p, 500, 5*time.Second)
		}
		if s := p.Stats(); s.Workers != 48 {
			t.Errorf("%d workers after 20 collections that found as much as before, want 48", s.Workers)
		}
		time.Sleep(time.Minute)
		var before, after int
		x.set(p, func(*reading) { before = x.read })
		time.Sleep(time.Minute)
		x.set(p, func(*reading) { after = x.read })
		if after != before {
			t.Errorf("a pool at rest looks at its process %d times in a minute", after-before)
		}
		x.set(p, func(r *reading) { x.busy, r.runnable = 2, 300 })
		press(p, 500, 15*time.Second)
		if s := p.Stats(); s.Workers != 2 {
			t.Errorf("%d workers where processors are busy, want one for each", s.Workers)
		}
	})
}

func TestACalmPoolGoesBackToWhereItStarts(t *testing.T) {
	for name, busy := range map[string]float64{"from many": 0.1, "from few": 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := &process{reading: reading{processors: 2, runnable: int(busy) * 100}, busy: busy}
				p := sizedPool(x, Config{Workers: 32, MaxWorkers: 1000, QueueDepth: 2000})
				press(p, 500, 10*time.Second)
				if s := p.Stats(); s.Workers == 32 {
					t.Error("the pool has not moved")
				}
				x.set(p, func(r *reading) { x.busy, r.runnable = 0.1, 0 })
				time.Sleep(time.Minute)
				if s := p.Stats(); s.Workers != 32 {
					t.Errorf("%d workers after a minute", s.Workers)
				}
				var before, after int
				x.set(p, func(*reading) { before = x.read })
				time.Sleep(time.Minute)
				x.set(p, func(*reading) { after = x.read })
				if after != before {
					t.Error("a pool at rest looks at its process")
				}
			})
		})
	}
}

func TestSetKeepsWhatAPoolHasFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &process{reading: reading{processors: 2}, busy: 0.1}
		config := Config{Workers: 8, MaxWorkers: 1000, QueueDepth: 2000, QueueTimeout: time.Second}
		p := sizedPool(x, config)
		press(p, 500, 150*ms)
		found := p.Stats().Workers
		config.QueueTimeout, config.Workers = 50*ms, 20
		p.Set(config)
		if got := p.Stats().Workers; got != found || found == 8 {
			t.Errorf("%d workers, %d before", got, found)
		}
		config.MaxWorkers = 100
		p.Set(config)
		if got := p.Stats().Workers; got != 100 {
			t.Errorf("%d workers of at most 100", got)
		}
		p.Set(Config{Workers: 5, QueueDepth: 10})
		if diff := cmp.Diff([3]int{5, 5, 5}, [3]int{p.Stats().Workers, p.Stats().MinWorkers, p.Stats().MaxWorkers}); diff != "" {
			t.Errorf("a fixed pool: %s", diff)
		}
		press(p, 100, 10*time.Second)
		if got := p.Stats().Workers; got != 5 {
			t.Errorf("a fixed pool has %d workers", got)
		}
	})
}

// What a pool had found when it was last busy says nothing once it is back where it starts: it then starts elsewhere.
func TestAPoolAtRestTakesAnotherStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &process{reading: reading{processors: 2}, busy: 0.1}
		config := Config{Workers: 64, MaxWorkers: 1000, QueueDepth: 2000, QueueTimeout: time.Second}
		p := sizedPool(x, config)
		press(p, 500, time.Second)
		time.Sleep(time.Minute)
		config.Workers = 8
		p.Set(config)
		if got := p.Stats().Workers; got != 8 {
			t.Errorf("%d workers, want the 8 that are set", got)
		}
	})
}

// Callers who have to wait again soon after others did find a pool that grows as fast as one that was at rest.
func TestAPoolGrowsAsFastWhileItReturnsToWhereItStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &process{reading: reading{processors: 2}, busy: 0.1}
		p := sizedPool(x, Config{Workers: 8, MaxWorkers: 1000, QueueDepth: 2000, QueueTimeout: 50 * ms})
		press(p, 10, 20*ms)
		for range 5 {
			time.Sleep(311 * ms) // the pool looks at its process every 100 ms now
			press(p, 60, 50*ms)
			time.Sleep(time.Second)
		}
		if rejected := p.Stats().Rejected; rejected != (Rejected{}) {
			t.Errorf("turned away although processors were idle: %+v", rejected)
		}
	})
}

func TestAPoolThatDoesNotSizeItselfMeasuresNothing(t *testing.T) {
	for name, config := range map[string]Config{
		"without bounds": {Workers: 8, QueueDepth: 2000}, "between bounds that are the same": {Workers: 3, MinWorkers: 8, MaxWorkers: 8, QueueDepth: 2000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := &process{reading: reading{processors: 2}}
				p := sizedPool(x, config)
				press(p, 100, 10*time.Second)
				if x.read != 0 {
					t.Errorf("measured %d times", x.read)
				}
				if s := p.Stats(); s.Workers != 8 || s.MinWorkers != 8 || s.MaxWorkers != 8 {
					t.Errorf("%d workers, %d to %d", s.Workers, s.MinWorkers, s.MaxWorkers)
				}
			})
		})
	}
}

// A burst that the workers finish within the timeout is served, however long it is; nobody is turned away for the pace of others.
func TestABurstThatIsServedInTimeIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(1)
		p := New(Config{Workers: 1})
		p.sizing.measure, p.sizing.stalls = m.read, m.stalls
		p.Set(Config{Workers: 16, MaxWorkers: 4096, QueueDepth: 4096, QueueTimeout: 50 * ms})
		for range 5 {
			for range 1000 {
				go func() {
					if p.Acquire(t.Context()) == nil {
						m.compute(40 * time.Microsecond)
						p.Release()
					}
				}()
			}
			time.Sleep(time.Second)
		}
		if rejected := p.Stats().Rejected; rejected != (Rejected{}) {
			t.Errorf("turned away: %+v", rejected)
		}
	})
}
