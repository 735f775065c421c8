// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
)

// release is an operator of another version than the one that tests run otherwise, with another bundled image.
func release(version string) func(*operatorOptions) {
	return func(o *operatorOptions) {
		o.Version, o.WorkloadImage = version, "goservice.dev/workload:"+version
	}
}

func deploymentOf(t *testing.T, namespace string) *appsv1.Deployment {
	t.Helper()
	var deployment appsv1.Deployment
	get(t, namespace, serviceName, &deployment)
	return &deployment
}

func imageOf(t *testing.T, namespace string) string {
	t.Helper()
	return deploymentOf(t, namespace).Spec.Template.Spec.Containers[0].Image
}

// templateStatus waits until the status says of the template what is wanted.
func templateStatus(t *testing.T, namespace string, want v1alpha1.TemplateStatus) {
	t.Helper()
	eventually(t, func(g gomega.Gomega) {
		service := settled(t, namespace, serviceName)
		g.Expect(service.Status.Template).To(gomega.HaveValue(gomega.Equal(want)))
	})
}

func TestAnUpgradeOfTheOperatorReplacesNoPod(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil, release("v1"))
	applyService(t, namespace, minimalSpec)
	templateStatus(t, namespace, v1alpha1.TemplateStatus{OperatorVersion: "v1", Cause: v1alpha1.TemplateFromSpec})
	before := deploymentOf(t, namespace)
	op.stop()

	op = startOperator(t, namespace, nil, release("v2"))
	behind := v1alpha1.TemplateStatus{OperatorVersion: "v1", Cause: v1alpha1.TemplateFromSpec, Behind: true}
	templateStatus(t, namespace, behind)
	if written := op.writes.written(); slices.Contains(written, "PATCH deployments/checkout") {
		t.Errorf("the upgrade wrote %v", written)
	}

	// A live edit arrives, and no pod is replaced for it.
	applyService(t, namespace, with(t, minimalSpec, "rateLimit: {requestsPerSecond: 3000}"))
	templateStatus(t, namespace, behind)
	if diff := cmp.Diff(before.Spec.Template, deploymentOf(t, namespace).Spec.Template); diff != "" {
		t.Errorf("a live edit after an upgrade (-before +after):\n%s", diff)
	}

	// What somebody else changes in a template that is kept is put right, with the image that runs.
	edited := deploymentOf(t, namespace)
	edited.Spec.Template.Spec.Containers[0].Image = "somebody:else"
	if err := api.Update(t.Context(), edited, client.FieldOwner("somebody")); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(g gomega.Gomega) {
		g.Expect(deploymentOf(t, namespace).Spec.Template).To(gomega.Equal(before.Spec.Template))
	})

	// The next rolling edit brings all that is new.
	applyService(t, namespace, with(t, minimalSpec, "env: [{name: COLOR, value: blue}]"))
	templateStatus(t, namespace, v1alpha1.TemplateStatus{OperatorVersion: "v2", Cause: v1alpha1.TemplateFromSpec})
	if image := imageOf(t, namespace); image != "goservice.dev/workload:v2" {
		t.Errorf("after a rolling edit the image is %s", image)
	}
	op.stop()

	// And the way back replaces nothing either.
	rolled := deploymentOf(t, namespace)
	startOperator(t, namespace, nil, release("v1"))
	templateStatus(t, namespace, v1alpha1.TemplateStatus{OperatorVersion: "v2", Cause: v1alpha1.TemplateFromSpec, Behind: true})
	if diff := cmp.Diff(rolled.Spec.Template, deploymentOf(t, namespace).Spec.Template); diff != "" {
		t.Errorf("the operator was rolled back (-before +after):\n%s", diff)
	}
}

// leave makes what the operator of commit 9f9234a left: the GoService with its status, and the Deployment.
func leave(t *testing.T, namespace, spec string, applied metav1.ConditionStatus) *appsv1.Deployment {
	t.Helper()
	service := applyService(t, namespace, spec)
	text, err := os.ReadFile("testdata/deployment-9f9234a.yaml")
	if err != nil {
		t.Fatal(err)
	}
	object := &unstructured.Unstructured{Object: parse(t, string(text))}
	object.SetNamespace(namespace)
	object.SetOwnerReferences([]metav1.OwnerReference{*metav1.NewControllerRef(service, v1alpha1.GoServiceKind)})
	if err := api.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(apply.FieldManager)); err != nil {
		t.Fatal(err)
	}
	service.Status.ObservedGeneration = service.Generation
	service.Status.Conditions = []metav1.Condition{{
		Type: v1alpha1.ConditionApplied, Status: applied, Reason: v1alpha1.ReasonApplied, ObservedGeneration: service.Generation,
		Message: "all objects are up to date", LastTransitionTime: metav1.Now(),
	}}
	if err := api.Status().Update(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	return deploymentOf(t, namespace)
}

