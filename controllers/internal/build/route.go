// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Kinds of Gateway API, which publishes apply configurations in a module of its own with other dependencies. What its definitions
// default is written out: a stored route then is what was applied.
var (
	HTTPRouteKind = schema.GroupVersionKind{Group: GatewayGroup, Version: "v1", Kind: "HTTPRoute"}
	GRPCRouteKind = schema.GroupVersionKind{Group: GatewayGroup, Version: "v1", Kind: "GRPCRoute"}
	// GatewayKind is only read.
	GatewayKind = schema.GroupVersionKind{Group: GatewayGroup, Version: "v1", Kind: "Gateway"}
)

func httpRoute(in input) []Child {
	if !in.exposes(HTTPRouteKind) {
		return nil
	}
	var matches []any
	for _, path := range ExposedPaths(in.service.Spec.Expose) {
		matches = append(matches, map[string]any{"path": map[string]any{"type": "PathPrefix", "value": path}})
	}
	return []Child{in.route(HTTPRouteKind, matches)}
}

func grpcRoute(in input) []Child {
	if !in.exposes(GRPCRouteKind) {
		return nil
	}
	var matches []any
	for _, path := range ExposedPaths(in.service.Spec.Expose) {
		called, method, hasMethod := strings.Cut(strings.Trim(path, "/"), "/")
		if called == "" { // all methods of all services, whatever else is named
			matches = nil
			break
		}
		match := map[string]any{"type": "Exact", "service": called}
		if hasMethod {
			match["method"] = method
		}
		matches = append(matches, map[string]any{"method": match})
	}
	return []Child{in.route(GRPCRouteKind, matches)}
}

// route leads from the Gateway to the Service.
func (in input) route(kind schema.GroupVersionKind, matches []any) Child {
	name, gateway := in.service.Name, in.service.Spec.Expose.Gateway
	parent := map[string]any{"group": GatewayGroup, "kind": GatewayKind.Kind, "name": string(gateway.Name)}
	if gateway.Namespace != "" {
		parent["namespace"] = string(gateway.Namespace)
	}
	if gateway.SectionName != "" {
		parent["sectionName"] = string(gateway.SectionName)
	}
	hosts := in.hosts()
	hostnames := make([]any, len(hosts))
	for i, host := range hosts {
		hostnames[i] = host
	}
	number, _ := exposedPort(&in.service.Spec)
	rule := map[string]any{"backendRefs": []any{map[string]any{
		"group": "", "kind": ServiceKind.Kind, "name": name, "port": int64(number), "weight": int64(1),
	}}}
	if len(matches) > 0 {
		rule["matches"] = matches
	}
	metadata := map[string]any{
		"name": name, "namespace": in.service.Namespace, "labels": untyped(objectLabels(name, componentService)),
	}
	if annotations := in.service.Spec.Expose.Annotations; len(annotations) > 0 {
		metadata["annotations"] = untyped(plain(annotations))
	}
	return Child{Name: name, Configuration: map[string]any{
		"apiVersion": kind.GroupVersion().String(), "kind": kind.Kind, "metadata": metadata,
		"spec": map[string]any{"parentRefs": []any{parent}, "hostnames": hostnames, "rules": []any{rule}},
	}}
}
