// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package observe

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// budgets is a cache that holds the foreign PodDisruptionBudgets of one namespace.
type budgets struct {
	client.Reader
	t     *testing.T
	items []policyv1.PodDisruptionBudget
	err   error
}

func (b *budgets) List(_ context.Context, list client.ObjectList, opts ...client.ListOption) error {
	options := (&client.ListOptions{}).ApplyOptions(opts)
	if options.Namespace != "shop" || options.FieldSelector.String() != ForeignIndex+"="+foreign {
		b.t.Errorf("asked for budgets of %q with %v", options.Namespace, options.FieldSelector)
	}
	list.(*policyv1.PodDisruptionBudgetList).Items = b.items
	return b.err
}

func budget(name, adopt string, selector *metav1.LabelSelector) policyv1.PodDisruptionBudget {
	b := policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: policyv1.PodDisruptionBudgetSpec{Selector: selector}}
	if adopt != "" {
		b.Annotations = map[string]string{build.AnnotationAdopt: adopt}
	}
	return b
}

// Budgets of others that select the service's pods are named; of those that were handed over the service has the place, unless they
// have its name and are taken, or somebody else holds them.
func TestBudgetsOfOthersThatSelectThePods(t *testing.T) {
	ours := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "a"}}
	leaving := budget("leaving", "checkout", ours)
	leaving.DeletionTimestamp = new(metav1.NewTime(time.Unix(1, 0)))
	charted, controlled := budget("charted", "checkout", ours), budget("controlled", "checkout", ours)
	charted.Annotations["meta.helm.sh/release-name"] = "shop"
	controlled.OwnerReferences = []metav1.OwnerReference{{Kind: "Database", Name: "a", Controller: new(true)}}
	cached := &budgets{t: t, items: []policyv1.PodDisruptionBudget{
		budget("zone", "", ours), budget("given", "checkout", ours), budget("another's", "cart", ours), budget("checkout", "checkout", ours), leaving, charted, controlled,
		budget("elsewhere", "checkout", &metav1.LabelSelector{MatchLabels: map[string]string{"app": "b"}}),
		budget("broken", "checkout", &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Near"}}}),
		budget("nothing", "checkout", nil),
	}}
	service := &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "checkout"}}
	deployment := &appsv1.Deployment{Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "a", "team": "red"}}}}}

	seen := State{Deployment: deployment}
	if err := (&Observer{Client: cached}).otherBudgets(t.Context(), service, &seen); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"another's", "charted", "controlled", "zone"}, seen.OtherBudgets); diff != "" {
		t.Errorf("budgets of others (-want +got):\n%s", diff)
	}
	var handedOver []string
	for _, object := range seen.HandedOver {
		handedOver = append(handedOver, object.GetName())
	}
	if diff := cmp.Diff([]string{"given"}, handedOver); diff != "" {
		t.Errorf("handed over (-want +got):\n%s", diff)
	}

	without := State{}
	if err := (&Observer{}).otherBudgets(t.Context(), service, &without); err != nil || without.OtherBudgets != nil || without.HandedOver != nil {
		t.Errorf("without a Deployment: %+v, %v", without, err)
	}
	cached.err = errors.New("no index")
	if err := (&Observer{Client: cached}).otherBudgets(t.Context(), service, &seen); err == nil || !strings.Contains(err.Error(), "listing the foreign PodDisruptionBudgets of namespace shop: no index") {
		t.Errorf("a cache that does not answer: %v", err)
	}
}

func TestWhatIsForeign(t *testing.T) {
	for manager, want := range map[string][]string{build.ManagedBy: nil, "Helm": {foreign}, "": {foreign}} {
		object := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{build.LabelManagedBy: manager}}}
		if diff := cmp.Diff(want, IndexForeign(object)); diff != "" {
			t.Errorf("managed by %q (-want +got):\n%s", manager, diff)
		}
	}
}
