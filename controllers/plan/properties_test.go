// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"goservice.dev/operator/api/v1alpha1"
)

// Each property is tried on that many specs, drawn from a fixed seed so that a failure comes again.
const draws = 3000

func pick[T any](random *rand.Rand, choices ...T) T { return choices[random.IntN(len(choices))] }

// anySpec is a spec that the schema admits, with each part present or not.
func anySpec(random *rand.Rand) v1alpha1.GoServiceSpec {
	var spec v1alpha1.GoServiceSpec
	maybe := func() bool { return random.IntN(2) == 0 }
	if maybe() {
		spec.SLO = &v1alpha1.SLOSpec{Availability: pick(random, "", "95", "99", "99.9", "99.99")}
		if maybe() {
			spec.SLO.Latency = latency(time.Duration(1+random.Int64N(2_000))*time.Millisecond, pick(random, "", "50", "95", "99", "99.99"))
		}
		if maybe() {
			spec.SLO.Load = load(1 + random.Int32N(pick(random, int32(100), 10_000, 10_000_000)))
		}
	}
	switch {
	case maybe():
		spec.Autoscaling = &v1alpha1.AutoscalingSpec{}
		if maybe() {
			spec.Autoscaling.MinReplicas = new(1 + random.Int32N(50))
		}
		if maybe() {
			spec.Autoscaling.MaxReplicas = new(50 + random.Int32N(200))
		}
	case maybe():
		spec.Replicas = new(random.Int32N(20))
	}
	if maybe() {
		spec.RateLimit = &v1alpha1.RateLimitSpec{RequestsPerSecond: 1 + random.Int32N(pick(random, int32(10), 10_000, 10_000_000))}
		if maybe() {
			spec.RateLimit.Burst = new(1 + random.Int32N(1000))
		}
	}
	if maybe() {
		spec.Resources = &v1alpha1.ResourcesSpec{
			Requests: quantities("cpu", pick(random, "50m", "250m", "1", "4"), "memory", pick(random, "32Mi", "1Gi")),
			Limits:   quantities("cpu", pick(random, "4", "8"), "memory", pick(random, "1Gi", "2Gi")),
		}
	}
	if maybe() {
		spec.Shutdown = &v1alpha1.ShutdownSpec{}
		if maybe() {
			spec.Shutdown.PreStopDelay = duration(time.Duration(random.Int64N(int64(10 * time.Minute))))
		}
		if maybe() {
			spec.Shutdown.DrainTimeout = duration(time.Second + time.Duration(random.Int64N(int64(time.Hour))))
		}
	}
	return spec
}

func anyObserved(random *rand.Rand) Observed {
	return Observed{
		Sharing:        random.Int32N(pick(random, int32(5), 200, 12_000)),
		WantedReplicas: random.Int32N(20),
		ServiceTime:    time.Duration(random.Int64N(int64(50 * time.Millisecond))),
	}
}

// forAny tries a property on many specs; the first one that breaks it is printed.
func forAny(t *testing.T, property func(random *rand.Rand, spec v1alpha1.GoServiceSpec, observed Observed) error) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	for range draws {
		spec, observed := anySpec(random), anyObserved(random)
		if err := property(random, spec, observed); err != nil {
			encoded, _ := json.Marshal(spec)
			t.Fatalf("%v\nspec: %s\nobserved: %+v", err, encoded, observed)
		}
	}
}

func TestTighterLatencyNeverRelaxesAnything(t *testing.T) {
	forAny(t, func(random *rand.Rand, spec v1alpha1.GoServiceSpec, observed Observed) error {
		// While no service time is measured it is assumed from the threshold, and a tighter one means faster handlers.
		observed.ServiceTime = max(observed.ServiceTime, time.Microsecond)
		spec.Replicas = nil
		spec.SLO = &v1alpha1.SLOSpec{Latency: latency(time.Duration(2+random.Int64N(2_000))*time.Millisecond, "99"), Load: load(1 + random.Int32N(100_000))}
		// So does the upper bound follow from what is assumed, unless more was measured once.
		assumed := spec.SLO.Latency.Threshold.Duration / assumedServiceShare
		observed.HighestServiceTime = assumed + time.Duration(random.Int64N(int64(50*time.Millisecond)))
		observed.HighestCPUTime = assumed + time.Duration(random.Int64N(int64(50*time.Millisecond)))
		loose := Compute(&spec, observed)
		tighter := spec.DeepCopy()
		tighter.SLO.Latency.Threshold.Duration = time.Duration(1 + random.Int64N(int64(spec.SLO.Latency.Threshold.Duration)))
		tight := Compute(tighter, observed)
		if tight.CPUTarget.Value > loose.CPUTarget.Value {
			return fmt.Errorf("threshold %s: CPU target %d above %d", tighter.SLO.Latency.Threshold, tight.CPUTarget.Value, loose.CPUTarget.Value)
		}
		if tight.Replicas.Value.Max < loose.Replicas.Value.Max {
			return fmt.Errorf("threshold %s: maximum %d below %d", tighter.SLO.Latency.Threshold, tight.Replicas.Value.Max, loose.Replicas.Value.Max)
		}
		if tight.QueueTimeout.Value > loose.QueueTimeout.Value || tight.RequestTimeout.Value > loose.RequestTimeout.Value {
			return fmt.Errorf("threshold %s: a longer wait or deadline", tighter.SLO.Latency.Threshold)
		}
		return nil
	})
}

