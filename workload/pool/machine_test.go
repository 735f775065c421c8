// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// machine has processors in the time of testing/synctest. As Go's scheduler does, it lets goroutines that compute take turns of up to
// 10 ms each, in the order in which they became ready. As a kernel does, it divides what there really is among the processors that Go
// believes in and whose threads want to run.
type machine struct {
	mu         sync.Mutex
	processors int
	idle       int
	ready      []chan struct{}
	used       time.Duration
	stalled    time.Duration // that threads waited for a processor in the kernel
	running    map[*part]bool
	real       float64 // processors that the kernel has for this process
	lastRead   time.Time
	lastStall  time.Duration
	blind      bool // there is no schedstat
}

// part of a turn.
type part struct {
	began   time.Time
	stretch float64 // times as long as it takes on a processor of its own
}

const (
	turn    = 10 * time.Millisecond
	quantum = time.Millisecond
)

func newMachine(processors int) *machine {
	return &machine{processors: processors, idle: processors, real: float64(processors), running: map[*part]bool{}}
}

// compute for d of CPU time; 0 only waits for a turn.
func (m *machine) compute(d time.Duration) {
	for first := true; first || d > 0; first = false {
		m.mu.Lock()
		if m.idle > 0 {
			m.idle--
			m.mu.Unlock()
		} else {
			mine := make(chan struct{})
			m.ready = append(m.ready, mine)
			m.mu.Unlock()
			<-mine
		}
		for began := time.Now(); d > 0 && time.Since(began) < turn; {
			d -= m.run(min(d, quantum))
		}
		m.mu.Lock()
		if len(m.ready) > 0 {
			close(m.ready[0])
			m.ready = m.ready[1:]
		} else {
			m.idle++
		}
		m.mu.Unlock()
	}
}

// run for d of CPU time on a processor that was taken.
func (m *machine) run(d time.Duration) time.Duration {
	m.mu.Lock()
	p := &part{time.Now(), math.Max(float64(m.processors-m.idle)/m.real, 1)}
	m.running[p] = true
	m.mu.Unlock()
	time.Sleep(time.Duration(float64(d) * p.stretch))
	m.mu.Lock()
	delete(m.running, p)
	m.used += d
	m.stalled += time.Since(p.began) - d
	m.mu.Unlock()
	return d
}

func (m *machine) read() reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	used, _ := m.times()
	return reading{cpu: used, runnable: len(m.ready), processors: float64(m.processors)}
}

// stalls is how many threads waited for a processor in the kernel since the last call, on average.
func (m *machine) stalls() (mean float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.blind {
		return 0
	}
	_, stalled := m.times()
	if since := time.Since(m.lastRead); since > 0 {
		mean = (stalled - m.lastStall).Seconds() / since.Seconds()
	}
	m.lastRead, m.lastStall = time.Now(), stalled
	return mean
}

// times on processors and of waiting for them in the kernel so far, with what is running now. The lock is held.
func (m *machine) times() (used, stalled time.Duration) {
	used, stalled = m.used, m.stalled
	for p := range m.running {
		had := time.Duration(float64(time.Since(p.began)) / p.stretch)
		used, stalled = used+had, stalled+time.Since(p.began)-had
	}
	return used, stalled
}

// service is one that a machine runs.
type service struct {
	processors int
	real       float64       // processors that the kernel has for it from the beginning on; 0: as many
	cpu, wait  time.Duration // of a request: computing, half of it before the wait and half after it
	target     time.Duration
	load       float64 // in capacities
	critical   float64 // share of the requests
	slower     float64 // times as long as the wait takes from the middle on
	neighbor   float64 // takes all but one of so many parts of the processors from the middle on
	variation  float64 // of CPU and wait
	fixed      [2]int  // numbers of workers that are best before and after the middle
	asGood     float64 // as the best of them, at least; 0: as always
	blind      bool    // it is not known what threads wait for
}

// result of one run, as shares: of the capacity that was answered within the target from the third second on, and after the middle
// again from the third second on; and of critical requests that were.
type result struct {
	first, second, critical float64
	workers                 [2]int
}

const (
	phase    = 5 * time.Second
	settled  = 2 * time.Second
	handling = 40 * time.Microsecond // CPU time for reading a request and answering it, also with a refusal
)

