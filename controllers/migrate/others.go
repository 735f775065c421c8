// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"goservice.dev/operator/controllers/internal/build"
)

// checkOthers says what objects that stay no longer find.
func (c *conversion) checkOthers(m *Manifests) {
	for _, ingress := range m.ingresses {
		if ingress.Namespace == c.result.Namespace && c.from.entrance != any(ingress) {
			c.checkIngress(ingress)
		}
	}
	for _, policy := range m.networkPolicies {
		if policy.Namespace == c.result.Namespace && policy != c.from.policy {
			c.checkPolicy(policy)
		}
	}
}

func (c *conversion) checkIngress(ingress *networkingv1.Ingress) {
	check := func(backend *networkingv1.IngressBackend) {
		if backend == nil || backend.Service == nil || backend.Service.Name != c.result.Name || !c.replacesService() {
			return
		}
		c.checkBackend(nameOf("Ingress", ingress), backend.Service.Port)
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

// checkBackend says whether a port that the Service had leads to the same one of the container under the same name or number.
func (c *conversion) checkBackend(object string, wanted networkingv1.ServiceBackendPort) {
	for i := range c.from.service.Spec.Ports {
		port := &c.from.service.Spec.Ports[i]
		byName := wanted.Name != "" && wanted.Name == port.Name
		if !byName && (wanted.Name != "" || wanted.Number != port.Port) || cmp.Or(port.Protocol, corev1.ProtocolTCP) != corev1.ProtocolTCP {
			continue
		}
		path, value := "backend.service.port.number", fmt.Sprint(wanted.Number)
		if byName {
			path, value = "backend.service.port.name", wanted.Name
		}
		ports := c.servicePorts()
		switch {
		case !slices.Contains(slices.Collect(maps.Values(ports)), port.Port):
			c.noteOn(Lost, object, path, value, "the GoService's Service has no such port: keep a Service of another name that has it, and name that one")
		case byName && ports[wanted.Name] != port.Port:
			c.noteOn(Lost, object, path, value, "the Service's port has another name now: set port.number to "+shown(port.Port))
		}
	}
}

// servicePorts are the numbers of the GoService's Service over TCP, by the names of its ports.
func (c *conversion) servicePorts() map[string]int32 {
	result := map[string]int32{build.PortNameHTTP: build.ServicePort}
	if s := c.spec().Service; s != nil && s.Port != nil {
		result[build.PortNameHTTP] = *s.Port
	}
	for i := range c.spec().Ports {
		port := &c.spec().Ports[i]
		if port.Hidden || cmp.Or(port.Protocol, corev1.ProtocolTCP) != corev1.ProtocolTCP {
			continue
		}
		result[string(port.Name)] = port.Port
		if port.ServicePort != nil {
			result[string(port.Name)] = *port.ServicePort
		}
	}
	return result
}

// containerPortNamed says whether the container has a port of this name.
func (c *conversion) containerPortNamed(name string) bool {
	return slices.ContainsFunc(c.main().Ports, func(p corev1.ContainerPort) bool { return p.Name == name })
}

func (c *conversion) checkPolicy(policy *networkingv1.NetworkPolicy) {
	if !matches(&policy.Spec.PodSelector, c.from.deployment.Spec.Template.Labels) {
		return
	}
	at := nameOf("NetworkPolicy", policy)
	if !matches(&policy.Spec.PodSelector, c.from.newLabels()) {
		c.noteOn(Lost, at, "spec.podSelector", shown(canonical(&policy.Spec.PodSelector)),
			"it does not select the GoService's pods, since the operator sets labels that it names: select them by "+labels.FormatLabels(c.from.ownSelector().MatchLabels))
	}
	for i := range policy.Spec.Ingress {
		for _, port := range policy.Spec.Ingress[i].Ports {
			if port.Port != nil && port.Port.Type == intstr.String && !c.containerPortNamed(port.Port.StrVal) {
				c.noteOn(Lost, at, "spec.ingress.ports.port", port.Port.StrVal, "the container has no port of this name any more: name the number")
			}
		}
	}
}

// noteOn is a note on an object that stays.
func (c *conversion) noteOn(kind Kind, object, path, value, reason string) {
	c.notes = append(c.notes, Note{kind, object, path, value, reason})
}
