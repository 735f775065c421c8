// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/api/v1alpha1"
)

// An autoscaler that finds more pods than its maximum removes them at once, whatever their load. So the derived maximum is
// never below what runs, and no measurement is a reason to lower it.
func TestTheDerivedMaximumNeverFallsByWhatIsMeasured(t *testing.T) {
	forAny(t, func(random *rand.Rand, spec v1alpha1.GoServiceSpec, observed Observed) error {
		if spec.Autoscaling != nil {
			spec.Autoscaling.MaxReplicas = nil
		}
		declared := Compute(&spec, Observed{})
		if !declared.Autoscaled {
			return nil
		}
		observed.CPUTime = time.Duration(random.Int64N(int64(50 * time.Millisecond)))
		observed.HighestServiceTime = observed.ServiceTime + time.Duration(random.Int64N(int64(50*time.Millisecond)))
		observed.HighestCPUTime = observed.CPUTime + time.Duration(random.Int64N(int64(50*time.Millisecond)))
		before := Compute(&spec, observed).Replicas.Value.Max
		if before < declared.Replicas.Value.Max || before < min(observed.WantedReplicas, maxMaximum) {
			return fmt.Errorf("maximum %d; by the spec alone %d, and %d run", before, declared.Replicas.Value.Max, observed.WantedReplicas)
		}
		observed.ServiceTime, observed.CPUTime = observed.ServiceTime/time.Duration(1+random.IntN(100)), observed.CPUTime/time.Duration(1+random.IntN(100))
		if after := Compute(&spec, observed).Replicas.Value.Max; after < before {
			return fmt.Errorf("cheap requests lowered the maximum from %d to %d", before, after)
		}
		return nil
	})
}

func TestWhatRaisesTheDerivedMaximum(t *testing.T) {
	spec := v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Latency: latency(50*time.Millisecond, "99"), Load: load(2000)}}
	for name, c := range map[string]struct {
		observed Observed
		want     int32
		reason   string
	}{
		"nothing":                            {Observed{}, 110, "plus half as many for sudden steps"},
		"a higher cost, once":                {Observed{ServiceTime: time.Millisecond, CPUTime: time.Millisecond, HighestServiceTime: 10 * time.Millisecond, HighestCPUTime: 10 * time.Millisecond}, 400, "10ms of measured service time"},
		"more pods that run":                 {Observed{WantedReplicas: 250}, 250, "the present number of pods"},
		"the autoscaler, as it was found":    {Observed{MaxReplicas: 267}, 267, "the autoscaler's present bound; nothing is measured yet"},
		"more pods that run than may":        {Observed{WantedReplicas: 20_000}, 10_000, "the present number of pods"},
		"no autoscaler that has fewer":       {Observed{MaxReplicas: 5}, 110, "half as many"},
		"no cost that is lower than assumed": {Observed{ServiceTime: time.Microsecond, CPUTime: time.Microsecond}, 110, "5ms assumed"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Compute(&spec, c.observed).Replicas
			if got.Value.Max != c.want || !strings.Contains(got.Reason, c.reason) {
				t.Errorf("maximum %d: %s; want %d, %q", got.Value.Max, got.Reason, c.want, c.reason)
			}
		})
	}
	undeclared := v1alpha1.GoServiceSpec{Autoscaling: &v1alpha1.AutoscalingSpec{}}
	if got := Compute(&undeclared, Observed{WantedReplicas: 35, MaxReplicas: 99}).Replicas; got.Value.Max != 35 {
		t.Errorf("without a peak %d: %s; want the 35 that run", got.Value.Max, got.Reason)
	}
}

// Whatever pods answer and users declare, the plan holds numbers.
func TestThePlanIsFinite(t *testing.T) {
	odd := []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 0, 1e-300, 0.5, 1, 2, math.MaxFloat64}
	costs := []time.Duration{math.MinInt64, -1, 0, 1, time.Millisecond, time.Hour, math.MaxInt64}
	counts := []int32{math.MinInt32, -1, 0, 1, 40, math.MaxInt32}
	forAny(t, func(random *rand.Rand, spec v1alpha1.GoServiceSpec, _ Observed) error {
		figure := func() *Figure[int32] { return &Figure[int32]{Value: pick(random, counts...)} }
		if random.IntN(3) == 0 {
			spec.Resources = &v1alpha1.ResourcesSpec{Requests: quantities("cpu", pick(random, "0", "1n", "1m", "1e9"))}
		}
		observed := Observed{
			Sharing: pick(random, counts...), WantedReplicas: pick(random, counts...), MaxReplicas: pick(random, counts...),
			ServiceTime: pick(random, costs...), CPUTime: pick(random, costs...),
			HighestServiceTime: pick(random, costs...), HighestCPUTime: pick(random, costs...),
			Tuned: Tuned{
				ReplicaFloor: figure(), Workers: figure(), GOGC: figure(), Needed: pick(random, counts...),
				Utilization: &Figure[float64]{Value: pick(random, odd...)},
				Parts:       &Parts{Pods: map[string]float64{"a": pick(random, odd...)}, Newcomer: pick(random, odd...)},
			},
		}
		p := Compute(&spec, observed)
		if _, err := json.Marshal(p); err != nil { // refuses what is not finite
			return err
		}
		r := p.Replicas.Value
		if r.Min < 0 || r.Max > maxMaximum || p.ReplicaFloor.Value < r.Min || p.ReplicaFloor.Value > r.Max {
			return fmt.Errorf("replicas %v, floor %d", r, p.ReplicaFloor.Value)
		}
		if p.Workers.Value < 0 || p.QueueDepth.Value < 0 || p.CPUTarget != nil && (p.CPUTarget.Value < 1 || p.CPUTarget.Value > 100) {
			return fmt.Errorf("workers %d, queue %d, CPU target %v", p.Workers.Value, p.QueueDepth.Value, p.CPUTarget)
		}
		if text := fmt.Sprintf("%+v", p.Status()); strings.Contains(text, "NaN") || strings.Contains(text, "Inf ") {
			return fmt.Errorf("status %s", text)
		}
		return nil
	})
}
