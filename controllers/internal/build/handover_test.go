// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

// ofTheUsers is a spec with a selector of the user's, as a Deployment has that was handed over.
func ofTheUsers(color string) v1alpha1.GoServiceSpec {
	return v1alpha1.GoServiceSpec{
		Pod:   &v1alpha1.PodSpec{ContainerName: "app", Selector: map[string]v1alpha1.LabelValue{"app": "a"}, Labels: map[string]v1alpha1.LabelValue{"color": v1alpha1.LabelValue(color)}},
		Ports: []v1alpha1.PortSpec{{Name: "grpc", Port: 9090}},
	}
}

// step builds and returns what is desired, and the template that the Deployment keeps then.
func step(t *testing.T, spec v1alpha1.GoServiceSpec, environment Environment) (Desired, *Template) {
	t.Helper()
	service := &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "checkout"}, Spec: spec}
	desired, err := Build(service, plan.Compute(&spec, plan.Observed{}), environment)
	if err != nil {
		t.Fatal(err)
	}
	var deployment appsv1.Deployment
	decode(t, deploymentIn(desired), &deployment)
	return desired, TemplateOf(&deployment)
}

func decode(t *testing.T, child Child, into any) {
	t.Helper()
	content, err := child.Unstructured()
	if err != nil {
		t.Fatal(err)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, into); err != nil {
		t.Fatal(err)
	}
}

// targets of the Service that clients call, in the order of its ports.
func targets(t *testing.T, desired Desired) []string {
	t.Helper()
	var service corev1.Service
	decode(t, desired.Children[slices.IndexFunc(desired.Children, func(c Child) bool { return c.Kind == ServiceKind && c.Name == "checkout" })], &service)
	var all []string
	for _, port := range service.Spec.Ports {
		all = append(all, port.TargetPort.String())
	}
	return all
}

func kindsAndNames(desired Desired) []string {
	var all []string
	for _, child := range desired.Children {
		all = append(all, child.Kind.Kind+"/"+child.Name)
	}
	return all
}

// justHandedOver is the template of a Deployment that was just handed over.
func justHandedOver(t *testing.T) *Template {
	t.Helper()
	key, value := HandedOver()
	deployment := &metav1.ObjectMeta{Annotations: map[string]string{key: value}}
	if !JustHandedOver(deployment) {
		t.Errorf("%s=%s does not say that nothing was applied", key, value)
	}
	return TemplateOf(deployment)
}

var (
	byNumber = []string{"8080", "9090"}
	byName   = []string{"http", "grpc"}
)

// Until the last pod is gone that somebody else made, whatever the user changes in the meantime, the Service leads to ports by their
// numbers. After that it never does again, though the autoscaler changes the count.
func TestPortsAreToldByNumberUntilTheLastPodOfAnotherIsGone(t *testing.T) {
	blue, green := ofTheUsers("blue"), ofTheUsers("green")
	environment := Environment{WorkloadImage: "workload:1", Version: "v1", HasDeployment: true, Template: justHandedOver(t)}
	var cause v1alpha1.TemplateCause
	pass := func(what string, spec v1alpha1.GoServiceSpec, replacing bool, wantTargets []string, wantCause v1alpha1.TemplateCause) {
		t.Helper()
		environment.Replacing = replacing
		desired, kept := step(t, spec, environment)
		if diff := cmp.Diff(wantTargets, targets(t, desired)); diff != "" {
			t.Errorf("%s: the ports that the Service leads to (-want +got):\n%s", what, diff)
		}
		if cause = desired.Template.Cause; cause != wantCause {
			t.Errorf("%s: cause %s, want %s", what, cause, wantCause)
		}
		environment.Template = kept
	}
	pass("just handed over", blue, false, byNumber, v1alpha1.TemplateFromHandOver)
	if JustHandedOver(&metav1.ObjectMeta{Annotations: map[string]string{annotationTemplate: environment.Template.annotation}}) {
		t.Error("a template was applied, and the Deployment counts as just handed over")
	}
	first := environment.Template
	pass("replacing", blue, true, byNumber, v1alpha1.TemplateFromHandOver)
	if environment.Template.annotation != first.annotation {
		t.Errorf("the kept template changed while nothing else did: %s, before %s", environment.Template.annotation, first.annotation)
	}
	pass("the user mends the spec while pods of another serve", green, true, byNumber, v1alpha1.TemplateFromSpec)
	pass("replacing by the mended", green, true, byNumber, v1alpha1.TemplateFromSpec)
	environment.Version, environment.WorkloadImage, environment.Upgrade = "v2", "workload:2", true
	pass("the operator is upgraded", green, true, byNumber, v1alpha1.TemplateFromUpgrade)
	pass("all are replaced", green, false, byName, v1alpha1.TemplateFromUpgrade)
	pass("the autoscaler changes the count", green, true, byName, v1alpha1.TemplateFromUpgrade)
	pass("another change", blue, true, byName, v1alpha1.TemplateFromSpec)
}

