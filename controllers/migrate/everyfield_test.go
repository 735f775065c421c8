// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"goservice.dev/operator/controllers/internal/fieldtest"
)

// filler sets fields to what is neither their zero value nor what Kubernetes fills in.
var filler = fieldtest.Filler{Text: "x17", Number: 17, Special: map[reflect.Type]any{
	reflect.TypeFor[corev1.ResourceList](): corev1.ResourceList{"cpu": resource.MustParse("17"), "example.com/gpu": resource.MustParse("1")},
	reflect.TypeFor[corev1.ProbeHandler](): corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{ // it has one of them
		Path: "/p", Port: intstr.FromInt32(17), Host: "h", Scheme: "HTTPS", HTTPHeaders: []corev1.HTTPHeader{{Name: "a", Value: "b"}},
	}},
	reflect.TypeFor[metav1.ObjectMeta]():       metav1.ObjectMeta{Labels: map[string]string{"key": "x17"}},
	reflect.TypeFor[corev1.LifecycleHandler](): corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"/hook"}}},
}}

// plainDeployment has a container and nothing else.
func plainDeployment() *appsv1.Deployment {
	var d appsv1.Deployment
	d.Name = "checkout"
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "app", Image: "checkout:v1"}}
	return &d
}

// place is a part of a Deployment whose fields are set one at a time.
type place struct {
	// of is the part in a Deployment, as a pointer.
	of func(d *appsv1.Deployment) any
	// again is the same part in what is built; nil where it is gone.
	again func(built *corev1.PodTemplateSpec) any
	// path of the part in the notes, without spec.template.
	path string
}

var places = map[string]place{
	"PodSpec": {
		of:    func(d *appsv1.Deployment) any { return &d.Spec.Template.Spec },
		again: func(built *corev1.PodTemplateSpec) any { return &built.Spec }, path: "spec",
	},
	"PodSecurityContext": {
		of: func(d *appsv1.Deployment) any {
			d.Spec.Template.Spec.SecurityContext = &corev1.PodSecurityContext{}
			return d.Spec.Template.Spec.SecurityContext
		},
		again: func(built *corev1.PodTemplateSpec) any { return built.Spec.SecurityContext }, path: "spec.securityContext",
	},
	"VolumeSource": {
		of: func(d *appsv1.Deployment) any {
			d.Spec.Template.Spec.Volumes = []corev1.Volume{{Name: "data"}}
			return &d.Spec.Template.Spec.Volumes[0].VolumeSource
		},
		again: func(built *corev1.PodTemplateSpec) any { return &built.Spec.Volumes[0].VolumeSource }, path: "spec.volumes[data]",
	},
	"Container": {
		of:    func(d *appsv1.Deployment) any { return &d.Spec.Template.Spec.Containers[0] },
		again: func(built *corev1.PodTemplateSpec) any { return &built.Spec.Containers[0] }, path: "spec.containers[app]",
	},
	"SecurityContext": {
		of: func(d *appsv1.Deployment) any {
			d.Spec.Template.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{}
			return d.Spec.Template.Spec.Containers[0].SecurityContext
		},
		again: func(built *corev1.PodTemplateSpec) any { return built.Spec.Containers[0].SecurityContext }, path: "spec.containers[app].securityContext",
	},
	"Lifecycle": {
		of: func(d *appsv1.Deployment) any {
			d.Spec.Template.Spec.Containers[0].Lifecycle = &corev1.Lifecycle{}
			return d.Spec.Template.Spec.Containers[0].Lifecycle
		},
		again: func(built *corev1.PodTemplateSpec) any { return built.Spec.Containers[0].Lifecycle }, path: "spec.containers[app].lifecycle",
	},
	"ProbeHandler": {
		of: func(d *appsv1.Deployment) any {
			d.Spec.Template.Spec.Containers[0].LivenessProbe = &corev1.Probe{}
			return &d.Spec.Template.Spec.Containers[0].LivenessProbe.ProbeHandler
		},
		again: func(built *corev1.PodTemplateSpec) any { return &built.Spec.Containers[0].LivenessProbe.ProbeHandler }, path: "spec.containers[app].livenessProbe",
	},
	"EnvVarSource": {
		of: func(d *appsv1.Deployment) any {
			d.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "A", ValueFrom: &corev1.EnvVarSource{}}}
			return d.Spec.Template.Spec.Containers[0].Env[0].ValueFrom
		},
		again: func(built *corev1.PodTemplateSpec) any {
			env := built.Spec.Containers[0].Env
			return env[slices.IndexFunc(env, func(v corev1.EnvVar) bool { return v.Name == "A" })].ValueFrom
		}, path: "spec.containers[app].env[A]",
	},
	"init container": {
		of: func(d *appsv1.Deployment) any {
			d.Spec.Template.Spec.InitContainers = []corev1.Container{{Name: "first", Image: "first:v1"}}
			return &d.Spec.Template.Spec.InitContainers[0]
		},
		again: func(built *corev1.PodTemplateSpec) any { return &built.Spec.InitContainers[0] }, path: "spec.initContainers[first]",
	},
	"sidecar": {
		of: func(d *appsv1.Deployment) any {
			d.Name = "app"
			d.Spec.Template.Spec.Containers = append(d.Spec.Template.Spec.Containers, corev1.Container{Name: "beside", Image: "beside:v1"})
			return &d.Spec.Template.Spec.Containers[1]
		},
		again: func(built *corev1.PodTemplateSpec) any { return &built.Spec.InitContainers[0] }, path: "spec.containers[beside]",
	},
}

