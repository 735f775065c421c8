// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"maps"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/controllers/internal/build"
)

// What happens where a child is to be created and something with its name exists: who owns it, who made it, and what the
// API server answers decide whether anything of it is touched.
func TestWhatHasTheNameOfAChild(t *testing.T) {
	const (
		looks    = "get ConfigMap shop/checkout"
		looksUp  = "get GoService shop/checkout"
		adopts   = "merge ConfigMap shop/checkout by goservice-operator at 50 of uid-checkout owner plain owner owner"
		isHere   = `Stale ConfigMap/checkout: ConfigMap "checkout" exists: the cache lags behind the API server`
		replaced = `Stale ConfigMap/checkout: GoService "checkout" is another one by now: the cache lags behind the API server`
		theirs   = `Conflict ConfigMap/checkout: a ConfigMap named "checkout" exists and belongs to `
	)
	type change = func(*unstructured.Unstructured)
	controlledBy := func(apiVersion, kind, name, uid string) change {
		return func(o *unstructured.Unstructured) {
			o.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: "n", UID: "plain"}, {APIVersion: apiVersion, Kind: kind, Name: name, UID: types.UID(uid), Controller: new(true)}})
		}
	}
	orphan := func(o *unstructured.Unstructured) { o.SetOwnerReferences(nil) }
	unlabeled := func(o *unstructured.Unstructured) { o.SetLabels(nil) }
	oneOf := func(changes ...change) change {
		return func(o *unstructured.Unstructured) {
			for _, c := range changes {
				c(o)
			}
		}
	}
	cases := map[string]struct {
		found             change // nil: nothing is there
		errs              map[string]error
		owner             string // UID of the owner that lives; empty: none does
		requests, results []string
		failures          []string
	}{
		"it is gone": {
			requests: []string{looks}, failures: []string{`Stale ConfigMap/checkout: ConfigMap "checkout" existed a moment ago and is gone: `},
		},
		"nobody can tell": {
			errs: map[string]error{"get ConfigMap": breakdown}, requests: []string{looks},
			failures: []string{`Transient ConfigMap/checkout: reading ConfigMap "checkout": `},
		},
		"the owner's own, which the cache does not show yet": {
			found: func(*unstructured.Unstructured) {}, requests: []string{looks}, failures: []string{isHere},
		},
		"the owner's own, which lost its label": {
			found: unlabeled, requests: []string{looks, updatesConfigMap}, results: []string{"ConfigMap updated"},
		},
		"the owner's own, which says that another tool manages it": {
			found:    func(o *unstructured.Unstructured) { o.SetLabels(map[string]string{build.LabelManagedBy: "Helm"}) },
			requests: []string{looks, updatesConfigMap}, results: []string{"ConfigMap updated"},
		},
		"an orphan that the operator made": {
			found: orphan, owner: "owner", requests: []string{looks, looksUp, updatesConfigMap}, results: []string{"ConfigMap updated"},
		},
		"an orphan, and the owner is gone": {
			found: orphan, requests: []string{looks, looksUp}, failures: []string{replaced},
		},
		"an orphan, and the owner was made anew": {
			found: orphan, owner: "new", requests: []string{looks, looksUp}, failures: []string{replaced},
		},
		"an orphan, and nobody can tell of the owner": {
			found: orphan, owner: "owner", errs: map[string]error{"get GoService": breakdown}, requests: []string{looks, looksUp},
			failures: []string{`Transient ConfigMap/checkout: reading GoService "checkout": `},
		},
		"an orphan without the operator's fields": {
			found: oneOf(orphan, func(o *unstructured.Unstructured) { o.SetManagedFields(nil) }), requests: []string{looks}, results: []string{"ConfigMap conflict"},
			failures: []string{theirs + `"goservice-operator" (its app.kubernetes.io/managed-by label)`},
		},
		"an orphan whose fields a person wrote in the operator's name": {
			found: oneOf(orphan, func(o *unstructured.Unstructured) {
				o.SetManagedFields([]metav1.ManagedFieldsEntry{manager(FieldManager, metav1.ManagedFieldsOperationUpdate, `{}`), manager("kubectl", metav1.ManagedFieldsOperationApply, `{}`)})
			}), requests: []string{looks}, results: []string{"ConfigMap conflict"}, failures: []string{theirs},
		},
		"an orphan of another service": {
			found: oneOf(orphan, func(o *unstructured.Unstructured) {
				o.SetLabels(map[string]string{build.LabelManagedBy: build.ManagedBy, "app.kubernetes.io/name": "cart"})
			}), requests: []string{looks}, results: []string{"ConfigMap conflict"}, failures: []string{theirs},
		},
		"an orphan that is being deleted": {
			found:    oneOf(orphan, func(o *unstructured.Unstructured) { o.SetDeletionTimestamp(&metav1.Time{Time: time.Unix(1, 0)}) }),
			requests: []string{looks}, results: []string{"ConfigMap conflict"}, failures: []string{theirs},
		},
		"somebody's own": {
			found: oneOf(orphan, unlabeled), requests: []string{looks}, results: []string{"ConfigMap conflict"}, failures: []string{theirs + "no GoService"},
		},
		"one of a service of that name that is gone": {
			found: controlledBy("goservice.dev/v1alpha1", "GoService", "checkout", "gone"), owner: "owner",
			requests: []string{looks, looksUp, adopts, updatesConfigMap},
			results:  []string{"ConfigMap updated"},
		},
		"one of a service of that name in another version of the API": {
			found: controlledBy("goservice.dev/v1", "GoService", "checkout", "gone"), owner: "owner",
			requests: []string{looks, looksUp, adopts, updatesConfigMap},
			results:  []string{"ConfigMap updated"},
		},
		"one of a service that is gone, and somebody was quicker": {
			found: controlledBy("goservice.dev/v1alpha1", "GoService", "checkout", "gone"), owner: "owner", errs: map[string]error{"merge ConfigMap": conflict},
			requests: []string{looks, looksUp, adopts},
			failures: []string{`Stale ConfigMap/checkout: taking back ConfigMap "checkout": `},
		},
		"one of a service that is gone, and it cannot be changed": {
			found: controlledBy("goservice.dev/v1alpha1", "GoService", "checkout", "gone"), owner: "owner", errs: map[string]error{"merge ConfigMap": invalid},
			requests: []string{looks, looksUp, adopts},
			results:  []string{"ConfigMap failed"}, failures: []string{`Invalid ConfigMap/checkout: taking back ConfigMap "checkout": `},
		},
		"one of a service of another name": {
			found:    controlledBy("goservice.dev/v1alpha1", "GoService", "cart", "cart"),
			requests: []string{looks}, results: []string{"ConfigMap conflict"}, failures: []string{theirs + `GoService "cart"`},
		},
		"one of another kind": {
			found:    controlledBy("goservice.dev/v1alpha1", "GoJob", "checkout", "job"),
			requests: []string{looks}, results: []string{"ConfigMap conflict"}, failures: []string{theirs + `GoJob "checkout"`},
		},
		"one of another group": {
			found:    controlledBy("example.com/v1alpha1", "GoService", "checkout", "x"),
			requests: []string{looks}, results: []string{"ConfigMap conflict"}, failures: []string{theirs + `GoService "checkout"`},
		},
		"one whose owner cannot be read": {
			found:    controlledBy("a/b/c", "GoService", "checkout", "x"),
			requests: []string{looks}, results: []string{"ConfigMap conflict"}, failures: []string{theirs + `GoService "checkout"`},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			maps.Copy(s.errs, c.errs)
			s.once = map[string]error{"apply ConfigMap": conflict} // the creation
			child := childOf(configMapKind, "checkout")
			if c.found != nil {
				s.live[Key{configMapKind, "checkout"}] = existing(t, child, func(o *unstructured.Unstructured) {
					drifted(o)
					c.found(o)
				})
			}
			if c.owner != "" {
				living := owner()
				living.UID = types.UID(c.owner)
				s.live[Key{ownerKind, "checkout"}] = living
			}
			expectFailures(t, engine.Apply(t.Context(), passOf([]build.Child{child})), c.failures...)
			s.expect(append([]string{createsConfigMap}, c.requests...), c.results)
		})
	}
}

