// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// by chance, as many of independent events as there are when a mean number is expected (Knuth's algorithm).
func byChance(random *rand.Rand, mean float64) float64 {
	n, product, limit := 0.0, 1.0, math.Exp(-mean)
	for {
		if product *= random.Float64(); product <= limit {
			return n
		}
		n++
	}
}

// drizzle lets two pods of a fiftieth of a core serve requests of a cost, which arrive by chance at a rate that depends on
// the time, for four minutes, and returns the highest floor, why, and the floor in the end.
func drizzle(seed uint64, cost time.Duration, perSecond func(at time.Duration) float64) (highest int32, why string, last int32) {
	random := rand.New(rand.NewPCG(seed, 1))
	spec := specified()
	spec.Autoscaling = nil
	spec.SLO.Latency.Threshold.Duration = 500 * time.Millisecond
	spec.Resources.Requests[corev1.ResourceCPU] = resource.MustParse("20m")
	f, tuner := newFleet(2), New(Learned{})
	last = 2
	for f.at.Sub(epoch) < 4*time.Minute {
		step := 2 * tick // as the operator looks while nothing moves
		if tuner.Moving() {
			step = tick
		}
		f.at = f.at.Add(step)
		var reports []Report
		for pod := range len(f.counters) {
			c := f.counters[fmt.Sprintf("p%d", pod)]
			n := byChance(random, perSecond(f.at.Sub(epoch)-step/2)*step.Seconds()/2)
			c.Requests, c.Served = c.Requests+n, c.Served+n
			c.ServiceSeconds, c.DurationSeconds = c.ServiceSeconds+n*cost.Seconds(), c.DurationSeconds+n*cost.Seconds()
			c.CPUSeconds += n * cost.Seconds()
			c.Buckets[0].Count, c.Buckets[1].Count, c.Buckets[2].Count = c.Requests, c.Requests, c.Requests
			now := *c
			now.Buckets = append([]Bucket(nil), c.Buckets...)
			reports = append(reports, Report{fmt.Sprintf("p%d", pod), &now})
		}
		outcome, _ := tuner.Digest(f.at, Target{Spec: spec, Wanted: last, Ready: last}, len(f.counters), reports, "")
		if figure := outcome.Tuned.ReplicaFloor; figure != nil {
			last = figure.Value
			if last > highest {
				highest, why = last, fmt.Sprintf("%s after %s", figure.Reason, f.at.Sub(epoch))
			}
		}
	}
	return highest, why, last
}

// Little traffic that begins is a step, as much traffic is: the chance in its counts makes no rise of it that would go on.
func TestLittleTrafficThatBeginsIsNoRise(t *testing.T) {
	for _, c := range []struct {
		rate float64
		cost time.Duration
	}{
		{3, 5 * time.Millisecond},
		{8, 2 * time.Millisecond},
		{8, 5 * time.Millisecond},
		{20, time.Millisecond},
		{20, 2 * time.Millisecond},
	} {
		t.Run(fmt.Sprintf("%v req/s of %s", c.rate, c.cost), func(t *testing.T) {
			needed := max(podsFor(c.rate, 0.02*0.72/c.cost.Seconds()), 2)
			for seed := range uint64(20) {
				begin := 40*time.Second + time.Duration(seed)*200*time.Millisecond
				highest, why, last := drizzle(seed, c.cost, func(at time.Duration) float64 {
					if at < begin {
						return 0
					}
					return c.rate
				})
				if highest > needed+1 || last > needed+1 {
					t.Errorf("seed %d: at most %d pods, %d in the end, where %d carry it: %s", seed, highest, last, needed, why)
				}
			}
		})
	}
}

// Little traffic that rises is still followed ahead of time.
func TestLittleTrafficThatRisesIsSeen(t *testing.T) {
	for seed := range uint64(20) {
		highest, why, _ := drizzle(seed, 2*time.Millisecond, func(at time.Duration) float64 { return at.Seconds() / 6 })
		if highest < 6 { // 40 requests per second in the end
			t.Errorf("seed %d: at most %d pods: %s", seed, highest, why)
		}
	}
}

// The fewest pods are found as by trying one after the other, and as fast where there are millions of them.
func TestTheFewestPodsAreFoundAtOnce(t *testing.T) {
	d := &Decider{rho: steering{value: 0.85}}
	at := func(threshold time.Duration, cpu time.Duration) Situation {
		return Situation{Bounds: Bounds{Cores: 1, Threshold: threshold, AloneUtilization: 0.4}, Estimates: Estimates{CPUTime: cpu, ServiceTime: cpu}}
	}
	for _, s := range []Situation{at(100*time.Millisecond, 10*time.Millisecond), at(20*time.Millisecond, 15*time.Millisecond), at(time.Millisecond, 900*time.Microsecond)} {
		perPod := 0.85 / s.Estimates.CPUTime.Seconds()
		for demand := 1.0; demand < 1e5; demand *= 1.07 {
			want := podsFor(demand, perPod)
			for podsFor(demand, perPod*d.utilizationOf(want, s)/0.85) > want {
				want++
			}
			if got := d.fewest(demand, perPod, s); got != want {
				t.Errorf("%.0f req/s at %s within %s: %d pods, want %d", demand, s.Estimates.CPUTime, s.Bounds.Threshold, got, want)
			}
		}
	}
	if got := d.fewest(1e12, 1e-3, at(time.Millisecond, time.Microsecond)); got != math.MaxInt32/2 {
		t.Errorf("%d pods for more than there can be", got)
	}
}
