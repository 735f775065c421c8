// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	networkingv1ac "k8s.io/client-go/applyconfigurations/networking/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

// Pods that are built on the toolkit share their queue: they find each other by the name of the metrics Service, link by PeersPort, and
// prove to each other that they have the key of the service, which a Secret brings them. The Secret is optional for the pod: without it
// the pod serves on its own, and takes part as soon as it is there.

const (
	// PeersPort is where pods of a service that share their queue listen for each other. No container declares it: nothing but pods of the
	// service may connect, and those know the number.
	PeersPort int32 = 9443
	// PeersKeyType is the type of the Secrets with keys of peers. The API server never lets an update change a type, so that no Secret of
	// another type can be overwritten.
	PeersKeyType corev1.SecretType = "goservice.dev/peers"
	// PeersShownKey and PeersAcceptedKey are the entries of such a Secret.
	PeersShownKey    = "shown"
	PeersAcceptedKey = "accepted"
	// AnnotationPeersKey on a GoService makes other keys whenever its text changes.
	AnnotationPeersKey = "goservice.dev/peers-key"

	peersVolume    = "goservice-peers"
	peersDirectory = "/etc/goservice/peers"
	// peersNames is the variable that makes pods share their queue.
	peersNames = "GOSERVICE_PEERS_NAMES"
)

// PeersSecretName is the name of the Secret with the keys of a service's pods.
func PeersSecretName(service string) string { return suffixed(service, "-peers") }

// PeersSecretLabels are those of that Secret.
func PeersSecretLabels(service string) map[string]string {
	return objectLabels(service, componentService)
}

// NoHandOff says why pods that are built on the toolkit do not share their queue by the spec; the reason is empty where they do.
func NoHandOff(spec *v1alpha1.GoServiceSpec) (reason, message string) {
	overlay := overlaidPod(spec)
	switch {
	case spec.HandOff == v1alpha1.HandOffDisabled:
		return v1alpha1.ReasonDisabled, "spec.handOff is Disabled: each pod has a queue of its own"
	case overlay.HostNetwork:
		return v1alpha1.ReasonHostNetwork, fmt.Sprintf("pod.overlay sets hostNetwork: port %d of the node is not the service's, so each pod has a queue of its own", PeersPort)
	case usesPeersPort(spec, overlay):
		return v1alpha1.ReasonPortTaken, fmt.Sprintf("a container has port %d, by which pods would share their queue: choose another port for it, or set spec.handOff to Disabled", PeersPort)
	}
	if policy := dnsPolicyOf(spec, overlay); policy != corev1.DNSClusterFirst {
		return v1alpha1.ReasonNoClusterDNS, fmt.Sprintf("the dnsPolicy of the pods is %s: they cannot look up each other, so each has a queue of its own", policy)
	}
	return "", ""
}

func dnsPolicyOf(spec *v1alpha1.GoServiceSpec, overlay corev1.PodSpec) corev1.DNSPolicy {
	var own corev1.DNSPolicy
	if spec.Pod != nil {
		own = spec.Pod.DNSPolicy
	}
	return cmp.Or(overlay.DNSPolicy, own, corev1.DNSClusterFirst)
}

// SharesQueue reports whether the pods of a spec share their queue.
func SharesQueue(spec *v1alpha1.GoServiceSpec) bool {
	reason, _ := NoHandOff(spec)
	return plan.OnToolkit(spec) && reason == ""
}

// handOffInputs is what spec.handOff says where it makes a difference.
func handOffInputs(spec v1alpha1.GoServiceSpec) v1alpha1.HandOffMode {
	disabled := spec.HandOff == v1alpha1.HandOffDisabled
	if spec.HandOff = ""; disabled && SharesQueue(&spec) {
		return v1alpha1.HandOffDisabled
	}
	return ""
}

// overlaidPod is what an overlay says of the pod, empty where it cannot be read: then nothing is built of it.
func overlaidPod(spec *v1alpha1.GoServiceSpec) corev1.PodSpec {
	var template corev1.PodTemplateSpec
	if spec.Pod == nil || spec.Pod.Overlay == nil || json.Unmarshal(spec.Pod.Overlay.Raw, &template) != nil {
		return corev1.PodSpec{}
	}
	return template.Spec
}