func TestATemplateOfBeforeTemplatesWereKeptIsTakenOver(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	before := leave(t, namespace, minimalSpec, metav1.ConditionTrue)
	// What others added is none of the operator's business.
	before.Spec.Template.Annotations = map[string]string{"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
	if err := api.Update(t.Context(), before, client.FieldOwner("kubectl-rollout")); err != nil {
		t.Fatal(err)
	}
	op := startOperator(t, namespace, nil, release("v1"))
	behind := v1alpha1.TemplateStatus{Cause: v1alpha1.TemplateFromSpec, Behind: true}
	templateStatus(t, namespace, behind)
	if diff := cmp.Diff(before.Spec.Template, deploymentOf(t, namespace).Spec.Template); diff != "" {
		t.Errorf("the upgrade (-before +after):\n%s", diff)
	}
	// From now on it is kept as any other.
	op.stop()
	op = startOperator(t, namespace, nil, release("v2"))
	if written := nudgeOperator(t, namespace, op, 1); len(written) > 0 {
		t.Errorf("a restart wrote %v", written)
	}
	applyService(t, namespace, with(t, minimalSpec, "rateLimit: {requestsPerSecond: 3000}"))
	templateStatus(t, namespace, behind)
	edited := deploymentOf(t, namespace)
	edited.Spec.Template.Spec.Containers[0].Env[0].Value = "somebody else"
	if err := api.Update(t.Context(), edited, client.FieldOwner("somebody")); err != nil {
		t.Fatal(err)
	}
	eventually(t, func(g gomega.Gomega) {
		g.Expect(deploymentOf(t, namespace).Spec.Template).To(gomega.Equal(before.Spec.Template))
	})
	applyService(t, namespace, with(t, minimalSpec, "port: 8081"))
	templateStatus(t, namespace, v1alpha1.TemplateStatus{OperatorVersion: "v2", Cause: v1alpha1.TemplateFromSpec})
}

// Who changed the template by hand while no operator ran, or the spec, gets what the spec says.
func TestATemplateThatIsNotTheSpecAppliedIsReplaced(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, namespace string){
		"the image was edited by hand": func(t *testing.T, namespace string) {
			edited := leave(t, namespace, minimalSpec, metav1.ConditionTrue)
			edited.Spec.Template.Spec.Containers[0].Image = "somebody:else"
			if err := api.Update(t.Context(), edited, client.FieldOwner("kubectl-edit")); err != nil {
				t.Fatal(err)
			}
		},
		"the spec was edited": func(t *testing.T, namespace string) {
			leave(t, namespace, minimalSpec, metav1.ConditionTrue)
			applyService(t, namespace, with(t, minimalSpec, "env: [{name: COLOR, value: blue}]"))
		},
		"the spec was never applied": func(t *testing.T, namespace string) {
			leave(t, namespace, minimalSpec, metav1.ConditionFalse)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			namespace := newNamespace(t)
			change(t, namespace)
			startOperator(t, namespace, nil, release("v1"))
			templateStatus(t, namespace, v1alpha1.TemplateStatus{OperatorVersion: "v1", Cause: v1alpha1.TemplateFromSpec})
			if image := imageOf(t, namespace); image != "goservice.dev/workload:v1" {
				t.Errorf("the image is %s", image)
			}
		})
	}
}

func TestAnOrphanOfAnOlderOperatorKeepsItsTemplate(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil, release("v1"))
	applyService(t, namespace, minimalSpec)
	settled(t, namespace, serviceName)
	op.stop()
	before := deploymentOf(t, namespace)
	orphan(t, namespace)
	startOperator(t, namespace, nil, release("v2"))
	eventually(t, func(g gomega.Gomega) {
		g.Expect(metav1.GetControllerOf(deploymentOf(t, namespace))).NotTo(gomega.BeNil())
	})
	templateStatus(t, namespace, v1alpha1.TemplateStatus{OperatorVersion: "v1", Cause: v1alpha1.TemplateFromSpec, Behind: true})
	if diff := cmp.Diff(before.Spec.Template, deploymentOf(t, namespace).Spec.Template); diff != "" {
		t.Errorf("taken back (-before +after):\n%s", diff)
	}
}
