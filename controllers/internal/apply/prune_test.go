// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/controllers/internal/build"
)

// rolledOutAs is a Deployment as the cache holds it.
func rolledOutAs(generation, observed int64, replicas, updated int32) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "checkout", UID: "uid-checkout", ResourceVersion: "50", Generation: generation},
		Status:     appsv1.DeploymentStatus{ObservedGeneration: observed, Replicas: replicas, UpdatedReplicas: updated},
	}
}

func TestWhatIsNotDesiredGoes(t *testing.T) {
	const deletesService = "delete Service shop/old of uid-old in the Background"
	wanted := childOf(configMapKind, "checkout")
	old := func(change func(*unstructured.Unstructured)) *unstructured.Unstructured {
		return existing(t, childOf(serviceKind, "old"), change)
	}
	cases := map[string]struct {
		pass              Pass
		errs              map[string]error
		requests, results []string
		failures          []string
	}{
		"one that is left over": {
			pass: passOf([]build.Child{wanted}, existing(t, wanted, nil), old(nil)), requests: []string{deletesService}, results: []string{"Service pruned"},
		},
		"one that is on its way out already": {
			pass: passOf([]build.Child{wanted}, existing(t, wanted, nil), old(func(o *unstructured.Unstructured) { o.SetDeletionTimestamp(&metav1.Time{Time: time.Unix(1, 0)}) })),
		},
		"one that is gone already": {
			pass: passOf([]build.Child{wanted}, existing(t, wanted, nil), old(nil)), errs: map[string]error{"delete Service": gone},
			requests: []string{deletesService}, results: []string{"Service pruned"},
		},
		"one that cannot be deleted": {
			pass: passOf([]build.Child{wanted}, existing(t, wanted, nil), old(nil)), errs: map[string]error{"delete Service": breakdown},
			requests: []string{deletesService}, results: []string{"Service failed"},
			failures: []string{`Transient Service/old: pruning Service "old": `},
		},
		"one that was replaced": {
			pass: passOf([]build.Child{wanted}, existing(t, wanted, nil), old(nil)), errs: map[string]error{"delete Service": conflict},
			requests: []string{deletesService}, failures: []string{`Stale Service/old: pruning Service "old": `},
		},
		"not where something failed": {
			pass: passOf([]build.Child{wanted}, old(nil)), errs: map[string]error{"apply ConfigMap": invalid},
			requests: []string{createsConfigMap}, results: []string{"ConfigMap failed"}, failures: []string{"Invalid ConfigMap/checkout"},
		},
		"what pods name stays while pods of an earlier template run": {
			pass:     withDeployment(passOf(nil, existing(t, childOf(accountKind, "old"), nil), old(nil)), rolledOutAs(2, 2, 3, 2)),
			requests: []string{deletesService}, results: []string{"Service pruned"},
		},
		"what pods name stays until the rollout was begun": {
			pass: withDeployment(passOf(nil, existing(t, childOf(accountKind, "old"), nil)), rolledOutAs(3, 2, 3, 3)),
		},
		"what pods name goes with the last of them": {
			pass:     withDeployment(passOf(nil, existing(t, childOf(accountKind, "old"), nil)), rolledOutAs(3, 3, 3, 3)),
			requests: []string{"delete ServiceAccount shop/old of uid-old in the Background"}, results: []string{"ServiceAccount pruned"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			if c.errs != nil {
				s.errs = c.errs
			}
			expectFailures(t, engine.Apply(t.Context(), c.pass), c.failures...)
			s.expect(c.requests, c.results)
		})
	}
}

// withDeployment adds a Deployment that is up to date.
func withDeployment(pass Pass, deployment *appsv1.Deployment) Pass {
	child := build.Child{Kind: deploymentKind, Name: "checkout", Configuration: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"namespace": "shop", "name": "checkout"},
	}}
	reference := *metav1.NewControllerRef(owner(), ownerKind)
	hash, err := hashOf(&child, reference)
	if err != nil {
		panic(err)
	}
	deployment.OwnerReferences, deployment.Annotations = []metav1.OwnerReference{reference}, map[string]string{annotationApplied: hash}
	pass.Desired = append(pass.Desired, child)
	pass.Existing[Key{deploymentKind, "checkout"}] = deployment
	return pass
}

