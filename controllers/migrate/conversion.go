// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// conversion of one Deployment. Its steps fill in the result, and bring the template into the form in which the operator has it: the
// container's port is named http, and what runs beside it is a native sidecar.
type conversion struct {
	from    bundle
	options Options
	// template that the GoService's pods are to have.
	template corev1.PodTemplateSpec
	// mainName is the name of the service's container.
	mainName string
	metrics  *metricsAt
	result   *v1alpha1.GoService
	notes    []Note
}

func newConversion(from bundle, options Options) *conversion {
	return &conversion{
		from: from, options: options, template: *from.deployment.Spec.Template.DeepCopy(),
		result: &v1alpha1.GoService{
			TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.GoServiceKind.Kind},
			ObjectMeta: metav1.ObjectMeta{
				Name: from.deployment.Name, Namespace: from.deployment.Namespace, Labels: maps.Clone(from.deployment.Labels),
			},
		},
	}
}

func (c *conversion) convert() error {
	if len(c.template.Spec.Containers) == 0 {
		return errors.New("spec.template.spec.containers must have a container")
	}
	for i := range c.template.Spec.Containers {
		if container := &c.template.Spec.Containers[i]; container.Image == "" {
			return fmt.Errorf("spec.template.spec.containers[%s].image must be set: a patch or a template has to be rendered first", container.Name)
		}
	}
	if !validName.MatchString(c.result.Name) {
		return fmt.Errorf("metadata.name %q must start with a letter and have at most 63 lower-case letters, digits, and '-', because the GoService's Service has the same name", c.result.Name)
	}
	c.metadata()
	c.labels()
	c.dropUnreachable()
	c.chooseContainer()
	c.renameVolumes()
	c.findMetrics()
	c.network()
	c.exposure()
	c.container()
	c.probes()
	c.volumes()
	c.beside()
	c.pods()
	c.scheduling()
	c.shutdown()
	c.observability()
	c.rollout()
	c.scaling()
	c.budget()
	c.policy()
	return c.overlay()
}

var validName = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)

// spec of the result.
func (c *conversion) spec() *v1alpha1.GoServiceSpec { return &c.result.Spec }

// main is the service's container. It is the first one.
func (c *conversion) main() *corev1.Container { return &c.template.Spec.Containers[0] }

// pod is the result's part for the pods.
func (c *conversion) pod() *v1alpha1.PodSpec {
	if c.result.Spec.Pod == nil {
		c.result.Spec.Pod = &v1alpha1.PodSpec{}
	}
	return c.result.Spec.Pod
}

// metadata keeps what a person put on the Deployment with the GoService.
func (c *conversion) metadata() {
	deployment := c.from.deployment
	c.template.ObjectMeta = metav1.ObjectMeta{Labels: c.template.Labels, Annotations: c.template.Annotations} // pods have no other
	maps.DeleteFunc(c.result.Labels, func(key, _ string) bool { return key == build.LabelManagedBy || bookkeeping(key) })
	for key, value := range deployment.Annotations {
		if bookkeeping(key) {
			continue
		}
		if c.result.Annotations == nil {
			c.result.Annotations = map[string]string{}
		}
		c.result.Annotations[key] = value
	}
	for _, key := range slices.Sorted(maps.Keys(c.result.Annotations)) {
		c.note(Changed, deployment, "metadata.annotations["+key+"]", c.result.Annotations[key], "it moves to the GoService; what looks for it on the Deployment no longer finds it")
	}
}

var bookkeepers = []string{
	"goservice.dev/", "deployment.kubernetes.io/", "meta.helm.sh/", "helm.sh/", "argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/",
	"kapp.k14s.io/", "config.k8s.io/owning-inventory", "applyset.kubernetes.io/",
}

