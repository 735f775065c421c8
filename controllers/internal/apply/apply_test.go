// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/controllers/internal/build"
)

const (
	createsConfigMap = "apply ConfigMap shop/checkout by goservice-operator forced at 1 owner owner"
	updatesConfigMap = "apply ConfigMap shop/checkout by goservice-operator forced of uid-checkout owner owner"
)

// What is written for one child: by whom, under which condition, and what its failure means.
func TestOneChild(t *testing.T) {
	cases := map[string]struct {
		existing          func(*unstructured.Unstructured) // nil: the cache holds none
		errs              map[string]error
		requests, results []string
		failures          []string
	}{
		"one that does not exist is created, and nothing that exists is touched": {
			requests: []string{createsConfigMap}, results: []string{"ConfigMap created"},
		},
		"one that is up to date costs no request": {existing: func(*unstructured.Unstructured) {}},
		"one that differs is applied, if it is still the same object": {
			existing: drifted, requests: []string{updatesConfigMap}, results: []string{"ConfigMap updated"},
		},
		"a creation that is refused": {
			errs: map[string]error{"apply ConfigMap": invalid}, requests: []string{createsConfigMap}, results: []string{"ConfigMap failed"},
			failures: []string{`Invalid ConfigMap/checkout: creating ConfigMap "checkout": `},
		},
		"a creation that a webhook refuses with the code of a conflict": {
			errs: map[string]error{"apply ConfigMap": frozen}, requests: []string{createsConfigMap}, results: []string{"ConfigMap failed"},
			failures: []string{`Denied ConfigMap/checkout: creating ConfigMap "checkout": `},
		},
		"an update that is refused": {
			existing: drifted,
			errs:     map[string]error{"apply ConfigMap": invalid}, requests: []string{updatesConfigMap}, results: []string{"ConfigMap failed"},
			failures: []string{`Invalid ConfigMap/checkout: applying ConfigMap "checkout": `},
		},
		"an update of an object that was replaced is no failure that counts": {
			existing: drifted,
			errs:     map[string]error{"apply ConfigMap": conflict}, requests: []string{updatesConfigMap},
			failures: []string{`Stale ConfigMap/checkout: applying ConfigMap "checkout": the cache lags behind the API server`},
		},
		"an update that a webhook refuses with the code of a conflict": {
			existing: drifted,
			errs:     map[string]error{"apply ConfigMap": frozen}, requests: []string{updatesConfigMap}, results: []string{"ConfigMap failed"},
			failures: []string{`Denied ConfigMap/checkout: applying ConfigMap "checkout": `},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			if c.errs != nil {
				s.errs = c.errs
			}
			child := childOf(configMapKind, "checkout")
			pass := passOf([]build.Child{child})
			if c.existing != nil {
				pass = passOf([]build.Child{child}, existing(t, child, c.existing))
			}
			expectFailures(t, engine.Apply(t.Context(), pass), c.failures...)
			s.expect(c.requests, c.results)
		})
	}
}

// A recorder is not needed.
func TestNothingIsCountedWithoutARecorder(t *testing.T) {
	s, engine := newEngine(t)
	engine.Record = nil
	if err := engine.Apply(t.Context(), passOf([]build.Child{childOf(configMapKind, "checkout")})); err != nil {
		t.Error(err)
	}
	s.expect([]string{createsConfigMap}, nil)
}

