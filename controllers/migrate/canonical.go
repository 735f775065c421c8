// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	kjson "sigs.k8s.io/json"
)

// Two templates mean the same if they are equal in canonical form: JSON without what the API server would fill in, so that a manifest
// that was exported from a cluster is as good as one that a person wrote.

// filledIn are the values that the API server gives to fields of a pod template that are not set.
var filledIn = map[string]any{
	"terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "protocol": "TCP", "scheme": "HTTP",
	"apiVersion": "v1", "divisor": "0", "defaultMode": int64(420), "expirationSeconds": int64(3600), "timeoutSeconds": int64(1),
	"periodSeconds": int64(10), "successThreshold": int64(1), "failureThreshold": int64(3), "initialDelaySeconds": int64(0),
	"dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler", "preemptionPolicy": "PreemptLowerPriority", "volumeMode": "Filesystem",
	"nodeAffinityPolicy": "Honor", "nodeTaintsPolicy": "Ignore", "service": "", "type": "", "prefix": "", "value": "",
	"readOnly": false, "optional": false, "readOnlyRootFilesystem": false, "privileged": false, "shareProcessNamespace": false,
	"setHostnameAsFQDN": false,
}

// emptiable are objects that mean as much as none when they are empty.
var emptiable = []string{"securityContext", "resources", "affinity", "dnsConfig", "annotations", "labels", "nodeSelector", "lifecycle", "metadata"}

// usersKeys are maps whose keys are anybody's.
var usersKeys = []string{"annotations", "labels", "nodeSelector", "matchLabels", "volumeAttributes", "requests", "limits", "overhead", "options"}

// plain is a value as JSON holds it.
func plain(value any) any {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("encoding a %T that was decoded: %v", value, err))
	}
	var content any
	if err := utiljson.Unmarshal(encoded, &content); err != nil {
		panic(fmt.Sprintf("decoding what was encoded: %v", err))
	}
	return content
}

// canonical is a part of a pod template in canonical form.
func canonical(value any) any { return canonicalIn("", plain(value)) }

func canonicalIn(under string, value any) any {
	switch value := value.(type) {
	case map[string]any:
		if slices.Contains(usersKeys, under) {
			return value
		}
		result := map[string]any{}
		for name, content := range value {
			if content = canonicalIn(name, content); !isDefault(name, content, value) {
				result[name] = content
			}
		}
		return result
	case []any:
		result := make([]any, len(value))
		for i := range value {
			result[i] = canonicalIn("", value[i])
		}
		return result
	}
	return value
}

func isDefault(name string, content any, of map[string]any) bool {
	switch content := content.(type) {
	case nil:
		return true
	case map[string]any:
		return len(content) == 0 && slices.Contains(emptiable, name)
	case []any:
		return len(content) == 0
	case string:
		if image, is := of["image"].(string); is && name == "imagePullPolicy" {
			return content == string(pullPolicyOf(image))
		}
	}
	usual, known := filledIn[name]
	return known && usual == content
}

// pullPolicyOf an image is Kubernetes' own.
func pullPolicyOf(image string) corev1.PullPolicy {
	_, tag, tagged := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	if strings.Contains(image, "@") || tagged && tag != "latest" {
		return corev1.PullIfNotPresent
	}
	return corev1.PullAlways
}

// canonicalTemplate is a pod template in canonical form, with what is another default in the operator's templates written out.
func canonicalTemplate(template *corev1.PodTemplateSpec) map[string]any {
	t := template.DeepCopy()
	t.Spec.EnableServiceLinks = cmp.Or(t.Spec.EnableServiceLinks, new(true))
	t.Spec.AutomountServiceAccountToken = cmp.Or(t.Spec.AutomountServiceAccountToken, new(true))
	if t.Spec.RestartPolicy == corev1.RestartPolicyAlways {
		t.Spec.RestartPolicy = ""
	}
	if s := t.Spec.SecurityContext; s != nil && s.RunAsNonRoot != nil && !*s.RunAsNonRoot {
		s.RunAsNonRoot = nil
	}
	for _, containers := range [][]corev1.Container{t.Spec.Containers, t.Spec.InitContainers} {
		for i := range containers {
			if s := containers[i].SecurityContext; s != nil && s.AllowPrivilegeEscalation != nil && *s.AllowPrivilegeEscalation {
				s.AllowPrivilegeEscalation = nil
			}
		}
	}
	return canonical(t).(map[string]any)
}

// fitting is a value of Kubernetes' as the GoService's own type has it, and whether that type has all of it.
func fitting[T any](value any) (T, bool) {
	result := new(T)
	encoded, err := json.Marshal(canonical(value))
	if err != nil {
		return *result, false
	}
	unknown, err := kjson.UnmarshalStrict(encoded, result)
	return *result, err == nil && len(unknown) == 0
}

// different calls visit for each path at which two values differ.
func different(path string, one, other any, visit func(path string, one, other any)) {
	left, isMap := one.(map[string]any)
	right, areMaps := other.(map[string]any)
	if (isMap || one == nil) && (areMaps || other == nil) && len(left)+len(right) > 0 {
		keys := slices.Collect(maps.Keys(left))
		for key := range right {
			if _, both := left[key]; !both {
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
		for _, key := range keys {
			different(strings.TrimPrefix(path+"."+key, "."), left[key], right[key], visit)
		}
		return
	}
	lefts, isList := one.([]any)
	rights, areLists := other.([]any)
	if (isList || one == nil) && (areLists || other == nil) && (isList || areLists) {
		differentLists(path, lefts, rights, func(path string, one, other any) { different(path, one, other, visit) })
		return
	}
	if !equal(one, other) {
		visit(path, one, other)
	}
}

// differentLists compares elements by their names if they have any, else by their positions.
func differentLists(path string, lefts, rights []any, compare func(path string, one, other any)) {
	names := func(list []any) (found map[string]any, order []string) {
		found = map[string]any{}
		for i, element := range list {
			name := fmt.Sprint(i)
			if object, is := element.(map[string]any); is {
				for _, key := range []string{"mountPath", "devicePath", "name"} {
					if object[key] != nil {
						name = fmt.Sprint(object[key])
						break
					}
				}
			}
			found[name], order = element, append(order, name)
		}
		return found, order
	}
	left, order := names(lefts)
	right, others := names(rights)
	for _, name := range others {
		if _, both := left[name]; !both {
			order = append(order, name)
		}
	}
	for _, name := range order {
		compare(path+"["+name+"]", left[name], right[name])
	}
}

func equal(one, other any) bool { return shown(one) == shown(other) }
