// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// figures are the ones that measurements may move, with their reasons.
func figures(p Plan) map[string]string {
	all := map[string]string{
		"floor":   fmt.Sprintf("%d: %s", p.ReplicaFloor.Value, p.ReplicaFloor.Reason),
		"workers": fmt.Sprintf("%d: %s", p.Workers.Value, p.Workers.Reason),
		"depth":   fmt.Sprintf("%d: %s", p.QueueDepth.Value, p.QueueDepth.Reason),
	}
	if p.CPUTarget != nil {
		all["target"] = fmt.Sprintf("%d%%: %s", p.CPUTarget.Value, p.CPUTarget.Reason)
	}
	if p.GOGC != nil {
		all["gogc"] = fmt.Sprintf("%d: %s", p.GOGC.Value, p.GOGC.Reason)
	}
	return all
}

// Every figure that measurements may move, for every way in which a spec leaves it to them or fixes it.
func TestWhatMeasurementsMove(t *testing.T) {
	whole := func(n int32) *Figure[int32] { return &Figure[int32]{n, "measured"} }
	share := func(f float64) *Figure[float64] { return &Figure[float64]{f, "measured"} }
	scaled := func(change ...func(*v1alpha1.GoServiceSpec)) v1alpha1.GoServiceSpec {
		spec := v1alpha1.GoServiceSpec{Autoscaling: &v1alpha1.AutoscalingSpec{MinReplicas: new(int32(3)), MaxReplicas: new(int32(8))}}
		for _, c := range change {
			c(&spec)
		}
		return spec
	}
	fixedTarget := func(s *v1alpha1.GoServiceSpec) { s.Autoscaling.TargetCPUUtilization = new(int32(65)) }
	pool := func(workers, depth *int32) func(*v1alpha1.GoServiceSpec) {
		return func(s *v1alpha1.GoServiceSpec) { s.Pool = &v1alpha1.PoolSpec{Workers: workers, QueueDepth: depth} }
	}
	const (
		ownTarget  = "70%: spec.slo.latency is not set; 70% leaves room while pods start"
		ownWorkers = "64: " + "64 for each whole core (1; at least one counts); each pod starts with these and sizes its pool between one for each processor, or these if fewer, and 4096"
		ownDepth   = "4096: 4096, or one for each of workers if that is more: it bounds memory, and queueTimeout bounds the wait"
	)
	cases := map[string]struct {
		spec  v1alpha1.GoServiceSpec
		tuned Tuned
		moved map[string]string // besides what an autoscaled service has without measurements
	}{
		"nothing measured":             {scaled(), Tuned{}, nil},
		"a floor within the bounds":    {scaled(), Tuned{ReplicaFloor: whole(5)}, map[string]string{"floor": "5: measured"}},
		"a floor below the bounds":     {scaled(), Tuned{ReplicaFloor: whole(2)}, map[string]string{"floor": "3: measured"}},
		"a floor above the bounds":     {scaled(), Tuned{ReplicaFloor: whole(9)}, map[string]string{"floor": "8: measured"}},
		"a floor that is none":         {scaled(), Tuned{ReplicaFloor: whole(-1)}, nil},
		"less utilization":             {scaled(), Tuned{Utilization: share(0.58)}, map[string]string{"target": "58%: measured"}},
		"a part of a per cent":         {scaled(), Tuned{Utilization: share(0.589)}, map[string]string{"target": "58%: measured"}},
		"the least utilization":        {scaled(), Tuned{Utilization: share(0.29)}, map[string]string{"target": "30%: measured"}},
		"as much utilization":          {scaled(), Tuned{Utilization: share(0.7)}, nil},
		"more utilization":             {scaled(), Tuned{Utilization: share(0.71)}, nil},
		"utilization of nobody":        {scaled(), Tuned{Utilization: share(0)}, nil},
		"utilization above all":        {scaled(), Tuned{Utilization: share(1.01)}, nil},
		"a utilization that is none":   {scaled(), Tuned{Utilization: share(math.NaN())}, nil},
		"a target that the user set":   {scaled(fixedTarget), Tuned{Utilization: share(0.5)}, map[string]string{"target": "65%: set in spec.autoscaling.targetCPUUtilization"}},
		"workers":                      {scaled(), Tuned{Workers: whole(9)}, map[string]string{"workers": "9: measured"}},
		"more workers than may wait":   {scaled(), Tuned{Workers: whole(5000)}, map[string]string{"workers": "5000: measured", "depth": "5000" + strings.TrimPrefix(ownDepth, "4096")}},
		"workers below none":           {scaled(), Tuned{Workers: whole(-1)}, nil},
		"a pool that says nothing":     {scaled(pool(nil, nil)), Tuned{Workers: whole(9)}, map[string]string{"workers": "9: measured"}},
		"workers that the user set":    {scaled(pool(new(int32(7)), nil)), Tuned{Workers: whole(9)}, map[string]string{"workers": "7: set in spec.pool.workers"}},
		"a depth that the user set":    {scaled(pool(nil, new(int32(6)))), Tuned{Workers: whole(9)}, map[string]string{"workers": "9: measured", "depth": "6: set in spec.pool.queueDepth"}},
		"GOGC":                         {scaled(), Tuned{GOGC: whole(300)}, map[string]string{"gogc": "300: measured"}},
		"a GOGC that is none":          {scaled(), Tuned{GOGC: whole(-1)}, nil},
		"a GOGC that the user set":     {scaled(func(s *v1alpha1.GoServiceSpec) { s.Runtime = &v1alpha1.RuntimeSpec{GOGC: new(int32(150))} }), Tuned{GOGC: whole(300)}, map[string]string{"gogc": "150: set in spec.runtime.gogc"}},
		"a GOGC in a variable":         {scaled(func(s *v1alpha1.GoServiceSpec) { s.Env = []v1alpha1.EnvVar{{Name: "A"}, {Name: "GOGC"}} }), Tuned{GOGC: whole(300)}, nil},
		"a runtime that says nothing":  {scaled(func(s *v1alpha1.GoServiceSpec) { s.Runtime = &v1alpha1.RuntimeSpec{} }), Tuned{GOGC: whole(300)}, map[string]string{"gogc": "300: measured"}},
		"nothing is scaled: no floor":  {v1alpha1.GoServiceSpec{Replicas: new(int32(4))}, Tuned{ReplicaFloor: whole(5), Utilization: share(0.5)}, map[string]string{"floor": "4: the minimum", "target": ""}},
		"nothing is scaled: the pool":  {v1alpha1.GoServiceSpec{Replicas: new(int32(4))}, Tuned{Workers: whole(9)}, map[string]string{"floor": "4: the minimum", "target": "", "workers": "9: measured"}},
		"the bounds of a lost service": {scaled(func(s *v1alpha1.GoServiceSpec) { s.Replicas = new(int32(0)) }), Tuned{ReplicaFloor: whole(5)}, map[string]string{"floor": "0: the minimum", "target": ""}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			want := map[string]string{"floor": "3: the minimum", "target": ownTarget, "workers": ownWorkers, "depth": ownDepth}
			maps.Copy(want, c.moved)
			maps.DeleteFunc(want, func(_, value string) bool { return value == "" })
			if diff := cmp.Diff(want, figures(Compute(&c.spec, Observed{Tuned: c.tuned}))); diff != "" {
				t.Errorf("figures (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatTheTunerSteersBy(t *testing.T) {
	cases := map[string]struct {
		spec v1alpha1.GoServiceSpec
		want Steering
	}{
		"nothing declared": {v1alpha1.GoServiceSpec{}, Steering{Utilization: 0.7, Cores: 0.25}},
		"an autoscaler's target": {
			v1alpha1.GoServiceSpec{Autoscaling: &v1alpha1.AutoscalingSpec{TargetCPUUtilization: new(int32(40))}},
			Steering{Utilization: 0.4, UtilizationIsFixed: true, Cores: 0.25},
		},
		"an autoscaler without one": {
			v1alpha1.GoServiceSpec{Autoscaling: &v1alpha1.AutoscalingSpec{}}, Steering{Utilization: 0.7, Cores: 0.25},
		},
		"a fixed target of a service that is switched off": {
			v1alpha1.GoServiceSpec{Replicas: new(int32(0)), Autoscaling: &v1alpha1.AutoscalingSpec{TargetCPUUtilization: new(int32(40))}},
			Steering{Utilization: 0.7, UtilizationIsFixed: true, Cores: 0.25},
		},
		"objectives": {
			v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Availability: "99.5", Latency: latency(50*time.Millisecond, "95")}},
			Steering{Utilization: 0.7, Cores: 0.25, Threshold: 50 * time.Millisecond, SlowBudget: 0.05, FailedBudget: 0.005},
		},
		"availability alone": {
			v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Availability: "99"}}, Steering{Utilization: 0.7, Cores: 0.25, FailedBudget: 0.01},
		},
		"latency alone": {
			v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Latency: latency(time.Second, "90")}},
			Steering{Utilization: 0.72, Cores: 0.25, Threshold: time.Second, SlowBudget: 0.1},
		},
		"resources": {
			v1alpha1.GoServiceSpec{Resources: &v1alpha1.ResourcesSpec{Requests: quantities("cpu", "500m"), Limits: quantities("cpu", "2")}},
			Steering{Utilization: 0.7, Cores: 0.5, CPULimit: 2},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := SteeringOf(&c.spec, Compute(&c.spec, Observed{}))
			for _, f := range []*float64{&got.SlowBudget, &got.FailedBudget} {
				*f = math.Round(*f*1e9) / 1e9
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("steering (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheWindowOfAnObjective(t *testing.T) {
	const day = 24 * time.Hour
	if got := SLOWindow(&v1alpha1.GoServiceSpec{}); got != 30*day {
		t.Errorf("without objectives: %s", got)
	}
	for text, want := range map[string]time.Duration{"": 30 * day, "7d": 7 * day, "1d": day, "90d": 90 * day, "0d": 30 * day, "-1d": 30 * day, "week": 30 * day} {
		if got := SLOWindow(&v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Window: text}}); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

// What another plan would have differently, and nothing else.
func TestRecommended(t *testing.T) {
	spec := v1alpha1.GoServiceSpec{Autoscaling: &v1alpha1.AutoscalingSpec{MinReplicas: new(int32(3)), MaxReplicas: new(int32(8))}}
	same := Compute(&spec, Observed{})
	if diff := cmp.Diff(&v1alpha1.RecommendedStatus{}, same.Recommended(same)); diff != "" {
		t.Errorf("the same plan (-want +got):\n%s", diff)
	}
	tuned := Tuned{
		ReplicaFloor: &Figure[int32]{5, "floor"}, Utilization: &Figure[float64]{0.5, "busy"}, Workers: &Figure[int32]{9, "workers"},
		GOGC: &Figure[int32]{300, "heap"},
	}
	other := Compute(&spec, Observed{Tuned: tuned, WantedReplicas: 9})
	wider := spec.DeepCopy()
	wider.Autoscaling.MaxReplicas = new(int32(9))
	other.Replicas = Compute(wider, Observed{}).Replicas
	want := &v1alpha1.RecommendedStatus{
		Replicas:  &v1alpha1.PlannedValue{Value: "3 to 9", Reason: "3: set in spec.autoscaling; 9: set in spec.autoscaling"},
		CPUTarget: &v1alpha1.PlannedValue{Value: "50%", Reason: "busy"}, Workers: &v1alpha1.PlannedValue{Value: "9", Reason: "workers"},
		GOGC:         &v1alpha1.PlannedValue{Value: "300", Reason: "heap"},
		ReplicaFloor: &v1alpha1.PlannedValue{Value: "5", Reason: "floor"},
	}
	if diff := cmp.Diff(want, same.Recommended(other)); diff != "" {
		t.Errorf("another plan (-want +got):\n%s", diff)
	}
	if got := other.Recommended(same); got.GOGC != nil || got.Workers == nil || got.ReplicaFloor == nil {
		t.Errorf("the way back: %+v, want no GOGC, which that plan leaves to Go", got)
	}
}

func TestWhatIsNotPlausibleIsNotObserved(t *testing.T) {
	figure := func(n int32) *Figure[int32] { return &Figure[int32]{n, ""} }
	share := func(f float64) *Figure[float64] { return &Figure[float64]{f, ""} }
	cases := map[string]struct{ given, want Observed }{
		"counts below none": {Observed{Sharing: -1, WantedReplicas: -1, MaxReplicas: -1}, Observed{}},
		"counts":            {Observed{Sharing: 1, WantedReplicas: 2, MaxReplicas: maxMaximum}, Observed{Sharing: 1, WantedReplicas: 2, MaxReplicas: maxMaximum}},
		"a bound too high":  {Observed{MaxReplicas: maxMaximum + 1}, Observed{MaxReplicas: maxMaximum}},
		"costs": {
			Observed{ServiceTime: 1, CPUTime: longestCost, HighestServiceTime: 2, HighestCPUTime: 3},
			Observed{ServiceTime: 1, CPUTime: longestCost, HighestServiceTime: 2, HighestCPUTime: 3},
		},
		"costs below none":    {Observed{ServiceTime: -1, CPUTime: -1, HighestServiceTime: -1, HighestCPUTime: -1}, Observed{}},
		"costs of hours":      {Observed{ServiceTime: longestCost + 1, CPUTime: longestCost + 1, HighestServiceTime: longestCost + 1, HighestCPUTime: longestCost + 1}, Observed{}},
		"figures of none":     {Observed{Tuned: Tuned{ReplicaFloor: figure(0), Workers: figure(0), GOGC: figure(0)}}, Observed{Tuned: Tuned{ReplicaFloor: figure(0), GOGC: figure(0)}}},
		"as many workers":     {Observed{Tuned: Tuned{Workers: figure(maxWorkers)}}, Observed{Tuned: Tuned{Workers: figure(maxWorkers)}}},
		"too many workers":    {Observed{Tuned: Tuned{Workers: figure(maxWorkers + 1)}}, Observed{}},
		"figures below none":  {Observed{Tuned: Tuned{ReplicaFloor: figure(-1), Workers: figure(-1), GOGC: figure(-1)}}, Observed{}},
		"a full utilization":  {Observed{Tuned: Tuned{Utilization: share(1)}}, Observed{Tuned: Tuned{Utilization: share(1)}}},
		"an empty one":        {Observed{Tuned: Tuned{Utilization: share(0)}}, Observed{}},
		"a fuller one":        {Observed{Tuned: Tuned{Utilization: share(1.001)}}, Observed{}},
		"parts":               {Observed{Tuned: Tuned{Parts: &Parts{map[string]float64{"a": 0, "b": mostPerSecond}, 0}}}, Observed{Tuned: Tuned{Parts: &Parts{map[string]float64{"a": 0, "b": mostPerSecond}, 0}}}},
		"a part below none":   {Observed{Tuned: Tuned{Parts: &Parts{map[string]float64{"a": -1, "b": 1}, 1}}}, Observed{}},
		"a part above all":    {Observed{Tuned: Tuned{Parts: &Parts{map[string]float64{"a": mostPerSecond * 1.01, "b": 1}, 1}}}, Observed{}},
		"a newcomer's":        {Observed{Tuned: Tuned{Parts: &Parts{nil, -1}}}, Observed{}},
		"a part that is none": {Observed{Tuned: Tuned{Parts: &Parts{map[string]float64{"a": math.NaN()}, 1}}}, Observed{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, c.given.plausible()); diff != "" {
				t.Errorf("observed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatARequestIsTakenToCost(t *testing.T) {
	withLimit := func(cpu string) *v1alpha1.ResourcesSpec {
		return &v1alpha1.ResourcesSpec{Limits: quantities("cpu", cpu)}
	}
	ms := time.Millisecond
	cases := map[string]struct {
		spec     v1alpha1.GoServiceSpec
		observed Observed
		want     demand
	}{
		"nothing known": {want: demand{serviceTime: 10 * ms, assumed: 10 * ms, cpuTime: 10 * ms, cores: 0.25, servers: 1}},
		"a threshold": {
			spec: v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Latency: latency(500*ms, "90")}},
			want: demand{threshold: 500 * ms, percentile: 0.9, serviceTime: 50 * ms, assumed: 50 * ms, cpuTime: 50 * ms, cores: 0.25, servers: 1},
		},
		"a peak": {
			spec: v1alpha1.GoServiceSpec{SLO: &v1alpha1.SLOSpec{Load: load(7)}},
			want: demand{serviceTime: 10 * ms, assumed: 10 * ms, cpuTime: 10 * ms, cores: 0.25, servers: 1, peak: 7},
		},
		"half a core": {
			spec: v1alpha1.GoServiceSpec{Resources: withLimit("500m")},
			want: demand{serviceTime: 20 * ms, assumed: 20 * ms, cpuTime: 20 * ms, cores: 0.5, servers: 1},
		},
		"hardly a core": {
			spec: v1alpha1.GoServiceSpec{Resources: withLimit("1m")},
			want: demand{serviceTime: time.Second, assumed: time.Second, cpuTime: time.Second, cores: 0.001, servers: 1},
		},
		"three cores": {
			spec: v1alpha1.GoServiceSpec{Resources: withLimit("3")},
			want: demand{serviceTime: 10 * ms, assumed: 10 * ms, cpuTime: 10 * ms, cores: 3, servers: 3},
		},
		"measured service time": {
			observed: Observed{ServiceTime: 3 * ms},
			want:     demand{serviceTime: 3 * ms, measured: true, assumed: 10 * ms, cpuTime: 3 * ms, cores: 0.25, servers: 1},
		},
		"measured CPU time": {
			observed: Observed{ServiceTime: 3 * ms, CPUTime: ms},
			want:     demand{serviceTime: 3 * ms, measured: true, assumed: 10 * ms, cpuTime: ms, cpuMeasured: true, cores: 0.25, servers: 1},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := demandOf(&c.spec, containerResources(&c.spec), c.observed)
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(demand{})); diff != "" {
				t.Errorf("demand (-want +got):\n%s", diff)
			}
		})
	}
	for cores, want := range map[float64]int{-1: 1, 0: 1, 0.9: 1, 1: 1, 1.9: 1, 2: 2, 4096: 4096, 4097: 4096, math.Inf(1): 4096} {
		if got := serversOf(cores); got != want {
			t.Errorf("%v cores run %d requests at once, want %d", cores, got, want)
		}
	}
	for text, want := range map[string]float64{"": 0.99, "x": 0.99, "49.9": 0.99, "50": 0.5, "99.9": 0.999, "99.99": 0.9999, "100": 0.99} {
		if got := percentileOf(latency(time.Second, text)); math.Abs(got-want) > 1e-12 {
			t.Errorf("percentile %q is %v, want %v", text, got, want)
		}
	}
}

// A container that asks for nothing gets what its limits say, and the defaults where those say nothing either.
func TestRequestsAreCompleted(t *testing.T) {
	cases := map[string]struct {
		given *v1alpha1.ResourcesSpec
		want  corev1.ResourceRequirements
	}{
		"nothing":         {nil, corev1.ResourceRequirements{Requests: quantities("cpu", "250m", "memory", "128Mi"), Limits: quantities("memory", "256Mi")}},
		"an empty choice": {&v1alpha1.ResourcesSpec{}, corev1.ResourceRequirements{Requests: quantities("cpu", "250m", "memory", "128Mi")}},
		"limits": {
			&v1alpha1.ResourcesSpec{Limits: quantities("cpu", "2", "memory", "1Gi")},
			corev1.ResourceRequirements{Requests: quantities("cpu", "2", "memory", "1Gi"), Limits: quantities("cpu", "2", "memory", "1Gi")},
		},
		"a request beside a limit": {
			&v1alpha1.ResourcesSpec{Requests: quantities("cpu", "1"), Limits: quantities("cpu", "2")},
			corev1.ResourceRequirements{Requests: quantities("cpu", "1", "memory", "128Mi"), Limits: quantities("cpu", "2")},
		},
		"something else": {
			&v1alpha1.ResourcesSpec{Requests: quantities("ephemeral-storage", "1Gi", "memory", "64Mi")},
			corev1.ResourceRequirements{Requests: quantities("cpu", "250m", "ephemeral-storage", "1Gi", "memory", "64Mi")},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, containerResources(&v1alpha1.GoServiceSpec{Resources: c.given})); diff != "" {
				t.Errorf("resources (-want +got):\n%s", diff)
			}
		})
	}
}

