// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"encoding/json"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"goservice.dev/operator/api/v1alpha1"
)

// pods carries over what all containers share, but for where the pods run.
func (c *conversion) pods() {
	template, pod := &c.template, c.pod()
	delete(template.Annotations, "kubectl.kubernetes.io/restartedAt")
	for key, value := range template.Annotations {
		if strings.HasPrefix(key, "goservice.dev/") {
			c.inPods(Lost, "metadata.annotations["+key+"]", value, "annotations of goservice.dev belong to the operator")
			delete(template.Annotations, key)
			continue
		}
		if pod.Annotations == nil {
			pod.Annotations = map[string]v1alpha1.AnnotationValue{}
		}
		pod.Annotations[key] = v1alpha1.AnnotationValue(value)
	}
	c.account()
	if s, fits := podSecurityOf(template.Spec.SecurityContext); fits {
		pod.SecurityContext = s
	}
	if template.Spec.RuntimeClassName != nil {
		pod.RuntimeClassName = v1alpha1.ObjectName(*template.Spec.RuntimeClassName)
	}
	switch template.Spec.DNSPolicy {
	case corev1.DNSDefault, corev1.DNSNone:
		pod.DNSPolicy = template.Spec.DNSPolicy
	}
	if config := template.Spec.DNSConfig; config != nil {
		if converted, fits := fitting[v1alpha1.DNSConfig](config); fits {
			pod.DNSConfig = &converted
		}
	}
	for i := range template.Spec.HostAliases {
		if alias, fits := fitting[v1alpha1.HostAlias](&template.Spec.HostAliases[i]); fits && len(alias.Hostnames) > 0 {
			pod.HostAliases = append(pod.HostAliases, alias)
		}
	}
}

// account keeps the ServiceAccount and its token: credentials for images and permissions may hang on them.
func (c *conversion) account() {
	spec := &c.template.Spec
	if spec.ServiceAccountName == "" {
		spec.ServiceAccountName = "default"
	}
	c.pod().ServiceAccountName = v1alpha1.ObjectName(spec.ServiceAccountName)
	if spec.AutomountServiceAccountToken == nil && c.from.account != nil {
		spec.AutomountServiceAccountToken = c.from.account.AutomountServiceAccountToken
	}
	if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
		c.pod().AutomountServiceAccountToken = new(true)
	}
}

// podSecurityOf is the GoService's own type, if it says as much. Otherwise the overlay has all of it, since the operator fills in what the
// Pod Security level restricted demands, and a user.
func podSecurityOf(s *corev1.PodSecurityContext) (*v1alpha1.PodSecurityContext, bool) {
	if s == nil || s.RunAsUser == nil || s.SeccompProfile == nil || *s.RunAsUser == 0 && s.RunAsNonRoot != nil && *s.RunAsNonRoot {
		return nil, false
	}
	result, fits := fitting[v1alpha1.PodSecurityContext](s)
	if !fits {
		return nil, false
	}
	result.RunAsNonRoot = s.RunAsNonRoot
	if s.RunAsNonRoot == nil {
		result.RunAsNonRoot = new(false)
	} else if *s.RunAsNonRoot {
		result.RunAsNonRoot = nil
	}
	if s.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault {
		result.SeccompProfile = nil
	}
	return &result, true
}

// scheduling carries over where the pods run. Selectors of the service's own pods follow their labels.
func (c *conversion) scheduling() {
	spec, pod := &c.template.Spec, c.pod()
	for key, value := range spec.NodeSelector {
		if key == corev1.LabelOSStable && value == "linux" {
			continue
		}
		if pod.NodeSelector == nil {
			pod.NodeSelector = map[string]v1alpha1.LabelValue{}
		}
		pod.NodeSelector[key] = v1alpha1.LabelValue(value)
	}
	for i := range spec.Tolerations {
		if toleration, fits := fitting[v1alpha1.Toleration](&spec.Tolerations[i]); fits {
			pod.Tolerations = append(pod.Tolerations, toleration)
		}
	}
	pod.PriorityClassName = v1alpha1.ObjectName(spec.PriorityClassName)
	for i := range spec.TopologySpreadConstraints {
		constraint := &spec.TopologySpreadConstraints[i]
		if equal(plain(constraint.LabelSelector), plain(c.from.deployment.Spec.Selector)) || constraint.LabelSelector == nil {
			constraint.LabelSelector = c.from.ownSelector() // the same pods
		}
		c.follow("spec.topologySpreadConstraints["+constraint.TopologyKey+"].labelSelector", constraint.LabelSelector)
		converted := constraint.DeepCopy()
		if equal(plain(constraint.LabelSelector), plain(c.from.ownSelector())) {
			converted.LabelSelector = nil
		}
		if encoded, err := json.Marshal(converted); err == nil {
			pod.TopologySpreadConstraints = append(pod.TopologySpreadConstraints, runtime.RawExtension{Raw: encoded})
		}
	}
	c.affinity()
}

func (c *conversion) affinity() {
	affinity := c.template.Spec.Affinity
	if affinity == nil || equal(canonical(affinity), map[string]any{}) {
		return
	}
	follow := func(at string, required []corev1.PodAffinityTerm, preferred []corev1.WeightedPodAffinityTerm) {
		for i := range required {
			c.follow(at+".requiredDuringSchedulingIgnoredDuringExecution", required[i].LabelSelector)
		}
		for i := range preferred {
			c.follow(at+".preferredDuringSchedulingIgnoredDuringExecution", preferred[i].PodAffinityTerm.LabelSelector)
		}
	}
	if a := affinity.PodAffinity; a != nil {
		follow("spec.affinity.podAffinity", a.RequiredDuringSchedulingIgnoredDuringExecution, a.PreferredDuringSchedulingIgnoredDuringExecution)
	}
	if a := affinity.PodAntiAffinity; a != nil {
		follow("spec.affinity.podAntiAffinity", a.RequiredDuringSchedulingIgnoredDuringExecution, a.PreferredDuringSchedulingIgnoredDuringExecution)
	}
	encoded, err := json.Marshal(canonical(affinity))
	if err == nil {
		c.pod().Affinity = &runtime.RawExtension{Raw: encoded}
	}
}

// follow makes a selector that selected the Deployment's pods, and does not select the GoService's, select these.
func (c *conversion) follow(at string, selector *metav1.LabelSelector) {
	if selects(selector, c.from.deployment.Spec.Template.Labels) && !selects(selector, labels.Set(c.from.newLabels())) {
		c.inPods(Changed, at, selector, "the operator sets labels that it names, so it selects the GoService's pods by the new ones")
		*selector = *c.from.ownSelector()
	}
}
