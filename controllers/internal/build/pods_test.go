// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	policyv1ac "k8s.io/client-go/applyconfigurations/policy/v1"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

// builtOf is what is built for a spec in YAML.
func builtOf(t *testing.T, spec string) Desired {
	t.Helper()
	var service v1alpha1.GoService
	service.Name, service.Namespace = "checkout", "shop"
	if err := yaml.UnmarshalStrict([]byte(spec), &service.Spec); err != nil {
		t.Fatal(err)
	}
	desired, err := Build(&service, plan.Compute(&service.Spec, plan.Observed{}), Environment{WorkloadImage: testImage})
	if err != nil {
		t.Fatal(err)
	}
	return desired
}

// childOf is the first child with a configuration of a type.
func childOf[T any](t *testing.T, desired Desired) T {
	t.Helper()
	for _, child := range desired.Children {
		if configuration, is := child.Configuration.(T); is {
			return configuration
		}
	}
	t.Fatalf("there is no %T", *new(T))
	panic("unreachable")
}

func podOf(t *testing.T, spec string) *corev1ac.PodSpecApplyConfiguration {
	t.Helper()
	return podTemplateOf(t, spec).Spec
}

func podTemplateOf(t *testing.T, spec string) *corev1ac.PodTemplateSpecApplyConfiguration {
	t.Helper()
	var template corev1ac.PodTemplateSpecApplyConfiguration
	if err := json.Unmarshal(deploymentIn(builtOf(t, spec)).Template, &template); err != nil {
		t.Fatal(err)
	}
	return &template
}

// A quarter of five pods, rounded up as Kubernetes rounds percentages, would be two: more than the plan has room for.
func TestFewPodsLoseOneAtATime(t *testing.T) {
	for spec, want := range map[string]int32{
		`replicas: 0`: 1, `replicas: 1`: 1, `replicas: 5`: 1, `replicas: 7`: 1, `replicas: 8`: 2, `replicas: 100`: 25,
		`autoscaling: {minReplicas: 9, maxReplicas: 90}`: 2,
	} {
		budget := childOf[*policyv1ac.PodDisruptionBudgetApplyConfiguration](t, builtOf(t, spec))
		if got := budget.Spec.MaxUnavailable; got.Type != intstr.Int || got.IntVal != want {
			t.Errorf("%s: %s pods may go at a time, want %d", spec, got, want)
		}
	}
}

func TestAStartingPodIsNotAskedWhetherItIsReady(t *testing.T) {
	type paths struct{ Startup, Liveness, Readiness string }
	for spec, want := range map[string]paths{
		``: {"/startupz", "/livez", "/readyz"},
		`probes: {port: admin, livenessPath: /livez}`:                  {"/startupz", "/livez", "/readyz"},
		`probes: {readinessPath: /ready}`:                              {"/startupz", "/livez", "/ready"},
		`probes: {livenessPath: /alive}`:                               {"/alive", "/alive", "/readyz"},
		`probes: {port: http}`:                                         {"/livez", "/livez", "/readyz"},
		`probes: {port: http, livenessPath: /, readinessPath: /ready}`: {"/", "/", "/ready"},
	} {
		c := podOf(t, spec).Containers[0]
		got := paths{*c.StartupProbe.HTTPGet.Path, *c.LivenessProbe.HTTPGet.Path, *c.ReadinessProbe.HTTPGet.Path}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", spec, diff)
		}
	}
}

func TestARolloutIsGivenTheTimeThatAPodMayTake(t *testing.T) {
	for spec, want := range map[string]int32{
		``: 600,
		// Five minutes to be scheduled and to pull the image, and the grace period of the pod whose room it needs.
		`{probes: {startupTimeout: 20m}, shutdown: {preStopDelay: 10s, drainTimeout: 20s}}`: 5*60 + 20*60 + 35,
		`shutdown: {preStopDelay: 10m, drainTimeout: 1h}`:                                   5*60 + 60 + 70*60 + 5,
	} {
		if got := *childOf[*appsv1ac.DeploymentApplyConfiguration](t, builtOf(t, spec)).Spec.ProgressDeadlineSeconds; got != want {
			t.Errorf("%s: the rollout has %d s, want %d", spec, got, want)
		}
	}
}

func TestPodsRunOnLinuxUnlessTheUserSaysOtherwise(t *testing.T) {
	for spec, want := range map[string]map[string]string{
		``:                               {"kubernetes.io/os": "linux"},
		`pod: {nodeSelector: {disk: a}}`: {"kubernetes.io/os": "linux", "disk": "a"},
		`pod: {nodeSelector: {kubernetes.io/os: windows}}`: {"kubernetes.io/os": "windows"},
	} {
		if diff := cmp.Diff(want, podOf(t, spec).NodeSelector); diff != "" {
			t.Errorf("%s (-want +got):\n%s", spec, diff)
		}
	}
}

func TestWithoutAWritableTmpNoVolumeKeepsAPodOnItsNode(t *testing.T) {
	for spec, want := range map[string]bool{``: true, `pod: {writableTmp: true}`: true, `pod: {writableTmp: false}`: false} {
		template := podTemplateOf(t, spec)
		local := false
		for _, volume := range template.Spec.Volumes {
			local = local || volume.EmptyDir != nil
		}
		if local != want {
			t.Errorf("%s: a volume that only the node has: %t, want %t", spec, local, want)
		}
		if _, annotated := template.Annotations[annotationLocalVolumes]; annotated != want {
			t.Errorf("%s: annotated for the cluster autoscaler: %t, want %t", spec, annotated, want)
		}
	}
	own := podTemplateOf(t, `pod: {annotations: {`+annotationLocalVolumes+`: "tmp,mine"}}`)
	if got := own.Annotations[annotationLocalVolumes]; got != "tmp,mine" {
		t.Errorf("the annotation is %q, want the user's", got)
	}
}

// The scheduler scores a node by soft constraints only if it has the labels of all of them, and not every node has a zone.
func TestPodsAreSpreadOverNodesWithoutZones(t *testing.T) {
	for _, spec := range []string{``, `pod: {affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [
		{weight: 1, podAffinityTerm: {topologyKey: rack}}]}}}`} {
		pod := podOf(t, spec)
		if len(pod.TopologySpreadConstraints) != 1 || *pod.TopologySpreadConstraints[0].TopologyKey != corev1.LabelHostname {
			t.Errorf("%s: constraints other than over nodes: %v", spec, pod.TopologySpreadConstraints)
		}
		terms := pod.Affinity.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution
		if last := terms[len(terms)-1]; *last.PodAffinityTerm.TopologyKey != corev1.LabelTopologyZone {
			t.Errorf("%s: zones are not preferred: %v", spec, terms)
		}
	}
	own := podOf(t, `pod: {topologySpreadConstraints: [{maxSkew: 1, topologyKey: rack, whenUnsatisfiable: DoNotSchedule}]}`)
	if own.Affinity != nil || len(own.TopologySpreadConstraints) != 1 {
		t.Errorf("the user's own constraints do not replace the default: %v, %v", own.Affinity, own.TopologySpreadConstraints)
	}
}
