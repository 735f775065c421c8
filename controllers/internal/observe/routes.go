// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package observe

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// Conditions of a route that tell whether requests reach the service.
const (
	RouteAccepted     = "Accepted"
	RouteResolvedRefs = "ResolvedRefs"
)

// RouteParent is what one controller says of a route and one of its parents.
type RouteParent struct {
	ParentRef      ParentRef          `json:"parentRef"`
	ControllerName string             `json:"controllerName"`
	Conditions     []metav1.Condition `json:"conditions"`
}

// ParentRef names a Gateway or one of its listeners, or a parent of another kind.
type ParentRef struct {
	Group       *string `json:"group,omitempty"`
	Kind        *string `json:"kind,omitempty"`
	Namespace   *string `json:"namespace,omitempty"`
	Name        string  `json:"name"`
	SectionName *string `json:"sectionName,omitempty"`
	Port        *int32  `json:"port,omitempty"`
}

// RouteParents are what controllers say of a route; empty where none has answered, or in a form that nobody knows.
func RouteParents(route *unstructured.Unstructured) []RouteParent {
	content, is := route.Object["status"].(map[string]any)
	if !is {
		return nil
	}
	var status struct {
		Parents []RouteParent `json:"parents"`
	}
	if runtime.DefaultUnstructuredConverter.FromUnstructured(content, &status) != nil {
		return nil
	}
	return status.Parents
}

// SlimRoute leaves out of a route's status all that Exposed does not tell: other conditions, and times, which change without news.
func SlimRoute(route *unstructured.Unstructured, intern func(string) string) error {
	parents := RouteParents(route)
	delete(route.Object, "status")
	if len(parents) == 0 {
		return nil
	}
	kept := make([]any, 0, len(parents))
	for _, parent := range parents {
		reference, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&parent.ParentRef)
		if err != nil {
			return err
		}
		var conditions []any
		for _, c := range parent.Conditions {
			if c.Type == RouteAccepted || c.Type == RouteResolvedRefs {
				conditions = append(conditions, map[string]any{
					"type": intern(c.Type), "status": intern(string(c.Status)), "observedGeneration": c.ObservedGeneration,
					"reason": intern(c.Reason), "message": intern(c.Message),
				})
			}
		}
		kept = append(kept, map[string]any{
			"parentRef": reference, "controllerName": intern(parent.ControllerName), "conditions": conditions,
		})
	}
	route.Object["status"] = map[string]any{"parents": kept}
	return nil
}
