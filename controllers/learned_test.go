// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/measure"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/controllers/tuner"
)

// tunedSpec is a service whose pods take 144 requests per second of 5 ms.
const tunedSpec = `{slo: {availability: "99.9", latency: {threshold: 100ms}, load: {peakRequestsPerSecond: 2000}}, resources: {requests: {cpu: "1"}, limits: {cpu: "1", memory: 256Mi}}}`

// underLoad runs a service until measurements have moved every figure that they may move.
func underLoad(t *testing.T, namespace, spec string, pods *workload, load *traffic, ready int32) v1alpha1.GoServiceStatus {
	t.Helper()
	op := startOperator(t, namespace, pods)
	applyService(t, namespace, spec)
	settled(t, namespace, serviceName)
	setDeploymentStatus(t, namespace, appsv1.DeploymentStatus{Replicas: ready, ReadyReplicas: ready, AvailableReplicas: ready, UpdatedReplicas: ready})
	startPod(t, namespace, "checkout-a")
	startPod(t, namespace, "checkout-b")
	var service v1alpha1.GoService
	eventually(t, func(g gomega.Gomega) {
		get(t, namespace, serviceName, &service)
		learned := service.Status.Learned
		g.Expect(learned).NotTo(gomega.BeNil())
		g.Expect(learned.CPUNanoseconds).To(gomega.Equal(int64(5 * time.Millisecond)))
		g.Expect(learned.ServiceNanoseconds).To(gomega.Equal(int64(10 * time.Millisecond)))
		g.Expect(learned.Floor).To(gomega.BeNumerically(">", 2))
		g.Expect(learned.UtilizationPermille).To(gomega.BeNumerically(">", 0))
		g.Expect(learned.Workers).To(gomega.BeNumerically(">", 0))
		g.Expect(learned.GOGC).To(gomega.BeNumerically(">", 0))
		g.Expect(meta.IsStatusConditionTrue(service.Status.Conditions, v1alpha1.ConditionMeasured)).To(gomega.BeTrue())
		g.Expect(meta.IsStatusConditionTrue(service.Status.Conditions, v1alpha1.ConditionTuned)).To(gomega.BeTrue())
	})
	// What follows from these decisions is written before the stop.
	asked := load.timesAsked()
	eventually(t, func(g gomega.Gomega) { g.Expect(load.timesAsked()).To(gomega.BeNumerically(">=", asked+4)) })
	op.stop()
	get(t, namespace, serviceName, &service)
	return service.Status
}

// versionsOf every child.
func versionsOf(t *testing.T, namespace string) map[string]string {
	t.Helper()
	versions := map[string]string{}
	for name, child := range childrenOf(t, namespace) {
		versions[name] = child.GetResourceVersion()
	}
	return versions
}

// Another operator goes on with what this one has learned: it writes nothing and tells nothing.
func TestARestartMovesNoFigure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spec  string
		load  float64 // of each of the two pods that are asked
		ready int32
	}{
		"by the pods":        {tunedSpec, 140, 2},
		"with another floor": {tunedSpec, 400, 6},
		"with bounds":        {with(t, tunedSpec, `autoscaling: {minReplicas: 2, maxReplicas: 7}`), 140, 2},
		"by Prometheus":      {with(t, tunedSpec, `{tuning: {source: Prometheus}, observability: {metrics: {interval: 2s}}}`), 140, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace, pods, load := newNamespace(t), newWorkload(), newTraffic(c.load)
			load.slow = 0.05
			pods.scrape = load.scrape
			pods.query = func(ctx context.Context, _ types.NamespacedName, _ measure.Endpoint) (map[string]measure.Sample, error) {
				samples := map[string]measure.Sample{}
				for _, pod := range []string{"checkout-a", "checkout-b"} {
					sample, err := load.scrape(ctx, measure.Pod{Name: pod}, measure.Endpoint{})
					if err != nil {
						return nil, err
					}
					sample.At = time.Now()
					samples[pod] = sample
				}
				return samples, nil
			}
			before := underLoad(t, namespace, c.spec, pods, load, c.ready)
			versions, asked := versionsOf(t, namespace), load.timesAsked()

			op := startOperator(t, namespace, pods)
			eventually(t, func(g gomega.Gomega) { g.Expect(load.timesAsked()).To(gomega.BeNumerically(">=", asked+10)) })
			if diff := cmp.Diff(versions, versionsOf(t, namespace)); diff != "" {
				t.Errorf("children (-before +after):\n%s", diff)
			}
			op.stop()
			if written := op.writes.all(); len(written) > 0 {
				var after v1alpha1.GoService
				get(t, namespace, serviceName, &after)
				t.Errorf("the other operator wrote %v; status (-before +after):\n%s", written, cmp.Diff(before, after.Status))
			}
		})
	}
}

