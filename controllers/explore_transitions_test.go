// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"math/rand/v2"
	"regexp"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
)

// generations differ by the way to a spec, not by what it is.
var generations = regexp.MustCompile(`(?m)^\s*observedGeneration: -?\d+\n`)

// TestExploreTransitions walks from A to B and back to A. B must then be as if it had been made anew, A as it was before, and a
// value that is refused changes nothing.
func TestExploreTransitions(parent *testing.T) {
	schema := schemaOfGoService(parent)
	specSchema := schema.Properties["spec"]
	walks := make([]*walk, *exploreParallel)
	differences := exploreAll(parent, *exploreSkip/2, (*exploreTransitions+1)/2, strconv.Itoa, func(t *testing.T, worker, i int) {
		if walks[worker] == nil {
			walks[worker] = newWalk(parent, &specSchema)
		}
		w := walks[worker].as(t, rand.New(rand.NewPCG(*exploreSeed, uint64(i))))
		w.thereAndBack()
	})
	report(parent, "transition_runs=%d differences=%d", (*exploreTransitions+1)/2*2, differences)
}

// walk has a namespace in which it walks and another in which each spec is made anew, under an operator each.
type walk struct {
	t             *testing.T
	walked, fresh place
	specs         *specs
	schema        *apiextensionsv1.JSONSchemaProps
}

// place is a namespace with an operator, whose writes are seen.
type place struct {
	namespace string
	faults    *faults
}

func newPlace(t *testing.T) place {
	p := place{newNamespace(t), newFaults()}
	startOperator(t, p.namespace, nil, func(o *operatorOptions) { o.wrap = newProcess(p.faults, 0, 0).connect })
	return p
}

func newWalk(t *testing.T, schema *apiextensionsv1.JSONSchemaProps) *walk {
	return &walk{walked: newPlace(t), fresh: newPlace(t), schema: schema}
}

// as is the same walk in a test of its own.
func (w walk) as(t *testing.T, random *rand.Rand) *walk {
	w.t, w.specs = t, &specs{random}
	return &w
}

func (w *walk) thereAndBack() {
	w.clear(w.walked)
	a := w.admitted(func(map[string]any) {})
	b := w.admitted(func(spec map[string]any) { withSelectorOf(w.t, a, spec) })
	w.t.Cleanup(func() {
		if w.t.Failed() {
			w.t.Logf("A is\n%sB is\n%s", text(a), text(b))
		}
	})
	before := w.reach(w.walked, a, nil, "A")
	w.clear(w.fresh)
	anew := w.reach(w.fresh, b, nil, "B, made anew")
	w.reach(w.walked, b, anew, "B after A")
	w.refused(b, anew)
	w.reach(w.walked, a, before, "A after B")
}

func text(spec map[string]any) string {
	written, err := yaml.Marshal(spec)
	if err != nil {
		return err.Error()
	}
	return string(written)
}

// withSelectorOf gives a spec the selector of another one: it cannot change once there is a Deployment.
func withSelectorOf(t *testing.T, other, spec map[string]any) {
	t.Helper()
	unstructured.RemoveNestedField(spec, "pod", "selector")
	selector, set, err := unstructured.NestedFieldCopy(other, "pod", "selector")
	if err == nil && set {
		err = unstructured.SetNestedField(spec, selector, "pod", "selector")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// admitted is a random spec that the API server admits after a change.
func (w *walk) admitted(change func(spec map[string]any)) map[string]any {
	w.t.Helper()
	for {
		spec := w.specs.spec(w.schema)
		change(spec)
		err := applySpec(w.t.Context(), w.walked.namespace, spec, client.DryRunAll)
		if err == nil {
			return spec
		}
		if !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) {
			w.t.Fatal(err)
		}
	}
}

func applySpec(ctx context.Context, namespace string, spec map[string]any, options ...client.ApplyOption) error {
	return applySpecAs(ctx, "user", namespace, spec, options...)
}

func applySpecAs(ctx context.Context, manager, namespace string, spec map[string]any, options ...client.ApplyOption) error {
	object := &unstructured.Unstructured{Object: map[string]any{"spec": runtime.DeepCopyJSON(spec)}}
	object.SetGroupVersionKind(v1alpha1.GoServiceKind)
	object.SetNamespace(namespace)
	object.SetName(serviceName)
	return api.Apply(ctx, client.ApplyConfigurationFromUnstructured(object),
		append(options, client.FieldOwner(manager), client.ForceOwnership)...)
}

// reach applies a spec and waits until the operator has put it into force, as want says if it says anything.
func (w *walk) reach(at place, spec map[string]any, want snapshot, what string) (reached snapshot) {
	w.t.Helper()
	if err := applySpec(w.t.Context(), at.namespace, spec); err != nil {
		w.t.Fatalf("applying what a dry run admitted: %v", err)
	}
	w.scaleExternally(at, spec)
	gomega.NewWithT(w.t).Eventually(func(g gomega.Gomega) {
		var service v1alpha1.GoService
		g.Expect(api.Get(w.t.Context(), client.ObjectKey{Namespace: at.namespace, Name: serviceName}, &service)).To(gomega.Succeed())
		g.Expect(service.Status.ObservedGeneration).To(gomega.Equal(service.Generation))
		applied := meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionApplied)
		g.Expect(applied).NotTo(gomega.BeNil())
		g.Expect(applied.Status).To(gomega.Equal(metav1.ConditionTrue), applied.Message)
		g.Expect(w.rollOut(at)).To(gomega.BeFalse(), "the cluster's controllers have only now done their part")
		g.Expect(service.Status.ReadyReplicas).To(gomega.Equal(replicasOf(w.t, at.namespace)), "the operator has seen what they did")
		_, idle := at.faults.writes()
		g.Expect(idle).To(gomega.BeNumerically(">", quiet), "the operator goes on writing")
		var err error
		reached, err = w.look(at)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		if want != nil {
			g.Expect(cmp.Diff(want, reached)).To(gomega.BeEmpty(), "(-as it must be +as it is)")
		}
	}).WithPolling(glance).Should(gomega.Succeed(), what)
	return reached
}

