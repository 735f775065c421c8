// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

func withOverlay(t *testing.T, spec, overlay string) (*corev1.PodTemplateSpec, error) {
	t.Helper()
	var service v1alpha1.GoService
	service.Name, service.Namespace = "checkout", "shop"
	if err := yaml.UnmarshalStrict([]byte(spec), &service.Spec); err != nil {
		t.Fatal(err)
	}
	content, err := yaml.YAMLToJSON([]byte("overlay: " + overlay))
	if err == nil {
		if service.Spec.Pod == nil {
			service.Spec.Pod = &v1alpha1.PodSpec{}
		}
		err = json.Unmarshal(content, service.Spec.Pod)
	}
	if err != nil {
		t.Fatal(err)
	}
	desired, err := Build(&service, plan.Compute(&service.Spec, plan.Observed{}), Environment{WorkloadImage: testImage})
	if err != nil {
		return nil, err
	}
	if !deploymentIn(desired).Trial {
		t.Error("nobody tries what no schema has judged")
	}
	var template corev1.PodTemplateSpec
	return &template, json.Unmarshal(deploymentIn(desired).Template, &template)
}

func TestAnOverlayIsMergedAsKubernetesMerges(t *testing.T) {
	const spec = `{env: [{name: COLOR, value: blue}], volumes: [{name: data, emptyDir: {}}], volumeMounts: [{name: data, mountPath: /data}],
		probes: {liveness: {httpGet: {path: /}}}}`
	service := func(template *corev1.PodTemplateSpec) corev1.Container { return template.Spec.Containers[0] }
	for name, c := range map[string]struct {
		overlay string
		of      func(*corev1.PodTemplateSpec) any
		want    any
	}{
		"a field of the pod":       {`{spec: {shareProcessNamespace: true}}`, func(p *corev1.PodTemplateSpec) any { return *p.Spec.ShareProcessNamespace }, true},
		"a label":                  {`{metadata: {labels: {team: shop}}}`, func(p *corev1.PodTemplateSpec) any { return p.Labels["team"] }, "shop"},
		"another container":        {`{spec: {containers: [{name: agent, image: agent}]}}`, func(p *corev1.PodTemplateSpec) any { return len(p.Spec.Containers) }, 2},
		"a field of the container": {`{spec: {containers: [{name: service, tty: true}]}}`, func(p *corev1.PodTemplateSpec) any { return service(p).TTY }, true},
		"another handler": {`{spec: {containers: [{name: service, livenessProbe: {tcpSocket: {port: 8080}}}]}}`, func(p *corev1.PodTemplateSpec) any {
			return []bool{service(p).LivenessProbe.HTTPGet == nil, service(p).LivenessProbe.TCPSocket != nil, service(p).LivenessProbe.PeriodSeconds == livenessPeriodSeconds}
		}, []bool{true, true, true}},
		"a reference instead of a value": {
			`{spec: {containers: [{name: service, env: [{name: COLOR, valueFrom: {secretKeyRef: {name: a, key: b}}}]}]}}`,
			func(p *corev1.PodTemplateSpec) any {
				v := variable(service(p), "COLOR")
				return v.Value + v.ValueFrom.SecretKeyRef.Key
			}, "b",
		},
		"a value instead of a reference": {
			`{spec: {containers: [{name: service, env: [{name: GOSERVICE_POD2, value: x}]}]}}`,
			func(p *corev1.PodTemplateSpec) any { return variable(service(p), "GOSERVICE_POD2").Name }, nil,
		},
		"another volume of the name": {`{spec: {volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]}}`, func(p *corev1.PodTemplateSpec) any {
			v := volume(p, "data")
			return v.EmptyDir == nil && v.PersistentVolumeClaim.ClaimName == "data"
		}, true},
		"an element less": {
			`{spec: {volumes: [{name: data, $patch: delete}], containers: [{name: service, volumeMounts: [{mountPath: /data, $patch: delete}]}]}}`,
			func(p *corev1.PodTemplateSpec) any { return volume(p, "data").Name }, "",
		},
		"quantities as the server writes them": {`{spec: {overhead: {memory: 2048Mi, cpu: 1000m}}}`, func(p *corev1.PodTemplateSpec) any {
			encoded, _ := json.Marshal(p.Spec.Overhead)
			return string(encoded)
		}, `{"cpu":"1","memory":"2Gi"}`},
	} {
		t.Run(name, func(t *testing.T) {
			template, err := withOverlay(t, spec, c.overlay)
			if c.want == nil {
				if err == nil || !strings.Contains(err.Error(), "pod.overlay must not change PORT, GOMEMLIMIT and GOSERVICE_") {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, c.of(template)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func variable(c corev1.Container, name string) corev1.EnvVar {
	for _, v := range c.Env {
		if v.Name == name {
			return v
		}
	}
	return corev1.EnvVar{}
}

func volume(p *corev1.PodTemplateSpec, name string) corev1.Volume {
	for _, v := range p.Spec.Volumes {
		if v.Name == name {
			return v
		}
	}
	return corev1.Volume{}
}

func TestAnOverlayThatChangesNothingIsTheTemplate(t *testing.T) {
	for _, folder := range []string{"testdata/full", "testdata/own-ways"} {
		input := readInput(t, folder)
		input.Service.Spec.Pod.Overlay = nil
		rendered, err := inputOf(&input.Service).render()
		if err != nil {
			t.Fatal(err)
		}
		merged, err := inputOf(&input.Service).overlaid(rendered, json.RawMessage(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		var before, after corev1.PodTemplateSpec
		if err := json.Unmarshal(rendered, &before); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(merged, &after); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("%s (-rendered +merged):\n%s", folder, diff)
		}
		if strings.Contains(string(merged), "null") {
			t.Errorf("%s: %s", folder, merged)
		}
	}
}

// The sentence names what may not be changed and where it can be set.
func TestAnOverlayCannotChangeWhatTheOperatorComputes(t *testing.T) {
	for overlay, want := range map[string]string{
		`{metadata: {labels: {app.kubernetes.io/name: other}}}`:                                           "pod.overlay must not change metadata.labels app.kubernetes.io/name: the pods are selected by it",
		`{metadata: {labels: {app.kubernetes.io/managed-by: null}}}`:                                      "pod.overlay must not change metadata.labels app.kubernetes.io/managed-by: the pods are selected by it",
		`{metadata: {annotations: {goservice.dev/live-settings: "0"}}}`:                                   "pod.overlay must not change metadata.annotations goservice.dev/…: it belongs to the operator",
		`{spec: {serviceAccountName: root}}`:                                                              "pod.overlay must not change spec.serviceAccountName: set pod.serviceAccountName",
		`{spec: {terminationGracePeriodSeconds: 1}}`:                                                      "pod.overlay must not change spec.terminationGracePeriodSeconds: set shutdown",
		`{spec: {volumes: [{name: live-settings, emptyDir: {}}]}}`:                                        "pod.overlay must not change the volumes live-settings, tls, client-ca and goservice-peers: it belongs to the operator",
		`{spec: {volumes: [{name: goservice-peers, emptyDir: {}}]}}`:                                      "pod.overlay must not change the volumes live-settings, tls, client-ca and goservice-peers: it belongs to the operator",
		`{spec: {volumes: [{name: live-settings, $patch: delete}]}}`:                                      "pod.overlay must not change the volumes live-settings, tls, client-ca and goservice-peers: it belongs to the operator",
		`{spec: {containers: [{name: service, $patch: delete}]}}`:                                         "pod.overlay must not change the name of the container service: the autoscaler measures it",
		`{spec: {containers: [{name: service, image: other}]}}`:                                           "pod.overlay must not change the image of the container service: set image",
		`{spec: {containers: [{name: service, resources: {limits: {cpu: 1}}}]}}`:                          "pod.overlay must not change the resources of the container service: set resources",
		`{spec: {containers: [{name: service, lifecycle: {preStop: {exec: {command: [a]}}}}]}}`:           "pod.overlay must not change lifecycle.preStop of the container service: set shutdown.preStopDelay",
		`{spec: {containers: [{name: service, ports: [{containerPort: 8080, name: web}]}]}}`:              "pod.overlay must not change the ports http and admin of the container service: set port",
		`{spec: {containers: [{name: service, env: [{name: PORT, value: "1"}]}]}}`:                        "pod.overlay must not change PORT, GOMEMLIMIT and GOSERVICE_… in env of the container service: it belongs to the operator",
		`{spec: {containers: [{name: service, volumeMounts: [{mountPath: /etc/goservice/x, name: a}]}]}}`: "pod.overlay must not change mounts below /etc/goservice of the container service: it belongs to the operator",
		`{status: {}}`:                  "pod.overlay must not have \"status\": a pod template has metadata and spec",
		`{spec: {fieldOfTheFuture: 1}}`: `pod.overlay makes no pod template: unknown field "spec.fieldOfTheFuture"`,
		`{spec: {containers: [{name: service, tty: "yes"}]}}`: "pod.overlay makes no pod template: json: cannot unmarshal string into Go struct field",
		`[]`:                                    "pod.overlay must be an object with metadata and spec",
		`{spec: {containers: {name: service}}}`: "pod.overlay makes no pod template",
	} {
		if _, err := withOverlay(t, ``, overlay); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %s", overlay, err, want)
		}
	}
	if _, err := withOverlay(t, ``, `{metadata: {annotations: {a: b}}, spec: {containers: [{name: service, lifecycle: {postStart: {exec: {command: [a]}}}}]}}`); err != nil {
		t.Errorf("what is not computed is refused: %v", err)
	}
}