// The cache need not show yet that a new template was applied.
func TestATemplateThatWasJustAppliedIsNotRolledOut(t *testing.T) {
	s, engine := newEngine(t)
	pass := withDeployment(passOf(nil, existing(t, childOf(accountKind, "old"), nil)), rolledOutAs(3, 3, 3, 3))
	pass.Existing[Key{deploymentKind, "checkout"}].SetAnnotations(nil)
	if err := engine.Apply(t.Context(), pass); err != nil { // the answer has generation 7
		t.Error(err)
	}
	s.expect([]string{"apply Deployment shop/checkout by goservice-operator forced of uid-checkout owner owner"}, []string{"Deployment updated"})
}

func TestAChildThatFailsKeepsNoOtherFromBeingApplied(t *testing.T) {
	s, engine := newEngine(t)
	s.errs["apply ConfigMap"] = invalid
	s.errs["apply Deployment"] = breakdown
	desired := []build.Child{childOf(configMapKind, "checkout"), childOf(serviceKind, "checkout"), childOf(deploymentKind, "checkout"), childOf(autoscalerKind, "checkout")}
	scaler := existing(t, desired[3], nil)
	expectFailures(t, engine.Apply(t.Context(), passOf(desired, scaler)), "Invalid ConfigMap/checkout", "Transient Deployment/checkout")
	// An autoscaler without the Deployment that it acts on is left alone: it may be there in the next pass.
	s.expect([]string{
		createsConfigMap, "apply Service shop/checkout by goservice-operator forced at 1 owner owner",
		"apply Deployment shop/checkout by goservice-operator forced at 1 owner owner",
	}, []string{"ConfigMap failed", "Service created", "Deployment failed"})
}

// A Deployment that could not be made leaves its autoscaler alone, and nothing else.
func TestWhatHasNothingToActOnIsPassedOver(t *testing.T) {
	s, engine := newEngine(t)
	s.errs["apply Deployment"] = breakdown
	desired := []build.Child{childOf(deploymentKind, "checkout"), childOf(autoscalerKind, "checkout"), childOf(configMapKind, "checkout")}
	expectFailures(t, engine.Apply(t.Context(), passOf(desired, existing(t, desired[1], drifted))), "Transient Deployment/checkout")
	s.expect([]string{createsDeployment, createsConfigMap}, []string{"Deployment failed", "ConfigMap created"})
}

func TestADeploymentAndItsAutoscalerAreMadeInOnePass(t *testing.T) {
	s, engine := newEngine(t)
	if err := engine.Apply(t.Context(), passOf([]build.Child{childOf(deploymentKind, "checkout"), childOf(autoscalerKind, "checkout")})); err != nil {
		t.Error(err)
	}
	s.expect([]string{createsDeployment, "apply HorizontalPodAutoscaler shop/checkout by goservice-operator forced at 1 owner owner"},
		[]string{"Deployment created", "HorizontalPodAutoscaler created"})
}

// All that is left over goes in one pass, and after it what others handed over.
func TestAllThatIsLeftOverGoes(t *testing.T) {
	for name, c := range map[string]struct {
		errs     map[string]error
		failures []string
		last     []string
	}{
		"and what was handed over": {last: []string{"delete PodDisruptionBudget shop/theirs of uid-theirs in the Background"}},
		"as far as it can": {
			errs:     map[string]error{"delete Service": breakdown},
			failures: []string{"Transient Service/old: pruning"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			s.errs = c.errs
			pass := passOf(nil, existing(t, childOf(serviceKind, "old"), nil))
			pass.HandedOver = []client.Object{foreign(t, budgetKind, "theirs", `{}`)}
			expectFailures(t, engine.Apply(t.Context(), pass), c.failures...)
			results := s.results
			s.expect(append([]string{"delete Service shop/old of uid-old in the Background"}, c.last...), results)
		})
	}
	s, engine := newEngine(t)
	pass := passOf(nil, existing(t, childOf(serviceKind, "old"), nil), existing(t, childOf(serviceKind, "older"), nil), existing(t, childOf(serviceKind, "oldest"), nil))
	expectFailures(t, engine.Apply(t.Context(), pass))
	slices.Sort(s.requests)
	s.expect([]string{
		"delete Service shop/old of uid-old in the Background", "delete Service shop/older of uid-older in the Background",
		"delete Service shop/oldest of uid-oldest in the Background",
	}, []string{"Service pruned", "Service pruned", "Service pruned"})
}

