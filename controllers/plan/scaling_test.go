// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/workload/telemetry"
)

func TestScaling(t *testing.T) {
	type want struct {
		Up        ScaleUp
		Tolerance float64 // 0 for the cluster's own
		Window    time.Duration
	}
	cases := map[string]struct {
		spec     v1alpha1.GoServiceSpec
		observed Observed
		want     want
	}{
		"half of the range in one look": {
			v1alpha1.GoServiceSpec{Autoscaling: &v1alpha1.AutoscalingSpec{MinReplicas: new(int32(3)), MaxReplicas: new(int32(24))}}, Observed{},
			want{ScaleUp{11, 100, 15 * time.Second}, 0, time.Minute},
		},
		"no slower than Kubernetes": {
			v1alpha1.GoServiceSpec{Autoscaling: &v1alpha1.AutoscalingSpec{MinReplicas: new(int32(2)), MaxReplicas: new(int32(3))}}, Observed{},
			want{ScaleUp{4, 100, 15 * time.Second}, 0, time.Minute},
		},
		"no room above a target that the formula gave": {
			v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Latency: latency(50*time.Millisecond, "99")}}, Observed{},
			want{ScaleUp{8, 100, 15 * time.Second}, 0.03, time.Minute},
		},
		"a target below the formula's leaves room": { // 77% would do, 72% is the most that is steered for
			v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Latency: latency(100*time.Millisecond, "99")}}, Observed{ServiceTime: 5 * time.Millisecond},
			want{ScaleUp{8, 100, 15 * time.Second}, 0.07, time.Minute},
		},
		"no more than the cluster's": {
			v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Latency: latency(time.Second, "99")}}, Observed{ServiceTime: time.Millisecond},
			want{ScaleUp{8, 100, 15 * time.Second}, 0.1, time.Minute},
		},
		"a target set by hand": {
			v1alpha1.GoServiceSpec{
				SLO:         &v1alpha1.SLOSpec{Latency: latency(50*time.Millisecond, "99")},
				Autoscaling: &v1alpha1.AutoscalingSpec{TargetCPUUtilization: new(int32(60))},
			},
			Observed{}, want{ScaleUp{8, 100, 15 * time.Second}, 0, time.Minute},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := Compute(&c.spec, c.observed)
			got := want{Up: p.ScaleUp.Value, Window: p.ScaleDownWindow.Value}
			if p.ScaleUpTolerance != nil {
				got.Tolerance = p.ScaleUpTolerance.Value
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	fixed := Compute(&v1alpha1.GoServiceSpec{Replicas: new(int32(3))}, Observed{})
	if fixed.ScaleUp != nil || fixed.ScaleUpTolerance != nil {
		t.Errorf("an autoscaler that is not there: %+v, %+v", fixed.ScaleUp, fixed.ScaleUpTolerance)
	}
}

func TestUtilizationAndConcurrency(t *testing.T) {
	type want struct{ Utilization, Concurrency float64 } // 0 where there is none
	cases := map[string]struct {
		spec     v1alpha1.GoServiceSpec
		observed Observed
		want     want
	}{
		"nothing declared": {},
		"no latency objective": { // 0.25 cores · 0.7 ÷ 10 ms = 17.5/s · 10 ms
			v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Availability: "99.9"}}, Observed{}, want{0.7, 0.175},
		},
		"handlers that wait": { // 0.25 · 0.7 ÷ 1 ms = 175/s · 20 ms
			v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Availability: "99.9"}},
			Observed{ServiceTime: 20 * time.Millisecond, CPUTime: time.Millisecond}, want{0.7, 3.5},
		},
		"a fixed size": {
			v1alpha1.GoServiceSpec{Replicas: new(int32(4)), SLO: &v1alpha1.SLOSpec{Latency: latency(50*time.Millisecond, "99")}}, Observed{}, want{0.55, 0.138},
		},
		"a fixed size without a latency": { // 0.25 · 0.7 ÷ 10 ms
			v1alpha1.GoServiceSpec{Replicas: new(int32(4)), SLO: &v1alpha1.SLOSpec{Availability: "99.9"}}, Observed{}, want{0.7, 0.175},
		},
		"a target set by hand": {
			v1alpha1.GoServiceSpec{Autoscaling: &v1alpha1.AutoscalingSpec{TargetCPUUtilization: new(int32(40))}}, Observed{}, want{0.4, 0.1},
		},
		"lowered by measurements": {
			v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Availability: "99.9"}},
			Observed{Tuned: Tuned{Utilization: &Figure[float64]{0.5, "too slow"}}}, want{0.5, 0.125},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p, got := Compute(&c.spec, c.observed), want{}
			if p.Utilization != nil {
				got = want{p.Utilization.Value, math.Round(p.Concurrency.Value*1000) / 1000}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestBoundariesAreTheToolkits ties what status.plan says to what the pods count in.
func TestBoundariesAreTheToolkits(t *testing.T) {
	for name, threshold := range map[string]time.Duration{
		"no objective": 0, "between two others": 60 * time.Millisecond, "one of the others": 50 * time.Millisecond, "beyond the last": 20 * time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			spec := v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Availability: "99"}}
			if threshold > 0 {
				spec.SLO.Latency = latency(threshold, "99")
			}
			buckets := telemetry.Buckets(threshold)
			seconds := func(d time.Duration) float64 { return d.Seconds() }
			got := Compute(&spec, Observed{}).Histogram.Value
			if seconds(got.First) != buckets[0] || seconds(got.Last) != buckets[len(buckets)-1] || got.Exact != threshold {
				t.Errorf("%+v, the toolkit has %v", got, buckets)
			}
		})
	}
}