// run a service with an open stream of requests for two phases.
func (s service) run(t *testing.T, config Config) (r result) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		m := newMachine(s.processors)
		p := &Pool{start: time.Now(), idle: make(chan struct{})}
		p.spare.New = func() any { return &waiter{ready: make(chan error, 1)} }
		p.sizing.measure, p.sizing.stalls = m.read, m.stalls
		p.Set(config)
		m.blind = s.blind
		if s.real > 0 {
			m.real = s.real
		}
		all := m.real
		capacity := all / (s.cpu + handling).Seconds()
		var mu sync.Mutex
		var requests sync.WaitGroup
		var good [2]float64
		var critical, criticalGood float64
		start := time.Now()
		request := func(cpu, wait time.Duration, important bool) {
			came := time.Now()
			m.compute(handling)
			claim := Claim{}
			if important {
				claim.Priority = Critical
			}
			err := p.AcquireFor(context.Background(), claim)
			if err == nil {
				m.compute(0)
				m.compute(cpu / 2)
				if wait > 0 {
					time.Sleep(wait)
				}
				m.compute(cpu - cpu/2)
				p.Release()
			}
			inTime := err == nil && time.Since(came) <= s.target
			since := came.Sub(start)
			if since%phase < settled {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if inTime {
				good[since/phase]++
			}
			if important {
				critical++
				if inTime {
					criticalGood++
				}
			}
		}
		vary := func(d time.Duration) time.Duration {
			return time.Duration(float64(d) * math.Exp(s.variation*random.NormFloat64()-s.variation*s.variation/2))
		}
		for i := 0; ; {
			since := time.Since(start)
			if since >= 2*phase {
				break
			}
			wait := s.wait
			if since >= phase {
				wait = time.Duration(float64(wait) * max(s.slower, 1))
				m.mu.Lock()
				m.real = all / max(s.neighbor, 1)
				m.mu.Unlock()
			}
			if now := int(since / phase); now >= i {
				if i > 0 {
					r.workers[i-1] = p.Stats().Workers
				}
				i++
			}
			cpu, wait := vary(s.cpu), vary(wait)
			important := random.Float64() < s.critical
			requests.Go(func() { request(cpu, wait, important) })
			time.Sleep(time.Duration(random.ExpFloat64() / (s.load * capacity) * 1e9))
		}
		r.workers[1] = p.Stats().Workers
		requests.Wait()
		seconds := (phase - settled).Seconds()
		r.first = good[0] / seconds / capacity
		r.second = good[1] / seconds / capacity * max(s.neighbor, 1)
		r.critical = criticalGood / max(critical, 1)
	})
	return r
}

