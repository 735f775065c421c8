// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

// Hostname is a DNS name. Its first label may be *.
//
// +kubebuilder:validation:MaxLength=253
// +kubebuilder:validation:XValidation:rule="self.matches('^([*][.])?([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?[.])*[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$') && !self.matches('^[0-9.]+$')",message="must be a DNS name such as shop.example or *.shop.example"
type Hostname string

// PathPrefix is what the path of a request begins with, in whole elements: /shop covers /shop and /shop/cart, but not /shopping.
//
// +kubebuilder:validation:MaxLength=256
// +kubebuilder:validation:XValidation:rule="self.matches('^/([-A-Za-z0-9._~!$&()*+,;=:@/]|%[0-9a-fA-F]{2})*$') && !self.matches('//|/[.][.]?(/|$)|%2[fF]')",message="must be a path such as / or /shop, without '//', '.', '..', and characters to escape"
type PathPrefix string

// ExposeSpec makes the service reachable from outside of the cluster. It replaces no pod.
//
// +kubebuilder:validation:XValidation:rule="!has(self.tls) || !has(self.gateway) || has(self.ingressClassName)",message="expose.tls must not be set with gateway, whose listener holds the certificate, unless ingressClassName is set for clusters without Gateway API"
// +kubebuilder:validation:XValidation:rule="!has(self.ingressClassName) || !has(self.annotations) || !('kubernetes.io/ingress.class' in self.annotations)",message="expose.annotations must not have kubernetes.io/ingress.class beside ingressClassName"
type ExposeSpec struct {
	// hosts that clients call, 1 to 16; *.shop.example is all names below shop.example.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="self.all(h, self.exists_one(g, g == h))",message="expose.hosts must not have a host twice"
	Hosts []Hostname `json:"hosts"`

	// paths that lead to the service, 1 to 16 prefixes. Default: /.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:XValidation:rule="self.all(p, self.exists_one(q, q == p))",message="expose.paths must not have a path twice"
	Paths []PathPrefix `json:"paths,omitempty"`

	// port is http, which is spec.port, or the name of a TCP port of spec.ports. Default: http.
	// +optional
	Port PortName `json:"port,omitempty"`

	// gateway gives the service an HTTPRoute to this Gateway, or a GRPCRoute if the appProtocol of port is grpc and
	// paths are /, /SERVICE or /SERVICE/METHOD. Default: an Ingress.
	// +optional
	Gateway *GatewayTarget `json:"gateway,omitempty"`

	// ingressClassName is the class of the Ingress. With gateway, there is an Ingress only while the kind of route is not installed.
	// Default: the cluster's.
	// +optional
	IngressClassName ObjectName `json:"ingressClassName,omitempty"`

	// tls lets the Ingress serve HTTPS; {} with the default certificate of its controller. Default: HTTP.
	// +optional
	TLS *ExposeTLS `json:"tls,omitempty"`

	// annotations of the route or Ingress.
	// +optional
	// +kubebuilder:validation:MaxProperties=32
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('goservice.dev/') && !format.qualifiedName().validate(k.lowerAscii()).hasValue())",message="expose.annotations must have annotation keys such as example.com/team, and none of goservice.dev/…, which belong to the operator"
	Annotations map[string]ServiceAnnotation `json:"annotations,omitempty"`
}

// GatewayTarget names a Gateway, and possibly one of its listeners.
type GatewayTarget struct {
	// name of the Gateway.
	// +required
	Name ObjectName `json:"name"`
	// namespace of the Gateway. Default: the same one.
	// +optional
	Namespace DNSLabel `json:"namespace,omitempty"`
	// sectionName is the name of a listener. Default: all that accept the hosts.
	// +optional
	SectionName ObjectName `json:"sectionName,omitempty"`
}

// ExposeTLS is where an Ingress has its certificate from.
type ExposeTLS struct {
	// secretName is the Secret with the certificate; an issuer writes it. Default with an issuer: NAME-expose-tls.
	// +optional
	SecretName ObjectName `json:"secretName,omitempty"`
	// issuer of cert-manager that issues the certificate.
	// +optional
	Issuer *CertificateIssuer `json:"issuer,omitempty"`
}

// CertificateIssuer names an issuer of cert-manager.
type CertificateIssuer struct {
	// name of the issuer.
	// +required
	Name ObjectName `json:"name"`
	// kind is Issuer or ClusterIssuer. Default: Issuer.
	// +optional
	// +kubebuilder:validation:Enum=Issuer;ClusterIssuer
	Kind IssuerKind `json:"kind,omitempty"`
}

// IssuerKind is a kind of cert-manager.
type IssuerKind string

// Kinds of issuers.
const (
	IssuerKindIssuer        IssuerKind = "Issuer"
	IssuerKindClusterIssuer IssuerKind = "ClusterIssuer"
)