// The number of pods that a Deployment begins with, and what it remembers of the spec.
func TestWhatADeploymentStartsWith(t *testing.T) {
	external := &v1alpha1.AutoscalingSpec{Mode: v1alpha1.AutoscalingExternal}
	derived := &v1alpha1.AutoscalingSpec{MinReplicas: new(int32(1)), MaxReplicas: new(int32(8))}
	type want struct {
		Replicas   Range
		Start      int32
		Remembered *int32
		Autoscaled bool
	}
	cases := map[string]struct {
		replicas    *int32
		autoscaling *v1alpha1.AutoscalingSpec
		observed    Observed
		want        want
	}{
		"fixed":                   {new(int32(4)), nil, Observed{WantedReplicas: 7}, want{Range{4, 4}, 4, nil, false}},
		"fixed by default":        {nil, nil, Observed{WantedReplicas: 7}, want{Range{2, 2}, 2, nil, false}},
		"switched off":            {new(int32(0)), derived, Observed{WantedReplicas: 7}, want{Range{0, 0}, 0, new(int32(0)), false}},
		"scaled":                  {nil, derived, Observed{}, want{Range{1, 8}, 2, new(int32(2)), true}},
		"scaled, by what runs":    {nil, derived, Observed{WantedReplicas: 7}, want{Range{1, 8}, 7, new(int32(2)), true}},
		"scaled, as declared":     {new(int32(4)), derived, Observed{WantedReplicas: 7}, want{Range{1, 8}, 4, new(int32(4)), true}},
		"scaled, by a floor":      {new(int32(4)), derived, Observed{Tuned: Tuned{ReplicaFloor: &Figure[int32]{6, ""}}}, want{Range{1, 8}, 6, new(int32(4)), true}},
		"scaled, above the bound": {new(int32(12)), derived, Observed{}, want{Range{1, 8}, 8, new(int32(12)), true}},
		"somebody else's":         {new(int32(4)), external, Observed{WantedReplicas: 7}, want{Range{4, 4}, 4, nil, false}},
		"somebody else's, taken over": {
			new(int32(4)), external, Observed{WantedReplicas: 7, StartedFrom: new(int32(4))}, want{Range{7, 7}, 7, new(int32(4)), false},
		},
		"somebody else's, by default": {
			nil, external, Observed{WantedReplicas: 7, StartedFrom: new(int32(2))}, want{Range{7, 7}, 7, new(int32(2)), false},
		},
		"somebody else's, and the spec was changed": {
			new(int32(5)), external, Observed{WantedReplicas: 7, StartedFrom: new(int32(4))}, want{Range{5, 5}, 5, nil, false},
		},
		"somebody else's, and none runs": {
			new(int32(4)), external, Observed{StartedFrom: new(int32(4))}, want{Range{4, 4}, 4, nil, false},
		},
		"somebody else's, switched off": {
			new(int32(0)), external, Observed{WantedReplicas: 7, StartedFrom: new(int32(0))}, want{Range{0, 0}, 0, new(int32(0)), false},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := Compute(&v1alpha1.GoServiceSpec{Replicas: c.replicas, Autoscaling: c.autoscaling}, c.observed)
			if diff := cmp.Diff(c.want, want{p.Replicas.Value, p.Start, p.StartedFrom, p.Autoscaled}); diff != "" {
				t.Errorf("plan (-want +got):\n%s", diff)
			}
		})
	}
}
