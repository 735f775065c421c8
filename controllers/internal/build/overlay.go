// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
)

// An overlay is for what has no field of its own. It is merged as Kubernetes merges, with two differences: of alternatives, such
// as the handlers of a probe, the overlay's takes the place of the other; and what the operator computes stays as it is.

// overlaid is a rendered template with the user's overlay merged into it.
func (in input) overlaid(rendered, overlay json.RawMessage) (json.RawMessage, error) {
	var base, patch map[string]any
	if err := json.Unmarshal(rendered, &base); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(overlay, &patch); err != nil {
		return nil, fmt.Errorf("pod.overlay must be an object with metadata and spec: %w", err)
	}
	for name := range patch {
		if name != "metadata" && name != "spec" {
			return nil, fmt.Errorf("pod.overlay must not have %q: a pod template has metadata and spec", name)
		}
	}
	before, err := decodedTemplate(base)
	if err != nil {
		return nil, err
	}
	makeRoom(base, patch)
	merged, err := strategicpatch.StrategicMergeMapPatch(base, patch, corev1.PodTemplateSpec{})
	if err != nil {
		return nil, fmt.Errorf("pod.overlay cannot be merged: %w", err)
	}
	after, err := decodedTemplate(merged)
	if err != nil {
		return nil, fmt.Errorf("pod.overlay makes no pod template: %w", err)
	}
	if err := in.leavesComputed(before, after); err != nil {
		return nil, err
	}
	// By way of the type, so that quantities are written as the API server writes them: 2048Mi would differ from its 2Gi for good.
	encoded, err := json.Marshal(after)
	if err != nil {
		return nil, err
	}
	var content any
	if err := json.Unmarshal(encoded, &content); err != nil {
		return nil, err
	}
	return json.Marshal(withoutNulls(content))
}

func decodedTemplate(content map[string]any) (*corev1.PodTemplateSpec, error) {
	var template corev1.PodTemplateSpec
	return &template, strictly(content, &template)
}

func withoutNulls(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, below := range value {
			if below == nil {
				delete(value, name)
				continue
			}
			value[name] = withoutNulls(below)
		}
	case []any:
		for i := range value {
			value[i] = withoutNulls(value[i])
		}
	}
	return value
}

// alternatives are sets of fields of which an object has one.
var alternatives = [][]string{
	{"value", "valueFrom"},
	{"httpGet", "tcpSocket", "grpc", "exec", "sleep"},
	{"fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"},
}

// makeRoom removes from a template what an overlay has another alternative of: merged, there would be both.
func makeRoom(base, patch map[string]any) {
	for _, fields := range alternatives {
		if !slices.ContainsFunc(fields, func(field string) bool { return patch[field] != nil }) {
			continue
		}
		for _, field := range fields {
			if patch[field] == nil {
				delete(base, field)
			}
		}
	}
	for name, below := range patch {
		switch below := below.(type) {
		case map[string]any:
			if found, is := base[name].(map[string]any); is {
				makeRoom(found, below)
			}
		case []any:
			makeRoomInList(name, base[name], below)
		}
	}
}

func makeRoomInList(list string, base any, patch []any) {
	elements, _ := base.([]any)
	for _, element := range patch {
		changed, _ := element.(map[string]any)
		name, named := changed["name"]
		if !named {
			continue
		}
		for i := range elements {
			found, _ := elements[i].(map[string]any)
			if found["name"] != name {
				continue
			}
			if list == "volumes" && len(changed) > 1 && changed["$patch"] == nil {
				elements[i] = map[string]any{"name": name} // another source
				continue
			}
			makeRoom(found, changed)
		}
	}
}

// computed is a part of a template that follows from other fields of the spec.
type computed struct {
	path, instead string
	value         any
}

// leavesComputed demands that an overlay changes nothing that the operator computes.
func (in input) leavesComputed(before, after *corev1.PodTemplateSpec) error {
	was, is := in.computedParts(before), in.computedParts(after)
	for i := range was {
		if !equality.Semantic.DeepEqual(was[i].value, is[i].value) {
			return fmt.Errorf("pod.overlay must not change %s: %s", was[i].path, was[i].instead)
		}
	}
	return nil
}

func (in input) computedParts(template *corev1.PodTemplateSpec) []computed {
	const operators = "it belongs to the operator"
	var service corev1.Container
	container := ContainerOf(&in.service.Spec)
	for _, c := range template.Spec.Containers {
		if c.Name == container {
			service = c
		}
	}
	own := func(name string) bool { return strings.HasPrefix(name, "goservice.dev/") }
	parts := []computed{
		{"metadata.annotations goservice.dev/…", operators, those(template.Annotations, own)},
		{"metadata.labels goservice.dev/…", operators, those(template.Labels, own)},
	}
	selecting := map[string]string{labelName: "", labelInstance: "", LabelManagedBy: "", labelComponent: ""}
	for _, label := range slices.Sorted(maps.Keys(merged(selecting, selectorOf(in.service)))) {
		parts = append(parts, computed{"metadata.labels " + label, "the pods are selected by it", template.Labels[label]})
	}
	parts = append(parts,
		computed{"spec.serviceAccountName", "set pod.serviceAccountName", template.Spec.ServiceAccountName},
		computed{"spec.terminationGracePeriodSeconds", "set shutdown", template.Spec.TerminationGracePeriodSeconds},
		computed{"the volumes live-settings, tls, client-ca and goservice-peers", operators, slices.DeleteFunc(slices.Clone(template.Spec.Volumes), func(v corev1.Volume) bool {
			return !slices.Contains([]string{liveSettingsVolume, tlsVolume, clientCAVolume, peersVolume}, v.Name)
		})},
		computed{"the name of the container " + container, "the autoscaler measures it", service.Name},
		computed{"the image of the container " + container, "set image", service.Image},
		computed{"the resources of the container " + container, "set resources", service.Resources},
		computed{"lifecycle.preStop of the container " + container, "set shutdown.preStopDelay", preStop(service)},
		computed{"the ports http and admin of the container " + container, "set port", slices.DeleteFunc(slices.Clone(service.Ports), func(p corev1.ContainerPort) bool {
			return p.Name != PortNameHTTP && p.Name != PortNameAdmin
		})},
		computed{"PORT, GOMEMLIMIT and GOSERVICE_… in env of the container " + container, operators, slices.DeleteFunc(slices.Clone(service.Env), func(v corev1.EnvVar) bool {
			return v.Name != "PORT" && v.Name != "GOMEMLIMIT" && !strings.HasPrefix(v.Name, "GOSERVICE_")
		})},
		computed{"mounts below /etc/goservice of the container " + container, operators, slices.DeleteFunc(slices.Clone(service.VolumeMounts), func(m corev1.VolumeMount) bool {
			return !strings.HasPrefix(m.MountPath, "/etc/goservice/")
		})},
	)
	return parts
}

func preStop(c corev1.Container) *corev1.LifecycleHandler {
	if c.Lifecycle == nil {
		return nil
	}
	return c.Lifecycle.PreStop
}

func those(from map[string]string, wanted func(string) bool) map[string]string {
	result := map[string]string{}
	for key, value := range from {
		if wanted(key) {
			result[key] = value
		}
	}
	return result
}
