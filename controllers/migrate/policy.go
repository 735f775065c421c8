// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// The most that the schema allows of peers and of what they hold.
const mostOfPeers = 16

// addPolicies finds the one that the GoService takes the place of. Policies add up, so what stays goes on working beside it.
func (m *Manifests) addPolicies(b *bundle) {
	for _, policy := range m.networkPolicies {
		covers := func(d *appsv1.Deployment) bool {
			return policy.Namespace == d.Namespace && matches(&policy.Spec.PodSelector, d.Spec.Template.Labels)
		}
		if !covers(b.deployment) {
			continue
		}
		m.share(b, policy, "it also selects the pods of ", covers)
		switch {
		case b.stays[policy] != "" || matches(&policy.Spec.PodSelector, nil):
		case b.policy != nil:
			b.severalPolicies = true
		default:
			b.policy = policy
		}
	}
}

// policy carries over who may connect, if one NetworkPolicy says it of these pods alone, and the same of every port.
func (c *conversion) policy() {
	policy := c.from.policy
	if policy == nil {
		return
	}
	from, at, why := c.clients(policy)
	if c.from.severalPolicies {
		at, why = "spec.podSelector", "several NetworkPolicies select the pods"
	}
	if why != "" {
		c.from.policy = nil
		effect := ""
		if matches(&policy.Spec.PodSelector, c.from.newLabels()) {
			effect = " and goes on deciding who may connect, without spec.networkPolicy: let it admit the operator and Prometheus to the port of the metrics"
		}
		c.note(Lost, policy, at, nil, "%s, so it stays as it is%s", why, effect)
		return
	}
	c.spec().NetworkPolicy = &v1alpha1.NetworkPolicySpec{From: from}
	c.note(Changed, policy, "spec.ingress", nil, "the operator and Prometheus may connect to the port of the metrics besides; "+
		"the operator's flag --metrics-from says where Prometheus is")
}

// clients are those who may connect, nil for anybody; or where the policy says what a GoService cannot, and why that is so.
func (c *conversion) clients(policy *networkingv1.NetworkPolicy) (from []v1alpha1.NetworkPolicyPeer, at, why string) {
	if slices.Contains(policy.Spec.PolicyTypes, networkingv1.PolicyTypeEgress) || len(policy.Spec.PolicyTypes) == 0 && len(policy.Spec.Egress) > 0 {
		return nil, "spec.policyTypes", "it is about egress, too"
	}
	ports := build.DeclaredPorts(&c.from.deployment.Spec.Template)
	if len(ports) == 0 {
		ports = []build.Port{{Protocol: corev1.ProtocolTCP, Number: cmp.Or(c.spec().Port, kubernetesPort)}}
	}
	admitted := map[build.Port]*admission{}
	for _, p := range ports {
		admitted[p] = &admission{peers: map[string]networkingv1.NetworkPolicyPeer{}}
	}
	for i := range policy.Spec.Ingress {
		covered, why := c.covered(ports, policy.Spec.Ingress[i].Ports)
		if why != "" {
			return nil, "spec.ingress.ports", why
		}
		for _, p := range covered {
			admitted[p].add(policy.Spec.Ingress[i].From)
		}
	}
	first := admitted[ports[0]]
	for _, p := range ports {
		if other := admitted[p]; other.anybody != first.anybody || !other.anybody && !maps.EqualFunc(other.peers, first.peers, func(_, _ networkingv1.NetworkPolicyPeer) bool { return true }) {
			return nil, "spec.ingress", "who may connect differs from port to port"
		}
	}
	switch {
	case first.anybody:
		return nil, "", ""
	case len(first.peers) == 0:
		return nil, "spec.ingress", "nobody may connect"
	}
	from, why = peersOf(first.peers)
	return from, "spec.ingress.from", why
}

// kubernetesPort is the operator's default of spec.port.
const kubernetesPort = 8080

// admission is who may connect to a port, by what they are in canonical form.
type admission struct {
	anybody bool
	peers   map[string]networkingv1.NetworkPolicyPeer
}

func (a *admission) add(peers []networkingv1.NetworkPolicyPeer) {
	a.anybody = a.anybody || len(peers) == 0
	for i := range peers {
		a.peers[shown(plain(&peers[i]))] = peers[i]
	}
}

// covered are the ports of the pods that a rule opens, or why that cannot be said.
func (c *conversion) covered(ports []build.Port, rule []networkingv1.NetworkPolicyPort) (covered []build.Port, why string) {
	if len(rule) == 0 {
		return ports, ""
	}
	for _, p := range rule {
		if p.EndPort != nil {
			return nil, "it opens a range of ports"
		}
		protocol := corev1.ProtocolTCP
		if p.Protocol != nil {
			protocol = *p.Protocol
		}
		count := len(covered)
		for _, port := range ports {
			if port.Protocol == protocol && (p.Port == nil || p.Port.Type == intstr.Int && p.Port.IntVal == port.Number ||
				p.Port.Type == intstr.String && c.hasPort(p.Port.StrVal, port)) {
				covered = append(covered, port)
			}
		}
		if p.Port != nil && len(covered) == count {
			return nil, fmt.Sprintf("it opens %s, a port that no container declares", p.Port)
		}
	}
	return covered, ""
}

// hasPort says whether one of the Deployment's containers has a port of this name.
func (c *conversion) hasPort(name string, port build.Port) bool {
	pod := &c.from.deployment.Spec.Template.Spec
	return slices.ContainsFunc(slices.Concat(pod.Containers, pod.InitContainers), func(container corev1.Container) bool {
		return slices.ContainsFunc(container.Ports, func(p corev1.ContainerPort) bool {
			return p.Name == name && p.ContainerPort == port.Number && cmp.Or(p.Protocol, corev1.ProtocolTCP) == port.Protocol
		})
	})
}

// peersOf are peers as a GoService has them, or why it cannot.
func peersOf(peers map[string]networkingv1.NetworkPolicyPeer) (from []v1alpha1.NetworkPolicyPeer, why string) {
	if len(peers) > mostOfPeers {
		return nil, fmt.Sprintf("it names more than %d peers", mostOfPeers)
	}
	for _, key := range slices.Sorted(maps.Keys(peers)) {
		peer := peers[key]
		if block := peer.IPBlock; block != nil {
			normalized := networkingv1.IPBlock{CIDR: withoutHostBits(block.CIDR)}
			for _, part := range block.Except {
				normalized.Except = append(normalized.Except, withoutHostBits(part))
			}
			if len(normalized.Except) > mostOfPeers {
				return nil, fmt.Sprintf("it excepts more than %d ranges", mostOfPeers)
			}
			peer.IPBlock = &normalized
		}
		for _, selector := range []*metav1.LabelSelector{peer.PodSelector, peer.NamespaceSelector} {
			if selector != nil && max(len(selector.MatchLabels), len(selector.MatchExpressions), mostValues(selector)) > mostOfPeers {
				return nil, fmt.Sprintf("a selector has more than %d entries", mostOfPeers)
			}
		}
		var converted v1alpha1.NetworkPolicyPeer
		encoded, err := json.Marshal(peer)
		if err == nil {
			err = json.Unmarshal(encoded, &converted)
		}
		if err != nil {
			return nil, err.Error()
		}
		from = append(from, converted)
	}
	return from, ""
}

func mostValues(selector *metav1.LabelSelector) int {
	most := 0
	for i := range selector.MatchExpressions {
		most = max(most, len(selector.MatchExpressions[i].Values))
	}
	return most
}

// withoutHostBits is the same range of addresses as the schema has it.
func withoutHostBits(text string) string {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return prefix.Masked().String()
	}
	return text
}
