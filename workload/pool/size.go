// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"math"
	"time"
)

// A pool that sizes itself works on as few requests as keep the processors busy. More of them would share the same processors, and
// all of them would take longer. What tells that is the CPU time of the process, and the time that its threads wait in the kernel for a
// processor: unlike latency, they can tell waiting for a processor from waiting for others.
const (
	// tickEvery is how often the pool looks at the process while callers wait for workers, restEvery while none has to.
	tickEvery = 10 * time.Millisecond
	restEvery = 100 * time.Millisecond
	// saturated is the share of the available CPU time from which processors count as busy, mostlyIdle the one below which the pool
	// doubles at each look.
	saturated  = 0.97
	mostlyIdle = 0.5
	// Windows that are looked at: the shortest one for a decision, where processors are mostly idle, where a quota may stop the
	// process for most of a period of 100 ms, and the longest wait for the effect of a change.
	window      = 20 * time.Millisecond
	idleWindow  = 5 * time.Millisecond
	quotaWindow = 100 * time.Millisecond
	longWindow  = 100 * time.Millisecond
	// Admitted work may wait for a processor for spareShare of the longest wait for a worker, and for mostSpare: this much keeps
	// processors busy although requests differ and come at random. It is at least one worker for each processor.
	spareShare = 6
	mostSpare  = 50 * time.Millisecond
	leastSpare = 1.0
	// Growth and cut in one step.
	mostGrowth, leastGrowth = 1.25, 1.03
	cutForMemory            = 0.75
	damping                 = 0.5
	leastFreed              = 0.05 // of the live memory, by a cut that helps
	leastAvailable          = 0.01
	leastAdmitted           = 0.1
	learning                = 0.25 // weight of one window for what is available
	forgetting              = 5 * time.Second
	relaxing                = time.Second
	room                    = 2 // times as many workers as are in use stay without need
	leastSamples            = 3
	rounding                = 0.25
)

// reading is what the pool knows of its process.
type reading struct {
	// cpu is the CPU time used so far.
	cpu time.Duration
	// runnable goroutines wait for a processor.
	runnable int
	// stalled threads wait in the kernel for a processor, on average since the last look; 0 if that is not known.
	stalled float64
	// processors that the process may use, which a quota may make a fraction; limited says that there is a quota.
	processors float64
	limited    bool
	// tight memory: little is left below the limit with what is live. It is found out once per collection.
	tight      bool
	live       uint64 // bytes
	collection uint64
}

// sizer finds the number of workers from readings. It has no clock of its own.
type sizer struct {
	limit           float64
	start, min, max float64

	last   reading
	lastAt time.Duration

	// the window since the last decision
	span             time.Duration
	cpu              time.Duration
	ready            float64 // runnable goroutines × seconds
	stalled          float64 // stalled threads × seconds
	samples          int
	backlogged       bool // some goroutine was ready to run whenever it was looked at
	waited           bool
	attempts, grants float64
	busy             int     // workers in use at the last look
	used             float64 // workers in use at most, fading
	available        float64 // share of the processors that the process can get
	cutAt            uint64  // collection that was last looked at for a cut for memory
	cutLive          float64 // live memory at the last cut; 0 once there was enough
}

func (s *sizer) begin(now time.Duration, r reading) {
	s.last, s.lastAt = r, now
	s.reset()
}

func (s *sizer) reset() {
	s.span, s.cpu, s.ready, s.stalled, s.samples, s.backlogged, s.waited = 0, 0, 0, 0, 0, true, false
	s.attempts, s.grants = 0, 0
}

// workers is the limit as a whole number.
func (s *sizer) workers() int { return int(math.Ceil(s.limit - rounding)) }

// got is the mean number of processors that the process had in the window.
func (s *sizer) got() float64 { return s.cpu.Seconds() / s.span.Seconds() }

// share of the processors that is in use: of those that the process can get, as far as that is known, or what occupied says.
func (s *sizer) share(patience time.Duration) float64 {
	if s.span <= 0 || s.last.processors <= 0 {
		return 1
	}
	return max(s.got()/s.last.processors/s.available, s.occupied(patience))
}

// occupied is the share of processors on which Go has something to run, whether the kernel lets it or not, or of the threads that may
// wait in the kernel, which are few where there are no more processors to get.
func (s *sizer) occupied(patience time.Duration) float64 {
	running := s.got() + s.stalled/s.span.Seconds()
	return max(min(running/s.last.processors, 1), s.stalledWorkers()/s.wanted(patience))
}

// traffic is what came to the pool since the last look.
type traffic struct {
	// busy workers are in use; somebody had to wait.
	busy   int
	waited bool
	// attempts to get a worker, and those that got one.
	attempts, grants int
	// hold is how long work holds a worker, 0 if that is not known; patience is the longest wait for one, 0 without a bound.
	hold, patience time.Duration
}

// look takes a reading and moves the limit.
func (s *sizer) look(now time.Duration, r reading, seen traffic) {
	span := now - s.lastAt
	if span <= 0 {
		return
	}
	cpu := r.cpu - s.last.cpu
	s.last, s.lastAt = r, now
	s.used = math.Max(float64(seen.busy), s.used*(1-math.Min(span.Seconds()/relaxing.Seconds(), 1)))
	s.busy, s.waited = seen.busy, s.waited || seen.waited
	s.span += span
	s.cpu += max(cpu, 0)
	s.ready += float64(r.runnable) * span.Seconds()
	s.stalled += r.stalled * span.Seconds()
	s.attempts += float64(seen.attempts)
	s.grants += float64(seen.grants)
	s.samples++
	s.backlogged = s.backlogged && r.runnable > 0
	s.decide(seen)
}

