// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/controllers/internal/build"
)

// deploymentOf the owner, as a cache has it.
func deploymentOf(t *testing.T, wanted, available int, change ...func(*unstructured.Unstructured)) *unstructured.Unstructured {
	t.Helper()
	return existing(t, ourDeployment(t), func(o *unstructured.Unstructured) {
		o.Object["status"] = map[string]any{"availableReplicas": int64(available)}
		_ = unstructured.SetNestedField(o.Object, int64(wanted), "spec", "replicas")
		for _, f := range change {
			f(o)
		}
	})
}

// justTaken is a Deployment that was handed over, to which nothing was applied yet.
func justTaken(o *unstructured.Unstructured) {
	key, value := build.HandedOver()
	annotated(key, value)(o)
	annotated(annotationApplied, "")(o)
	template := map[string]any{}
	_ = yaml.Unmarshal([]byte(podsOf), &template)
	_ = unstructured.SetNestedField(o.Object, template, "spec", "template")
}

// A Service leads clients, so it is taken when pods are there for them; a Deployment that was handed over with it is applied after it.
func TestAServiceThatIsHandedOver(t *testing.T) {
	taken := []string{`Stale Service/checkout: Service "checkout" was taken: `}
	early := []string{`Stale Service/checkout: Service "checkout" is handed over, and is taken as soon as pods of the service are available: `}
	const waits = `Stale Deployment/checkout: Deployment "checkout" was handed over, and waits for its Service: `
	takes := []string{createsService, looksService, looksUpOwner, takesService}
	cases := map[string]struct {
		deployment *unstructured.Unstructured
		service    *unstructured.Unstructured
		wants      string
		errs       map[string]error
		requests   []string
		results    []string
		failures   []string
	}{
		"pods are available":       {deployment: deploymentOf(t, 3, 3), requests: takes, results: []string{"Service taken"}, failures: taken},
		"one pod is missing":       {deployment: deploymentOf(t, 3, 2), requests: takes[:3], failures: early},
		"a Deployment scaled to 0": {deployment: deploymentOf(t, 0, 0), requests: takes, results: []string{"Service taken"}, failures: taken},
		"there is no Deployment":   {requests: append(takes[:3:3], createsDeployment), results: []string{"Deployment created"}, failures: early},
		"its Deployment was just taken": {
			deployment: deploymentOf(t, 3, 3, justTaken), requests: takes, results: []string{"Service taken"}, failures: append(taken[:1:1], waits),
		},
		"its Deployment was just taken, and pods are missing": {
			deployment: deploymentOf(t, 3, 0, justTaken), requests: takes, results: []string{"Service taken"}, failures: append(taken[:1:1], waits),
		},
		"a Deployment was just taken, to whose pods it does not lead": {
			deployment: deploymentOf(t, 3, 0, justTaken), service: foreign(t, serviceKind, "checkout", strings.Replace(theirService, "app: a", "app: b", 1)),
			requests: takes[:3], failures: append(early[:1:1], waits),
		},
		"a Deployment was just taken, and it leads to no pods": {
			deployment: deploymentOf(t, 3, 0, justTaken), service: foreign(t, serviceKind, "checkout", `{ports: [{port: 80}]}`),
			requests: takes[:3], failures: append(early[:1:1], waits),
		},
		"a Deployment was just taken, and the Service is Helm's by now": {
			deployment: deploymentOf(t, 3, 3, justTaken), service: foreign(t, serviceKind, "checkout", theirService, annotated("meta.helm.sh/release-name", "shop")),
			requests: takes[:3], results: []string{"Service conflict"},
			failures: []string{`Conflict Service/checkout: Service "checkout" is handed over and not taken: Helm release "shop"`, waits},
		},
		"a Deployment was just taken, and the Service cannot be had": {
			deployment: deploymentOf(t, 3, 3, justTaken), errs: map[string]error{"get Service": breakdown}, requests: takes[:2],
			failures: []string{`Transient Service/checkout: reading Service "checkout": `, waits},
		},
		"a Deployment was just taken, and the Service stays foreign": {
			deployment: deploymentOf(t, 3, 3, justTaken), service: foreign(t, serviceKind, "checkout", theirService, handedToAnother),
			requests: append(takes[:2:2], updatesDeployment), results: []string{"Service conflict", "Deployment updated"},
			failures: []string{`Conflict Service/checkout: a Service named "checkout" exists and belongs to no GoService`},
		},
		"its ports would be gone": {
			deployment: deploymentOf(t, 3, 3), service: foreign(t, serviceKind, "checkout", `{selector: {app: a}, ports: [{port: 80}, {port: 443, protocol: TCP}]}`),
			requests: takes[:3], results: []string{"Service conflict"},
			failures: []string{`Conflict Service/checkout: Service "checkout" is handed over and not taken: its port 443 would be gone; set spec.service.port`},
		},
		"one of its ports has another protocol": {
			deployment: deploymentOf(t, 3, 3), service: foreign(t, serviceKind, "checkout", `{selector: {app: a}, ports: [{port: 80, protocol: UDP}]}`),
			requests: takes[:3], results: []string{"Service conflict"},
			failures: []string{`Conflict Service/checkout: Service "checkout" is handed over and not taken: its port 80 would be gone`},
		},
		"it is a load balancer": {
			deployment: deploymentOf(t, 3, 3), service: foreign(t, serviceKind, "checkout", strings.Replace(theirService, "NodePort", "LoadBalancer", 1)),
			requests: takes[:3], results: []string{"Service conflict"},
			failures: []string{`Conflict Service/checkout: Service "checkout" is handed over and not taken: its type is LoadBalancer; set spec.service.type to LoadBalancer`},
		},
		"it has node ports": {
			deployment: deploymentOf(t, 3, 3), wants: strings.Replace(ourService, "type: NodePort, ", "", 1), requests: takes[:3], results: []string{"Service conflict"},
			failures: []string{`Conflict Service/checkout: Service "checkout" is handed over and not taken: its type is NodePort; set spec.service.type to NodePort`},
		},
		"node ports become those of a load balancer": {
			deployment: deploymentOf(t, 3, 3), wants: strings.Replace(ourService, "NodePort", "LoadBalancer", 1),
			requests: takes, results: []string{"Service taken"}, failures: taken,
		},
		"only some may reach it": {
			deployment: deploymentOf(t, 3, 3), wants: strings.Replace(ourService, "NodePort", "LoadBalancer", 1),
			service:  foreign(t, serviceKind, "checkout", `{type: LoadBalancer, selector: {app: a}, ports: [{port: 80}], loadBalancerSourceRanges: [10.0.0.0/8]}`),
			requests: takes[:3], results: []string{"Service conflict"},
			failures: []string{`Conflict Service/checkout: Service "checkout" is handed over and not taken: everybody could reach it then`},
		},
		"others may reach it": {
			deployment: deploymentOf(t, 3, 3), wants: `{type: LoadBalancer, selector: {app: a}, ports: [{port: 80}], loadBalancerSourceRanges: [10.1.0.0/16]}`,
			service:  foreign(t, serviceKind, "checkout", `{type: LoadBalancer, selector: {app: a}, ports: [{port: 80}], loadBalancerSourceRanges: [10.0.0.0/8]}`),
			requests: takes, results: []string{"Service taken"}, failures: taken,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			maps.Copy(s.errs, c.errs)
			s.once = map[string]error{"apply Service": conflict}
			s.live[Key{ownerKind, "checkout"}] = owner()
			if c.service == nil {
				c.service = foreign(t, serviceKind, "checkout", theirService)
			}
			s.has(c.service)
			wants := ourService
			if c.wants != "" {
				wants = c.wants
			}
			pass := passOf([]build.Child{desired(t, serviceKind, "checkout", wants), ourDeployment(t)})
			if c.deployment != nil {
				pass.Existing[Key{deploymentKind, "checkout"}] = typedDeployment(t, c.deployment)
			}
			expectFailures(t, engine.Apply(t.Context(), pass), c.failures...)
			s.expect(c.requests, c.results)
		})
	}
}