// The end of the rollout changes no template: no pod is replaced once more.
func TestTheEndOfAHandOverReplacesNoPod(t *testing.T) {
	spec := ofTheUsers("blue")
	environment := Environment{WorkloadImage: "workload:1", Version: "v1", HasDeployment: true, Template: justHandedOver(t)}
	before, kept := step(t, spec, environment)
	environment.Template = kept
	after, ended := step(t, spec, environment)
	if diff := cmp.Diff(templateOf(t, before), templateOf(t, after)); diff != "" {
		t.Errorf("the template changed (-before +after):\n%s", diff)
	}
	if kept.Hash != ended.Hash || !kept.OthersPods || ended.OthersPods {
		t.Errorf("kept %+v, then %+v", kept, ended)
	}
}

// Before there is a Deployment, a selector of the user's may select pods that are not to be the service's.
func TestNothingSelectsPodsOfAnotherBeforeThereIsADeployment(t *testing.T) {
	own, plainSpec := ofTheUsers("blue"), v1alpha1.GoServiceSpec{Ports: ofTheUsers("").Ports}
	all := []string{
		"ServiceAccount/checkout", "ConfigMap/checkout-live-settings", "Service/checkout", "Service/checkout-metrics",
		"PodDisruptionBudget/checkout", "Deployment/checkout",
	}
	few := slices.DeleteFunc(slices.Clone(all), func(name string) bool {
		return name == "Service/checkout-metrics" || name == "PodDisruptionBudget/checkout"
	})
	for name, c := range map[string]struct {
		spec          v1alpha1.GoServiceSpec
		hasDeployment bool
		kinds         []string
		targets       []string
	}{
		"a selector of the user's, no Deployment":        {own, false, few, byNumber},
		"a selector of the user's, a Deployment":         {own, true, all, byName},
		"a selector of the operator's, no Deployment":    {plainSpec, false, all, byName},
		"an empty selector of the user's, no Deployment": {v1alpha1.GoServiceSpec{Ports: own.Ports, Pod: &v1alpha1.PodSpec{}}, false, all, byName},
	} {
		t.Run(name, func(t *testing.T) {
			desired, _ := step(t, c.spec, Environment{HasDeployment: c.hasDeployment})
			if diff := cmp.Diff(c.kinds, kindsAndNames(desired)); diff != "" {
				t.Errorf("children (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.targets, targets(t, desired)); diff != "" {
				t.Errorf("ports that the Service leads to (-want +got):\n%s", diff)
			}
		})
	}
}

// A Deployment that was deleted is made anew, and what selects its pods stays in the meantime.
func TestADeploymentThatWasDeletedKeepsItsBudget(t *testing.T) {
	spec := ofTheUsers("blue")
	service := &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "checkout"}, Spec: spec}
	service.Status.Template = &v1alpha1.TemplateStatus{Cause: v1alpha1.TemplateFromHandOver}
	desired, err := Build(service, plan.Compute(&spec, plan.Observed{}), Environment{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Service/checkout-metrics", "PodDisruptionBudget/checkout"} {
		if !slices.Contains(kindsAndNames(desired), name) {
			t.Errorf("%s would be removed", name)
		}
	}
	if diff := cmp.Diff(byName, targets(t, desired)); diff != "" {
		t.Errorf("ports that the Service leads to (-want +got):\n%s", diff)
	}
}

