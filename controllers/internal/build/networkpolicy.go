// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"

	"goservice.dev/operator/controllers/internal/indicators"
	"goservice.dev/operator/controllers/plan"
)

// NetworkPolicyKind is the kind of what says who may connect to the pods.
var NetworkPolicyKind = networkingv1.SchemeGroupVersion.WithKind("NetworkPolicy")

// Port of a pod.
type Port struct {
	Protocol corev1.Protocol
	Number   int32
}

// networkPolicy lets in whom the user names, and to the metrics those who always need them. Egress is not its affair.
func networkPolicy(in input) []Child {
	settings := in.service.Spec.NetworkPolicy
	if settings == nil || in.mayBeOthers() {
		return nil
	}
	name := in.service.Name
	serves := networkingv1ac.NetworkPolicyIngressRule().WithPorts(policyPorts(in.served)...)
	for i := range settings.From {
		serves.WithFrom(converted(&settings.From[i], networkingv1ac.NetworkPolicyPeer()))
	}
	spec := networkingv1ac.NetworkPolicySpec().
		WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(selectorOf(in.service))).
		WithPolicyTypes(networkingv1.PolicyTypeIngress).
		WithIngress(serves)
	if rule := metricsRule(in); rule != nil {
		spec.WithIngress(rule)
	}
	if in.handsOff || in.environment.FormerHandOff {
		spec.WithIngress(peersRule(in))
	}
	return []Child{{Name: name, Configuration: networkingv1ac.NetworkPolicy(name, in.service.Namespace).
		WithLabels(objectLabels(name, componentService)).
		WithSpec(spec)}}
}

// metricsRule lets in the operator and Prometheus, whatever the user says; nil where they ask the pods nothing.
func metricsRule(in input) *networkingv1ac.NetworkPolicyIngressRuleApplyConfiguration {
	spec := &in.service.Spec
	if !plan.OnToolkit(spec) && !plan.Measurable(spec) {
		return nil
	}
	at := Port{corev1.ProtocolTCP, indicators.At(spec).Port}
	rule := networkingv1ac.NetworkPolicyIngressRule().WithPorts(policyPorts([]Port{at})...)
	if in.environment.MetricsFromAnywhere && !slices.Contains(in.served, at) {
		return rule
	}
	if len(in.environment.MetricsFrom) == 0 {
		return nil // a rule that names nobody lets everybody in
	}
	for i := range in.environment.MetricsFrom {
		rule.WithFrom(converted(&in.environment.MetricsFrom[i], networkingv1ac.NetworkPolicyPeer()))
	}
	return rule
}

// policyPorts are numbers: some network plugins open every port where a rule names one.
func policyPorts(ports []Port) []*networkingv1ac.NetworkPolicyPortApplyConfiguration {
	var result []*networkingv1ac.NetworkPolicyPortApplyConfiguration
	for _, p := range ports {
		result = append(result, networkingv1ac.NetworkPolicyPort().WithProtocol(p.Protocol).WithPort(intstr.FromInt32(p.Number)))
	}
	return result
}

// findPorts of pods: those that clients connect to – what the containers of the template declare, what pods of an earlier one
// still serve, and never the toolkit's admin port – and whether pods connect to each other.
func (in *input) findPorts() error {
	if in.service.Spec.NetworkPolicy == nil {
		return nil
	}
	var template corev1.PodTemplateSpec
	if err := json.Unmarshal(in.templateContent, &template); err != nil {
		return fmt.Errorf("reading the ports in the pod template of GoService %s/%s: %w", in.service.Namespace, in.service.Name, err)
	}
	in.handsOff = HandsOff(&template)
	ports := append(DeclaredPorts(&template), Port{corev1.ProtocolTCP, port(&in.service.Spec)})
	ports = append(ports, in.environment.FormerPorts...)
	slices.SortFunc(ports, func(a, b Port) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), cmp.Compare(a.Protocol, b.Protocol))
	})
	in.served = slices.DeleteFunc(slices.Compact(ports), func(p Port) bool {
		return plan.OnToolkit(&in.service.Spec) && p == Port{corev1.ProtocolTCP, AdminPort}
	})
	return nil
}

// DeclaredPorts are those of the containers that run as long as the pod does, without the toolkit's admin port.
func DeclaredPorts(template *corev1.PodTemplateSpec) []Port {
	var ports []Port
	pod, own := &template.Spec, ContainerOfPod(template.Annotations)
	add := func(container *corev1.Container) {
		for _, p := range container.Ports {
			if container.Name != own || p.Name != PortNameAdmin {
				ports = append(ports, Port{cmp.Or(p.Protocol, corev1.ProtocolTCP), p.ContainerPort})
			}
		}
	}
	for i := range pod.Containers {
		add(&pod.Containers[i])
	}
	for i := range pod.InitContainers {
		if policy := pod.InitContainers[i].RestartPolicy; policy != nil && *policy == corev1.ContainerRestartPolicyAlways {
			add(&pod.InitContainers[i])
		}
	}
	return ports
}

// OpenPorts are those that a NetworkPolicy that was built here opens to clients.
func OpenPorts(policy *networkingv1.NetworkPolicy) []Port {
	var ports []Port
	if len(policy.Spec.Ingress) == 0 {
		return nil
	}
	for _, p := range policy.Spec.Ingress[0].Ports {
		if p.Port != nil && p.Port.Type == intstr.Int && p.Protocol != nil {
			ports = append(ports, Port{*p.Protocol, p.Port.IntVal})
		}
	}
	return ports
}
