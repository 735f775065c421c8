// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"fmt"
	"math"
	"time"

	"goservice.dev/operator/controllers/plan"
)

const (
	// settle is how long a size stays before it may change again: each change is a retune of every pod.
	settle = 5 * time.Minute
	// soundAfter is for how long must have been measured before a pool is changed.
	soundAfter = 2 * PanicWindow
	// worthwhile is the relative difference from which a pool is changed, and fewestMoved the absolute one, unless there are too few: what
	// is measured moves a pool of few workers by one and back.
	worthwhile  = 0.25
	fewestMoved = 2
	// workShare of what the latency threshold leaves beside a handler's wait for others is for requests that compute. When more comes
	// than can be served, a request waits behind those that compute twice: before it is read and reaches the pool, where nothing bounds
	// the wait but how many there are, and then as one of them. In between the pool itself bounds the wait, to half of the threshold and
	// in an overload to half of that. 2·0.15 leave the rest to requests that take longer than the mean, and to refusing the others.
	workShare = 0.15
	// leastLeft is the share of the threshold that is left however long handlers wait.
	leastLeft = 0.1
	// computingPerCore keep a core busy however short requests are.
	computingPerCore = 2
	// minWorkers keep a processor busy while one of them waits for the network; maxWorkersPerCore is a bound on memory, and maxWorkers what
	// live settings take.
	minWorkers        = 2
	maxWorkersPerCore = 512
	maxWorkers        = 100_000
	// heapShare of GOMEMLIMIT is what the heap may grow to before a collection starts; the rest is for peaks, which the limit
	// itself handles.
	heapShare = 0.6
	minGOGC   = 50
	maxGOGC   = 400
	stepGOGC  = 50
	goGOGC    = 100
	// minHeapBytes below which the collector costs nothing anyway.
	minHeapBytes = 4 << 20
)

type sizing struct {
	pool, gogc           *plan.Figure[int32]
	poolMoved, gogcMoved time.Time
}

// resize fits pool and collector to what a request was measured to cost.
func (d *Decider) resize(now time.Time, s Situation, decision *Decision) {
	if s.Bounds.PoolIsFixed {
		d.size.pool = nil
	} else if s.Estimates.Known {
		d.resizePool(now, s, decision)
	}
	if s.Bounds.GOGCIsFixed || s.Bounds.MemoryLimitBytes == 0 {
		d.size.gogc = nil
	} else if s.Estimates.Known {
		d.resizeHeap(now, s, decision)
	}
	decision.Workers, decision.GOGC = d.size.pool, d.size.gogc
}

// resizePool has a pod start with as many workers as its handlers need to wait for others at the highest rate that the CPU allows, and
// as many more as the CPU can finish within workShare of what the latency threshold leaves beside that wait (Little's law, L = λ·W). The
// pod's pool goes on from there by itself.
func (d *Decider) resizePool(now time.Time, s Situation, decision *Decision) {
	cores := s.Bounds.PoolCores
	if cores == 0 {
		cores = s.Estimates.Processors
	}
	cpu := s.Estimates.CPUTime.Seconds()
	if s.Estimates.Demand.Seconds < soundAfter.Seconds() || s.Estimates.CPU > float64(s.Ready)*s.Bounds.Cores*tolerated {
		return // too early, or pods are overloaded: their requests wait for a processor as long as that lasts
	}
	if s.Bounds.Threshold == 0 || cores == 0 || cpu == 0 {
		return
	}
	highest := cores / cpu // requests per second
	present := s.Bounds.Workers
	if d.size.pool != nil {
		present = d.size.pool.Value
	}
	// What handlers wait for became slower: they hold all workers that a pod starts with. Until a new pod has found more by itself, it
	// would refuse requests while its processors are idle, so that does not wait for a calm time.
	service := withoutProcessor(s, highest, cores)
	tooFew := highest*service.Seconds() > float64(present)
	if !tooFew && (decision.Panic || now.Sub(d.size.poolMoved) < settle) {
		return
	}
	// Handlers that wait for others hold a worker without using CPU.
	wait := service - s.Estimates.CPUTime
	left := max(s.Bounds.Threshold-wait, time.Duration(leastLeft*float64(s.Bounds.Threshold)))
	wanted, why := workersFor(highest, cores, wait, left, s.Bounds.Threshold)
	if !isWorthwhile(wanted, present) && !(tooFew && wanted > present) {
		return
	}
	reason := fmt.Sprintf("at most %s req/s (%s of CPU each on %s cores): %s; %s",
		short(highest), round(s.Estimates.CPUTime), short(cores), why, plan.SizesItself(wanted))
	d.change(now, "pool", integer(present), integer(wanted), int(wanted-present), reason, decision)
	d.size.pool = &plan.Figure[int32]{Value: wanted, Reason: reason}
	d.size.poolMoved = now
}