func TestSeededFieldsHaveAnotherManagerBeforeTheOperatorLetsGo(t *testing.T) {
	child := childOf(deploymentKind, "checkout")
	child.Seed, child.SeededFor = replicas(2), build.AnnotationStartedFrom
	child.Configuration.(map[string]any)["metadata"].(map[string]any)["annotations"] = map[string]any{build.AnnotationStartedFrom: "2"}
	count := func(n int64) func(*unstructured.Unstructured) {
		return func(o *unstructured.Unstructured) {
			drifted(o)
			o.Object["spec"] = map[string]any{"replicas": n}
		}
	}
	all := func(changes ...func(*unstructured.Unstructured)) func(*unstructured.Unstructured) {
		return func(o *unstructured.Unstructured) {
			for _, change := range changes {
				change(o)
			}
		}
	}
	const (
		seeds   = "apply Deployment shop/checkout by goservice-operator-seed forced at 50 of uid-checkout replicas "
		updates = "apply Deployment shop/checkout by goservice-operator forced of uid-checkout owner owner"
	)
	scaled := func(o *unstructured.Unstructured) {
		o.SetManagedFields(append(o.GetManagedFields(), manager("kube-controller-manager", metav1.ManagedFieldsOperationUpdate, `{"f:spec":{"f:replicas":{}}}`)))
	}
	cases := map[string]struct {
		existing          func(*unstructured.Unstructured)
		errs              map[string]error
		requests, results []string
		failures          []string
	}{
		"at the creation, in one request": {
			requests: []string{"apply Deployment shop/checkout by goservice-operator forced at 1 owner owner replicas 2"},
			results:  []string{"Deployment created"},
		},
		"where nobody else has it, with the present value": {
			existing: count(5), requests: []string{seeds + "5", updates}, results: []string{"Deployment seeded", "Deployment updated"},
		},
		"not where an autoscaler has it": {
			existing: all(count(5), scaled), requests: []string{updates}, results: []string{"Deployment updated"},
		},
		"anew where the count to start from changed": {
			existing: all(count(5), scaled, func(o *unstructured.Unstructured) {
				o.SetAnnotations(map[string]string{build.AnnotationStartedFrom: "9"})
			}),
			requests: []string{seeds + "2", updates}, results: []string{"Deployment seeded", "Deployment updated"},
		},
		"not anew where it is not known what the count started from": {
			existing: all(count(5), scaled, func(o *unstructured.Unstructured) { o.SetAnnotations(nil) }),
			requests: []string{updates}, results: []string{"Deployment updated"},
		},
		"a seed that fails keeps the operator from letting go": {
			existing: count(5), errs: map[string]error{"apply Deployment": breakdown}, requests: []string{seeds + "5"}, results: []string{"Deployment failed"},
			failures: []string{`Transient Deployment/checkout: seeding Deployment "checkout": `},
		},
		"a seed of a count that changed meanwhile": {
			existing: count(5), errs: map[string]error{"apply Deployment": conflict}, requests: []string{seeds + "5"},
			failures: []string{`Stale Deployment/checkout: seeding Deployment "checkout": `},
		},
		"managers that cannot be read": {
			existing: all(count(5), func(o *unstructured.Unstructured) {
				o.SetManagedFields([]metav1.ManagedFieldsEntry{manager("odd", metav1.ManagedFieldsOperationUpdate, `{"f:spec":1}`)})
			}),
			failures: []string{`Transient Deployment/checkout: reading the field managers of Deployment "checkout": `},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			if c.errs != nil {
				s.errs = c.errs
			}
			pass := passOf([]build.Child{child})
			if c.existing != nil {
				pass = passOf([]build.Child{child}, existing(t, child, c.existing))
			}
			expectFailures(t, engine.Apply(t.Context(), pass), c.failures...)
			s.expect(c.requests, c.results)
		})
	}
}