// Pods with a selector of the user's have labels by which no other service selects them, whatever that selector says.
func TestPodsWithASelectorOfTheUsersAreOneServicesOnly(t *testing.T) {
	cart := &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Name: "cart"}}
	checkout := &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Name: "checkout"}, Spec: v1alpha1.GoServiceSpec{Pod: &v1alpha1.PodSpec{
		Selector: map[string]v1alpha1.LabelValue{labelName: "cart", "team": "red"},
		Labels:   map[string]v1alpha1.LabelValue{labelInstance: "mine", "size": "big"},
	}}}
	pods := PodLabels(checkout)
	want := map[string]string{
		labelName: "cart", "team": "red", "size": "big", labelInstance: "checkout", labelComponent: componentService, LabelManagedBy: ManagedPods, labelService: "checkout",
	}
	if diff := cmp.Diff(want, pods); diff != "" {
		t.Errorf("labels of the pods (-want +got):\n%s", diff)
	}
	for name, c := range map[string]struct {
		selector labels.Selector
		pods     map[string]string
		want     bool
	}{
		"its own":                        {PodSelector(checkout), pods, true},
		"those of the service it names":  {PodSelector(cart), pods, false},
		"all of services, the user's":    {PodsOfServices(), pods, true},
		"all of services, the operators": {PodsOfServices(), PodLabels(cart), true},
		"all of services, others":        {PodsOfServices(), map[string]string{labelName: "cart", LabelManagedBy: "Helm"}, false},
		"cart's own":                     {PodSelector(cart), PodLabels(cart), true},
	} {
		if got := c.selector.Matches(labels.Set(c.pods)); got != c.want {
			t.Errorf("%s: selected %t, want %t", name, got, c.want)
		}
	}
	for want, pod := range map[string]map[string]string{"checkout": pods, "cart": PodLabels(cart), "": {labelName: "cart", labelService: "cart", LabelManagedBy: "Helm"}} {
		if got := ServiceOfPod(pod); got != want {
			t.Errorf("the pod with %v is one of %q, want %q", pod, got, want)
		}
	}
}

// Whatever selects pods, and whatever names their container, goes by what the user says.
func TestTheSelectorAndTheContainersNameAreTheUsersEverywhere(t *testing.T) {
	desired, _ := step(t, ofTheUsers("blue"), Environment{HasDeployment: true})
	for _, child := range desired.Children {
		content, err := child.Unstructured()
		if err != nil {
			t.Fatal(err)
		}
		spec, _ := content["spec"].(map[string]any)
		var got any
		switch child.Kind.Kind {
		case "Service":
			got = spec["selector"]
		case "PodDisruptionBudget", "Deployment":
			got = spec["selector"].(map[string]any)["matchLabels"]
		default:
			continue
		}
		if diff := cmp.Diff(any(map[string]any{"app": "a"}), got); diff != "" {
			t.Errorf("%s %s selects (-want +got):\n%s", child.Kind.Kind, child.Name, diff)
		}
	}
	var deployment appsv1.Deployment
	decode(t, deploymentIn(desired), &deployment)
	template := deployment.Spec.Template
	if name := template.Spec.Containers[0].Name; name != "app" || ContainerOfPod(template.Annotations) != "app" {
		t.Errorf("the container is %s, of the pods %s", name, ContainerOfPod(template.Annotations))
	}
	if name := ContainerOfPod(nil); name != ContainerName {
		t.Errorf("the container of a pod that says nothing is %s", name)
	}
	for want, spec := range map[string]v1alpha1.GoServiceSpec{ContainerName: {Pod: &v1alpha1.PodSpec{}}, "app": ofTheUsers("")} {
		if got := ContainerOf(&spec); got != want {
			t.Errorf("the container is %s, want %s", got, want)
		}
	}
}

// What runs is told from what is about metrics by a label.
func TestWhatRunsIsToldByALabel(t *testing.T) {
	desired, _ := step(t, v1alpha1.GoServiceSpec{}, Environment{HasDeployment: true, OptionalKinds: map[schema.GroupVersionKind]bool{ServiceMonitorKind: true, PrometheusRuleKind: true}})
	var running []string
	for _, child := range desired.Children {
		var object metav1.PartialObjectMetadata
		decode(t, child, &object)
		if Runs(object.Labels) {
			running = append(running, fmt.Sprintf("%s/%s", child.Kind.Kind, child.Name))
		}
	}
	want := []string{
		"ServiceAccount/checkout", "ConfigMap/checkout-live-settings", "Service/checkout", "PodDisruptionBudget/checkout", "Deployment/checkout",
	}
	if diff := cmp.Diff(want, running); diff != "" {
		t.Errorf("what runs (-want +got):\n%s", diff)
	}
}
