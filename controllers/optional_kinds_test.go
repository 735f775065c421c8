// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// definitionOf is a definition of an optional kind that admits everything.
func definitionOf(kind schema.GroupVersionKind) *apiextensionsv1.CustomResourceDefinition {
	singular := strings.ToLower(kind.Kind)
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{
			Name:        definitionName(kind),
			Annotations: map[string]string{"api-approved.kubernetes.io": "unapproved, a test's"},
		},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: kind.Group,
			Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Kind: kind.Kind, ListKind: kind.Kind + "List", Singular: singular, Plural: singular + "s"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: kind.Version, Served: true, Storage: true,
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
					Type: "object", XPreserveUnknownFields: new(true),
				}},
			}},
		},
	}
}

// install defines every optional kind until the end of the test or the call of what it returns.
func install(t *testing.T) (uninstall func()) {
	t.Helper()
	var definitions []*apiextensionsv1.CustomResourceDefinition
	for _, kind := range build.Kinds() {
		if kind.Optional {
			definitions = append(definitions, definitionOf(kind.GroupVersionKind))
		}
	}
	return define(t, definitions...)
}

// define creates definitions until the end of the test or the call of what it returns.
func define(t *testing.T, definitions ...*apiextensionsv1.CustomResourceDefinition) (uninstall func()) {
	t.Helper()
	var installed []client.Object
	for _, definition := range definitions {
		if err := api.Create(t.Context(), definition); err != nil {
			t.Fatal(err)
		}
		installed = append(installed, definition)
	}
	uninstall = sync.OnceFunc(func() {
		for _, definition := range installed {
			if err := api.Delete(context.Background(), definition); err != nil {
				t.Error(err)
			}
		}
		// The API server tries ever more rarely to remove one whose objects it could not list at once.
		gomega.NewWithT(t).Eventually(func(g gomega.Gomega) {
			for _, definition := range installed {
				err := api.Get(context.Background(), client.ObjectKeyFromObject(definition), definition)
				g.Expect(apierrors.IsNotFound(err)).To(gomega.BeTrue(), "definition %s: %v", definition.GetName(), err)
			}
		}).WithTimeout(3 * patience).Should(gomega.Succeed())
	})
	t.Cleanup(uninstall)
	return uninstall
}

// keep creates definitions that no test minds, and that stay: to remove one takes the API server long.
func keep(t *testing.T, definitions ...*apiextensionsv1.CustomResourceDefinition) {
	t.Helper()
	for _, definition := range definitions {
		if err := api.Create(t.Context(), definition); err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
	eventually(t, func(g gomega.Gomega) {
		for _, definition := range definitions {
			g.Expect(api.Get(t.Context(), client.ObjectKeyFromObject(definition), definition)).To(gomega.Succeed())
			g.Expect(definition.Status.Conditions).To(gomega.ContainElement(gomega.SatisfyAll(
				gomega.HaveField("Type", apiextensionsv1.Established), gomega.HaveField("Status", apiextensionsv1.ConditionTrue))))
		}
	})
}

func serviceMonitor(namespace string) *unstructured.Unstructured {
	monitor := &unstructured.Unstructured{}
	monitor.SetGroupVersionKind(build.ServiceMonitorKind)
	monitor.SetNamespace(namespace)
	monitor.SetName(serviceName)
	return monitor
}

func expectServiceMonitor(t *testing.T, namespace, interval string) *unstructured.Unstructured {
	t.Helper()
	monitor := serviceMonitor(namespace)
	eventually(t, func(g gomega.Gomega) {
		g.Expect(api.Get(t.Context(), client.ObjectKeyFromObject(monitor), monitor)).To(gomega.Succeed())
		endpoints, _, err := unstructured.NestedSlice(monitor.Object, "spec", "endpoints")
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(endpoints).To(gomega.HaveLen(1))
		g.Expect(endpoints[0]).To(gomega.HaveKeyWithValue("interval", interval))
	})
	return monitor
}

// ServiceMonitors of the Prometheus Operator have the field since late in 2024; an older definition's are applied without it, and
// get it when the definition is replaced. Definitions are the whole cluster's, so this test runs alone.
func TestServiceMonitorsAskForClassicHistogramsWhereTheyCan(t *testing.T) {
	object := func(properties map[string]apiextensionsv1.JSONSchemaProps) apiextensionsv1.JSONSchemaProps {
		return apiextensionsv1.JSONSchemaProps{Type: "object", Properties: properties}
	}
	spec := map[string]apiextensionsv1.JSONSchemaProps{
		"jobLabel": {Type: "string"},
		"selector": {Type: "object", XPreserveUnknownFields: new(true)},
		"endpoints": {Type: "array", Items: &apiextensionsv1.JSONSchemaPropsOrArray{
			Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: new(true)},
		}},
	}
	definition := definitionOf(build.ServiceMonitorKind)
	schema := object(map[string]apiextensionsv1.JSONSchemaProps{"spec": object(spec)})
	definition.Spec.Versions[0].Schema.OpenAPIV3Schema = &schema
	define(t, definition)
	namespace := newNamespace(t)
	startOperator(t, namespace, nil)
	applyService(t, namespace, "replicas: 2")
	asks := func(g gomega.Gomega) any {
		monitor := serviceMonitor(namespace)
		g.Expect(api.Get(t.Context(), client.ObjectKeyFromObject(monitor), monitor)).To(gomega.Succeed())
		return monitor.Object["spec"].(map[string]any)[build.FieldClassicHistograms]
	}
	expectCondition(t, namespace, v1alpha1.ConditionMonitored, metav1.ConditionTrue, v1alpha1.ReasonScraped)
	eventually(t, func(g gomega.Gomega) { g.Expect(asks(g)).To(gomega.BeNil()) })

	spec[build.FieldClassicHistograms] = apiextensionsv1.JSONSchemaProps{Type: "boolean"}
	newer := object(map[string]apiextensionsv1.JSONSchemaProps{"spec": object(spec)})
	eventually(t, func(g gomega.Gomega) {
		g.Expect(api.Get(t.Context(), client.ObjectKeyFromObject(definition), definition)).To(gomega.Succeed())
		definition.Spec.Versions[0].Schema.OpenAPIV3Schema = &newer
		g.Expect(api.Update(t.Context(), definition)).To(gomega.Succeed())
	})
	eventually(t, func(g gomega.Gomega) { g.Expect(asks(g)).To(gomega.Equal(true)) })
	expectCondition(t, namespace, v1alpha1.ConditionMonitored, metav1.ConditionTrue, v1alpha1.ReasonScraped)
}

