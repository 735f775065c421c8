// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"regexp"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"goservice.dev/operator/api/v1alpha1"
)

// A service with spec.expose has one object that leads clients outside of the cluster to its Service: a route where a Gateway is
// named and the cluster knows the kind of the route, otherwise an Ingress.

const (
	// GatewayGroup is the API group of Gateway API.
	GatewayGroup = "gateway.networking.k8s.io"

	// appProtocolGRPC is that of a port that gets a GRPCRoute. One with kubernetes.io/h2c may speak gRPC, too, or other HTTP/2; an
	// HTTPRoute leads to both.
	appProtocolGRPC = "grpc"

	allPaths = "/"
)

// Exposure is the kind of the object that leads clients to the service from outside; false if there is none, since spec.expose is
// not set or the cluster does not know the kind of the route.
func Exposure(spec *v1alpha1.GoServiceSpec, optional map[schema.GroupVersionKind]bool) (schema.GroupVersionKind, bool) {
	switch {
	case spec.Expose == nil:
		return schema.GroupVersionKind{}, false
	case spec.Expose.Gateway == nil:
		return IngressKind, true
	case optional[RouteKind(spec)]:
		return RouteKind(spec), true
	}
	return IngressKind, spec.Expose.IngressClassName != ""
}

// callsPath is what the path of a gRPC call begins with.
var callsPath = regexp.MustCompile(`^/([A-Za-z_]\w*([.][A-Za-z_]\w*)*(/[A-Za-z_]\w*)?/?)?$`)

// RouteKind is the kind of the route that leads from a Gateway to the exposed port. A port of gRPC that is reached by other paths serves
// more than gRPC.
func RouteKind(spec *v1alpha1.GoServiceSpec) schema.GroupVersionKind {
	_, appProtocol := exposedPort(spec)
	isOther := func(path string) bool { return !callsPath.MatchString(path) }
	if appProtocol != appProtocolGRPC || slices.ContainsFunc(ExposedPaths(spec.Expose), isOther) {
		return HTTPRouteKind
	}
	return GRPCRouteKind
}

// ExposedPaths are the prefixes of paths that lead to a service with spec.expose, never none.
func ExposedPaths(expose *v1alpha1.ExposeSpec) []string {
	if len(expose.Paths) == 0 {
		return []string{allPaths}
	}
	paths := make([]string, len(expose.Paths))
	for i, path := range expose.Paths {
		paths[i] = string(path)
	}
	return paths
}

// exposes reports whether the service has an object of this kind.
func (in input) exposes(kind schema.GroupVersionKind) bool {
	chosen, exists := Exposure(&in.service.Spec, in.environment.OptionalKinds)
	return exists && chosen == kind
}

// exposedPort is the number of the Service's port that clients outside are led to, and what is spoken on it.
func exposedPort(spec *v1alpha1.GoServiceSpec) (number int32, appProtocol string) {
	if name := spec.Expose.Port; name != "" && name != PortNameHTTP {
		for i := range spec.Ports {
			if p := &spec.Ports[i]; p.Name == name {
				return valueOr(p.ServicePort, p.Port), string(p.AppProtocol)
			}
		}
	}
	return mainPort(spec)
}

// mainPort is the Service's port that leads to spec.port, and what is spoken on it.
func mainPort(spec *v1alpha1.GoServiceSpec) (number int32, appProtocol string) {
	number = ServicePort
	if spec.TLS != nil {
		number, appProtocol = ServicePortTLS, "https"
	}
	if s := spec.Service; s != nil {
		number = valueOr(s.Port, number)
		if s.AppProtocol != "" {
			appProtocol = string(s.AppProtocol)
		}
	}
	return number, appProtocol
}

func (in input) hosts() []string {
	hosts := make([]string, len(in.service.Spec.Expose.Hosts))
	for i, host := range in.service.Spec.Expose.Hosts {
		hosts[i] = string(host)
	}
	return hosts
}