// otherwise are fields that do not arrive as they are, and need no note.
var otherwise = map[string]string{
	"PodSpec.serviceAccount":                "it is another name of serviceAccountName",
	"PodSpec.terminationGracePeriodSeconds": "it follows from shutdown; TestTheProcessHasAsLongToStop",
	"PodSpec.containers":                    "their names and places change; there are places of their own for them",
	"Container.ports":                       "the names of ports change; TestClientsReachTheSamePorts",
}

// Nothing gets lost without a word: every field that a pod can have is in what the operator builds, or in the notes.
func TestEveryFieldArrivesOrIsNoted(t *testing.T) {
	judged := 0 // by other tests
	for owner, p := range places {
		kind := reflect.TypeOf(p.of(plainDeployment())).Elem()
		for i := range kind.NumField() {
			name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			if name == "" { // what is embedded has a place of its own
				continue
			}
			title := owner + "." + name
			if otherwise[title] != "" {
				judged++
				continue
			}
			t.Run(title, func(t *testing.T) { arrives(t, title, p, i, name) })
		}
	}
	if judged != len(otherwise) {
		t.Errorf("%d of the %d fields that other tests judge exist", judged, len(otherwise))
	}
}

func arrives(t *testing.T, title string, p place, field int, name string) {
	d := plainDeployment()
	value := reflect.ValueOf(p.of(d)).Elem().Field(field)
	filler.Fill(t, value)
	if title == "Container.image" || strings.HasSuffix(title, ".name") {
		value.SetString("other")
	}
	want, _ := plain(d.DeepCopy()).(map[string]any)
	output, err := Convert(&Manifests{deployments: []*appsv1.Deployment{d}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if same, _ := plain(d).(map[string]any); !equal(want, same) {
		t.Error("the Deployment was changed")
	}
	result := output.Results[0]
	if strings.HasSuffix(title, ".name") {
		return
	}
	built, err := builtTemplate(result.Service)
	if err != nil {
		t.Fatal(err)
	}
	at := p.path + "." + name
	missing := func() []string {
		var paths []string
		part, _ := plain(p.again(built)).(map[string]any)
		different(at, plain(value.Interface()), part[name], func(path string, was, is any) {
			privileges := strings.HasSuffix(path, "allowPrivilegeEscalation") && is == nil // which is true
			if was != nil && !noted(result.Notes, path) && !privileges {
				paths = append(paths, path+" "+shown(was))
			}
		})
		return paths
	}
	known := func(n Note) bool { return n.Kind == Lost && strings.HasPrefix(n.Path, "spec.template."+at) }
	if lost := missing(); len(lost) > 0 && !slices.ContainsFunc(result.Notes, known) {
		t.Errorf("got lost without a note: %s\n%s\n%v", lost, shown(result.Service.Spec), result.Notes)
	}
}