// The Deployment follows in the pass in which its Service leads to the pods by number.
func TestADeploymentThatWasTakenIsAppliedAfterItsService(t *testing.T) {
	s, engine := newEngine(t)
	service := desired(t, serviceKind, "checkout", ourService)
	pass := passOf([]build.Child{service, ourDeployment(t)}, existing(t, service, func(o *unstructured.Unstructured) { delete(o.Object["spec"].(map[string]any), "ports") }))
	pass.Existing[Key{deploymentKind, "checkout"}] = typedDeployment(t, deploymentOf(t, 3, 1, justTaken))
	expectFailures(t, engine.Apply(t.Context(), pass))
	s.expect([]string{"apply Service shop/checkout by goservice-operator forced of uid-checkout owner owner", updatesDeployment}, []string{"Service updated", "Deployment updated"})
}

// Another child that fails keeps no Deployment, nor does any keep one to which the operator has applied something.
func TestOnlyItsServiceKeepsADeploymentThatWasTaken(t *testing.T) {
	for name, c := range map[string]struct {
		first  build.Child
		change []func(*unstructured.Unstructured)
	}{
		"a ConfigMap":             {childOf(configMapKind, "checkout"), []func(*unstructured.Unstructured){justTaken}},
		"the Service of metrics":  {childOf(serviceKind, "checkout-metrics"), []func(*unstructured.Unstructured){justTaken}},
		"a Deployment of its own": {childOf(serviceKind, "checkout"), []func(*unstructured.Unstructured){annotated(annotationApplied, "")}},
	} {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			s.errs = map[string]error{"apply " + c.first.Kind.Kind: breakdown}
			pass := passOf([]build.Child{c.first, ourDeployment(t)})
			pass.Existing[Key{deploymentKind, "checkout"}] = typedDeployment(t, deploymentOf(t, 3, 3, c.change...))
			expectFailures(t, engine.Apply(t.Context(), pass), "Transient "+c.first.Kind.Kind+"/"+c.first.Name)
			s.expect([]string{fmt.Sprintf("apply %s shop/%s by goservice-operator forced at 1 owner owner", c.first.Kind.Kind, c.first.Name), updatesDeployment},
				[]string{c.first.Kind.Kind + " failed", "Deployment updated"})
		})
	}
}