// A Deployment that is taken back was rendered without a look at the template in force: the next pass keeps that if it can.
func TestATemplateIsNotAppliedInThePassThatTakesItsDeploymentBack(t *testing.T) {
	child := childOf(deploymentKind, "checkout")
	child.Template = []byte(`{"spec":{}}`)
	const (
		creates = "apply Deployment shop/checkout by goservice-operator forced at 1 owner owner"
		adopts  = "merge Deployment shop/checkout by goservice-operator at 50 of uid-checkout owner owner"
	)
	s, engine := newEngine(t)
	s.once = map[string]error{"apply Deployment": conflict}
	s.live[Key{ownerKind, "checkout"}] = owner()
	s.live[Key{deploymentKind, "checkout"}] = existing(t, child, func(o *unstructured.Unstructured) { o.SetOwnerReferences(nil) })
	expectFailures(t, engine.Apply(t.Context(), passOf([]build.Child{child})), `Stale Deployment/checkout: Deployment "checkout" was adopted: `)
	s.expect([]string{creates, "get Deployment shop/checkout", "get GoService shop/checkout", adopts}, nil)
}

// What is taken back from a service that is gone is looked at as it is then: with its new owner, and in its new version.
func TestWhatIsTakenBackIsAsItIsThen(t *testing.T) {
	const adopts = "merge ConfigMap shop/checkout by goservice-operator at 50 of uid-checkout owner owner"
	lost := func(o *unstructured.Unstructured) {
		o.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: "goservice.dev/v1alpha1", Kind: "GoService", Name: "checkout", UID: "gone", Controller: new(true)}})
	}
	for name, c := range map[string]struct {
		seed     map[string]any
		change   func(*unstructured.Unstructured)
		requests []string
		results  []string
	}{
		"it has all that is desired": {nil, lost, nil, nil},
		"it is to be seeded": {
			replicas(2), func(o *unstructured.Unstructured) { lost(o); drifted(o) },
			[]string{"apply ConfigMap shop/checkout by goservice-operator-seed forced at 1000 of uid-checkout replicas 2", updatesConfigMap},
			[]string{"ConfigMap seeded", "ConfigMap updated"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			s.once = map[string]error{"apply ConfigMap": conflict} // the creation
			s.live[Key{ownerKind, "checkout"}] = owner()
			child := childOf(configMapKind, "checkout")
			s.live[Key{configMapKind, "checkout"}] = existing(t, child, c.change)
			child.Seed = c.seed
			creates := createsConfigMap
			if c.seed != nil {
				creates += " replicas 2"
			}
			expectFailures(t, engine.Apply(t.Context(), passOf([]build.Child{child})))
			s.expect(append([]string{creates, "get ConfigMap shop/checkout", "get GoService shop/checkout", adopts}, c.requests...), c.results)
		})
	}
}