// bookkeeping says whether a label or an annotation is about the object that it stands on, and nothing that a person wants elsewhere: a
// tool that finds the GoService by it would take that for its own.
func bookkeeping(key string) bool {
	return key == corev1.LastAppliedConfigAnnotation || slices.ContainsFunc(bookkeepers, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

// unreachable are fields that a pod template of a Deployment cannot usefully have.
var unreachable = map[string]string{
	"ephemeralContainers":   "Kubernetes adds them to running pods only",
	"restartPolicy":         "a Deployment has Always only",
	"activeDeadlineSeconds": "a Deployment has none",
	"priority":              "Kubernetes sets it from priorityClassName",
}

func (c *conversion) dropUnreachable() {
	pod := &c.template.Spec
	pod.ServiceAccountName, pod.DeprecatedServiceAccount = cmp.Or(pod.ServiceAccountName, pod.DeprecatedServiceAccount), ""
	if pod.RestartPolicy == corev1.RestartPolicyAlways {
		pod.RestartPolicy = ""
	}
	content, _ := plain(pod).(map[string]any)
	for _, field := range slices.Sorted(maps.Keys(unreachable)) {
		if value, set := content[field]; set {
			c.inPods(Lost, "spec."+field, value, "%s", unreachable[field])
		}
	}
	pod.EphemeralContainers, pod.RestartPolicy, pod.ActiveDeadlineSeconds, pod.Priority = nil, "", nil, nil
}

// chooseContainer puts the service's container first, and makes native sidecars of the others.
func (c *conversion) chooseContainer() {
	pod := &c.template.Spec
	chosen := slices.IndexFunc(pod.Containers, func(container corev1.Container) bool { return container.Name == c.from.deployment.Name })
	if chosen < 0 {
		why := "the Service leads to it"
		if chosen = slices.IndexFunc(pod.Containers, c.isTarget); chosen < 0 {
			chosen, why = 0, "it is the first one"
		}
		if len(pod.Containers) > 1 {
			c.inPods(Guessed, "spec.containers", pod.Containers[chosen].Name, "it is taken for the service, since %s; if another one is, give it the name of the Deployment", why)
		}
	}
	main := pod.Containers[chosen]
	others := slices.Delete(pod.Containers, chosen, chosen+1)
	for i := range others {
		if policy := others[i].RestartPolicy; policy != nil && *policy != corev1.ContainerRestartPolicyAlways {
			c.inPods(Lost, "spec.containers["+others[i].Name+"].restartPolicy", *policy, "it becomes a sidecar, which is always restarted")
		}
		others[i].RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
		reason := "it becomes a native sidecar: it starts after the init containers and before the service, and stops after it"
		if others[i].StartupProbe != nil {
			reason += "; the service starts when its startupProbe has succeeded"
		}
		c.inPods(Changed, "spec.containers["+others[i].Name+"]", nil, "%s", reason)
	}
	pod.InitContainers = append(pod.InitContainers, others...)
	main.Name = cmp.Or(main.Name, build.ContainerName)
	c.mainName = main.Name
	if main.Name != build.ContainerName {
		c.pod().ContainerName = v1alpha1.DNSLabel(main.Name)
	}
	pod.Containers = []corev1.Container{main}
}

// isTarget says whether the Service leads to a port of a container.
func (c *conversion) isTarget(container corev1.Container) bool {
	if c.from.service == nil {
		return false
	}
	return slices.ContainsFunc(c.from.service.Spec.Ports, func(port corev1.ServicePort) bool {
		return slices.ContainsFunc(container.Ports, func(p corev1.ContainerPort) bool { return leadsTo(port, p) })
	})
}

// reservedVolumes are names of the operator's own volumes.
var reservedVolumes = []string{"live-settings", "tmp", "tls", "client-ca", "goservice-peers"}

// renameVolumes that have the name of one of the operator's: only the containers of the pod know it.
func (c *conversion) renameVolumes() {
	pod := &c.template.Spec
	for i := range pod.Volumes {
		old := pod.Volumes[i].Name
		if !slices.Contains(reservedVolumes, old) {
			continue
		}
		pod.Volumes[i].Name = unused(old+"-volume", pod.Volumes, func(v corev1.Volume) string { return v.Name })
		for _, containers := range [][]corev1.Container{pod.Containers, pod.InitContainers} {
			for j := range containers {
				for k := range containers[j].VolumeMounts {
					if mount := &containers[j].VolumeMounts[k]; mount.Name == old {
						mount.Name = pod.Volumes[i].Name
					}
				}
				for k := range containers[j].VolumeDevices {
					if device := &containers[j].VolumeDevices[k]; device.Name == old {
						device.Name = pod.Volumes[i].Name
					}
				}
			}
		}
	}
}

// unused is a name that no element of a list has: the wanted one, or that with a number.
func unused[T any](wanted string, list []T, nameOf func(T) string) string {
	name := wanted
	for number := 2; slices.ContainsFunc(list, func(element T) bool { return nameOf(element) == name }); number++ {
		name = fmt.Sprintf("%s-%d", wanted, number)
	}
	return name
}
