// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// watchedPool has all workers in use, and measures what the function says after so long a time.
func watchedPool(t *testing.T, config Config, measure func(since time.Duration) reading) *Pool {
	t.Helper()
	p := New(Config{Workers: 1})
	p.sizing.measure, p.sizing.stalls = func() reading { return measure(p.now()) }, func() float64 { return 0 }
	p.Set(config)
	for range config.Workers {
		if !p.TryAcquire() {
			t.Fatal("busy")
		}
	}
	return p
}

// paces of the pool and of the line of normal priority.
func paces(p *Pool) (all, line pace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pace, p.queue.lines[Normal.class()].pace
}

// A pool looks at its process as soon as somebody has to wait, every 10 ms as long as that lasts, and ten times more every 100 ms.
func TestWhenAPoolLooksAtItsProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks, want []time.Duration
		p := watchedPool(t, Config{Workers: 2, MinWorkers: 1, MaxWorkers: 9, QueueDepth: 9}, func(since time.Duration) reading {
			looks = append(looks, since)
			return reading{processors: 1, runnable: 1, cpu: since} // busy, with one more to run: nothing to change
		})
		expect := func(from time.Duration, at ...time.Duration) {
			for _, after := range at {
				want = append(want, from+after)
			}
		}
		calm := func(from time.Duration) {
			for i := range time.Duration(10) {
				expect(from, i*100*ms)
			}
		}
		time.Sleep(time.Second)
		arrive(t.Context(), p, 1)
		time.Sleep(3 * ms)
		arrive(t.Context(), p, 1)
		time.Sleep(13 * ms)
		if pace, _ := paces(p); pace.last != time.Second {
			t.Errorf("the clock of the queue began at %s", pace.last)
		}
		p.Release()
		time.Sleep(6 * ms)
		p.Release() // 22 ms after the first came
		expect(time.Second, 0, 5*ms, 15*ms)
		calm(time.Second + 25*ms)
		time.Sleep(20*time.Second - p.now())

		arrive(t.Context(), p, 1)
		time.Sleep(22 * ms)
		p.Release()
		expect(20*time.Second, 0, 5*ms, 15*ms, 25*ms, 125*ms, 225*ms, 325*ms, 425*ms, 525*ms)
		time.Sleep(578 * ms)
		arrive(t.Context(), p, 1) // who has a worker before the next look, and had to wait all the same
		time.Sleep(2 * ms)
		p.Release()
		expect(20600*ms, 0, 5*ms)
		calm(20615 * ms)
		time.Sleep(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff(want, looks); diff != "" {
			t.Errorf("looks (-want +got):\n%s", diff)
		}
		if p.sizing.seen != (traffic{}) || p.Workers() != 2 {
			t.Errorf("%+v is kept for the next look, %d workers", p.sizing.seen, p.Workers())
		}
	})
}

// What the pool adds while others work may take half as long to have its effect as their work. The pace is foretold for it.
func TestAPoolGrowsAtThePaceOfItsWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := watchedPool(t, Config{Workers: 8, MinWorkers: 1, MaxWorkers: 1000, QueueDepth: 9}, func(since time.Duration) reading {
			return reading{processors: 4, cpu: since * 32 / 10}
		})
		p.pace, p.queue.lines[Normal.class()].pace = every(20*ms, 0), every(20*ms, 0)
		time.Sleep(time.Second)
		arrive(t.Context(), p, 3)
		time.Sleep(84 * ms)
		if p.Workers() != 8 {
			t.Errorf("%d workers before half of the work is done", p.Workers())
		}
		time.Sleep(2 * ms)
		if all, line := paces(p); p.Workers() != 10 || all.interval() != 16*ms || line.interval() != 16*ms || all.last != 1085*ms {
			t.Errorf("%d workers after half of the work is done, and a pace of %s and %s since %s", p.Workers(), all.interval(), line.interval(), all.last)
		}
		time.Sleep(time.Minute) // it grows for the last in line, and then no longer looks
	})
}