// What was verified is not compared again before something new is seen, or something else desired.
func TestWhatWasAppliedIsNotLookedAtAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, engine := newEngine(t)
		name := client.ObjectKey{Namespace: "shop", Name: "checkout"}
		key := Key{configMapKind, "checkout"}
		child := childOf(configMapKind, "checkout")
		at := func(version string) *unstructured.Unstructured {
			return existing(t, child, func(o *unstructured.Unstructured) {
				drifted(o) // so that a look at it would cost a request
				o.SetResourceVersion(version)
			})
		}
		apply := func(pass Pass, requests ...string) {
			t.Helper()
			if err := engine.Apply(t.Context(), pass); err != nil {
				t.Error(err)
			}
			results := s.results
			s.expect(requests, results)
		}
		if got := engine.Generation(name, key); got != 0 {
			t.Errorf("generation %d before anything was applied", got)
		}
		apply(passOf([]build.Child{child}), createsConfigMap)
		if got := engine.Generation(name, key); got != 7 {
			t.Errorf("generation %d, want that of the answer, 7", got)
		}
		apply(passOf([]build.Child{child}, at("1000")))
		apply(passOf([]build.Child{child}, at("999"))) // the cache lags
		if got := engine.Generation(name, key); got != 7 {
			t.Errorf("generation %d is forgotten", got)
		}
		apply(passOf([]build.Child{child}, at("1001")), updatesConfigMap)
		<-time.After(longestLag)
		apply(passOf([]build.Child{child}, at("999")), updatesConfigMap) // this is no lag any more
		other := childOf(configMapKind, "checkout")
		other.Configuration.(map[string]any)["data"] = map[string]any{"a": "3"}
		apply(passOf([]build.Child{other}, at("1000")), updatesConfigMap)
		engine.Forget(name)
		if got := engine.Generation(name, key); got != 0 {
			t.Errorf("generation %d of a service that is gone", got)
		}
		apply(passOf([]build.Child{other}, at("1000")), updatesConfigMap)
		if len(engine.verified.byOwner) != 1 || len(engine.verified.byOwner[name]) != 1 {
			t.Errorf("remembered are %v", engine.verified.byOwner)
		}
		// A failure leaves nothing that counts as verified.
		s.errs["apply ConfigMap"] = invalid
		expectFailures(t, engine.Apply(t.Context(), passOf([]build.Child{child}, at("1000"))), "Invalid ConfigMap/checkout")
		if got := engine.Generation(name, key); got != 0 {
			t.Errorf("generation %d after a failure", got)
		}
	})
}

// While its owner is being deleted, what exists is kept up to date; nothing comes, and nothing goes.
func TestUpdateOnly(t *testing.T) {
	s, engine := newEngine(t)
	configMap := childOf(configMapKind, "checkout")
	pass := passOf([]build.Child{childOf(serviceKind, "checkout"), configMap}, existing(t, configMap, drifted), existing(t, childOf(serviceKind, "old"), nil))
	pass.UpdateOnly = true
	if err := engine.Apply(t.Context(), pass); err != nil {
		t.Error(err)
	}
	s.expect([]string{updatesConfigMap}, []string{"ConfigMap updated"})
}

func TestWhatCannotBeEncodedFails(t *testing.T) {
	s, engine := newEngine(t)
	none := build.Child{Kind: configMapKind, Name: "checkout", Configuration: make(chan int)}
	odd := childOf(deploymentKind, "checkout")
	odd.Template = []byte(`[]`)
	err := engine.Apply(t.Context(), passOf([]build.Child{none, odd}))
	expectFailures(t, err, `Transient ConfigMap/checkout: encoding ConfigMap "checkout": `, `Transient Deployment/checkout: reading the pod template of Deployment "checkout": `)
	s.expect(nil, nil)
}

func TestATemplateIsPartOfWhatIsApplied(t *testing.T) {
	reference := *metav1.NewControllerRef(owner(), ownerKind)
	hashes := map[string]bool{}
	for _, template := range []string{"", `{"a":"1"}`, `{"a":"2"}`} {
		child := childOf(deploymentKind, "checkout")
		if template != "" {
			child.Template = []byte(template)
		}
		hash, err := hashOf(&child, reference)
		if err != nil {
			t.Fatal(err)
		}
		hashes[hash] = true
		object, err := applied(&child, reference, hash)
		if err != nil {
			t.Fatal(err)
		}
		if _, there, _ := unstructured.NestedMap(object.Object, "spec", "template"); there != (template != "") {
			t.Errorf("template %s: %v", template, object.Object["spec"])
		}
	}
	if len(hashes) != 3 {
		t.Errorf("hashes %v, want three", hashes)
	}
}