// What stays for now keeps nothing that comes after it.
func TestWhatComesAfterADeploymentThatWaitsIsApplied(t *testing.T) {
	s, engine := newEngine(t)
	s.errs = map[string]error{"apply Service": breakdown}
	marked := existing(t, childOf(accountKind, "checkout"), func(o *unstructured.Unstructured) { // no Deployment, whatever it says
		key, value := build.HandedOver()
		drifted(o)
		annotated(key, value)(o)
	})
	pass := passOf([]build.Child{childOf(serviceKind, "checkout"), ourDeployment(t), childOf(accountKind, "checkout"), childOf(configMapKind, "checkout")}, marked)
	pass.Existing[Key{deploymentKind, "checkout"}] = typedDeployment(t, deploymentOf(t, 3, 3, justTaken))
	expectFailures(t, engine.Apply(t.Context(), pass), "Transient Service/checkout", `Stale Deployment/checkout: Deployment "checkout" was handed over, and waits`)
	s.expect([]string{createsService, "apply ServiceAccount shop/checkout by goservice-operator forced of uid-checkout owner owner", createsConfigMap},
		[]string{"Service failed", "ServiceAccount updated", "ConfigMap created"})
}

// A Service is taken by what its Deployment tells, whatever else the owner has.
func TestAServiceIsTakenByWhatItsDeploymentTells(t *testing.T) {
	for range 10 { // children come in any order
		s, engine := newEngine(t)
		s.once = map[string]error{"apply Service": conflict}
		s.live[Key{ownerKind, "checkout"}] = owner()
		s.has(foreign(t, serviceKind, "checkout", theirService))
		pass := passOf([]build.Child{desired(t, serviceKind, "checkout", ourService)})
		for _, kind := range []schema.GroupVersionKind{accountKind, configMapKind, budgetKind, autoscalerKind} {
			child := existing(t, childOf(kind, "checkout"), nil)
			pass.Existing[Key{kind, "checkout"}] = child
		}
		pass.Existing[Key{deploymentKind, "checkout"}] = typedDeployment(t, deploymentOf(t, 3, 3))
		expectFailures(t, engine.Apply(t.Context(), pass), `Stale Service/checkout: Service "checkout" was taken: `)
	}
}

// What makes no sense as a Service is told, be it what is there or what is declared.
func TestAServiceThatCannotBeReadIsNotTaken(t *testing.T) {
	for want, c := range map[string]struct{ theirs, ours string }{
		`reading Service "checkout": `:                 {`{ports: none}`, ourService},
		`reading the Service "checkout" as declared: `: {theirService, `{ports: none}`},
	} {
		s, engine := newEngine(t)
		s.once = map[string]error{"apply Service": conflict}
		s.live[Key{ownerKind, "checkout"}] = owner()
		s.has(foreign(t, serviceKind, "checkout", c.theirs))
		expectFailures(t, engine.Apply(t.Context(), passOf([]build.Child{desired(t, serviceKind, "checkout", c.ours)})), "Transient Service/checkout: "+want)
		s.expect([]string{createsService, looksService, looksUpOwner}, nil)
	}
}

// A budget evicts nobody, but it may keep pods from being evicted: it is taken once pods are available, as a Service.
func TestABudgetIsTakenOncePodsAreAvailable(t *testing.T) {
	for available, failure := range map[int]string{3: `Stale PodDisruptionBudget/checkout: PodDisruptionBudget "checkout" was taken: `, 2: `Stale PodDisruptionBudget/checkout: PodDisruptionBudget "checkout" is handed over, and`} {
		s, engine := newEngine(t)
		s.once = map[string]error{"apply PodDisruptionBudget": conflict}
		s.live[Key{ownerKind, "checkout"}] = owner()
		s.has(foreign(t, budgetKind, "checkout", `{minAvailable: 1, selector: {matchLabels: {app: a}}}`))
		pass := passOf([]build.Child{desired(t, budgetKind, "checkout", `{maxUnavailable: 1}`)})
		pass.Existing[Key{deploymentKind, "checkout"}] = typedDeployment(t, deploymentOf(t, 3, available, justTaken))
		pass.UpdateOnly = false
		expectFailures(t, engine.Apply(t.Context(), pass), failure)
	}
}

// Nothing is taken for an owner that is being deleted.
func TestNothingIsTakenForAServiceThatIsBeingDeleted(t *testing.T) {
	s, engine := newEngine(t)
	s.has(foreign(t, deploymentKind, "checkout", theirs))
	pass := passOf([]build.Child{ourDeployment(t)})
	pass.UpdateOnly = true
	expectFailures(t, engine.Apply(t.Context(), pass))
	s.expect(nil, nil)
}
