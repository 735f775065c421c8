// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"slices"
	"strings"
)

// alternatives are fields of which an object has one, by one of them.
var alternatives = map[string][]string{
	"emptyDir":  {"configMap", "secret", "emptyDir", "persistentVolumeClaim", "projected", "downwardAPI"},
	"tcpSocket": {"httpGet", "grpc", "tcpSocket", "exec", "disabled"},
	"subPath":   {"subPath", "subPathExpr"},
	"disabled":  {"maxUnavailable", "minAvailable", "disabled"},
}

// fit makes of an object one that rules beyond the schema admit more often; few that are drawn alone would pass all of them.
func (s *specs) fit(path string, object map[string]any) {
	for _, fields := range alternatives {
		var has []string
		for _, field := range fields {
			if object[field] != nil {
				has = append(has, field)
			}
		}
		for len(has) > 1 {
			i := s.random.IntN(len(has))
			delete(object, has[i])
			has = slices.Delete(has, i, i+1)
		}
	}
	switch {
	case path == "spec":
		s.fitMounts(object)
		fitIndicators(object)
	case path == "spec.service" && object["type"] != "LoadBalancer":
		delete(object, "loadBalancerClass")
		delete(object, "loadBalancerSourceRanges")
		delete(object, "externalTrafficPolicy")
	case path == "spec.networkPolicy.from[]":
		if object["ipBlock"] != nil {
			delete(object, "podSelector")
			delete(object, "namespaceSelector")
		} else if len(object) == 0 {
			object["podSelector"] = map[string]any{"matchLabels": map[string]any{"team": "a"}}
		}
	case path == "spec.rollout":
		delete(object, "maxUnavailable")
		if object["strategy"] == "Recreate" || object["maxSurge"] == "0%" {
			delete(object, "maxSurge")
		}
	case strings.HasSuffix(path, "seccompProfile"):
		delete(object, "localhostProfile")
		if object["type"] == "Localhost" {
			object["localhostProfile"] = "profiles/a.json"
		}
	case strings.HasSuffix(path, "liveness"), strings.HasSuffix(path, "startup"), strings.HasSuffix(path, "livenessProbe"), strings.HasSuffix(path, "startupProbe"):
		delete(object, "successThreshold")
	case strings.HasSuffix(path, "readiness"), strings.HasSuffix(path, "readinessProbe"):
		delete(object, "terminationGracePeriodSeconds")
	}
}

// fitIndicators makes of a service one that is built on the toolkit, or one that has nothing that only the toolkit obeys.
func fitIndicators(spec map[string]any) {
	observability, _ := spec["observability"].(map[string]any)
	metrics, _ := observability["metrics"].(map[string]any)
	preset, _ := metrics["indicators"].(string)
	if preset != "Custom" {
		delete(metrics, "custom")
	} else if metrics["custom"] == nil {
		metrics["custom"] = map[string]any{"histogram": "request_seconds", "resultLabel": "code"}
	}
	if preset == "" || preset == "Toolkit" {
		for _, field := range []string{"port", "path", "scheme"} {
			delete(metrics, field)
		}
		if metrics != nil && len(metrics) == 0 {
			delete(observability, "metrics")
		}
		if observability != nil && len(observability) == 0 {
			delete(spec, "observability")
		}
		return
	}
	if spec["image"] == nil {
		spec["image"] = "registry.example/checkout:v1"
	}
	for _, field := range []string{"rateLimit", "pool", "routes", "runtime", "trustedProxies", "upstreams", "settings"} {
		delete(spec, field)
	}
	probes, _ := spec["probes"].(map[string]any)
	for _, probe := range probes {
		fields, _ := probe.(map[string]any)
		for _, handler := range fields {
			if handler, is := handler.(map[string]any); is && handler["port"] == "admin" {
				handler["port"] = "http"
			}
		}
	}
}

// fitMounts has all containers mount a volume that there is, or none.
func (s *specs) fitMounts(spec map[string]any) {
	volumes, _ := spec["volumes"].([]any)
	containers := []any{spec}
	more, _ := spec["initContainers"].([]any)
	containers = append(containers, more...)
	for _, each := range containers {
		container := each.(map[string]any)
		mounts, _ := container["volumeMounts"].([]any)
		if len(volumes) == 0 {
			delete(container, "volumeMounts")
			continue
		}
		for _, mount := range mounts {
			volume := volumes[s.random.IntN(len(volumes))].(map[string]any)
			mount.(map[string]any)["name"] = volume["name"]
		}
	}
}
