// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package migrate turns the manifests of a service that runs as a Deployment into a GoService. It is pure: it reads no file, asks no
// cluster, and writes nothing. What has a field of its own goes there; of the rest of the pod template, the operator's own
// builder tells what differs, and that becomes the overlay. Whatever still differs, or can't be said, is in the notes.
package migrate

import (
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// Options are what manifests cannot tell.
type Options struct {
	// Indicators says in which metrics the services count their requests; empty lets the manifests suggest it.
	Indicators v1alpha1.IndicatorsPreset
}

// Result is a GoService and what it replaces.
type Result struct {
	Service *v1alpha1.GoService
	// Replaced are the objects that the GoService's own take the place of.
	Replaced []string
	// Notes say what could not be carried over, what changes, and what to check.
	Notes []Note
	// Changes of the pods, which one rolling update carries out.
	Changes []Change
	// Taken are the objects that the GoService takes over once they have the annotation goservice.dev/adopt with its name, in its namespace, as
	// kubectl takes them: deployment/checkout. None if that is not possible in place.
	Taken []string
	// HandOver are commands that give the GoService, once it is applied, what it takes the place of; none if that is not possible in place.
	HandOver []string
}

// Output is what becomes of some manifests.
type Output struct {
	Results []Result
	// Left are objects that stay as they are.
	Left []string
	// Notes are on objects that belong to no Deployment.
	Notes []Note
}

// Convert makes a GoService of each Deployment. The output is of those that could be converted; the error names the others.
func Convert(m *Manifests, options Options) (Output, error) {
	if len(m.deployments) == 0 {
		return Output{}, errors.New("no Deployment of apps/v1 in the input: a GoService is made of one")
	}
	output := Output{Notes: m.unknown}
	used := map[any]bool{}
	var failures []error
	for _, deployment := range m.deployments {
		c := newConversion(m.belongingTo(deployment), options)
		if err := c.convert(); err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", nameOf("Deployment", deployment), err))
			continue
		}
		for _, object := range c.from.all() {
			used[object] = true
		}
		c.checkOthers(m)
		changes, err := c.changes()
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", nameOf("Deployment", deployment), err))
			continue
		}
		taken, commands := c.from.handOver()
		output.Results = append(output.Results, Result{
			Service: c.result, Replaced: c.from.replaced(), Notes: c.notes, Changes: changes, Taken: taken, HandOver: commands,
		})
	}
	output.Left = m.left(used)
	return output, errors.Join(failures...)
}

func (b bundle) replaced() []string {
	var names []string
	for _, object := range b.all() {
		names = append(names, nameOfAny(object))
	}
	return names
}

func nameOfAny(object any) string {
	switch object := object.(type) {
	case *appsv1.Deployment:
		return nameOf("Deployment", object)
	case *corev1.Service:
		return nameOf("Service", object)
	case *autoscalingv2.HorizontalPodAutoscaler:
		return nameOf("HorizontalPodAutoscaler", object)
	case *policyv1.PodDisruptionBudget:
		return nameOf("PodDisruptionBudget", object)
	case *networkingv1.NetworkPolicy:
		return nameOf("NetworkPolicy", object)
	case *networkingv1.Ingress:
		return nameOf("Ingress", object)
	case *route:
		return nameOf(object.Kind, object)
	case *serviceMonitor:
		return nameOf("ServiceMonitor", object)
	}
	panic(fmt.Sprintf("no name for a %T", object))
}

// left are the objects that no GoService takes the place of.
func (m *Manifests) left(used map[any]bool) []string {
	var names []string
	keep := func(object any) {
		if !used[object] {
			names = append(names, nameOfAny(object))
		}
	}
	for _, object := range m.deployments {
		keep(object)
	}
	for _, object := range m.services {
		keep(object)
	}
	for _, object := range m.autoscalers {
		keep(object)
	}
	for _, object := range m.budgets {
		keep(object)
	}
	for _, object := range m.monitors {
		keep(object)
	}
	for _, object := range m.networkPolicies {
		keep(object)
	}
	for i := range m.others {
		if decoded := m.others[i].decoded; decoded != nil && used[decoded] {
			continue
		}
		names = append(names, nameOf(m.others[i].Kind, &m.others[i]))
	}
	return names
}