func usesPeersPort(spec *v1alpha1.GoServiceSpec, overlay corev1.PodSpec) bool {
	taken := func(number int32, protocol corev1.Protocol) bool {
		return number == PeersPort && (protocol == "" || protocol == corev1.ProtocolTCP)
	}
	inOverlay := func(containers []corev1.Container) bool {
		return slices.ContainsFunc(containers, func(c corev1.Container) bool {
			return slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return taken(p.ContainerPort, p.Protocol) })
		})
	}
	return port(spec) == PeersPort ||
		slices.ContainsFunc(spec.Ports, func(p v1alpha1.PortSpec) bool { return taken(p.Port, p.Protocol) }) ||
		slices.ContainsFunc(spec.InitContainers, func(c v1alpha1.Container) bool {
			return slices.ContainsFunc(c.Ports, func(p v1alpha1.ContainerPort) bool { return taken(p.ContainerPort, p.Protocol) })
		}) || inOverlay(overlay.Containers) || inOverlay(overlay.InitContainers)
}

// HandsOff reports whether pods of a template share their queue.
func HandsOff(template *corev1.PodTemplateSpec) bool {
	own := ContainerOfPod(template.Annotations)
	return slices.ContainsFunc(template.Spec.Containers, func(c corev1.Container) bool {
		return c.Name == own && slices.ContainsFunc(c.Env, func(v corev1.EnvVar) bool { return v.Name == peersNames })
	})
}

// peersEnvironment is how a pod finds the others.
func peersEnvironment(in input) []*corev1ac.EnvVarApplyConfiguration {
	if !SharesQueue(&in.service.Spec) {
		return nil
	}
	plain := func(name, value string) *corev1ac.EnvVarApplyConfiguration {
		return corev1ac.EnvVar().WithName(name).WithValue(value)
	}
	field := func(name, path string) *corev1ac.EnvVarApplyConfiguration {
		return corev1ac.EnvVar().WithName(name).WithValueFrom(corev1ac.EnvVarSource().
			WithFieldRef(corev1ac.ObjectFieldSelector().WithAPIVersion("v1").WithFieldPath(path)))
	}
	return []*corev1ac.EnvVarApplyConfiguration{
		// By its short name: the first domain that a pod searches is its namespace's.
		plain(peersNames, MetricsServiceName(in.service.Name)),
		plain("GOSERVICE_PEERS_PORT", strconv.Itoa(int(PeersPort))),
		plain("GOSERVICE_PEERS_KEYS", peersDirectory),
		field("GOSERVICE_POD_IP", "status.podIP"),
		// Kubernetes copies it from the node when it binds the pod, from 1.35 on; elsewhere the label is missing, and the zone not known.
		field("GOSERVICE_ZONE", "metadata.labels['"+corev1.LabelTopologyZone+"']"),
	}
}

// peersKeys is the volume with the keys.
func peersKeys(in input) *corev1ac.VolumeApplyConfiguration {
	return corev1ac.Volume().WithName(peersVolume).WithSecret(corev1ac.SecretVolumeSource().
		WithSecretName(PeersSecretName(in.service.Name)).WithOptional(true))
}

// peersRule lets pods of the service connect to each other, whatever the user says of clients.
func peersRule(in input) *networkingv1ac.NetworkPolicyIngressRuleApplyConfiguration {
	return networkingv1ac.NetworkPolicyIngressRule().
		WithPorts(policyPorts([]Port{{corev1.ProtocolTCP, PeersPort}})...).
		WithFrom(networkingv1ac.NetworkPolicyPeer().WithPodSelector(metav1ac.LabelSelector().WithMatchLabels(selectorOf(in.service))))
}

// LetsPeersIn reports whether a NetworkPolicy that was built here has that rule.
func LetsPeersIn(policy *networkingv1.NetworkPolicy) bool {
	return slices.ContainsFunc(policy.Spec.Ingress[min(1, len(policy.Spec.Ingress)):], func(rule networkingv1.NetworkPolicyIngressRule) bool {
		return slices.ContainsFunc(rule.Ports, func(p networkingv1.NetworkPolicyPort) bool {
			return p.Port != nil && *p.Port == intstr.FromInt32(PeersPort)
		})
	})
}
