// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/controllers/plan"
)

// A pod that is offered more than it can do answers what it admits in time, even before its pool has found its own size. A request that
// is admitted to a full pod waits for the processor behind those at work before it is read, in the queue, for a quarter of the threshold at
// most once there is an overload, and as one of those at work; what handlers wait for beside that takes no processor.
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
			workers, queue := float64(got.Workers.Value), c.late.Seconds()/4
			each := c.cpu.Seconds() / c.cores
			waits := (c.service - c.cpu).Seconds()
			// Workers whose handlers wait for others are not in anybody's way.
			computing := workers - waits/each
			if took := 2*computing*each + queue + waits; took > 0.95*c.late.Seconds() {
				t.Errorf("%g workers: the last one that is admitted takes %.0f ms of %s", workers, 1000*took, c.late)
			}
			if least := c.cores / c.cpu.Seconds() * c.service.Seconds(); workers < least {
				t.Errorf("%g workers keep the processors less than busy", workers)
			}
		})
	}
}

var reasonOfWorkers = regexp.MustCompile(`^at most (\S+) req/s \((\S+) of CPU each on (\S+) cores\): workers for (\S+) of waiting` +
	`(?:, and (\d+) for each core| and for (\d+)% of the (\S+) that (?:it leaves|always count as left) of (\S+?))` +
	`(?:, at least (\d+))?(?:, at most (\d+) for each core, of which at least one counts)?; `)

// Whoever does the sum of a reason gets the workers that it explains, rounded up, and reads within which bounds the pod goes on.
func TestTheReasonForWorkersAddsUp(t *testing.T) {
	for name, c := range map[string]struct {
		cores              float64
		cpu, service, late time.Duration
		has                string
	}{
		"computes":                    {2, 5 * time.Millisecond, 5 * time.Millisecond, 100 * time.Millisecond, "workers for 0s of waiting and for 15% of the 100ms that it leaves of 100ms;"},
		"waits":                       {2, 5 * time.Millisecond, 35 * time.Millisecond, 100 * time.Millisecond, "workers for 30ms of waiting and for 15% of the 70ms that it leaves of 100ms;"},
		"waits for nearly all of it":  {2, 5 * time.Millisecond, 100 * time.Millisecond, 100 * time.Millisecond, "workers for 95ms of waiting, and 2 for each core;"},
		"waits for more than it has":  {8, 200 * time.Microsecond, 121 * time.Millisecond, 100 * time.Millisecond, "15% of the 10ms that always count as left of 100ms, at most 512 for each core"},
		"waits for less, for longer":  {1, time.Millisecond, 221 * time.Millisecond, 200 * time.Millisecond, "15% of the 20ms that always count as left of 200ms;"},
		"takes long":                  {4, 50 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, "workers for 0s of waiting, and 2 for each core;"},
		"a tenth of a core":           {0.1, 6700 * time.Microsecond, 6700 * time.Microsecond, 500 * time.Millisecond, ", at least 2; "},
		"more than any pod":           {2, 10 * time.Microsecond, time.Second, 10 * time.Second, ", at most 512 for each core"},
		"more than a fraction of one": {0.5, 10 * time.Microsecond, time.Second, 10 * time.Second, ", at most 512 for each core"},
	} {
		t.Run(name, func(t *testing.T) {
			got := steps(&Decider{}, 0, time.Minute, func(time.Duration) Situation {
				s := constant(0.1*c.cores/c.cpu.Seconds(), 1)(0)
				s.Bounds.Cores, s.Bounds.PoolCores, s.Bounds.Threshold, s.Bounds.Workers = c.cores, c.cores, c.late, 64_000
				s.Estimates.CPUTime, s.Estimates.ServiceTime, s.Estimates.CPU = c.cpu, c.service, 0
				return s
			}).Workers
			if got == nil {
				t.Fatal("the pool was not fitted")
			}
			if !strings.Contains(got.Reason, c.has) || !strings.HasSuffix(got.Reason, plan.SizesItself(got.Value)) {
				t.Errorf("%q, want %q in it, and the bounds", got.Reason, c.has)
			}
			if sum := workersBy(t, got.Reason); math.Abs(sum-float64(got.Value)) > 1+0.01*sum {
				t.Errorf("the sum is %g, and the workers are %d: %q", sum, got.Value, got.Reason)
			}
		})
	}
}

