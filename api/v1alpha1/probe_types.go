// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// ProbesSpec configures the probes of the service's container. A probe that is left out is the toolkit's, on port 9100, unless
// another one has a handler of its own: then there is none, and startup has the handler of liveness.
//
// +kubebuilder:validation:XValidation:rule="((has(self.startup) ? [dyn(self.startup)] : []) + (has(self.liveness) ? [dyn(self.liveness)] : [])).all(p, !has(p.successThreshold) || p.successThreshold == 1)",message="probes.startup and probes.liveness must not have a successThreshold other than 1"
// +kubebuilder:validation:XValidation:rule="!has(self.readiness) || !has(self.readiness.terminationGracePeriodSeconds)",message="probes.readiness must not have terminationGracePeriodSeconds: it ends nothing"
type ProbesSpec struct {
	// startup tells when the container has started. Until then it is neither restarted nor ready. It must not depend on other
	// services: a database outage would restart the pods.
	// +optional
	Startup *Probe `json:"startup,omitempty"`

	// liveness fails if the process must be restarted.
	// +optional
	Liveness *Probe `json:"liveness,omitempty"`

	// readiness fails while the pod should not get requests. It never causes a restart.
	// +optional
	Readiness *Probe `json:"readiness,omitempty"`

	// startupTimeout is how long the container may take to start, 1s to 1h, rounded up to whole seconds. Default: 60s.
	// +optional
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:Pattern=`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('1h')",message="probes.startupTimeout must be from 1s to 1h"
	StartupTimeout *metav1.Duration `json:"startupTimeout,omitempty"`
}

// Probe asks the service's container how it is.
//
// +kubebuilder:validation:XValidation:rule="[has(self.httpGet), has(self.grpc), has(self.tcpSocket), has(self.exec), has(self.disabled) && self.disabled].filter(x, x).size() <= 1",message="must have only one of httpGet, grpc, tcpSocket, exec and disabled"
type Probe struct {
	// httpGet succeeds with a status from 200 to 399.
	// +optional
	HTTPGet *HTTPGetProbe `json:"httpGet,omitempty"`
	// grpc succeeds if the health service (grpc.health.v1) answers SERVING.
	// +optional
	GRPC *GRPCProbe `json:"grpc,omitempty"`
	// tcpSocket succeeds if a connection can be opened.
	// +optional
	TCPSocket *TCPSocketProbe `json:"tcpSocket,omitempty"`
	// exec succeeds if a command in the container ends with 0.
	// +optional
	Exec *ExecProbe `json:"exec,omitempty"`
	// disabled sends none.
	// +optional
	Disabled bool `json:"disabled,omitempty"`
	// initialDelaySeconds before the first one, 0 to 3600. Default: 0.
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=3600
	InitialDelaySeconds *int32 `json:"initialDelaySeconds,omitempty"`
	// periodSeconds between two, 1 to 3600. Default: 1 for startup, 5 for readiness, 10 for liveness.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3600
	PeriodSeconds *int32 `json:"periodSeconds,omitempty"`
	// timeoutSeconds of one, 1 to 3600. Default: 2.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3600
	TimeoutSeconds *int32 `json:"timeoutSeconds,omitempty"`
	// failureThreshold is after how many failures in a row the probe has failed, 1 to 100000. Default: 2 for readiness, 3 for liveness,
	// and for startup what probes.startupTimeout takes.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	FailureThreshold *int32 `json:"failureThreshold,omitempty"`
	// successThreshold is after how many successes in a row the probe has succeeded again, 1 to 100. Default: 1.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	SuccessThreshold *int32 `json:"successThreshold,omitempty"`
	// terminationGracePeriodSeconds is how long the container may take to end after a failure, 1 to 3600. Default: that of the
	// pod.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3600
	TerminationGracePeriodSeconds *int64 `json:"terminationGracePeriodSeconds,omitempty"`
}

// HTTPGetProbe sends a GET request.
type HTTPGetProbe struct {
	// path of the request.
	// +required
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self.matches('^/([-A-Za-z0-9._~!$&()*+,;=:@/]|%[0-9A-Fa-f]{2})*([?]([-A-Za-z0-9._~!$&()*+,;=:@/?]|%[0-9A-Fa-f]{2})*)?$')",message="must be a path such as /healthz: it starts with '/', has no space, and '%' only before two hexadecimal digits"
	Path string `json:"path"`
	// port is the number or name of a port. Default: http, which is spec.port.
	// +optional
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self > 0 && self < 65536 : self.size() < 16",message="must be the name of a port, or a number from 1 to 65535"
	Port *intstr.IntOrString `json:"port,omitempty"`
	// scheme is HTTP or HTTPS, whose certificate is not checked. Default: HTTPS for spec.port if spec.tls is set, otherwise HTTP.
	// +optional
	// +kubebuilder:validation:Enum=HTTP;HTTPS
	Scheme corev1.URIScheme `json:"scheme,omitempty"`
	// httpHeaders of the request.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	HTTPHeaders []HTTPHeader `json:"httpHeaders,omitempty"`
}

// HTTPHeader is a header of a request.
type HTTPHeader struct {
	// name of the header.
	// +required
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:Pattern=`^[-A-Za-z0-9]+$`
	Name string `json:"name"`
	// value of the header.
	// +required
	// +kubebuilder:validation:MaxLength=4096
	Value string `json:"value"`
}

// GRPCProbe asks a health service.
type GRPCProbe struct {
	// port is the number of the port.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`
	// service whose health is asked. Default: that of the server.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	Service *string `json:"service,omitempty"`
}

// TCPSocketProbe opens a connection.
type TCPSocketProbe struct {
	// port is the number or name of a port. Default: http, which is spec.port.
	// +optional
	// +kubebuilder:validation:XValidation:rule="type(self) == int ? self > 0 && self < 65536 : self.size() < 16",message="must be the name of a port, or a number from 1 to 65535"
	Port *intstr.IntOrString `json:"port,omitempty"`
}

// ExecProbe runs a command in the container.
type ExecProbe struct {
	// command and its arguments; no shell is involved.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=32768
	Command []string `json:"command"`
}
