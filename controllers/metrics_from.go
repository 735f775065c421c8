// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/observe"
)

// operatorLabels are those of the operator's own pods, as config/manager has them.
var operatorLabels = map[string]string{"control-plane": "controller-manager", "app.kubernetes.io/name": "goservice-operator"}

// prometheusNames are the values of app.kubernetes.io/name that the Prometheus Operator and the Helm charts of Prometheus give its pods.
var prometheusNames = []string{"prometheus", "prometheus-agent"}

// AddMetricsFrom reads a peer of a NetworkPolicy, in YAML or JSON, into MetricsFrom. It must have podSelector, namespaceSelector, or
// both, or else ipBlock alone. A podSelector without namespaceSelector selects pods in the namespace of each GoService.
func (o *Options) AddMetricsFrom(text string) error {
	var peer networkingv1.NetworkPolicyPeer
	if err := yaml.UnmarshalStrict([]byte(text), &peer); err != nil {
		return fmt.Errorf("must be a peer of a NetworkPolicy, such as {namespaceSelector: {matchLabels: {team: monitoring}}}: %w", err)
	}
	if err := checkPeer(&peer); err != nil {
		return err
	}
	o.MetricsFrom = append(o.MetricsFrom, peer)
	return nil
}

func checkPeer(peer *networkingv1.NetworkPolicyPeer) error {
	if (peer.IPBlock != nil) == (peer.PodSelector != nil || peer.NamespaceSelector != nil) {
		return errors.New("must have podSelector, namespaceSelector or both, or else ipBlock alone")
	}
	if peer.IPBlock != nil {
		return checkBlock(peer.IPBlock)
	}
	check := func(name string, selector *metav1.LabelSelector) field.ErrorList {
		return validation.ValidateLabelSelector(selector, validation.LabelSelectorValidationOptions{}, field.NewPath(name))
	}
	return append(check("podSelector", peer.PodSelector), check("namespaceSelector", peer.NamespaceSelector)...).ToAggregate()
}

func checkBlock(block *networkingv1.IPBlock) error {
	whole, err := parseRange("ipBlock.cidr", block.CIDR)
	if err != nil {
		return err
	}
	for _, text := range block.Except {
		part, err := parseRange("ipBlock.except", text)
		if err != nil {
			return err
		}
		if !whole.Contains(part.Addr()) || part.Bits() <= whole.Bits() {
			return fmt.Errorf("ipBlock.except: %q must be a range within %s that is smaller than it", text, whole)
		}
	}
	return nil
}

func parseRange(name, text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil || prefix != prefix.Masked() || prefix.Addr().Is4In6() {
		return prefix, fmt.Errorf("%s: %q must be a range of addresses such as 10.0.0.0/8 or 2001:db8::/32, with no bits set beyond the prefix", name, text)
	}
	return prefix, nil
}

// metricsAccess says who may connect to the metrics of services with a NetworkPolicy.
type metricsAccess struct {
	from []networkingv1.NetworkPolicyPeer
	// anywhere: nobody said where the operator's requests come from.
	anywhere bool
}

// metricsAccess never locks the operator out: if its requests may not come from its own pods, and --metrics-from does not say where they
// come from, access is open to everybody.
func (o *Options) metricsAccess(log logr.Logger) metricsAccess {
	access := metricsAccess{from: o.MetricsFrom}
	if len(access.from) == 0 {
		access.from = []networkingv1.NetworkPolicyPeer{{
			NamespaceSelector: &metav1.LabelSelector{},
			PodSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
				{Key: "app.kubernetes.io/name", Operator: metav1.LabelSelectorOpIn, Values: prometheusNames},
			}},
		}}
	}
	if o.PodAccess != PodAccessAPIServer && o.Namespace != "" {
		access.from = append([]networkingv1.NetworkPolicyPeer{{
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: o.Namespace}},
			PodSelector:       &metav1.LabelSelector{MatchLabels: operatorLabels},
		}}, access.from...)
		return access
	}
	if access.anywhere = len(o.MetricsFrom) == 0; access.anywhere {
		log.Info("it is not known from where this operator's requests reach pods: NetworkPolicies of GoServices open the port of metrics to everybody, " +
			"unless clients use it, too; name the addresses of the operator, or with --pod-access=apiserver those of the API server, and Prometheus in --metrics-from")
	}
	return access
}

// formerPorts are those on which pods of an earlier template still serve, and whether such pods still share their queue: during a rollout
// that changes ports, the policy opens both. The Deployment has the earlier template until the newer one is applied; after that, only the
// policy itself tells.
func (r *GoServiceReconciler) formerPorts(service *v1alpha1.GoService, seen observe.State) (ports []build.Port, handOff bool) {
	if service.Spec.NetworkPolicy == nil || seen.Deployment == nil {
		return nil, false
	}
	ports, handOff = build.DeclaredPorts(&seen.Deployment.Spec.Template), build.HandsOff(&seen.Deployment.Spec.Template)
	policy, is := seen.Children[apply.Key{Kind: build.NetworkPolicyKind, Name: service.Name}].(*networkingv1.NetworkPolicy)
	if is && (len(seen.Leaving) > 0 || r.replacing(service, seen)) {
		ports = append(ports, build.OpenPorts(policy)...)
		handOff = handOff || build.LetsPeersIn(policy)
	}
	return ports, handOff
}
