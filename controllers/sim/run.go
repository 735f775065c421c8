// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"math"
	"runtime"
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

// FittedPool is the pool to which the operator sizes the pods of a service under a steady load. Every contender gets it from the
// start, so that autoscalers are compared and not pools; the operator itself begins with its plan's.
func FittedPool(s Service) Pool {
	steady := Shape{"steady", warmUp / 4, func(float64) float64 { return 1.4 * float64(s.Cores) / s.CPUTime.Seconds() }}
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
}

// Comparison is every contender in every scenario with every seed.
type Comparison struct {
	Scenarios  []Scenario
	Contenders []Contender
	Seeds      []uint64
	// Known is asked for a result before it is simulated, Done is told each result, also a known one; both may be nil, and are called from
	// several goroutines. A result that is known has no seconds for a picture.
	Known func(scenario, contender string, seed uint64) (Result, bool)
	Done  func(Result)
}

// Run simulates all on all processors that Go may use; results are in the order of scenarios, contenders and seeds.
func (c Comparison) Run() []Result {
	var jobs []func() Result
	for _, scenario := range c.Scenarios {
		pool := sync.OnceValue(func() Pool { return FittedPool(scenario.Service) })
		for _, contender := range c.Contenders {
			for _, seed := range c.Seeds {
				jobs = append(jobs, func() Result {
					if c.Known != nil {
						if r, known := c.Known(scenario.Name, contender.Name, seed); known {
							return r
						}
					}
					r := Run(scenario.Service, pool(), scenario.Shape(seed), contender, seed)
					r.Scenario = scenario.Name
					return r
				})
			}
		}
	}
	results := make([]Result, len(jobs))
	var working sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, job := range jobs {
		slots <- struct{}{}
		working.Go(func() {
			defer func() { <-slots }()
			results[i] = job()
			if c.Done != nil {
				c.Done(results[i])
			}
		})
	}
	working.Wait()
	return results
}

// Run simulates one load with one contender.
func Run(service Service, pool Pool, shape Shape, contender Contender, seed uint64) Result {
	w := newWorld(service, shape, seed)
	w.setPool(pool)
	w.start(contender)
	var before struct {
		core, used float64
		actions    int
	}
	w.after(warmUp, func() { before.core, before.used, before.actions = w.coreSeconds(), w.busyArea, w.actions })
	w.run()
	result := Result{
		Scenario: shape.Name, Contender: contender.Name, Role: contender.Role, Seed: seed, Percentile: service.Percentile,
		Actions: w.actions - before.actions, CoreSeconds: w.coreSeconds() - before.core, Used: w.busyArea - before.used,
		seconds: w.seconds, rate: shape.Rate,
	}
	result.judge()
	result.judgeStep(service)
	return result
}

// start lets enough pods serve for the first rate at 70 %, and the contender's autoscaler begin.
func (w *World) start(contender Contender) {
	first := int(math.Ceil(w.shape.Rate(0) * w.service.CPUTime.Seconds() / (0.7 * float64(w.service.Cores))))
	w.wanted = min(max(first, w.service.MinReplicas), w.service.MaxReplicas)
	for range w.wanted {
		w.createReady()
	}
	w.balancing, w.hopCPU = contender.Balancing, contender.HopCPU.Seconds()
	contender.Autoscaler(w.service).Begin(w)
	w.every(0.5, 1, func() { s := w.second(w.now); s.Wanted, s.Ready = w.wanted, len(w.serving) })
}
