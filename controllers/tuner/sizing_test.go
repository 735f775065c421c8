// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"testing"
	"time"
)

// A pod that is offered more than it can do answers what it admits in time. A request that is admitted to a full pod waits
// for the processor behind those at work before it is read, in the queue, and as one of those at work; what handlers wait for
// beside that takes no processor.
func TestAFullPoolAnswersInTime(t *testing.T) {
	for name, c := range map[string]struct {
		cores              float64
		cpu, service, late time.Duration
		busy               float64       // share of the processors
		waited             time.Duration // for a processor, which is measured as a part of the service time
	}{
		"computes on one core":     {1, 5400 * time.Microsecond, 5400 * time.Microsecond, 100 * time.Millisecond, 0.5, 0},
		"computes on four":         {4, 5 * time.Millisecond, 5 * time.Millisecond, 100 * time.Millisecond, 0.5, 0},
		"as long again for others": {2, 5 * time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, 0.5, 0},
		"mostly waits":             {1, time.Millisecond, 8 * time.Millisecond, 100 * time.Millisecond, 0.5, 0},
		"short":                    {1, 200 * time.Microsecond, 300 * time.Microsecond, 20 * time.Millisecond, 0.5, 0},
		"a tenth of the time":      {1, 10 * time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, 0.5, 0},
		"computes on a core that is as busy as it may be": {1, 5400 * time.Microsecond, 5400 * time.Microsecond, 100 * time.Millisecond, 0.72, 7 * time.Millisecond},
		"waits, on cores that are as busy":                {2, 5 * time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, 0.72, 4 * time.Millisecond},
		"a tenth of a core":                               {0.1, 6700 * time.Microsecond, 6700 * time.Microsecond, 500 * time.Millisecond, 0.5, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := steps(&Decider{}, 0, time.Minute, func(time.Duration) Situation {
				s := constant(c.busy*c.cores/c.cpu.Seconds(), 1)(0)
				s.Bounds.Cores, s.Bounds.PoolCores, s.Bounds.Threshold, s.Bounds.Workers = c.cores, c.cores, c.late, 6400
				s.Estimates.CPUTime, s.Estimates.ServiceTime, s.Estimates.CPU = c.cpu, c.service+c.waited, c.busy*c.cores
				return s
			})
			if got.Workers == nil {
				t.Fatal("the pool was not fitted")
			}
			workers, queue := float64(got.Workers.Value), float64(got.QueueDepth.Value)
			each := c.cpu.Seconds() / c.cores
			waits := (c.service - c.cpu).Seconds()
			// Workers whose handlers wait for others are not in anybody's way.
			computing := workers - waits/each
			if took := (2*computing+queue)*each + waits; took > 0.95*c.late.Seconds() {
				t.Errorf("%g workers and a queue of %g: the last one that is admitted takes %.0f ms of %s", workers, queue, 1000*took, c.late)
			}
			if least := c.cores / c.cpu.Seconds() * c.service.Seconds(); workers < least || workers+queue < 0.5*c.late.Seconds()/each {
				t.Errorf("%g workers and a queue of %g keep the processors less than busy", workers, queue)
			}
		})
	}
}