func (s *sizer) decide(seen traffic) {
	least := window
	if s.last.limited {
		least = quotaWindow
	}
	patience := seen.patience
	share := s.share(patience)
	// An earlier cut has its full effect when those beyond it are done.
	beyond := math.Max(float64(seen.busy)-s.limit, 0)
	hungry := s.waited && !s.backlogged && !s.last.tight
	starving := hungry && s.span >= idleWindow && share < mostlyIdle
	// Looks come late where many goroutines are ready to run: there, one says enough.
	few := s.samples < leastSamples && s.span < longWindow
	if !starving && (s.span < least || few) {
		return
	}
	s.learn(s.occupied(patience) >= saturated)
	if !s.last.tight {
		s.cutLive = 0
	}
	share = s.share(patience)
	excess, wanted := s.excess()-beyond, s.wanted(patience)
	effective := s.span >= min(max(seen.hold/2, least), longWindow) // what was added last has had its effect
	switch {
	case s.last.tight && s.cutMemory():
	case starving:
		s.move(s.limit * 2)
	case share >= saturated && excess > wanted:
		from := math.Min(s.limit, math.Max(s.used, s.min))
		s.move(max(from-(excess-wanted)*damping, math.Min(s.limit, wanted)))
	case hungry && seen.busy <= s.workers() && share < saturated && effective:
		s.move(s.limit * math.Min(math.Max(1/share, leastGrowth), mostGrowth))
	case !s.waited:
		s.relax(share)
	}
	if s.span >= longWindow {
		s.reset()
	}
}

// cutMemory shrinks the pool once per collection. If the last cut has freed nothing, it is not its workers that hold the memory, but
// a cache, say: then the next one would not help either, unless more memory is live than at the last one.
func (s *sizer) cutMemory() bool {
	if s.cutAt == s.last.collection {
		return false
	}
	s.cutAt = s.last.collection
	live := float64(s.last.live)
	if s.cutLive > 0 && math.Abs(live-s.cutLive) < leastFreed*s.cutLive {
		return false
	}
	s.cutLive = live
	s.move(s.limit * cutForMemory)
	return true
}

// excess is how many of the busy workers wait for a processor: of all goroutines that do, those of requests that have been let
// in; the others are about to ask, or to tell that they were turned away. And those whose threads wait in the kernel.
func (s *sizer) excess() float64 {
	admitted := 1.0
	if s.attempts > 0 {
		admitted = math.Max(s.grants/(s.grants+s.attempts/2), leastAdmitted)
	}
	return math.Min(s.ready/s.span.Seconds()*admitted+s.stalledWorkers(), float64(s.busy))
}

// stalledWorkers is how many of the stalled threads run workers, at most: those have a thread each, which waits for as much of the time
// as all do. The others turn requests away, or read them.
func (s *sizer) stalledWorkers() float64 {
	stalled := s.stalled / s.span.Seconds()
	if stalled == 0 {
		return 0
	}
	return math.Min(stalled, float64(s.busy)) * stalled / (stalled + s.got())
}

// wanted is how many workers may wait for a processor, so that none is ever idle: as many as begin within the time that they
// may wait. Where requests take microseconds, these are hundreds, and fewer would only wait for each other: then most goroutines that
// are ready to run are not those of workers.
func (s *sizer) wanted(patience time.Duration) float64 {
	spare := mostSpare
	if patience > 0 {
		spare = min(spare, patience/spareShare)
	}
	return math.Max(spare.Seconds()*s.grants/s.span.Seconds(), leastSpare*math.Max(s.got(), 1))
}

// learn what share of the processors the process can get: what it used while something was ready to run all the time, or while all were
// occupied. Beside noisy neighbors that is less than all.
func (s *sizer) learn(occupied bool) {
	used := s.got() / s.last.processors
	switch {
	case used > s.available:
		s.available = math.Min(used, 1)
	case s.backlogged || occupied:
		s.available = math.Max(s.available+(used-s.available)*learning, leastAvailable)
	default:
		s.available += (1 - s.available) * math.Min(s.span.Seconds()/forgetting.Seconds(), 1)
	}
}

// relax goes back to where the pool starts, and to no more than twice the workers in use: what was found under one load says little
// about the next.
func (s *sizer) relax(share float64) {
	part := math.Min(s.span.Seconds()/relaxing.Seconds(), 1)
	switch kept := math.Max(s.start, room*s.used); {
	case s.limit > kept:
		s.move(math.Max(kept, s.limit*(1-part)))
	case s.limit < s.start && share < saturated && !s.last.tight:
		s.move(math.Min(s.start, s.limit+s.start*part))
	}
}

// move the limit within its bounds and begin a new window.
func (s *sizer) move(limit float64) {
	least := math.Max(s.min, 1)
	s.limit = math.Min(math.Max(limit, least), math.Max(s.max, least))
	s.reset()
}
