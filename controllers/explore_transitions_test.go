// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build explore

package controllers

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
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

// walkers walk side by side, each between specs of its own.
const walkers = 4

// generations differ by the way to a spec, not by what it is.
var generations = regexp.MustCompile(`(?m)^\s*observedGeneration: -?\d+\n`)

// TestExploreTransitions walks from A to B and back to A. B must then be as if it had been made anew, A as it was before, and a
// value that is refused changes nothing.
func TestExploreTransitions(t *testing.T) {
	schema := schemaOfGoService(t)
	specSchema := schema.Properties["spec"]
	var transitions, differences atomic.Int32
	t.Run("walks", func(t *testing.T) {
		for walker := range walkers {
			t.Run(fmt.Sprint(walker), func(t *testing.T) {
				t.Parallel()
				w := newWalk(t, rand.New(rand.NewPCG(*exploreSeed, uint64(walker))), &specSchema)
				for transitions.Load() < int32(*exploreTransitions) {
					if !w.thereAndBack() {
						differences.Add(1)
					}
					transitions.Add(2)
				}
			})
		}
	})
	report(t, "transition_runs=%d differences=%d", transitions.Load(), differences.Load())
}

// walk has a namespace in which it walks and another in which each spec is made anew, under one operator.
type walk struct {
	t             *testing.T
	walked, fresh string
	random        *rand.Rand
	specs         *specs
	schema        *apiextensionsv1.JSONSchemaProps
}

func newWalk(t *testing.T, random *rand.Rand, schema *apiextensionsv1.JSONSchemaProps) *walk {
	w := &walk{t: t, walked: newNamespace(t), fresh: newNamespace(t), random: random, specs: &specs{random}, schema: schema}
	startOperator(t, w.walked, nil)
	startOperator(t, w.fresh, nil)
	return w
}

// thereAndBack reports whether all was as it must be.
func (w *walk) thereAndBack() bool {
	w.clear(w.walked)
	a, b := w.admitted(), w.admitted()
	before, ok := w.reach(w.walked, a, nil)
	if !ok {
		return false
	}
	w.clear(w.fresh)
	anew, ok := w.reach(w.fresh, b, nil)
	if !ok {
		return false
	}
	if _, ok = w.reach(w.walked, b, anew); !ok {
		w.t.Logf("that was from\n%sto\n%s", text(a), text(b))
		return false
	}
	if !w.refused(b, anew) {
		return false
	}
	if _, ok = w.reach(w.walked, a, before); !ok {
		w.t.Logf("that was back to\n%sfrom\n%s", text(a), text(b))
		return false
	}
	return true
}

func text(spec map[string]any) string {
	written, err := yaml.Marshal(spec)
	if err != nil {
		return err.Error()
	}
	return string(written)
}

// admitted is a random spec that the API server admits.
func (w *walk) admitted() map[string]any {
	w.t.Helper()
	for {
		spec := w.specs.spec(w.schema)
		err := applySpec(w.t.Context(), w.walked, spec, client.DryRunAll)
		if err == nil {
			return spec
		}
		if !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) {
			w.t.Fatal(err)
		}
	}
}

func applySpec(ctx context.Context, namespace string, spec map[string]any, options ...client.ApplyOption) error {
	object := &unstructured.Unstructured{Object: map[string]any{"spec": runtime.DeepCopyJSON(spec)}}
	object.SetGroupVersionKind(v1alpha1.GoServiceKind)
	object.SetNamespace(namespace)
	object.SetName(serviceName)
	return api.Apply(ctx, client.ApplyConfigurationFromUnstructured(object),
		append(options, client.FieldOwner("user"), client.ForceOwnership)...)
}

// reach applies a spec and waits until the operator has put it into force, as want says if it says anything.
func (w *walk) reach(namespace string, spec map[string]any, want snapshot) (reached snapshot, ok bool) {
	w.t.Helper()
	if err := applySpec(w.t.Context(), namespace, spec); err != nil {
		w.t.Errorf("applying what a dry run admitted: %v\n%s", err, text(spec))
		return nil, false
	}
	stable := ""
	ok = gomega.NewGomega(func(message string, _ ...int) { w.t.Errorf("%s\nby the spec\n%s", message, text(spec)) }).
		Eventually(func(g gomega.Gomega) {
			var service v1alpha1.GoService
			g.Expect(api.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: serviceName}, &service)).To(gomega.Succeed())
			g.Expect(service.Status.ObservedGeneration).To(gomega.Equal(service.Generation))
			applied := meta.FindStatusCondition(service.Status.Conditions, v1alpha1.ConditionApplied)
			g.Expect(applied).NotTo(gomega.BeNil())
			g.Expect(applied.Status).To(gomega.Equal(metav1.ConditionTrue), applied.Message)
			w.autoscale(g, namespace)
			var err error
			reached, err = w.look(namespace)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			if want != nil {
				g.Expect(cmp.Diff(want, reached)).To(gomega.BeEmpty(), "(-made anew +reached)")
				return
			}
			last := stable
			stable = pretty(reached)
			g.Expect(stable == last).To(gomega.BeTrue(), "it still changes")
		}).Should(gomega.Succeed())
	return reached, ok
}

// autoscale stands in for the HorizontalPodAutoscaler's controller, which would lead any count to the same in the end.
func (w *walk) autoscale(g gomega.Gomega, namespace string) {
	var autoscalers autoscalingv2.HorizontalPodAutoscalerList
	g.Expect(api.List(w.t.Context(), &autoscalers, client.InNamespace(namespace))).To(gomega.Succeed())
	if len(autoscalers.Items) == 1 && replicasOf(w.t, namespace) != *autoscalers.Items[0].Spec.MinReplicas {
		autoscale(w.t, namespace, *autoscalers.Items[0].Spec.MinReplicas)
	}
}

func (w *walk) look(namespace string) (snapshot, error) {
	seen, err := take(w.t.Context(), namespace, nil)
	for name := range seen {
		seen[name] = generations.ReplaceAllString(seen[name], "")
	}
	return seen, err
}

// refused tries a value that no schema admits, on a service that is in force.
func (w *walk) refused(spec map[string]any, inForce snapshot) bool {
	spoiled := runtime.DeepCopyJSON(spec)
	where := w.specs.spoil("spec", spoiled, w.schema)
	if where == "" {
		return true
	}
	if err := applySpec(w.t.Context(), w.walked, spoiled); !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) {
		w.t.Errorf("%s has a value that its schema does not admit, and the answer is: %v\n%s", where, err, text(spoiled))
		return false
	}
	after, err := w.look(w.walked)
	if diff := cmp.Diff(inForce, after); err != nil || diff != "" {
		w.t.Errorf("a refused value changed what is in force (%v):\n%s", err, diff)
		return false
	}
	return true
}

// clear removes a service and, in the garbage collector's place, what it owned.
func (w *walk) clear(namespace string) {
	w.t.Helper()
	if err := api.DeleteAllOf(w.t.Context(), &v1alpha1.GoService{}, client.InNamespace(namespace)); err != nil {
		w.t.Fatal(err)
	}
	eventually(w.t, func(g gomega.Gomega) {
		left := 0
		for _, list := range childLists() {
			g.Expect(api.List(w.t.Context(), list, client.InNamespace(namespace))).To(gomega.Succeed())
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
	})
}
