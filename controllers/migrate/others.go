// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// checkOthers says what objects that stay no longer find.
func (c *conversion) checkOthers(m *Manifests) {
	for _, ingress := range m.ingresses {
		if ingress.Namespace == c.result.Namespace {
			c.checkIngress(ingress)
		}
	}
	for _, policy := range m.networkPolicies {
		if policy.Namespace == c.result.Namespace {
			c.checkPolicy(policy)
		}
	}
}

func (c *conversion) checkIngress(ingress *networkingv1.Ingress) {
	check := func(backend *networkingv1.IngressBackend) {
		if backend == nil || backend.Service == nil || backend.Service.Name != c.result.Name || !c.replacesService() {
			return
		}
		name := backend.Service.Port.Name
		for i := range c.from.service.Spec.Ports {
			if name == "" || c.from.service.Spec.Ports[i].Name != name || c.servicePortNamed(name) {
				continue
			}
			c.noteOn(Lost, nameOf("Ingress", ingress), "backend.service.port.name", name,
				"the Service's port has another name now: set port.number to "+shown(c.from.service.Spec.Ports[i].Port))
		}
	}
	check(ingress.Spec.DefaultBackend)
	for _, rule := range ingress.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for i := range rule.HTTP.Paths {
			check(&rule.HTTP.Paths[i].Backend)
		}
	}
}

// servicePortNamed says whether the GoService's Service has a port of this name.
func (c *conversion) servicePortNamed(name string) bool {
	return slices.ContainsFunc(c.main().Ports, func(p corev1.ContainerPort) bool { return p.Name == name })
}

func (c *conversion) checkPolicy(policy *networkingv1.NetworkPolicy) {
	if !matches(&policy.Spec.PodSelector, c.from.deployment.Spec.Template.Labels) {
		return
	}
	at := nameOf("NetworkPolicy", policy)
	if !matches(&policy.Spec.PodSelector, c.newLabels()) {
		c.noteOn(Lost, at, "spec.podSelector", shown(canonical(&policy.Spec.PodSelector)),
			"it does not select the GoService's pods, since the operator sets labels that it names: select app.kubernetes.io/name: "+c.result.Name)
	}
	for i := range policy.Spec.Ingress {
		for _, port := range policy.Spec.Ingress[i].Ports {
			if port.Port != nil && port.Port.Type == intstr.String && !c.servicePortNamed(port.Port.StrVal) {
				c.noteOn(Lost, at, "spec.ingress.ports.port", port.Port.StrVal, "the container has no port of this name any more: name the number")
			}
		}
	}
}

// noteOn is a note on an object that stays.
func (c *conversion) noteOn(kind Kind, object, path, value, reason string) {
	c.notes = append(c.notes, Note{kind, object, path, value, reason})
}