// Whatever an operator may learn is accepted, and nothing beyond that: a status that is refused would be lost as a whole.
func TestTheMostThatMayBeLearnedIsAccepted(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	applyService(t, namespace, tunedSpec)
	var service v1alpha1.GoService
	get(t, namespace, serviceName, &service)
	for name, c := range map[string]struct {
		change  func(*v1alpha1.LearnedStatus)
		refused bool
	}{
		"the most":           {func(*v1alpha1.LearnedStatus) {}, false},
		"a start of more":    {func(l *v1alpha1.LearnedStatus) { l.StartupSeconds[0]++ }, true},
		"a start of no time": {func(l *v1alpha1.LearnedStatus) { l.StartupSeconds[0] = 0 }, true},
		"one start more":     {func(l *v1alpha1.LearnedStatus) { l.StartupSeconds = append(l.StartupSeconds, 1) }, true},
		"more utilization":   {func(l *v1alpha1.LearnedStatus) { l.UtilizationPermille++ }, true},
		"more minutes":       {func(l *v1alpha1.LearnedStatus) { l.Profile.Minutes += "AAAA" }, true},
		"no day":             {func(l *v1alpha1.LearnedStatus) { l.Profile.Day = 0 }, true},
		"strays below none":  {func(l *v1alpha1.LearnedStatus) { l.Profile.StrayPermille = -1 }, true},
	} {
		most := tuner.Learned{
			At: time.Now(), Tuned: plan.Tuned{Utilization: &plan.Figure[float64]{Value: 1}},
			Startups: slices.Repeat([]time.Duration{5 * time.Minute}, 16),
			Profile: tuner.Profile{
				Day: math.MaxInt32, Minutes: slices.Repeat([]tuner.RisingMinute{{Minute: 1439, Days: 1<<24 - 1, Levels: [2]byte{255, 255}}}, 256), Strays: 1440, Noise: 255,
			},
		}
		tried := service.DeepCopy()
		tried.Status.Learned = most.Status()
		c.change(tried.Status.Learned)
		if err := api.Status().Update(t.Context(), tried, client.DryRunAll); (err != nil) != c.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What came in the same minute of the last two days has its pods before it begins, also after a restart.
func TestTheNextOperatorKnowsWhatComesByTheClock(t *testing.T) {
	t.Parallel()
	namespace, pods, load := newNamespace(t), newWorkload(), newTraffic(140)
	load.slow = 0.05
	pods.scrape = load.scrape
	before := underLoad(t, namespace, tunedSpec, pods, load, 2)
	const minutesPerDay, thousand = 24 * 60, 151 // 0.01 · 1.08^150 requests per second
	now := time.Now().Unix() / 60
	soon := now + 1
	profile := tuner.Profile{Day: now / minutesPerDay}
	yesterday := profile.Day - (soon/minutesPerDay - 1)
	profile.Minutes = []tuner.RisingMinute{{Minute: int(soon % minutesPerDay), Days: 0b11 << yesterday, Levels: [2]byte{thousand, thousand}}}
	var service v1alpha1.GoService
	get(t, namespace, serviceName, &service)
	service.Status.Learned.Profile = tuner.Learned{Profile: profile}.Status().Profile
	if err := api.Status().Update(t.Context(), &service); err != nil {
		t.Fatal(err)
	}
	op := startOperator(t, namespace, pods)
	eventually(t, func(g gomega.Gomega) {
		get(t, namespace, serviceName, &service)
		g.Expect(service.Status.Learned.Floor).To(gomega.BeNumerically(">", before.Learned.Floor))
		g.Expect(service.Status.Plan.ReplicaFloor.Reason).To(gomega.ContainSubstring("req/s as at this time yesterday"))
		var autoscaler autoscalingv2.HorizontalPodAutoscaler
		get(t, namespace, serviceName, &autoscaler)
		g.Expect(*autoscaler.Spec.MinReplicas).To(gomega.Equal(service.Status.Learned.Floor))
	})
	op.stop()
}

// While pods cannot be measured after a restart, everything stays as it was, however long.
func TestARestartWithoutMeasurementsMovesNoFigure(t *testing.T) {
	t.Parallel()
	namespace, pods, load := newNamespace(t), newWorkload(), newTraffic(140)
	load.slow = 0.05
	pods.scrape = load.scrape
	before := underLoad(t, namespace, tunedSpec, pods, load, 2)
	versions := versionsOf(t, namespace)
	load.change(func() { load.down = true })
	op := startOperator(t, namespace, pods)
	var service v1alpha1.GoService
	gomega.NewWithT(t).Eventually(func(g gomega.Gomega) { // half a minute counts as not measured yet
		get(t, namespace, serviceName, &service)
		measured := meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionMeasured)
		g.Expect(measured.Reason).To(gomega.Equal(v1alpha1.ReasonNotMeasured))
	}).Should(gomega.Succeed())
	op.stop()
	if diff := cmp.Diff(versions, versionsOf(t, namespace)); diff != "" {
		t.Errorf("children (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"PATCH goservices/checkout/status"}, slices.Compact(op.writes.all())); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before.Learned, service.Status.Learned); diff != "" {
		t.Errorf("learned (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(before.Plan, service.Status.Plan); diff != "" {
		t.Errorf("plan (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(before.Decisions, service.Status.Decisions); diff != "" {
		t.Errorf("decisions (-before +after):\n%s", diff)
	}
}

// Switching tuning off keeps what was learned, and the upper bound with it; switching it on again goes on from there.
func TestSwitchingTuningOffForgetsNothing(t *testing.T) {
	t.Parallel()
	namespace, pods, load := newNamespace(t), newWorkload(), newTraffic(140)
	load.slow = 0.05
	pods.scrape = load.scrape
	before := underLoad(t, namespace, tunedSpec, pods, load, 2)
	load.change(func() { load.down = true })
	op := startOperator(t, namespace, pods)
	maximum := func() int32 {
		var autoscaler autoscalingv2.HorizontalPodAutoscaler
		get(t, namespace, serviceName, &autoscaler)
		return autoscaler.Spec.MaxReplicas
	}
	was := maximum()
	applyService(t, namespace, with(t, tunedSpec, `tuning: {mode: Disabled}`))
	off := settled(t, namespace, serviceName).Status
	if off.Learned == nil || off.Learned.CPUNanoseconds != before.Learned.CPUNanoseconds || off.Learned.Floor != 0 || len(off.Learned.Budget) == 0 {
		t.Errorf("learned while tuning is off: %+v", off.Learned)
	}
	if len(off.Decisions) != len(before.Decisions) || off.SLO != nil {
		t.Errorf("decisions %v, slo %v", off.Decisions, off.SLO)
	}
	if is := maximum(); is < was {
		t.Errorf("maxReplicas fell from %d to %d", was, is)
	}
	applyService(t, namespace, tunedSpec)
	on := settled(t, namespace, serviceName).Status
	if on.Learned.CPUNanoseconds != before.Learned.CPUNanoseconds || on.Plan.Workers.Value == before.Plan.Workers.Value {
		t.Errorf("learned %+v, workers %+v after tuning is on again", on.Learned, on.Plan.Workers)
	}
	if diff := cmp.Diff(before.Plan.Replicas, on.Plan.Replicas); diff != "" {
		t.Errorf("replicas (-before +after):\n%s", diff)
	}
	op.stop()
}

// Where the status is lost, or is of an operator that did not tell what it had learned, the autoscaler's bounds are all that is left
// to go by.
func TestALostStatusLowersNoBound(t *testing.T) {
	t.Parallel()
	disabled := with(t, tunedSpec, `tuning: {mode: Disabled}`)
	for name, c := range map[string]struct {
		spec     string
		observed int64
		floor    int32
	}{
		"lost":                                 {tunedSpec, -1, 9},
		"of an earlier version":                {tunedSpec, 1, 9},
		"lost, tuning is off":                  {disabled, -1, 2},
		"of an earlier version, tuning is off": {disabled, 1, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace, pods := newNamespace(t), newWorkload()
			pods.scrape = func(context.Context, measure.Pod, measure.Endpoint) (measure.Sample, error) {
				return measure.Sample{}, errors.New("does not answer")
			}
			op := startOperator(t, namespace, pods)
			applyService(t, namespace, c.spec)
			settled(t, namespace, serviceName)
			op.stop()
			var autoscaler autoscalingv2.HorizontalPodAutoscaler
			get(t, namespace, serviceName, &autoscaler)
			autoscaler.Spec.MinReplicas, autoscaler.Spec.MaxReplicas = new(int32(9)), 250
			if err := api.Update(t.Context(), &autoscaler); err != nil {
				t.Fatal(err)
			}
			var service v1alpha1.GoService
			get(t, namespace, serviceName, &service)
			service.Status = v1alpha1.GoServiceStatus{ObservedGeneration: c.observed}
			if err := api.Status().Update(t.Context(), &service); err != nil {
				t.Fatal(err)
			}
			op = startOperator(t, namespace, pods)
			settled(t, namespace, serviceName)
			for ready := range int32(2) {
				nudgeOperator(t, namespace, op, ready+1)
			}
			get(t, namespace, serviceName, &autoscaler)
			if *autoscaler.Spec.MinReplicas != c.floor || autoscaler.Spec.MaxReplicas != 250 {
				t.Errorf("bounds are %d to %d, want %d to 250", *autoscaler.Spec.MinReplicas, autoscaler.Spec.MaxReplicas, c.floor)
			}
			t.Log("an edit is not forgotten: it says what to derive from")
			applyService(t, namespace, with(t, c.spec, `slo: {load: {peakRequestsPerSecond: 1000}}`))
			settled(t, namespace, serviceName)
			get(t, namespace, serviceName, &autoscaler)
			if autoscaler.Spec.MaxReplicas >= 250 {
				t.Errorf("maxReplicas is %d after the peak was lowered", autoscaler.Spec.MaxReplicas)
			}
		})
	}
}

// A mode that this version does not know was stored by another one, as Off was, which is Disabled now.
func TestAModeThatIsNotKnownTunesNothing(t *testing.T) {
	t.Parallel()
	for mode, off := range map[v1alpha1.TuningMode]bool{
		"": false, v1alpha1.TuningAutomatic: false, v1alpha1.TuningRecommend: false, v1alpha1.TuningDisabled: true, "Off": true, "automatic": true,
	} {
		if got := tuningIsOff(&v1alpha1.GoServiceSpec{Tuning: &v1alpha1.TuningSpec{Mode: mode}}); got != off {
			t.Errorf("mode %q is off: %t, want %t", mode, got, off)
		}
	}
	if tuningIsOff(&v1alpha1.GoServiceSpec{}) {
		t.Error("off by default")
	}
}

// What would be tuned is shown, and none of it is done.
func TestRecommendAppliesNothing(t *testing.T) {
	t.Parallel()
	namespace, pods, load := newNamespace(t), newWorkload(), newTraffic(400)
	pods.scrape = load.scrape
	spec := with(t, tunedSpec, `tuning: {mode: Recommend}`)
	op := startOperator(t, namespace, pods)
	applyService(t, namespace, spec)
	settled(t, namespace, serviceName)
	setDeploymentStatus(t, namespace, appsv1.DeploymentStatus{Replicas: 6, ReadyReplicas: 6, AvailableReplicas: 6, UpdatedReplicas: 6})
	startPod(t, namespace, "checkout-a")
	startPod(t, namespace, "checkout-b")
	tuned(t, namespace, 2, "-")
	versions := versionsOf(t, namespace)
	var service v1alpha1.GoService
	eventually(t, func(g gomega.Gomega) {
		get(t, namespace, serviceName, &service)
		r := service.Status.Recommended
		g.Expect(r).NotTo(gomega.BeNil())
		g.Expect(r.ReplicaFloor).NotTo(gomega.BeNil())
		g.Expect(r.ReplicaFloor.Value).To(gomega.Equal("6"))
		g.Expect(r.Workers).NotTo(gomega.BeNil())
		g.Expect(meta.IsStatusConditionTrue(service.Status.Conditions, v1alpha1.ConditionMeasured)).To(gomega.BeTrue())
	})
	if diff := cmp.Diff(versions, versionsOf(t, namespace)); diff != "" {
		t.Errorf("children (-before +after):\n%s", diff)
	}
	if n := replicasOf(t, namespace); n != 2 {
		t.Errorf("%d replicas", n)
	}
	op.stop()
}
