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
	// worthwhile is the relative difference from which a pool is changed.
	worthwhile = 0.25
	// workShare of what the latency threshold leaves beside a handler's wait for others is for requests that compute, queueShare for
	// those that wait in the pool's queue. When more comes than can be served, a request waits behind those that compute twice: before
	// it is read and reaches the pool, where nothing bounds the wait but how many there are, and then as one of them. 2·0.15 + 0.4
	// leave the rest to requests that take longer than the mean, and to refusing the others.
	workShare  = 0.15
	queueShare = 0.4
	// leastLeft is the share of the threshold that is left however long handlers wait.
	leastLeft = 0.1
	// minWorkers keep a processor busy while one of them waits for the network; maxWorkersPerCore is a bound on memory.
	minWorkers        = 2
	maxWorkersPerCore = 512
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
	queue                *plan.Figure[int32]
	poolMoved, gogcMoved time.Time
}

// resize fits pool and collector to what a request was measured to cost.
func (d *Decider) resize(now time.Time, s Situation, decision *Decision) {
	if s.Bounds.PoolIsFixed {
		d.size.pool, d.size.queue = nil, nil
	} else if s.Estimates.Known {
		d.resizePool(now, s, decision)
	}
	if s.Bounds.GOGCIsFixed || s.Bounds.MemoryLimitBytes == 0 {
		d.size.gogc = nil
	} else if s.Estimates.Known {
		d.resizeHeap(now, s, decision)
	}
	decision.Workers, decision.QueueDepth, decision.GOGC = d.size.pool, d.size.queue, d.size.gogc
}

// resizePool gives a pod as many workers as its handlers need to wait for others at the highest rate that the CPU allows, and as many
// more as the CPU can finish within workShare of what the latency threshold leaves beside that wait; and as many places in the queue as
// it can finish within queueShare of it (Little's law, L = λ·W). What comes beyond both would be answered too late and is better
// refused at once.
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
	// The plan has a place in the queue for each worker.
	presentWorkers, presentQueue := s.Bounds.Workers, s.Bounds.Workers
	if d.size.pool != nil {
		presentWorkers = d.size.pool.Value
	}
	if d.size.queue != nil {
		presentQueue = d.size.queue.Value
	}
	// What handlers wait for became slower: they hold all workers, and requests are refused while processors are idle. That does
	// not wait for a calm time.
	service := withoutProcessor(s, highest, cores)
	tooFew := highest*service.Seconds() > float64(presentWorkers)
	if !tooFew && (decision.Panic || now.Sub(d.size.poolMoved) < settle) {
		return
	}
	most := maxWorkersPerCore * math.Max(cores, 1)
	// Handlers that wait for others hold a worker without using CPU.
	wait := service - s.Estimates.CPUTime
	left := max(s.Bounds.Threshold-wait, time.Duration(leastLeft*float64(s.Bounds.Threshold)))
	inTime := highest * left.Seconds()
	workers := highest*wait.Seconds() + math.Max(workShare*inTime, 2*cores)
	bounded := int32(math.Ceil(math.Min(math.Max(workers, minWorkers), most)))
	queue := int32(math.Ceil(math.Min(math.Max(queueShare*inTime, 1), most)))
	if !isWorthwhile(bounded, presentWorkers) && !isWorthwhile(queue, presentQueue) {
		return
	}
	reason := fmt.Sprintf("at most %s req/s (%s of CPU each on %s cores, and %s of waiting); workers for that wait and %s%% of the %s that %s leave, or two for each core, and a queue for %s%%",
		short(highest), round(s.Estimates.CPUTime), short(cores), round(wait), short(100*workShare), round(left), s.Bounds.Threshold, short(100*queueShare))
	if bounded != presentWorkers {
		d.change(now, "pool", integer(presentWorkers), integer(bounded), int(bounded-presentWorkers), reason, decision)
	}
	if queue != presentQueue {
		d.change(now, "queue", integer(presentQueue), integer(queue), int(queue-presentQueue), reason, decision)
	}
	d.size.pool = &plan.Figure[int32]{Value: bounded, Reason: reason}
	d.size.queue = &plan.Figure[int32]{Value: queue, Reason: reason}
	d.size.poolMoved = now
}

func isWorthwhile(wanted, present int32) bool {
	return math.Abs(float64(wanted-present)) >= worthwhile*float64(present)
}

// mostBusy bounds the utilization at which a wait is estimated, which has no end at 1.
const mostBusy = 0.9

// withoutProcessor is a handler's own time without its wait for a processor, never less than the CPU time that it uses: more
// workers would only make that wait longer. The wait follows from how busy the processors are, as in an M/M/m queue (Sakasegawa's
// approximation, 1977).
func withoutProcessor(s Situation, highest, cores float64) time.Duration {
	busy := math.Min(s.Estimates.CPU/(float64(max(s.Ready, 1))*cores), mostBusy)
	wait := math.Pow(busy, math.Sqrt(2*(math.Max(cores, 1)+1))-1) / (1 - busy) / highest
	return max(s.Estimates.ServiceTime-time.Duration(wait*float64(time.Second)), s.Estimates.CPUTime)
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
