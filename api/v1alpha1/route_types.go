// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RoutePriority is how important the requests of a route are.
//
// +kubebuilder:validation:Enum=critical;normal;sheddable
type RoutePriority string

// RouteSpec sets how one route is served. Omitted values are those of the service's code.
type RouteSpec struct {
	// pattern of the route as the service registers it with http.ServeMux: "GET /orders/{id}". Patterns that the service does
	// not register have no effect.
	// +required
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self.matches('^([A-Z]+[ ]+)?[^/{} ]*((/([^/{} ]*|[{][A-Za-z_][A-Za-z0-9_]*[}]))+|(/([^/{} ]*|[{][A-Za-z_][A-Za-z0-9_]*[}]))*/[{]([$]|[A-Za-z_][A-Za-z0-9_]*[.]{3})[}])$')",message="routes[].pattern must be a pattern of http.ServeMux such as GET /orders/{id}: an optional method, an optional host and a path with optional wildcards"
	Pattern string `json:"pattern"`

	// timeout from a request's head to the end of its response, 0s to 24h; 0s means none.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) <= duration('24h')",message="routes[].timeout must be from 0s to 24h"
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// maxBodyBytes of a request, from 1. Larger ones get status 413.
	// +optional
	// +kubebuilder:validation:Minimum=1
	MaxBodyBytes *int64 `json:"maxBodyBytes,omitempty"`

	// rateLimit of the route, besides spec.rateLimit. It is always divided equally.
	// +optional
	RateLimit *RateLimitSpec `json:"rateLimit,omitempty"`

	// pool says whether requests take a worker.
	// +optional
	Pool *bool `json:"pool,omitempty"`

	// priority is critical, normal or sheddable: in an overload the less important requests are rejected first.
	// +optional
	Priority RoutePriority `json:"priority,omitempty"`

	// exempt requests pass neither rate limits nor the pool: for health checks of load balancers.
	// +optional
	Exempt *bool `json:"exempt,omitempty"`

	// handOff is Disabled for requests that stay in the pod where they come in, or Automatic.
	// +optional
	HandOff HandOffMode `json:"handOff,omitempty"`
}
