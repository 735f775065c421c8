// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
)

// PortName is the name of a port.
//
// +kubebuilder:validation:MaxLength=15
// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]+(-[a-z0-9]+)*$') && self.matches('[a-z]')",message="must be a port name such as grpc-web: at most 15 lower-case letters, digits and single '-', at least one letter, and no '-' at the ends"
type PortName string

// PortSpec is a further port of the container.
type PortSpec struct {
	// name of the port, by which the Service and probes refer to it.
	// +required
	Name PortName `json:"name"`

	// port that the container listens on, 1 to 65535. Rolling.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`

	// protocol is TCP, UDP or SCTP. Rolling.
	// +optional
	// +kubebuilder:default=TCP
	// +kubebuilder:validation:Enum=TCP;UDP;SCTP
	Protocol corev1.Protocol `json:"protocol,omitempty"`

	// appProtocol tells meshes and gateways what is spoken on the port, such as grpc or kubernetes.io/h2c.
	// +optional
	AppProtocol LabelKey `json:"appProtocol,omitempty"`

	// servicePort is the port of the Service that leads to it, 1 to 65535. Default: the same number as port.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	ServicePort *int32 `json:"servicePort,omitempty"`

	// hidden leaves the port out of the Service.
	// +optional
	Hidden bool `json:"hidden,omitempty"`
}

// ServiceSpec configures the Service that clients call. It replaces no pod.
//
// +kubebuilder:validation:XValidation:rule="!has(self.externalTrafficPolicy) || has(self.type) && self.type != 'ClusterIP'",message="service.externalTrafficPolicy must not be set for the type ClusterIP"
// +kubebuilder:validation:XValidation:rule="!has(self.loadBalancerClass) && !has(self.loadBalancerSourceRanges) || has(self.type) && self.type == 'LoadBalancer'",message="service.loadBalancerClass and service.loadBalancerSourceRanges must not be set unless the type is LoadBalancer"
// +kubebuilder:validation:XValidation:rule="!has(self.sessionAffinityTimeoutSeconds) || has(self.sessionAffinity) && self.sessionAffinity == 'ClientIP'",message="service.sessionAffinityTimeoutSeconds must not be set unless sessionAffinity is ClientIP"
// +kubebuilder:validation:XValidation:rule="!has(self.type) || self.type != 'LoadBalancer' || !has(oldSelf.type) || oldSelf.type != 'LoadBalancer' || has(self.loadBalancerClass) == has(oldSelf.loadBalancerClass) && (!has(self.loadBalancerClass) || self.loadBalancerClass == oldSelf.loadBalancerClass)",message="service.loadBalancerClass must not change while the type is LoadBalancer: Kubernetes does not allow it; set another type first"
type ServiceSpec struct {
	// port that leads to spec.port, 1 to 65535. Default: 80, or 443 if spec.tls is set.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port *int32 `json:"port,omitempty"`

	// appProtocol tells meshes and gateways what is spoken on port, such as grpc or kubernetes.io/h2c. Default: https if spec.tls
	// is set, otherwise none.
	// +optional
	AppProtocol LabelKey `json:"appProtocol,omitempty"`

	// type is ClusterIP, NodePort or LoadBalancer.
	// +optional
	// +kubebuilder:default=ClusterIP
	// +kubebuilder:validation:Enum=ClusterIP;NodePort;LoadBalancer
	Type corev1.ServiceType `json:"type,omitempty"`

	// annotations of the Service, such as those that a cloud's load balancer reads.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('goservice.dev/'))",message="service.annotations must not set goservice.dev/…: those belong to the operator"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !format.qualifiedName().validate(k.lowerAscii()).hasValue())",message="service.annotations must have annotation keys such as example.com/team"
	Annotations map[string]ServiceAnnotation `json:"annotations,omitempty"`

	// trafficDistribution is PreferSameZone, PreferSameNode or PreferClose: where connections go to if pods are near. Default: to
	// all pods alike.
	// +optional
	// +kubebuilder:validation:Enum=PreferSameZone;PreferSameNode;PreferClose
	TrafficDistribution string `json:"trafficDistribution,omitempty"`

	// sessionAffinity is None or ClientIP: with ClientIP, connections of a client go to the same pod.
	// +optional
	// +kubebuilder:default=None
	// +kubebuilder:validation:Enum=None;ClientIP
	SessionAffinity corev1.ServiceAffinity `json:"sessionAffinity,omitempty"`

	// sessionAffinityTimeoutSeconds is how long a client without connections keeps its pod, 1 to 86400. Default: 10800.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=86400
	SessionAffinityTimeoutSeconds *int32 `json:"sessionAffinityTimeoutSeconds,omitempty"`

	// externalTrafficPolicy is Cluster or Local: with Local, connections from outside go to pods of the node that they reach,
	// and keep their client's address. Default: Cluster.
	// +optional
	// +kubebuilder:validation:Enum=Cluster;Local
	ExternalTrafficPolicy corev1.ServiceExternalTrafficPolicy `json:"externalTrafficPolicy,omitempty"`

	// loadBalancerClass names the implementation of the load balancer. Default: the cluster's.
	// +optional
	LoadBalancerClass LabelKey `json:"loadBalancerClass,omitempty"`

	// loadBalancerSourceRanges are the clients that may connect, as CIDRs. Default: everybody.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	LoadBalancerSourceRanges []CIDR `json:"loadBalancerSourceRanges,omitempty"`
}

