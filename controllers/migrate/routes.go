// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// route is one of Gateway API, of which no Go types are needed. What is not read here stays a map, so that nothing is overlooked.
type route struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		ParentRefs []map[string]any `json:"parentRefs"`
		Hostnames  []string         `json:"hostnames"`
		Rules      []map[string]any `json:"rules"`
	} `json:"spec"`
}

// ofRoute is what a route says; nil for one that does not lead to the Service.
func (c *conversion) ofRoute(r *route) *entrance {
	e := &entrance{object: r, kind: build.HTTPRouteKind}
	if r.Kind == build.GRPCRouteKind.Kind {
		e.kind, e.grpc = build.GRPCRouteKind, true
	}
	if !slices.ContainsFunc(r.Spec.Rules, func(rule map[string]any) bool {
		return slices.ContainsFunc(objects(rule["backendRefs"]), c.isService)
	}) {
		return nil
	}
	e.parent(r.Spec.ParentRefs)
	for _, host := range r.Spec.Hostnames {
		e.expose.Hosts = append(e.expose.Hosts, v1alpha1.Hostname(host))
	}
	var number int64
	for i, rule := range r.Spec.Rules {
		c.routeRule(e, fmt.Sprintf("spec.rules[%d]", i), rule, &number)
	}
	port, exists := c.portNumbered(int32(number))
	switch e.expose.Port = port; {
	case !exists && len(e.unsaid) == 0:
		e.cannot("spec.rules", number, "the GoService's Service has no such port")
	case !e.grpc && c.appProtocolOf(port) == appProtocolGRPC:
		e.cannot("kind", nil, "the operator makes a GRPCRoute for a port with the appProtocol grpc")
	case e.grpc && c.appProtocolOf(port) != appProtocolGRPC && c.appProtocolOf(port) != "":
		e.cannot("kind", nil, "the operator makes a GRPCRoute only for a port with the appProtocol grpc")
	}
	return c.check(e)
}

// isService says whether a backend is the Service.
func (c *conversion) isService(backend map[string]any) bool {
	return textOf(backend, "kind", "Service") == "Service" && textOf(backend, "group", "") == "" && backend["name"] == c.result.Name &&
		textOf(backend, "namespace", c.result.Namespace) == c.result.Namespace
}

// parent is the one Gateway that a route is attached to.
func (e *entrance) parent(parents []map[string]any) {
	if len(parents) != 1 {
		e.cannot("spec.parentRefs", parents, "there is one Gateway")
		return
	}
	parent := parents[0]
	if textOf(parent, "kind", build.GatewayKind.Kind) != build.GatewayKind.Kind || textOf(parent, "group", build.GatewayGroup) != build.GatewayGroup {
		e.cannot("spec.parentRefs[0].kind", parent["kind"], "the parent is a Gateway")
	}
	e.others("spec.parentRefs[0]", parent, "group", "kind", "name", "namespace", "sectionName")
	e.expose.Gateway = &v1alpha1.GatewayTarget{
		Name: v1alpha1.ObjectName(textOf(parent, "name", "")), Namespace: v1alpha1.DNSLabel(textOf(parent, "namespace", "")),
		SectionName: v1alpha1.ObjectName(textOf(parent, "sectionName", "")),
	}
}

// routeRule adds the paths of a rule, all of which must lead to the same port of the Service and nowhere else.
func (c *conversion) routeRule(e *entrance, at string, rule map[string]any, number *int64) {
	e.others(at, rule, "matches", "backendRefs")
	backends := objects(rule["backendRefs"])
	if len(backends) != 1 || !c.isService(backends[0]) {
		e.cannot(at+".backendRefs", rule["backendRefs"], "all requests go to the service")
		return
	}
	e.others(at+".backendRefs[0]", backends[0], "group", "kind", "name", "namespace", "port", "weight")
	if weight, set := backends[0]["weight"].(int64); set && weight == 0 {
		e.cannot(at+".backendRefs[0].weight", weight, "all requests go to the service")
	}
	port, _ := backends[0]["port"].(int64)
	if *number != 0 && port != *number {
		e.cannot(at+".backendRefs[0].port", port, "all requests go to the same port")
	}
	*number = port
	matches := objects(rule["matches"])
	if len(matches) == 0 {
		matches = []map[string]any{{}}
	}
	for i, match := range matches {
		read := e.httpMatch
		if e.grpc {
			read = e.grpcMatch
		}
		path := v1alpha1.PathPrefix(read(fmt.Sprintf("%s.matches[%d]", at, i), match))
		if !slices.Contains(e.expose.Paths, path) {
			e.expose.Paths = append(e.expose.Paths, path)
		}
	}
}

func (e *entrance) httpMatch(at string, match map[string]any) string {
	e.others(at, match, "path")
	path, _ := match["path"].(map[string]any)
	if kind := textOf(path, "type", "PathPrefix"); kind != "PathPrefix" {
		e.cannot(at+".path.type", kind, "paths are prefixes")
	}
	return textOf(path, "value", "/")
}

func (e *entrance) grpcMatch(at string, match map[string]any) string {
	e.others(at, match, "method")
	method, _ := match["method"].(map[string]any)
	if kind := textOf(method, "type", "Exact"); kind != "Exact" {
		e.cannot(at+".method.type", kind, "services and methods have their names")
	}
	called, name := textOf(method, "service", ""), textOf(method, "method", "")
	if called == "" && name != "" {
		e.cannot(at+".method.method", name, "a method is that of a service")
	}
	return "/" + strings.Trim(called+"/"+name, "/")
}

// others are the fields of a part that spec.expose does not have.
func (e *entrance) others(at string, part map[string]any, known ...string) {
	for _, name := range slices.Sorted(maps.Keys(part)) {
		if !slices.Contains(known, name) {
			e.cannot(at+"."+name, part[name], "there is no field for it")
		}
	}
}

// textOf is a field that holds one; absent ones have a default.
func textOf(from map[string]any, field, otherwise string) string {
	value, _ := from[field].(string)
	if _, set := from[field]; !set {
		return otherwise
	}
	return cmp.Or(value, "")
}

func objects(value any) []map[string]any {
	list, _ := value.([]any)
	var result []map[string]any
	for _, element := range list {
		if object, is := element.(map[string]any); is {
			result = append(result, object)
		}
	}
	return result
}