// Definitions are the whole cluster's, so this test runs alone: tests that run in parallel wait for it.
func TestOptionalKindsComeAndGoWhileTheOperatorRuns(t *testing.T) {
	namespace := newNamespace(t)
	op := startOperator(t, namespace, nil)
	applyService(t, namespace, minimalSpec)
	settled(t, namespace, serviceName)
	message := expectCondition(t, namespace, v1alpha1.ConditionMonitored, metav1.ConditionFalse, v1alpha1.ReasonKindAbsent)
	if !strings.Contains(message, "install the Prometheus Operator") {
		t.Errorf("message %q", message)
	}

	for round := range 2 {
		uninstall := install(t)
		monitor := expectServiceMonitor(t, namespace, "15s")
		if owner := metav1.GetControllerOf(monitor); owner == nil || owner.Name != serviceName {
			t.Errorf("round %d: the ServiceMonitor's owner is %v", round, owner)
		}
		expectCondition(t, namespace, v1alpha1.ConditionMonitored, metav1.ConditionTrue, v1alpha1.ReasonScraped)

		// It is watched: a change of the spec, a drift and a deletion are followed by the operator.
		applyService(t, namespace, with(t, minimalSpec, `observability: {metrics: {interval: 30s, labels: {release: prometheus}}}`))
		monitor = expectServiceMonitor(t, namespace, "30s")
		if got := monitor.GetLabels()["release"]; got != "prometheus" {
			t.Errorf("round %d: label release is %q", round, got)
		}
		if err := unstructured.SetNestedSlice(monitor.Object, nil, "spec", "endpoints"); err != nil {
			t.Fatal(err)
		}
		if err := api.Update(t.Context(), monitor, client.FieldOwner("somebody")); err != nil {
			t.Fatal(err)
		}
		expectServiceMonitor(t, namespace, "30s")
		if err := api.Delete(t.Context(), monitor); err != nil {
			t.Fatal(err)
		}
		expectServiceMonitor(t, namespace, "30s")

		// A restart finds the kind from the start and has nothing to write.
		settled(t, namespace, serviceName)
		expectCondition(t, namespace, v1alpha1.ConditionMonitored, metav1.ConditionTrue, v1alpha1.ReasonScraped)
		op.stop()
		op = startOperator(t, namespace, nil)
		if written := nudgeOperator(t, namespace, op, int32(round)+1); len(written) > 0 {
			t.Errorf("round %d: a restart wrote %v", round, written)
		}

		uninstall()
		expectCondition(t, namespace, v1alpha1.ConditionMonitored, metav1.ConditionFalse, v1alpha1.ReasonKindAbsent)
		applyService(t, namespace, minimalSpec)
		settled(t, namespace, serviceName)
	}
}
