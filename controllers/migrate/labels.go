// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// maxSelector is how many labels pod.selector may have.
const maxSelector = 16

// addSelector decides whether the pods keep the labels by which the Deployment selects them. Only such a Deployment can be taken over in
// place, since nobody can change a selector.
func (m *Manifests) addSelector(b *bundle) {
	selector := b.deployment.Spec.Selector
	if selector == nil || len(selector.MatchLabels)+len(selector.MatchExpressions) == 0 {
		return
	}
	keys := slices.Sorted(maps.Keys(selector.MatchLabels))
	reserved := slices.IndexFunc(keys, func(key string) bool {
		return key == build.LabelManagedBy || key == appsv1.DefaultDeploymentUniqueLabelKey || strings.HasPrefix(key, "goservice.dev/")
	})
	selects := func(d *appsv1.Deployment) bool {
		return d.Namespace == b.deployment.Namespace && matches(selector, d.Spec.Template.Labels)
	}
	switch others := m.otherDeployments(b.deployment, selects); {
	case len(selector.MatchExpressions) > 0:
		b.notTaken = "pod.selector cannot have matchExpressions"
	case labels.SelectorFromSet(selector.MatchLabels).String() == build.PodSelector(b.relabeled()).String(): // the operator made it
	case reserved >= 0:
		b.notTaken = "pod.selector cannot have " + keys[reserved]
	case len(keys) > maxSelector:
		b.notTaken = fmt.Sprintf("pod.selector has at most %d labels", maxSelector)
	case len(others) > 0:
		b.notTaken = "it also selects the pods of " + strings.Join(others, ", ") + ", and so would the GoService's Service and budget"
	default:
		b.selector = typed(selector.MatchLabels)
	}
}

// relabeled is a GoService with nothing but the labels of the Deployment's pods: what selects these has the operator's labels for it, and
// the others are kept unless the operator sets them.
func (b *bundle) relabeled() *v1alpha1.GoService {
	kept := maps.Clone(b.deployment.Spec.Template.Labels)
	maps.DeleteFunc(kept, func(key, _ string) bool {
		_, selecting := b.selector[key]
		return selecting || operatorsLabel(key)
	})
	return &v1alpha1.GoService{
		ObjectMeta: metav1.ObjectMeta{Name: b.deployment.Name, Namespace: b.deployment.Namespace},
		Spec:       v1alpha1.GoServiceSpec{Pod: &v1alpha1.PodSpec{Selector: b.selector, Labels: typed(kept)}},
	}
}

// newLabels are what the GoService's pods have.
func (b *bundle) newLabels() map[string]string { return build.PodLabels(b.relabeled()) }

// ownSelector selects the GoService's pods as the operator does.
func (b *bundle) ownSelector() *metav1.LabelSelector {
	own := &metav1.LabelSelector{MatchLabels: map[string]string{}}
	requirements, _ := build.PodSelector(b.relabeled()).Requirements()
	for _, requirement := range requirements { // each is a label and its value
		own.MatchLabels[requirement.Key()] = strings.Join(requirement.Values().List(), "")
	}
	return own
}

// labels carries over those of the pods.
func (c *conversion) labels() {
	pod := c.from.relabeled().Spec.Pod
	c.pod().Selector, c.pod().Labels = pod.Selector, pod.Labels
	if c.from.notTaken != "" {
		c.note(Lost, c.from.deployment, "spec.selector", canonical(c.from.deployment.Spec.Selector),
			"%s, so this Deployment cannot be taken over in place: give the GoService another metadata.name, and move the clients to it", c.from.notTaken)
	}
}

func typed(set map[string]string) map[string]v1alpha1.LabelValue {
	if len(set) == 0 {
		return nil
	}
	result := make(map[string]v1alpha1.LabelValue, len(set))
	for key, value := range set {
		result[key] = v1alpha1.LabelValue(value)
	}
	return result
}

// operatorsLabel says whether the operator sets a label of the pods itself, unless their selector has it.
func operatorsLabel(key string) bool {
	switch key {
	case "app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component", build.LabelManagedBy:
		return true
	}
	return strings.HasPrefix(key, "goservice.dev/")
}