func TestScalingFollowsTheRange(t *testing.T) {
	forAny(t, func(random *rand.Rand, spec v1alpha1.GoServiceSpec, observed Observed) error {
		if spec.SLO == nil {
			spec.SLO = &v1alpha1.SLOSpec{}
		}
		spec.Replicas = nil
		spec.SLO.Load = load(1 + random.Int32N(1_000_000))
		small := Compute(&spec, observed)
		larger := spec.DeepCopy()
		larger.SLO.Load.PeakRequestsPerSecond += random.Int32N(1_000_000)
		large := Compute(larger, observed)
		if large.ScaleUp.Value.Pods < small.ScaleUp.Value.Pods {
			return fmt.Errorf("peak %d: %d pods at once, fewer than %d", larger.SLO.Load.PeakRequestsPerSecond, large.ScaleUp.Value.Pods, small.ScaleUp.Value.Pods)
		}
		up, r := small.ScaleUp.Value, small.Replicas.Value
		if looksToPeak*up.Pods < r.Max-r.Min || up.Pods < min(r.Max-r.Min, fewPods) || up.Pods < minScaleUpPods || up.Period < autoscalerPeriod {
			return fmt.Errorf("%v does not lead through %v", up, r)
		}
		if f := small.ScaleUpTolerance; f != nil && (f.Value < minTolerance || f.Value > defaultTolerance) {
			return fmt.Errorf("tolerance %v", f.Value)
		}
		return nil
	})
}

// A range of a few pods is one step, and larger ones are never taken in smaller steps.
func TestAFewPodsAreAddedAtOnce(t *testing.T) {
	for most, want := range map[int32]string{
		5: "4 pods or 100% within 15s, without delay: the Kubernetes default, which covers the whole range",
		8: "6 pods or 100% within 15s, without delay: the whole range", 10: "8 pods or 100% within 15s, without delay: the whole range",
		15: "8 pods or 100% within 15s, without delay: 8 pods may always be added at once, which is more than half of the range",
		42: "20 pods or 100% within 15s, without delay: covers the whole range in 2 sync periods of the autoscaler of 15s each; a pod takes 10s to start",
	} {
		spec := v1alpha1.GoServiceSpec{Autoscaling: &v1alpha1.AutoscalingSpec{MinReplicas: new(int32(2)), MaxReplicas: new(most)}}
		if got := Compute(&spec, Observed{}).ScaleUp; fmt.Sprintf("%s: %s", got.Value, got.Reason) != want {
			t.Errorf("2 to %d pods: %s: %s, want %s", most, got.Value, got.Reason, want)
		}
	}
}

func TestTighterLatencyNeverMakesPodsBusier(t *testing.T) {
	forAny(t, func(random *rand.Rand, spec v1alpha1.GoServiceSpec, observed Observed) error {
		observed.ServiceTime = max(observed.ServiceTime, time.Microsecond)
		spec.SLO = &v1alpha1.SLOSpec{Latency: latency(time.Duration(2+random.Int64N(2_000))*time.Millisecond, "99")}
		loose := Compute(&spec, observed)
		tighter := spec.DeepCopy()
		tighter.SLO.Latency.Threshold.Duration = time.Duration(1 + random.Int64N(int64(spec.SLO.Latency.Threshold.Duration)))
		tight := Compute(tighter, observed)
		if tight.Utilization.Value > loose.Utilization.Value || tight.Concurrency.Value > loose.Concurrency.Value {
			return fmt.Errorf("threshold %s: %v and %v, above %v and %v", tighter.SLO.Latency.Threshold,
				tight.Utilization.Value, tight.Concurrency.Value, loose.Utilization.Value, loose.Concurrency.Value)
		}
		if a, b := tight.ScaleUpTolerance, loose.ScaleUpTolerance; tight.CPUTarget != nil && a != nil && b != nil && tight.CPUTarget.Value == loose.CPUTarget.Value && a.Value > b.Value {
			return fmt.Errorf("threshold %s: tolerance %v above %v", tighter.SLO.Latency.Threshold, a.Value, b.Value)
		}
		return nil
	})
}

// TestEveryFigureHasAReason finds figures that a person on call would find unexplained.
func TestEveryFigureHasAReason(t *testing.T) {
	forAny(t, func(_ *rand.Rand, spec v1alpha1.GoServiceSpec, observed Observed) error {
		status := reflect.ValueOf(*Compute(&spec, observed).Status())
		for i := range status.NumField() {
			name, field := status.Type().Field(i).Name, status.Field(i)
			if field.Kind() == reflect.Pointer {
				field = field.Elem()
			}
			if value, is := reflect.TypeAssert[v1alpha1.PlannedValue](orZero(field)); is && field.IsValid() {
				if strings.TrimSpace(value.Value) == "" || strings.TrimSpace(value.Reason) == "" {
					return fmt.Errorf("%s is %q because of %q", name, value.Value, value.Reason)
				}
			}
		}
		return nil
	})
}

// orZero stands in for the value behind a nil pointer.
func orZero(v reflect.Value) reflect.Value {
	if v.IsValid() {
		return v
	}
	return reflect.ValueOf(0)
}