// How many may wait for a processor depends on how long callers may wait. That there are fewer workers then changes nothing about the pace.
func TestAPoolShrinksByWhatItsCallersMayWait(t *testing.T) {
	for timeout, shrinks := range map[time.Duration]bool{60 * ms: true, time.Minute: false} {
		synctest.Test(t, func(t *testing.T) {
			p := watchedPool(t, Config{Workers: 32, MinWorkers: 1, MaxWorkers: 1000, QueueDepth: 9, QueueTimeout: timeout}, func(since time.Duration) reading {
				return reading{processors: 4, runnable: 30, cpu: since * 4}
			})
			p.pace = every(20*ms, 0)
			time.Sleep(time.Second)
			arrive(t.Context(), p, 1)
			p.mu.Lock()
			p.sizing.seen.grants = 30
			p.mu.Unlock()
			time.Sleep(26 * ms)
			if pace, _ := paces(p); (p.Workers() < 32) != shrinks || pace.interval() != 20*ms {
				t.Errorf("%d workers and a pace of %s, where callers may wait for %s", p.Workers(), pace.interval(), timeout)
			}
			for range 33 {
				p.Release()
			}
			time.Sleep(time.Minute) // until it no longer looks
		})
	}
}

// Processors may be busy for long after nobody waits any more. Once they are not, the pool goes back to where it starts.
func TestABusyPoolGoesBackLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &process{reading: reading{processors: 2, runnable: 200}, busy: 2}
		p := sizedPool(x, Config{Workers: 32, MaxWorkers: 1000, QueueDepth: 2000})
		press(p, 500, 10*time.Second)
		time.Sleep(10 * time.Second)
		if got := p.Workers(); got != 2 {
			t.Errorf("%d workers while processors are busy", got)
		}
		x.set(p, func(r *reading) { x.busy, r.runnable = 0.1, 0 })
		time.Sleep(10 * time.Second)
		if got := p.Workers(); got != 32 {
			t.Errorf("%d workers while processors are idle", got)
		}
	})
}

func TestAPoolMaySizeItselfAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := Config{Workers: 8, MaxWorkers: 1000, QueueDepth: 2000}
		p := sizedPool(&process{reading: reading{processors: 2}, busy: 0.1}, config)
		press(p, 500, 20*ms)
		p.Set(Config{Workers: 3, QueueDepth: 2000})
		time.Sleep(time.Minute)
		p.Set(config)
		if got := p.Workers(); got != 8 {
			t.Errorf("%d workers at first", got)
		}
		press(p, 500, time.Second)
		if got := p.Workers(); got < 500 {
			t.Errorf("%d workers after a second", got)
		}
		time.Sleep(time.Minute) // until it no longer looks
	})
}

// A container's quota is read once a second.
func TestHowOftenAQuotaIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMeter()
		now := m.read().processors
		for _, c := range []struct {
			after time.Duration
			again bool
		}{{0, false}, {time.Second - 1, false}, {1, true}, {time.Second - 1, false}, {time.Minute, true}} {
			time.Sleep(c.after)
			m.processors, m.limited = now+1, true
			if got := m.read().processors; (got == now) != c.again {
				t.Errorf("after %s more: %g processors of %g", c.after, got, now)
			}
		}
	})
}

// Memory is tight from four fifths of the limit on, with what stacks take.
func TestWhenMemoryIsTight(t *testing.T) {
	limit := debug.SetMemoryLimit(math.MaxInt64)
	percentage := debug.SetGCPercent(-1)
	defer func() {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percentage)
	}()
	ballast := make([]byte, 64<<20)
	m := newMeter()
	runtime.GC()
	before := m.read()
	runtime.GC()
	r := m.read()
	if r.collection <= before.collection || r.live < uint64(len(ballast)) {
		t.Errorf("%d bytes are live after collection %d, which follows %d", r.live, r.collection, before.collection)
	}
	heap := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	if metrics.Read(heap); r.live <= heap[0].Value.Uint64() {
		t.Errorf("%d bytes are live, of which %d are in the heap", r.live, heap[0].Value.Uint64())
	}
	for share, tight := range map[float64]bool{0.75: false, 0.85: true} {
		debug.SetMemoryLimit(int64(float64(r.live) / share))
		if got := m.read(); got.tight != tight {
			t.Errorf("with %d bytes live of %d: tight %t", got.live, int64(float64(r.live)/share), got.tight)
		}
	}
	debug.SetMemoryLimit(math.MaxInt64)
	if m.read().tight {
		t.Error("without a limit, memory is tight")
	}
	runtime.KeepAlive(ballast)
}

func TestThisProcessIsRead(t *testing.T) {
	m := newMeter()
	before := m.read()
	for sum, start := 0, time.Now(); time.Since(start) < 5*ms; sum++ {
		_ = sum
	}
	after := m.read()
	if after.cpu <= before.cpu {
		t.Errorf("the CPU time went from %s to %s while computing", before.cpu, after.cpu)
	}
	if after.processors <= 0 || after.tight {
		t.Errorf("%+v", after)
	}
}
