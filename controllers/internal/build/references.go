// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

// What pods take from ConfigMaps and Secrets they take when they start: a change of the data replaces them, as an edit of the spec does.
// Beside its template each Deployment keeps what the data was when its pods were made, so that any operator sees a change, also one that
// happened while none ran.

// ReferenceKind is that of an object whose data pods take.
type ReferenceKind string

// The kinds whose data pods take.
const (
	ReferenceConfigMap ReferenceKind = "ConfigMap"
	ReferenceSecret    ReferenceKind = "Secret"
)

// Reference names an object in the service's namespace whose data its pods take.
type Reference struct {
	Kind ReferenceKind
	Name string
	// Optional says that pods start without it.
	Optional bool
}

// Key tells references of a service apart.
func (r Reference) Key() string { return string(r.Kind) + "/" + r.Name }

// Referenced is a reference with what is known of the data.
type Referenced struct {
	Reference
	// Known says that the operator may see such objects.
	Known bool
	// Digest of the data, empty if there is no such object. What comes before a dot names the key with which it was made: digests of two
	// keys cannot be compared.
	Digest string
}

// References of a service: its own, those of the containers beside it, and those of its overlay, in the order of their keys. Credentials
// for images are none, and neither is a certificate that the toolkit loads anew.
func References(spec *v1alpha1.GoServiceSpec) []Reference {
	var found referenceList
	if len(spec.Env) > 0 || len(spec.EnvFrom) > 0 || len(spec.Volumes) > 0 || len(spec.InitContainers) > 0 {
		found.add(podSpecOf(v1alpha1.GoServiceSpec{Env: spec.Env, EnvFrom: spec.EnvFrom, Volumes: spec.Volumes, InitContainers: spec.InitContainers}))
	}
	if spec.TLS != nil && !plan.OnToolkit(spec) {
		found.note(ReferenceSecret, string(spec.TLS.SecretName), nil)
		found.note(ReferenceSecret, string(spec.TLS.ClientCASecretName), nil)
	}
	if spec.Pod != nil && spec.Pod.Overlay != nil {
		var overlay corev1.PodTemplateSpec
		if json.Unmarshal(spec.Pod.Overlay.Raw, &overlay) == nil { // one that is none is refused elsewhere
			found.add(&overlay.Spec)
		}
	}
	slices.SortFunc(found, func(a, b Reference) int { return cmp.Compare(a.Key(), b.Key()) })
	return found
}

// podSpecOf the fields of a spec that have the form of Kubernetes' own.
func podSpecOf(spec v1alpha1.GoServiceSpec) *corev1.PodSpec {
	var own corev1.Container
	var pod corev1.PodSpec
	encoded, err := json.Marshal(spec)
	if err != nil || json.Unmarshal(encoded, &own) != nil || json.Unmarshal(encoded, &pod) != nil {
		return &pod // nothing that the API server admits
	}
	pod.Containers = []corev1.Container{{Env: own.Env, EnvFrom: own.EnvFrom}}
	return &pod
}

type referenceList []Reference

// note a reference; one that is optional in one place only is none.
func (l *referenceList) note(kind ReferenceKind, name string, optional *bool) {
	reference := Reference{kind, name, optional != nil && *optional}
	if name == "" {
		return
	}
	for i := range *l {
		if known := &(*l)[i]; known.Key() == reference.Key() {
			known.Optional = known.Optional && reference.Optional
			return
		}
	}
	*l = append(*l, reference)
}

func (l *referenceList) add(pod *corev1.PodSpec) {
	for _, container := range slices.Concat(pod.InitContainers, pod.Containers) {
		for _, from := range container.EnvFrom {
			if from.ConfigMapRef != nil {
				l.note(ReferenceConfigMap, from.ConfigMapRef.Name, from.ConfigMapRef.Optional)
			}
			if from.SecretRef != nil {
				l.note(ReferenceSecret, from.SecretRef.Name, from.SecretRef.Optional)
			}
		}
		for _, variable := range container.Env {
			if variable.ValueFrom == nil {
				continue
			}
			if key := variable.ValueFrom.ConfigMapKeyRef; key != nil {
				l.note(ReferenceConfigMap, key.Name, key.Optional)
			}
			if key := variable.ValueFrom.SecretKeyRef; key != nil {
				l.note(ReferenceSecret, key.Name, key.Optional)
			}
		}
	}
	for i := range pod.Volumes {
		volume := &pod.Volumes[i]
		if volume.ConfigMap != nil {
			l.note(ReferenceConfigMap, volume.ConfigMap.Name, volume.ConfigMap.Optional)
		}
		if volume.Secret != nil {
			l.note(ReferenceSecret, volume.Secret.SecretName, volume.Secret.Optional)
		}
		if volume.Projected == nil {
			continue
		}
		for _, source := range volume.Projected.Sources {
			if source.ConfigMap != nil {
				l.note(ReferenceConfigMap, source.ConfigMap.Name, source.ConfigMap.Optional)
			}
			if source.Secret != nil {
				l.note(ReferenceSecret, source.Secret.Name, source.Secret.Optional)
			}
		}
	}
}

// FollowsReferences says whether a change of what is referenced replaces the pods.
func FollowsReferences(spec *v1alpha1.GoServiceSpec) bool {
	return spec.Rollout == nil || spec.Rollout.FollowData == nil || *spec.Rollout.FollowData
}

const (
	// annotationReferences of a pod template differs where data changed that the pods take. A template whose data never changed has none.
	annotationReferences = "goservice.dev/references"
	// absent is the digest of what does not exist.
	absent = "-"
)

// follow compares what is referenced with what it was when the pods of the template in force were made, and returns what to keep and
// whether the pods must be replaced. An object that is gone, or that cannot be seen any more, replaces none: the pods could not start
// again. One that pods have waited for they take by themselves.
func follow(kept map[string]string, now []Referenced, following bool) (next map[string]string, changed bool) {
	for _, reference := range now {
		was, recorded := kept[reference.Key()]
		is := was
		switch {
		case !reference.Known:
			if !recorded {
				continue
			}
		case reference.Digest == "":
			is = cmp.Or(was, absent)
		case !recorded, was == absent && !reference.Optional, was != absent && keyOf(was) != keyOf(reference.Digest):
			is = reference.Digest
		case was == reference.Digest:
		case following:
			is, changed = reference.Digest, true
		}
		if next == nil {
			next = map[string]string{}
		}
		next[reference.Key()] = is
	}
	return next, changed
}

// keyOf a digest.
func keyOf(digest string) string {
	key, _, made := strings.Cut(digest, ".")
	if !made {
		return ""
	}
	return key
}

// token is what a pod template is told of data that changed.
func token(digests map[string]string) string {
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(digests)) {
		text.WriteString(key + "=" + digests[key] + "\n")
	}
	return hashOf([]byte(text.String()))
}