// NetworkPolicySpec configures the NetworkPolicy, which limits who may connect to the pods. It replaces no pod.
type NetworkPolicySpec struct {
	// from are those who may connect to port, ports, and the ports that sidecars declare. It replaces no pod. Default: anybody.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	From []NetworkPolicyPeer `json:"from,omitempty"`
}

// NetworkPolicyPeer is who may connect: pods, or addresses.
//
// +kubebuilder:validation:XValidation:rule="has(self.ipBlock) != (has(self.podSelector) || has(self.namespaceSelector))",message="networkPolicy.from[] must have podSelector, namespaceSelector or both, or else ipBlock alone"
type NetworkPolicyPeer struct {
	// podSelector selects pods of the namespaces that namespaceSelector selects. {} selects all. Default: all of these namespaces.
	// +optional
	PodSelector *LabelSelector `json:"podSelector,omitempty"`
	// namespaceSelector selects namespaces. {} selects all. Default: the service's own.
	// +optional
	NamespaceSelector *LabelSelector `json:"namespaceSelector,omitempty"`
	// ipBlock is a range of addresses outside of the cluster.
	// +optional
	IPBlock *IPBlock `json:"ipBlock,omitempty"`
}

// IPBlock is a range of addresses.
//
// +kubebuilder:validation:XValidation:rule="!isCIDR(self.cidr) || !has(self.except) || self.except.all(e, isCIDR(e) && cidr(self.cidr).containsCIDR(e) && cidr(e).prefixLength() > cidr(self.cidr).prefixLength())",message="networkPolicy.from[].ipBlock.except must be ranges within cidr that are smaller than it"
type IPBlock struct {
	// cidr is the range, such as 10.0.0.0/8.
	// +required
	CIDR CIDR `json:"cidr"`
	// except are ranges within cidr that are left out.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Except []CIDR `json:"except,omitempty"`
}

// ServiceAnnotation is the value of an annotation of a Service, route, or Ingress.
//
// +kubebuilder:validation:MaxLength=4096
type ServiceAnnotation string

// CIDR is a range of IP addresses.
//
// +kubebuilder:validation:MaxLength=64
// +kubebuilder:validation:XValidation:rule="isCIDR(self) && cidr(self).masked() == cidr(self)",message="must be a range of addresses such as 10.0.0.0/8 or 2001:db8::/32, with no bits set beyond the prefix"
type CIDR string
