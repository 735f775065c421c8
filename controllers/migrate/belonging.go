// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"cmp"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"goservice.dev/operator/api/v1alpha1"
)

// bundle is a Deployment and what belongs to it.
type bundle struct {
	deployment *appsv1.Deployment
	// selector that the pods keep; nil where the operator's own selects them.
	selector map[string]v1alpha1.LabelValue
	// notTaken says why the Deployment cannot be taken over in place; empty where it can.
	notTaken string
	// service that has the Deployment's name, or else the first one; nil without one.
	service *corev1.Service
	// furtherServices select the pods as well.
	furtherServices []*corev1.Service
	// metricsService is one of them that has the name of the operator's own.
	metricsService *corev1.Service
	autoscaler     *autoscalingv2.HorizontalPodAutoscaler
	// scalers are names of what sets the number of pods and stays.
	scalers []string
	budget  *policyv1.PodDisruptionBudget
	// keptBudgets select the pods and stay.
	keptBudgets []*policyv1.PodDisruptionBudget
	// policy that selects these pods alone; severalPolicies: there are others.
	policy          *networkingv1.NetworkPolicy
	severalPolicies bool
	monitor         *serviceMonitor
	// monitored is the Service that monitor selects.
	monitored *corev1.Service
	account   *corev1.ServiceAccount
	// ingresses and routes are all of the namespace; entrance is the one of them that the GoService's own takes the place of.
	ingresses []*networkingv1.Ingress
	routes    []*route
	entrance  any
	// stays says of objects why no GoService takes their place, although they belong to this Deployment.
	stays map[any]string
}

func (m *Manifests) belongingTo(deployment *appsv1.Deployment) bundle {
	b := bundle{deployment: deployment, stays: map[any]string{}}
	m.addSelector(&b)
	m.addServices(&b)
	m.addAutoscalers(&b)
	m.addBudgets(&b)
	m.addPolicies(&b)
	for _, ingress := range m.ingresses {
		if ingress.Namespace == deployment.Namespace {
			b.ingresses = append(b.ingresses, ingress)
		}
	}
	for _, route := range m.routes {
		if route.Namespace == deployment.Namespace {
			b.routes = append(b.routes, route)
		}
	}
	wanted := cmp.Or(deployment.Spec.Template.Spec.ServiceAccountName, deployment.Spec.Template.Spec.DeprecatedServiceAccount, "default")
	for _, account := range m.accounts {
		if account.Namespace == deployment.Namespace && account.Name == wanted {
			b.account = account
		}
	}
	return b
}

// addAutoscalers finds the one that the GoService takes the place of. KEDA's own goes with its ScaledObject, which stays.
func (m *Manifests) addAutoscalers(b *bundle) {
	var ofKEDA []string
	for _, autoscaler := range m.autoscalers {
		target := autoscaler.Spec.ScaleTargetRef
		if autoscaler.Namespace != b.deployment.Namespace || target.Kind != "Deployment" || target.Name != b.deployment.Name {
			continue
		}
		if i := slices.IndexFunc(autoscaler.OwnerReferences, func(o metav1.OwnerReference) bool { return o.Kind == "ScaledObject" }); i >= 0 {
			ofKEDA = append(ofKEDA, nameOf("ScaledObject", &metav1.ObjectMeta{Namespace: autoscaler.Namespace, Name: autoscaler.OwnerReferences[i].Name}))
		} else {
			b.autoscaler = autoscaler
		}
	}
	for _, found := range m.scalers {
		target := found.Spec.ScaleTargetRef
		same := b.autoscaler != nil && found.Kind == "HorizontalPodAutoscaler" && found.Name == b.autoscaler.Name // in another version
		if found.Namespace == b.deployment.Namespace && cmp.Or(target.Kind, "Deployment") == "Deployment" && target.Name == b.deployment.Name && !same {
			b.scalers = append(b.scalers, nameOf(found.Kind, found))
		}
	}
	for _, name := range ofKEDA {
		if !slices.Contains(b.scalers, name) {
			b.scalers = append(b.scalers, name)
		}
	}
}