func TestHigherPercentileNeverRaisesTheCPUTarget(t *testing.T) {
	forAny(t, func(_ *rand.Rand, spec v1alpha1.GoServiceSpec, observed Observed) error {
		spec.Replicas = nil
		before := int32(100)
		for _, percentile := range []string{"50", "90", "95", "99", "99.9", "99.99"} {
			spec.SLO = &v1alpha1.SLOSpec{Latency: latency(100*time.Millisecond, percentile)}
			target := Compute(&spec, observed).CPUTarget.Value
			if target > before {
				return fmt.Errorf("p%s: CPU target %d above %d", percentile, target, before)
			}
			before = target
		}
		return nil
	})
}

func TestLargerPeakNeverAllowsFewerPods(t *testing.T) {
	forAny(t, func(random *rand.Rand, spec v1alpha1.GoServiceSpec, observed Observed) error {
		if spec.SLO == nil {
			spec.SLO = &v1alpha1.SLOSpec{}
		}
		spec.SLO.Load = load(1 + random.Int32N(1_000_000))
		small := Compute(&spec, observed)
		larger := spec.DeepCopy()
		larger.SLO.Load.PeakRequestsPerSecond += random.Int32N(1_000_000)
		large := Compute(larger, observed)
		if large.Replicas.Value.Max < small.Replicas.Value.Max {
			return fmt.Errorf("peak %d: maximum %d below %d", larger.SLO.Load.PeakRequestsPerSecond, large.Replicas.Value.Max, small.Replicas.Value.Max)
		}
		return nil
	})
}

func TestSharesNeverExceedTheBudget(t *testing.T) {
	forAny(t, func(_ *rand.Rand, spec v1alpha1.GoServiceSpec, observed Observed) error {
		if spec.RateLimit == nil || observed.Sharing == 0 {
			return nil
		}
		share := Compute(&spec, observed).SharePerPod.Value
		pods, budget := float64(observed.Sharing), float64(spec.RateLimit.RequestsPerSecond)
		if sum := share.RequestsPerSecond * pods; sum > budget*(1+1e-12) {
			return fmt.Errorf("%g/s for each of %g pods is more than %g/s", share.RequestsPerSecond, pods, budget)
		}
		if share.RequestsPerSecond <= 0 || share.Burst < 1 {
			return fmt.Errorf("a share that admits nothing: %+v", share)
		}
		// A bucket holds at least one request, so more pods than the burst exceed it by what they must.
		if burst := spec.RateLimit.Burst; burst != nil && float64(share.Burst)*pods > math.Max(float64(*burst), pods) {
			return fmt.Errorf("a burst of %d for each of %g pods is more than %d", share.Burst, pods, *burst)
		}
		return nil
	})
}

func TestBoundsAlwaysHold(t *testing.T) {
	forAny(t, func(_ *rand.Rand, spec v1alpha1.GoServiceSpec, observed Observed) error {
		p := Compute(&spec, observed)
		r := p.Replicas.Value
		if r.Min > r.Max || r.Max > 10_000 || (p.Autoscaled && r.Min < 1) {
			return fmt.Errorf("impossible range %v", r)
		}
		if p.Autoscaled != (p.CPUTarget != nil) || (!p.Autoscaled && r.Min != r.Max) {
			return fmt.Errorf("neither a fixed size nor a range: %v, CPU target %v", r, p.CPUTarget)
		}
		if given := spec.Autoscaling; given != nil && given.MinReplicas != nil && r.Min != *given.MinReplicas {
			return fmt.Errorf("minimum %d, %d was given", r.Min, *given.MinReplicas)
		}
		if p.GracePeriod.Value != p.PreStopDelay.Value+p.DrainTimeout.Value+5*time.Second {
			return fmt.Errorf("grace %s", p.GracePeriod.Value)
		}
		if p.RequestTimeout.Value <= 0 || p.RequestTimeout.Value > p.DrainTimeout.Value {
			return fmt.Errorf("draining within %s would cut a request of %s", p.DrainTimeout.Value, p.RequestTimeout.Value)
		}
		if spec.Shutdown == nil && p.RequestTimeout.Value+p.QueueTimeout.Value > p.DrainTimeout.Value {
			return fmt.Errorf("draining within %s would cut a request that waited", p.DrainTimeout.Value)
		}
		for _, d := range []time.Duration{p.PreStopDelay.Value, p.DrainTimeout.Value, p.GracePeriod.Value} {
			if d%time.Second != 0 {
				return fmt.Errorf("%s is no whole number of seconds", d)
			}
		}
		return nil
	})
}

func TestComputeIsPure(t *testing.T) {
	forAny(t, func(_ *rand.Rand, spec v1alpha1.GoServiceSpec, observed Observed) error {
		before := spec.DeepCopy()
		first, second := Compute(&spec, observed), Compute(&spec, observed)
		if !reflect.DeepEqual(first, second) {
			return fmt.Errorf("two plans of one spec differ: %+v, %+v", first, second)
		}
		clear(first.Resources.Requests)
		clear(first.Resources.Limits)
		if !reflect.DeepEqual(*before, spec) {
			return fmt.Errorf("the spec changed")
		}
		return nil
	})
}