// scaleExternally is an external autoscaler, which leads any count to one more than is declared. It has the field as long as it
// is there.
func (w *walk) scaleExternally(at place, spec map[string]any) {
	w.t.Helper()
	count := map[string]any{}
	if autoscaling, is := spec["autoscaling"].(map[string]any); is && autoscaling["mode"] == string(v1alpha1.AutoscalingExternal) {
		declared, _ := spec["replicas"].(int64)
		count["replicas"] = declared + 1
	}
	if err := applySpecAs(w.t.Context(), "external-autoscaler", at.namespace, count); err != nil {
		w.t.Fatal(err)
	}
}

// rollOut stands in for the controllers of Deployments and HorizontalPodAutoscalers: every pod is new, ready and available,
// and any count is led to the least. It reports whether anything had to be done.
func (w *walk) rollOut(at place) bool {
	w.t.Helper()
	var autoscalers autoscalingv2.HorizontalPodAutoscalerList
	if err := api.List(w.t.Context(), &autoscalers, client.InNamespace(at.namespace)); err != nil {
		w.t.Fatal(err)
	}
	done := false
	if len(autoscalers.Items) == 1 && replicasOf(w.t, at.namespace) != *autoscalers.Items[0].Spec.MinReplicas {
		autoscale(w.t, at.namespace, *autoscalers.Items[0].Spec.MinReplicas)
		done = true
	}
	var deployment appsv1.Deployment
	get(w.t, at.namespace, serviceName, &deployment)
	n := *deployment.Spec.Replicas
	if status := deployment.Status; status.ObservedGeneration != deployment.Generation || status.AvailableReplicas != n {
		rollout(w.t, at.namespace, n, n, n)
		done = true
	}
	return done
}

func (w *walk) look(at place) (snapshot, error) {
	seen, err := take(w.t.Context(), at.namespace)
	for name := range seen {
		seen[name] = generations.ReplaceAllString(seen[name], "")
	}
	return seen, err
}

// refused tries a value that no schema admits, on a service that is in force.
func (w *walk) refused(spec map[string]any, inForce snapshot) {
	spoiled := runtime.DeepCopyJSON(spec)
	where := w.specs.spoil("spec", spoiled, w.schema)
	if where == "" {
		return
	}
	if err := applySpec(w.t.Context(), w.walked.namespace, spoiled); !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) {
		w.t.Errorf("%s has a value that its schema does not admit, and the answer is: %v\n%s", where, err, text(spoiled))
	}
	after, err := w.look(w.walked)
	if diff := cmp.Diff(inForce, after); err != nil || diff != "" {
		w.t.Errorf("a refused value changed what is in force (%v):\n%s", err, diff)
	}
}

// clear removes a service and, in the garbage collector's place, what it owned.
func (w *walk) clear(at place) {
	w.t.Helper()
	if err := api.DeleteAllOf(w.t.Context(), &v1alpha1.GoService{}, client.InNamespace(at.namespace)); err != nil {
		w.t.Fatal(err)
	}
	gomega.NewWithT(w.t).Eventually(func(g gomega.Gomega) {
		left := 0
		for _, list := range childLists() {
			g.Expect(api.List(w.t.Context(), list, client.InNamespace(at.namespace))).To(gomega.Succeed())
			g.Expect(meta.EachListItem(list, func(item runtime.Object) error {
				object := item.(client.Object)
				if len(object.GetOwnerReferences()) == 0 {
					return nil // not the operator's, such as the namespace's own ServiceAccount
				}
				left++
				return client.IgnoreNotFound(api.Delete(w.t.Context(), object))
			})).To(gomega.Succeed())
		}
		g.Expect(left).To(gomega.BeZero())
	}).WithPolling(glance).Should(gomega.Succeed())
}