// addServices finds those that select the pods, and the ServiceMonitor that selects one of them.
func (m *Manifests) addServices(b *bundle) {
	var found []*corev1.Service
	for _, service := range m.services {
		if leadsToPods(service, b.deployment) {
			found = append(found, service)
			m.share(b, service, "it also selects the pods of ", func(d *appsv1.Deployment) bool { return leadsToPods(service, d) })
		}
	}
	if len(found) == 0 {
		return
	}
	chosen := slices.IndexFunc(found, func(s *corev1.Service) bool { return s.Name == b.deployment.Name })
	if chosen < 0 {
		chosen = max(0, slices.IndexFunc(found, func(s *corev1.Service) bool { return b.stays[s] == "" }))
	}
	b.service = found[chosen]
	b.furtherServices = slices.Delete(found, chosen, chosen+1)
	for _, service := range append([]*corev1.Service{b.service}, b.furtherServices...) {
		if monitor := m.monitorOf(service); monitor != nil {
			b.monitor, b.monitored = monitor, service
			break
		}
	}
	if b.monitor != nil {
		if b.monitor.selectsService(&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: b.deployment.Namespace}}) {
			b.stays[b.monitor] = "it selects all Services"
		}
		m.share(b, b.monitor, "it also selects Services of ", func(d *appsv1.Deployment) bool {
			return slices.ContainsFunc(m.services, func(s *corev1.Service) bool { return leadsToPods(s, d) && b.monitor.selectsService(s) })
		})
	}
}

// addBudgets finds the one that the GoService takes the place of. A pod with two budgets cannot be evicted, so if another one stays
// and selects the GoService's pods, all stay.
func (m *Manifests) addBudgets(b *bundle) {
	for _, budget := range m.budgets {
		covers := func(d *appsv1.Deployment) bool {
			return budget.Namespace == d.Namespace && matches(budget.Spec.Selector, d.Spec.Template.Labels)
		}
		if !covers(b.deployment) {
			continue
		}
		m.share(b, budget, "it also selects the pods of ", covers)
		switch {
		case matches(budget.Spec.Selector, nil):
			b.stays[budget] = "it selects all pods of the namespace"
		case b.stays[budget] == "" && b.budget != nil:
			b.stays[budget] = "several budgets select the pods"
		}
		if b.stays[budget] != "" {
			b.keptBudgets = append(b.keptBudgets, budget)
		} else {
			b.budget = budget
		}
	}
	selectsNew := func(budget *policyv1.PodDisruptionBudget) bool {
		return matches(budget.Spec.Selector, b.newLabels())
	}
	if b.budget != nil && slices.ContainsFunc(b.keptBudgets, selectsNew) {
		b.stays[b.budget] = "several budgets select the pods"
		b.keptBudgets = append([]*policyv1.PodDisruptionBudget{b.budget}, b.keptBudgets...)
		b.budget = nil
	}
}

// share notes which other Deployments an object belongs to as well. Such an object stays.
func (m *Manifests) share(b *bundle, object any, why string, belongs func(*appsv1.Deployment) bool) {
	if others := m.otherDeployments(b.deployment, belongs); len(others) > 0 {
		b.stays[object] = why + strings.Join(others, ", ")
	}
}

// otherDeployments are the names of those of which something holds.
func (m *Manifests) otherDeployments(than *appsv1.Deployment, holds func(*appsv1.Deployment) bool) []string {
	var others []string
	for _, deployment := range m.deployments {
		if deployment != than && holds(deployment) {
			others = append(others, nameOf("Deployment", deployment))
		}
	}
	return others
}

// leadsToPods says whether a Service selects the pods of a Deployment.
func leadsToPods(service *corev1.Service, d *appsv1.Deployment) bool {
	return service.Namespace == d.Namespace && len(service.Spec.Selector) > 0 &&
		labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(d.Spec.Template.Labels))
}

// selects says whether a selector that selects anything selects these labels.
func selects(selector *metav1.LabelSelector, set labels.Set) bool {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && !parsed.Empty() && parsed.Matches(set)
}

// matches says whether a selector selects these labels; {} selects all.
func matches(selector *metav1.LabelSelector, set map[string]string) bool {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && parsed.Matches(labels.Set(set))
}

// all are the objects that the GoService's own take the place of.
func (b bundle) all() []any {
	objects := []any{b.deployment}
	if b.service != nil && b.service.Name == b.deployment.Name && b.stays[b.service] == "" {
		objects = append(objects, b.service)
	}
	if b.metricsService != nil {
		objects = append(objects, b.metricsService)
	}
	if b.autoscaler != nil {
		objects = append(objects, b.autoscaler)
	}
	if b.budget != nil {
		objects = append(objects, b.budget)
	}
	if b.policy != nil {
		objects = append(objects, b.policy)
	}
	if b.monitor != nil && b.stays[b.monitor] == "" {
		objects = append(objects, b.monitor)
	}
	if b.entrance != nil {
		objects = append(objects, b.entrance)
	}
	return objects
}