// Pools that size themselves, with nothing measured before and nothing set, beside the best fixed ones (found by trying all sizes), for services that
// are sent four times what they can serve. What is compared is from the third second on, and from the third second after an upstream
// got slower or a neighbor came.
func TestTheSizeThatAPoolFindsIsAsGoodAsTheBestOne(t *testing.T) {
	const asGood = 0.9 // goroutines take turns by chance, so runs differ by some percent
	services := map[string]service{
		"computing":                  {processors: 1, cpu: 5 * ms, target: 100 * ms, load: 4, variation: 0.3, fixed: [2]int{1, 3}},
		"computing for longer":       {processors: 1, cpu: 12 * ms, target: 100 * ms, load: 4, variation: 0.5, fixed: [2]int{1, 3}},
		"computing and waiting":      {processors: 1, cpu: 3 * ms, wait: 20 * ms, target: 100 * ms, load: 4, variation: 0.3, fixed: [2]int{11, 14}},
		"mostly waiting":             {processors: 1, cpu: 1 * ms, wait: 40 * ms, target: 100 * ms, load: 4, variation: 0.3, fixed: [2]int{37, 44}},
		"an upstream that gets slow": {processors: 1, cpu: 2 * ms, wait: 10 * ms, target: 200 * ms, load: 4, slower: 5, variation: 0.3, fixed: [2]int{18, 37}},
		"a noisy neighbor":           {processors: 1, cpu: 5 * ms, target: 100 * ms, load: 4, neighbor: 2, variation: 0.3, fixed: [2]int{2, 6}},
		// The 64 requests that are admitted at first alone take 1.6 s, so that the pool is still finding its size in the third second.
		"a fifth of a processor":   {processors: 1, real: 0.2, cpu: 5 * ms, target: 100 * ms, load: 4, variation: 0.3, fixed: [2]int{1, 2}, asGood: 0.75},
		"half, and waiting":        {processors: 1, real: 0.5, cpu: 3 * ms, wait: 20 * ms, target: 100 * ms, load: 4, variation: 0.3, fixed: [2]int{6, 8}, asGood: 0.85},
		"a full node":              {processors: 16, real: 1, cpu: 5 * ms, target: 100 * ms, load: 4, variation: 0.3, fixed: [2]int{2, 3}},
		"a full node, and waiting": {processors: 16, real: 1, cpu: 3 * ms, wait: 20 * ms, target: 100 * ms, load: 4, variation: 0.3, fixed: [2]int{11, 13}},
		"a large full node":        {processors: 64, real: 2, cpu: 5 * ms, target: 100 * ms, load: 4, variation: 0.3, fixed: [2]int{3, 4}},
		// As without schedstat. Where others have processors all the time, a pool does not find that out.
		"blind, a noisy neighbor":           {blind: true, processors: 1, cpu: 5 * ms, target: 100 * ms, load: 4, neighbor: 2, variation: 0.3, fixed: [2]int{2, 6}},
		"blind, computing and waiting":      {blind: true, processors: 1, cpu: 3 * ms, wait: 20 * ms, target: 100 * ms, load: 4, variation: 0.3, fixed: [2]int{11, 14}},
		"blind, an upstream that gets slow": {blind: true, processors: 1, cpu: 2 * ms, wait: 10 * ms, target: 200 * ms, load: 4, slower: 5, variation: 0.3, fixed: [2]int{18, 37}},
		"four processors":                   {processors: 4, cpu: 5 * ms, wait: 20 * ms, target: 100 * ms, load: 4, variation: 0.3, fixed: [2]int{24, 30}},
	}
	for name, s := range services {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			queue := Config{QueueDepth: 4096, QueueTimeout: s.target / 2}
			sized := queue
			sized.Workers, sized.MaxWorkers = 64, 4096
			found := s.run(t, sized)
			var best result
			for _, workers := range s.fixed {
				queue.Workers = workers
				fixed := s.run(t, queue)
				best.first, best.second = max(best.first, fixed.first), max(best.second, fixed.second)
			}
			t.Logf("%.1f and %.1f %% of the capacity with %v workers; the best fixed pools %.1f and %.1f %%",
				100*found.first, 100*found.second, found.workers, 100*best.first, 100*best.second)
			asGood := cmp.Or(s.asGood, asGood)
			if found.first < asGood*best.first || found.second < asGood*best.second {
				t.Errorf("want %.0f %% of what the best fixed pools do", 100*asGood)
			}
		})
	}
}

// A fifth of four times the capacity is critical, and in time, whatever becomes of the rest; and the rest takes what is left.
func TestCriticalRequestsAreServedInAnOverload(t *testing.T) {
	s := service{processors: 1, cpu: 5 * ms, target: 100 * ms, load: 4, critical: 0.2, variation: 0.3}
	r := s.run(t, Config{Workers: 64, MaxWorkers: 4096, QueueDepth: 4096, QueueTimeout: s.target / 2})
	t.Logf("%.2f %% of the critical requests in time, %.1f %% of the capacity", 100*r.critical, 100*r.first)
	if r.critical < 0.995 {
		t.Errorf("%.2f %% of the critical requests were served in time", 100*r.critical)
	}
	if r.first < 0.9 {
		t.Errorf("%.1f %% of the capacity was used", 100*r.first)
	}
}

// Where everything is critical, nothing is: the queue is as short as if everything were normal.
func TestAnOverloadOfCriticalRequestsIsShortenedToo(t *testing.T) {
	s := service{processors: 1, cpu: 5 * ms, target: 100 * ms, load: 4, critical: 1, variation: 0.3}
	r := s.run(t, Config{Workers: 64, MaxWorkers: 4096, QueueDepth: 4096, QueueTimeout: s.target / 2})
	if r.first < 0.9 {
		t.Errorf("%.1f %% of the capacity was answered in time", 100*r.first)
	}
}