// workersBy does what a reason says.
func workersBy(t *testing.T, reason string) float64 {
	t.Helper()
	parts := reasonOfWorkers.FindStringSubmatch(reason)
	if parts == nil {
		t.Fatalf("%q has another form", reason)
	}
	number := func(text string) float64 {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	seconds := func(text string) float64 {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		return d.Seconds()
	}
	rate, cores := number(parts[1]), number(parts[3])
	sum := rate * seconds(parts[4])
	if parts[5] != "" {
		sum += number(parts[5]) * cores
	} else {
		sum += rate * number(parts[6]) / 100 * seconds(parts[7])
	}
	if parts[9] != "" {
		sum = math.Max(sum, number(parts[9]))
	}
	if parts[10] != "" {
		sum = math.Min(sum, number(parts[10])*math.Max(cores, 1))
	}
	return sum
}

func inSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// closed is how many requests per second leave a pod that always works on n, each of which computes and waits for others for exponentially
// distributed times: a machine-repair model with so many cores.
func closed(n int, cores, cpu, wait float64) float64 {
	left, all, weight := 0.0, 0.0, 1.0
	for computing := 0; computing <= n; computing++ {
		rate := min(float64(computing), cores) / cpu
		if computing > 0 {
			weight *= float64(n-computing+1) / wait / rate
		}
		left, all = left+rate*weight, all+weight
	}
	return left / all
}

// inPool is how long a request is in a pool of so many workers on average, before which the others wait, in seconds. It is infinite where the
// pool can hardly do what comes: λ requests per second.
func inPool(workers int, cores, cpu, wait, lambda float64) float64 {
	inside, all, weight := 0.0, 0.0, 1.0
	for n := range workers {
		inside, all = inside+float64(n)*weight, all+weight
		weight *= lambda / closed(n+1, cores, cpu, wait)
	}
	full := weight / (1 - lambda/closed(workers, cores, cpu, wait))
	if lambda > 0.95*closed(workers, cores, cpu, wait) {
		return math.Inf(1)
	}
	return (inside + float64(workers)*full) / (all + full) / lambda
}

// What a handler waits for beside the processor is found also where few workers compete for it.
func TestTheWaitForAProcessorDependsOnTheWorkers(t *testing.T) {
	const cpu = 0.005
	judged := 0
	for _, cores := range []float64{1, 2, 4} {
		for _, wait := range []float64{0.001, 0.005, 0.02} {
			for _, workers := range []int{2, 3, 4, 6, 8, 12, 16, 32, 64} {
				for _, busy := range []float64{0.5, 0.6, 0.72} {
					took := inPool(workers, cores, cpu, wait, busy*cores/cpu)
					if float64(workers) < cores || math.IsInf(took, 1) {
						continue
					}
					judged++
					s := Situation{Ready: 3, Estimates: Estimates{CPU: 3 * cores * busy, CPUTime: inSeconds(cpu), ServiceTime: inSeconds(took), Workers: float64(workers)}}
					got := withoutProcessor(s, cores/cpu, cores).Seconds()
					if off := math.Abs(got - cpu - wait); off > max((took-cpu-wait)/3, 0.2*cpu) {
						t.Errorf("%v cores at %v, %d workers: %v of %v; want %v", cores, busy, workers, inSeconds(got), inSeconds(took), inSeconds(cpu+wait))
					}
				}
			}
		}
	}
	if judged < 150 {
		t.Errorf("only %d cases", judged)
	}
}

// A pool of few workers does not move by one.
func TestAPoolOfFewWorkersStays(t *testing.T) {
	for _, c := range []struct {
		present, wanted int32
		moves           bool
	}{{4, 3, false}, {3, 4, false}, {2, 3, false}, {4, 6, true}, {4, 2, true}, {64, 80, true}, {64, 79, false}, {64, 48, true}, {64, 49, false}} {
		if got := isWorthwhile(c.wanted, c.present); got != c.moves {
			t.Errorf("from %d to %d: %v", c.present, c.wanted, got)
		}
	}
}

// Whatever processors and times pods tell of, they start with no more workers than live settings take.
func TestMeasuredWorkersAreWhatLiveSettingsTake(t *testing.T) {
	for name, cores := range map[string]float64{"a large machine": 224, "a lie": 300_000, "beyond 32 bits": 1e12} {
		highest := cores / 0.001
		workers, why := workersFor(highest, cores, 500*time.Millisecond, 500*time.Millisecond, time.Second)
		if workers != 100_000 || !strings.HasSuffix(why, ", at most 100000") {
			t.Errorf("%s: %d: %s", name, workers, why)
		}
	}
}
