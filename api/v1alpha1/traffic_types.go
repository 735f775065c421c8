// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RateLimitScope is what a rate limit applies to.
//
// +kubebuilder:validation:Enum=Service;Pod
type RateLimitScope string

const (
	// ScopeService is one limit that all pods share.
	ScopeService RateLimitScope = "Service"
	// ScopePod applies the whole limit to each pod.
	ScopePod RateLimitScope = "Pod"
)

// RateLimitSpec is a token bucket.
type RateLimitSpec struct {
	// requestsPerSecond admitted on average, 1 to 10000000.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000000
	RequestsPerSecond int32 `json:"requestsPerSecond"`

	// burst is how many requests can be admitted at the same moment after a pause, 1 to 10000000. With scope Service it is
	// divided among the pods like the rate, and each has at least 1: with fewer than 10 per pod, random peaks are rejected before
	// the limit is reached. Default: a tenth of a second's worth, and at least 10 for each pod.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10000000
	Burst *int32 `json:"burst,omitempty"`

	// scope is Service (one limit, divided among the pods that can take traffic) or Pod (each pod has the whole limit).
	// +optional
	// +kubebuilder:default=Service
	Scope RateLimitScope `json:"scope,omitempty"`
}

// PoolSpec limits the work in each pod.
type PoolSpec struct {
	// workers is how many requests and jobs run at the same time in each pod, 1 to 100000. Default: pods size their pools
	// themselves, within the bounds in status.plan.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	Workers *int32 `json:"workers,omitempty"`

	// queueDepth is how many more may wait in each pod, 0 to 1000000. Default: 4096, or workers if that is
	// more.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000000
	QueueDepth *int32 `json:"queueDepth,omitempty"`
}

// ShutdownSpec configures graceful termination.
type ShutdownSpec struct {
	// preStopDelay is how long a terminating pod keeps serving while nodes and load balancers learn of it, 0s to 10m,
	// rounded up to whole seconds. Default: 5s. With a cloud load balancer, use its deregistration delay.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) <= duration('10m')",message="shutdown.preStopDelay must be from 0s to 10m"
	PreStopDelay *metav1.Duration `json:"preStopDelay,omitempty"`

	// drainTimeout is how long requests and jobs may take to finish once the pod stops accepting, 1s to 1h, rounded up to
	// whole seconds. Default: derived from slo.latency, or 30s for an image that is not built on the toolkit.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('1h')",message="shutdown.drainTimeout must be from 1s to 1h"
	DrainTimeout *metav1.Duration `json:"drainTimeout,omitempty"`
}

// UpstreamSpec is a service that this one calls.
//
// +kubebuilder:validation:XValidation:rule="!has(self.tlsSecretName) || self.url.lowerAscii().startsWith('https:')",fieldPath=".tlsSecretName",message="upstreams[].tlsSecretName needs an https url"
// +kubebuilder:validation:XValidation:rule="!has(self.proxy) || !self.url.startsWith('h2c:')",fieldPath=".proxy",message="upstreams[].proxy needs an http or https url"
type UpstreamSpec struct {
	// name by which the workload knows the upstream, as in /proxy/{name}/: a DNS label.
	// +required
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`

	// url of the upstream, http, https, or h2c for HTTP/2 without TLS. Rolling.
	// +required
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches('^([hH][tT][tT][pP][sS]?|h2c)://(\\\\[[0-9a-fA-F:.]+\\\\]|[^]/?#@:[ ]+)(:[0-9]{1,5})?(/[^?# ]*)?$') && isURL(self) && (url(self).getPort() == '' || int(url(self).getPort()) >= 1 && int(url(self).getPort()) <= 65535)",message="upstreams[].url must be an absolute http, https or h2c URL such as http://billing.shop.svc: a host, an optional port from 1 to 65535 and an optional path, without user, query or fragment"
	URL string `json:"url"`

	// timeout is how long an attempt may make no progress, 1ms to 10m. Live. Default: 5s.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1ms') && duration(self) <= duration('10m')",message="upstreams[].timeout must be from 1ms to 10m"
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// rateLimit limits the calls to the upstream. Calls wait for their turn within the deadline of the request. Live.
	// Default: unlimited.
	// +optional
	RateLimit *RateLimitSpec `json:"rateLimit,omitempty"`

	// maxInFlight calls of each pod may wait for the upstream, 1 to 100000. Live. Default: three quarters of the pool, at most 1024.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	MaxInFlight *int32 `json:"maxInFlight,omitempty"`

	// tlsSecretName is a Secret with ca.crt (the authority), tls.crt and tls.key (the client's own), or all. Rolling.
	// +optional
	TLSSecretName ObjectName `json:"tlsSecretName,omitempty"`

	// headersSecretName is a Secret whose keys are headers of each call. Rolling.
	// +optional
	HeadersSecretName ObjectName `json:"headersSecretName,omitempty"`

	// proxy is Environment to use HTTP_PROXY, HTTPS_PROXY and NO_PROXY. Rolling.
	// +optional
	Proxy UpstreamProxy `json:"proxy,omitempty"`
}

// UpstreamProxy is the proxy of the calls to an upstream.
//
// +kubebuilder:validation:Enum=Environment
type UpstreamProxy string

// UpstreamProxyEnvironment is the proxy that the environment names.
const UpstreamProxyEnvironment UpstreamProxy = "Environment"

// TLSSpec configures TLS.
type TLSSpec struct {
	// secretName is a Secret of type kubernetes.io/tls in the same namespace.
	// +required
	SecretName ObjectName `json:"secretName"`

	// clientCASecretName is a Secret with the key ca.crt. Clients must then present a certificate that this CA signed.
	// +optional
	ClientCASecretName ObjectName `json:"clientCASecretName,omitempty"`
}

// HandOffMode says whether requests that would wait in a pod may run in another.
// +kubebuilder:validation:Enum=Automatic;Disabled
type HandOffMode string

const (
	// HandOffAutomatic lets them run in another pod that is free, where pods can share their queue.
	HandOffAutomatic HandOffMode = "Automatic"
	// HandOffDisabled keeps them in the pod where they come in.
	HandOffDisabled HandOffMode = "Disabled"
)