// workersFor the highest rate of handlers that wait for others, and how they follow from it. left is what the threshold leaves beside
// that wait.
func workersFor(highest, cores float64, wait, left, threshold time.Duration) (workers int32, why string) {
	computing := workShare * highest * left.Seconds()
	switch {
	case computing < computingPerCore*cores:
		computing, why = computingPerCore*cores, fmt.Sprintf(", and %d for each core", computingPerCore)
	case left > threshold-wait:
		why = fmt.Sprintf(" and for %s%% of the %s that always count as left of %s", short(100*workShare), round(left), threshold)
	default:
		why = fmt.Sprintf(" and for %s%% of the %s that it leaves of %s", short(100*workShare), round(left), threshold)
	}
	why = fmt.Sprintf("workers for %s of waiting%s", round(wait), why)
	exact := highest*wait.Seconds() + computing
	switch most := maxWorkersPerCore * math.Max(cores, 1); {
	case exact < minWorkers:
		return minWorkers, fmt.Sprintf("%s, at least %d", why, minWorkers)
	case math.Min(exact, most) > maxWorkers:
		return maxWorkers, fmt.Sprintf("%s, at most %d", why, maxWorkers)
	case exact > most:
		return int32(math.Ceil(most)), fmt.Sprintf("%s, at most %d for each core, of which at least one counts", why, maxWorkersPerCore)
	}
	return int32(math.Ceil(exact)), why
}

func isWorthwhile(wanted, present int32) bool {
	return math.Abs(float64(wanted-present)) >= max(worthwhile*float64(present), fewestMoved)
}

// mostBusy bounds the utilization at which a wait is estimated, which has no end at 1.
const mostBusy = 0.9

// withoutProcessor is a handler's own time without its wait for a processor, never less than the CPU time that it uses: more
// workers would only make that wait longer. The wait follows from how busy the m processors are, as in an M/M/m queue (Sakasegawa's
// approximation, 1977: a = √(2(m+1))−1), θ·ρ^a/(1−θρ) times the CPU time of a request by m. Where only w workers compete for the processors
// and the others wait before the pool, θ = 1−(m/w)^a, which is within a third of the birth-death process of such a pod where it is busy.
func withoutProcessor(s Situation, highest, cores float64) time.Duration {
	e := s.Estimates
	busy := math.Min(e.CPU/(float64(max(s.Ready, 1))*cores), mostBusy)
	exponent := math.Sqrt(2*(math.Max(cores, 1)+1)) - 1
	open := 1.0
	if e.Workers > 0 {
		open -= math.Pow(math.Min(cores/e.Workers, 1), exponent)
	}
	wait := open * math.Pow(busy, exponent) / (1 - open*busy) / highest
	return max(e.ServiceTime-time.Duration(wait*float64(time.Second)), e.CPUTime)
}

// resizeHeap lets the collector run more rarely where the live heap leaves room below GOMEMLIMIT, and more often where a
// doubled heap would not fit.
func (d *Decider) resizeHeap(now time.Time, s Situation, decision *Decision) {
	live := s.Estimates.HeapLiveBytes
	if live < minHeapBytes || now.Sub(d.size.gogcMoved) < settle {
		return
	}
	growth := (heapShare*s.Bounds.MemoryLimitBytes/live - 1) * 100
	wanted := int32(math.Floor(math.Min(math.Max(growth, minGOGC), maxGOGC)/stepGOGC)) * stepGOGC
	present := int32(goGOGC)
	if d.size.gogc != nil {
		present = d.size.gogc.Value
	}
	// Up only by two steps, down by one: a heap that swings must not take the figure with it.
	if wanted >= present && wanted < present+2*stepGOGC || wanted < present && wanted > present-stepGOGC {
		return
	}
	reason := fmt.Sprintf("live heap %s MiB; the heap may grow to %s%% of GOMEMLIMIT",
		short(math.Round(live/(1<<20))), short(100*heapShare))
	d.change(now, "gogc", integer(present), integer(wanted), int(wanted-present), reason, decision)
	d.size.gogc = &plan.Figure[int32]{Value: wanted, Reason: reason}
	d.size.gogcMoved = now
}
