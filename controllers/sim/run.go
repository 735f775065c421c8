// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"math"
	"runtime"
	"slices"
	"sync"
	"time"
)

// Pool of every pod: requests that work, requests that wait, and for how long they may.
type Pool struct {
	Workers, Depth int
	QueueTimeout   time.Duration
}

func (w *World) setPool(p Pool) {
	w.workers, w.depth, w.queueTimeout = p.Workers, p.Depth, p.QueueTimeout.Seconds()
}

const (
	// placesShare of what the threshold leaves beside the wait for others is for requests that wait in a pod, and leastLeft of the
	// threshold is left however long they wait for others.
	placesShare = 0.4
	leastLeft   = 0.1
)

// PoolOf a service's pods with so many workers, in which nobody waits for longer than queueTimeout.
func PoolOf(s Service, workers int, queueTimeout time.Duration) Pool {
	return Pool{workers, s.places(1), queueTimeout}
}

// places in a pod are for as many requests as its cores finish within placesShare of that time, if requests wait slower times as long
// for others as the service says. A real pod lets more wait and turns away early who would wait for longer than half of the threshold,
// or in an overload a quarter, by the pace that it measures; a pod of the simulation does not measure, and this many stand for it.
func (s Service) places(slower float64) int {
	threshold := s.Threshold.Seconds()
	left := max(threshold-s.Wait.Seconds()*slower, leastLeft*threshold)
	return int(math.Ceil(max(placesShare*left*s.usable()/s.CPUTime.Seconds(), 1)))
}

// FittedPool is the pool to which the operator sizes the pods of a service under a steady load. Every contender gets it from the
// start, so that autoscalers are compared and not pools; the operator itself begins with its plan's.
func FittedPool(s Service) Pool {
	steady := Shape{Name: "steady", Seconds: warmUp / 4, Rate: func(float64) float64 { return 1.4 * float64(s.Cores) / s.CPUTime.Seconds() }}
	w := newWorld(s, steady, 1)
	w.start(Contender{Autoscaler: newOperator})
	w.run()
	return Pool{w.workers, w.depth, time.Duration(w.queueTimeout * float64(time.Second))}
}

// Scenario is a service under a load.
type Scenario struct {
	Name    string
	Service Service
	// Shape for a seed; its name does not count.
	Shape func(seed uint64) Shape
	// Gradual says that the load changes slowly enough for an autoscaler to keep the objective throughout.
	Gradual bool
	// Slowest is the highest factor by which requests wait longer for others (Shape.Slower); 0 counts as 1. Everybody's pool is one for
	// these from the start: only the operator fits pools while they run.
	Slowest float64
}

// pool of every contender.
func (s Scenario) pool() Pool {
	fitted := s.Service
	fitted.Wait = time.Duration(float64(fitted.Wait) * math.Max(s.Slowest, 1))
	return FittedPool(fitted)
}

// Comparison is every contender in every scenario with every seed.
type Comparison struct {
	Scenarios  []Scenario
	Contenders []Contender
	// Families for a scenario, each searched for its best setting; nil: none.
	Families func(Scenario) []Family
	Seeds    []uint64
	// Known is asked for a result before it is simulated, Done is told each result, also a known one; both may be nil, and are called from
	// several goroutines. A result that is known has no seconds for a picture.
	Known func(scenario, contender string, seed uint64) (Result, bool)
	Done  func(Result)
}

// Run simulates all on all processors that Go may use. Results are in the order of scenarios; in each are the families' contenders, then
// the others, each with all seeds.
func (c Comparison) Run() []Result {
	var jobs []func() []Result
	for _, scenario := range c.Scenarios {
		pool := sync.OnceValue(scenario.pool)
		simulate := func(contender Contender, seed uint64) Result { return c.simulate(scenario, contender, seed, pool) }
		if c.Families != nil {
			for _, family := range c.Families(scenario) {
				jobs = append(jobs, func() []Result { return c.search(scenario, family, simulate) })
			}
		}
		for _, contender := range c.Contenders {
			for _, seed := range c.Seeds {
				jobs = append(jobs, func() []Result { return []Result{simulate(contender, seed)} })
			}
		}
	}
	return slices.Concat(onAllProcessors(jobs)...)
}

// onAllProcessors runs jobs on all processors that Go may use, and returns their results in the order of the jobs.
func onAllProcessors[T any](jobs []func() T) []T {
	results := make([]T, len(jobs))
	var working sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, job := range jobs {
		slots <- struct{}{}
		working.Go(func() {
			defer func() { <-slots }()
			results[i] = job()
		})
	}
	working.Wait()
	return results
}

// simulate one contender with one seed, unless the result is known.
func (c Comparison) simulate(scenario Scenario, contender Contender, seed uint64, pool func() Pool) Result {
	result, known := Result{}, false
	if c.Known != nil {
		result, known = c.Known(scenario.Name, contender.Name, seed)
	}
	if !known {
		result = Run(scenario.Service, pool(), scenario.Shape(seed), contender, seed)
		result.Scenario = scenario.Name
		if seed != c.Seeds[0] || !IsPictured(contender.Name) {
			result.seconds = nil // a thousand simulations need not keep them
		}
	}
	if c.Done != nil {
		c.Done(result)
	}
	return result
}

// Run simulates one load with one contender.
func Run(service Service, pool Pool, shape Shape, contender Contender, seed uint64) Result {
	return newWorld(service, shape, seed).play(pool, contender, seed)
}

// play the whole shape.
func (w *World) play(pool Pool, contender Contender, seed uint64) Result {
	w.setPool(pool)
	w.start(contender)
	var before struct {
		core, used float64
		actions    int
	}
	w.after(warmUp, func() {
		w.settle()
		before.core, before.used, before.actions = w.coreSeconds(), w.busyArea, w.actions
	})
	w.run()
	result := Result{
		Scenario: w.shape.Name, Contender: contender.Name, Role: contender.Role, Seed: seed, Percentile: w.service.Percentile,
		Actions: w.actions - before.actions, CoreSeconds: w.coreSeconds() - before.core, Used: w.busyArea - before.used,
		seconds: w.seconds, rate: w.shape.Rate,
	}
	result.judge()
	result.judgeStep(w.service)
	return result
}

// start lets enough pods serve for the first rate at 70 %, and the contender's autoscaler begin.
func (w *World) start(contender Contender) {
	first := int(math.Ceil(w.shape.Rate(0) * w.service.CPUTime.Seconds() / (0.7 * w.service.requested())))
	w.wanted = min(max(first, w.service.MinReplicas), w.service.MaxReplicas)
	for range w.wanted {
		w.createReady()
	}
	w.balancing, w.sharing, w.hopCPU = contender.Balancing, contender.Sharing, contender.HopCPU.Seconds()
	contender.Autoscaler(w.service).Begin(w)
	w.every(0.5, 1, func() { s := w.second(w.now); s.Wanted, s.Ready, s.Pods = w.wanted, len(w.serving), len(w.pods) })
}
