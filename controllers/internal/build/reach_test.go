// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/fieldtest"
)

// setBy are the fields of a GoService that set one of Kubernetes', and for those that nobody can set, why.
var setBy = map[string]map[string]string{
	"PodSpec": {
		"volumes": "volumes", "initContainers": "initContainers", "imagePullSecrets": "imagePullSecrets",
		"terminationGracePeriodSeconds": "shutdown", "dnsPolicy": "pod.dnsPolicy", "nodeSelector": "pod.nodeSelector",
		"serviceAccountName": "pod.serviceAccountName", "automountServiceAccountToken": "pod.automountServiceAccountToken",
		"securityContext": "pod.securityContext", "affinity": "pod.affinity", "tolerations": "pod.tolerations", "hostAliases": "pod.hostAliases",
		"priorityClassName": "pod.priorityClassName", "dnsConfig": "pod.dnsConfig", "runtimeClassName": "pod.runtimeClassName",
		"topologySpreadConstraints": "pod.topologySpreadConstraints",
	},
	"Container": {
		"name": "pod.containerName", "image": "image", "command": "command", "args": "args", "workingDir": "workingDir", "ports": "port, ports", "envFrom": "envFrom", "env": "env",
		"resources": "resources", "volumeMounts": "volumeMounts", "livenessProbe": "probes.liveness", "readinessProbe": "probes.readiness",
		"startupProbe": "probes.startup", "lifecycle": "shutdown.preStopDelay; postStart and stopSignal in pod.overlay", "imagePullPolicy": "imagePullPolicy",
		"securityContext": "securityContext",
	},
}

var unreachable = map[string]map[string]string{
	"PodSpec": {
		"ephemeralContainers":   "Kubernetes adds them to running pods only: kubectl debug",
		"restartPolicy":         "a Deployment has Always only",
		"activeDeadlineSeconds": "a Deployment has none",
		"serviceAccount":        "another name of serviceAccountName",
		"priority":              "Kubernetes sets it from priorityClassName",
	},
}

// Nobody is ever stuck because a field was forgotten: every field of Kubernetes' is set by one of the spec's, by the overlay, or has a
// reason in docs/pods.md.
func TestEveryFieldOfAPodIsReachable(t *testing.T) {
	var table bytes.Buffer
	for _, owner := range []reflect.Type{reflect.TypeFor[corev1.PodSpec](), reflect.TypeFor[corev1.Container]()} {
		fmt.Fprintf(&table, "| field of %s | set by |\n|---|---|\n", owner.Name())
		for i := range owner.NumField() {
			name, _, _ := strings.Cut(owner.Field(i).Tag.Get("json"), ",")
			own, reason := setBy[owner.Name()][name], unreachable[owner.Name()][name]
			switch {
			case reason != "":
				fmt.Fprintf(&table, "| `%s` | nobody: %s |\n", name, reason)
			case own != "":
				for path := range strings.SplitSeq(own, ", ") {
					path, _, _ = strings.Cut(path, ";")
					if !hasField(reflect.TypeFor[v1alpha1.GoServiceSpec](), strings.Split(path, ".")) {
						t.Errorf("%s of %s is said to be set by spec.%s, which there is not", name, owner.Name(), path)
					}
				}
				fields, remark, _ := strings.Cut(own, "; ")
				fields = "`spec." + strings.ReplaceAll(fields, ", ", "`, `spec.") + "`"
				if remark != "" {
					fields += "; " + remark
				}
				fmt.Fprintf(&table, "| `%s` | %s |\n", name, fields)
			default:
				reachedByOverlay(t, owner, name, owner.Field(i).Type)
				fmt.Fprintf(&table, "| `%s` | `spec.pod.overlay` |\n", name)
			}
		}
		table.WriteString("\n")
	}
	fieldtest.SameInDocs(t, "../../..", "pods.md", "controllers/internal/build", table.String(), *update)
}

func hasField(in reflect.Type, path []string) bool {
	for in.Kind() == reflect.Pointer {
		in = in.Elem()
	}
	for i := range in.NumField() {
		if name, _, _ := strings.Cut(in.Field(i).Tag.Get("json"), ","); name == path[0] {
			return len(path) == 1 || hasField(in.Field(i).Type, path[1:])
		}
	}
	return false
}

// reachedByOverlay demands that an overlay with a field arrives in the template as it is.
func reachedByOverlay(t *testing.T, owner reflect.Type, name string, kind reflect.Type) {
	t.Helper()
	value := reflect.New(kind).Elem()
	filler.Fill(t, value)
	if name == "containers" {
		value.Set(reflect.ValueOf([]corev1.Container{{Name: "agent", Image: "agent"}}))
	}
	content := map[string]any{name: value.Interface()}
	if owner == reflect.TypeFor[corev1.Container]() {
		content["name"] = ContainerName
		content = map[string]any{"containers": []any{content}}
	}
	overlay, err := json.Marshal(map[string]any{"spec": content})
	if err != nil {
		t.Fatal(err)
	}
	input := readInput(t, "testdata/minimal")
	rendered, err := inputOf(&input.Service).render()
	if err != nil {
		t.Fatal(err)
	}
	merged, err := inputOf(&input.Service).overlaid(rendered, overlay)
	if err != nil {
		t.Errorf("%s of %s cannot be set: %v", name, owner.Name(), err)
		return
	}
	var before, after corev1.PodTemplateSpec
	if err := json.Unmarshal(rendered, &before); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(merged, &after); err != nil {
		t.Fatal(err)
	}
	if cmp.Equal(before, after) {
		t.Errorf("%s of %s does not arrive: %s", name, owner.Name(), overlay)
	}
}