func TestAnAutoscalerActsOnTheOwnDeploymentOnly(t *testing.T) {
	deployment, scaler := childOf(deploymentKind, "checkout"), childOf(autoscalerKind, "checkout")
	foreign := existing(t, deployment, func(o *unstructured.Unstructured) { o.SetOwnerReferences(nil); o.SetManagedFields(nil) })
	const deletesScaler = "delete HorizontalPodAutoscaler shop/checkout of uid-checkout in the Background"
	cases := map[string]struct {
		exist    []*unstructured.Unstructured
		errs     map[string]error
		requests []string
		failures []string
	}{
		"its Deployment is another's": {
			exist: []*unstructured.Unstructured{existing(t, scaler, nil)}, errs: map[string]error{"apply Deployment": conflict},
			requests: []string{"apply Deployment shop/checkout by goservice-operator forced at 1 owner owner", "get Deployment shop/checkout", deletesScaler},
			failures: []string{"Conflict Deployment/checkout"},
		},
		"its Deployment exists, and cannot be changed": {
			exist: []*unstructured.Unstructured{existing(t, deployment, drifted), existing(t, scaler, drifted)}, errs: map[string]error{"apply Deployment": invalid},
			requests: []string{
				"apply Deployment shop/checkout by goservice-operator forced of uid-checkout owner owner",
				"apply HorizontalPodAutoscaler shop/checkout by goservice-operator forced of uid-checkout owner owner",
			},
			failures: []string{"Invalid Deployment/checkout"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			s.live[Key{deploymentKind, "checkout"}], s.errs = foreign, c.errs
			expectFailures(t, engine.Apply(t.Context(), passOf([]build.Child{deployment, scaler}, c.exist...)), c.failures...)
			results := s.results
			s.expect(c.requests, results)
		})
	}
	t.Run("it is not desired any more although something else failed", func(t *testing.T) {
		s, engine := newEngine(t)
		s.errs["apply ConfigMap"] = invalid
		pass := passOf([]build.Child{childOf(configMapKind, "checkout"), deployment}, existing(t, deployment, nil), existing(t, scaler, nil))
		expectFailures(t, engine.Apply(t.Context(), pass), "Invalid ConfigMap/checkout")
		s.expect([]string{createsConfigMap, deletesScaler}, []string{"ConfigMap failed", "HorizontalPodAutoscaler pruned"})
	})
}

// Clients are led to the service by one object until the one of another kind is in its place, but never to somebody else's Service.
func TestWhatLeadsClientsGoesLast(t *testing.T) {
	service, ingress, route := childOf(serviceKind, "checkout"), childOf(build.IngressKind, "checkout"), childOf(build.HTTPRouteKind, "checkout")
	const (
		deletesIngress = "delete Ingress shop/checkout of uid-checkout in the Background"
		createsRoute   = "apply HTTPRoute shop/checkout by goservice-operator forced at 1 owner owner"
	)
	t.Run("the route is applied", func(t *testing.T) {
		s, engine := newEngine(t)
		pass := passOf([]build.Child{service, route}, existing(t, service, nil), existing(t, ingress, nil))
		expectFailures(t, engine.Apply(t.Context(), pass))
		s.expect([]string{createsRoute, deletesIngress}, []string{"HTTPRoute created", "Ingress pruned"})
	})
	t.Run("the route cannot be applied", func(t *testing.T) {
		s, engine := newEngine(t)
		s.errs["apply HTTPRoute"] = invalid
		pass := passOf([]build.Child{service, route}, existing(t, service, nil), existing(t, ingress, nil))
		expectFailures(t, engine.Apply(t.Context(), pass), "Invalid HTTPRoute/checkout")
		s.expect([]string{createsRoute}, []string{"HTTPRoute failed"})
	})
	t.Run("the Service is another's", func(t *testing.T) {
		s, engine := newEngine(t)
		s.live[Key{serviceKind, "checkout"}] = existing(t, service, func(o *unstructured.Unstructured) { o.SetOwnerReferences(nil); o.SetManagedFields(nil) })
		s.errs["apply Service"] = conflict
		expectFailures(t, engine.Apply(t.Context(), passOf([]build.Child{service, ingress}, existing(t, ingress, nil))), "Conflict Service/checkout")
		s.expect([]string{"apply Service shop/checkout by goservice-operator forced at 1 owner owner", "get Service shop/checkout", deletesIngress}, s.results)
	})
}

func TestNothingMoreIsTriedInANamespaceThatEnds(t *testing.T) {
	s, engine := newEngine(t)
	s.errs["apply ConfigMap"] = ending
	desired := []build.Child{childOf(configMapKind, "checkout"), childOf(serviceKind, "checkout")}
	pass := passOf(desired, existing(t, childOf(autoscalerKind, "checkout"), nil))
	expectFailures(t, engine.Apply(t.Context(), pass), "Terminating ConfigMap/checkout")
	s.expect([]string{createsConfigMap}, []string{"ConfigMap failed"})
}
