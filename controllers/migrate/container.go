// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

// container carries over the service's container, without its ports, probes, and hooks.
func (c *conversion) container() {
	main, spec := c.main(), c.spec()
	spec.Image = main.Image
	if main.ImagePullPolicy != pullPolicyOf(main.Image) {
		spec.ImagePullPolicy = main.ImagePullPolicy
	}
	spec.Command, spec.Args, spec.WorkingDir = main.Command, main.Args, main.WorkingDir
	for i := range c.template.Spec.ImagePullSecrets {
		spec.ImagePullSecrets = append(spec.ImagePullSecrets, v1alpha1.SecretReference{Name: v1alpha1.ObjectName(c.template.Spec.ImagePullSecrets[i].Name)})
	}
	c.variables()
	spec.Env, spec.EnvFrom = variablesOf(main), variableSourcesOf(main)
	c.resources()
	if s, fits := securityOf(main.SecurityContext); fits {
		spec.SecurityContext = s
	}
}

// variables leaves out what the operator sets.
func (c *conversion) variables() {
	main := c.main()
	c.deduplicate(main, "spec.containers["+c.mainName+"]")
	var kept []corev1.EnvVar
	for _, variable := range main.Env {
		if f := variable.ValueFrom; f != nil && f.ResourceFieldRef != nil && f.ResourceFieldRef.ContainerName == c.mainName {
			f.ResourceFieldRef.ContainerName = ""
		}
		at := fmt.Sprintf("spec.containers[%s].env[%s]", c.mainName, variable.Name)
		switch {
		case variable.Name == "PORT" && variable.Value == strconv.Itoa(int(c.port())):
		case variable.Name == "GOMEMLIMIT":
			c.inPods(Changed, at, canonical(variable), "the operator sets it to 90%% of resources.limits.memory, and not at all without such a limit")
		case reservedVariable(variable.Name):
			c.inPods(Lost, at, canonical(variable), "only the operator sets this variable: let the program read another one")
		default:
			kept = append(kept, variable)
		}
	}
	main.Env = kept
}

// validEnvName is what every version of Kubernetes allows, and the schema.
var validEnvName = regexp.MustCompile(`^([_a-zA-Z-]|[.][-_a-zA-Z0-9])[-._a-zA-Z0-9]*$`)

// variablesOf a container are those that the GoService's own type has; the others become part of the overlay.
func variablesOf(container *corev1.Container) []v1alpha1.EnvVar {
	var result []v1alpha1.EnvVar
	for i := range container.Env {
		if variable, fits := fitting[v1alpha1.EnvVar](&container.Env[i]); fits && validEnvName.MatchString(container.Env[i].Name) {
			result = append(result, variable)
		}
	}
	return result
}

func variableSourcesOf(container *corev1.Container) []v1alpha1.EnvFromSource {
	var result []v1alpha1.EnvFromSource
	for i := range container.EnvFrom {
		if source, fits := fitting[v1alpha1.EnvFromSource](&container.EnvFrom[i]); fits {
			result = append(result, source)
		}
	}
	return result
}

// leastMemory is the lowest limit that the schema allows.
var leastMemory = resource.MustParse("16Mi")

// resources has requests of CPU and memory at all times, because the operator calculates with them.
func (c *conversion) resources() {
	main, spec := c.main(), c.spec()
	at := "spec.containers[" + c.mainName + "].resources"
	for _, list := range []corev1.ResourceList{main.Resources.Requests, main.Resources.Limits} {
		if cpu, given := list[corev1.ResourceCPU]; given && cpu.IsZero() { // as good as none
			delete(list, corev1.ResourceCPU)
		}
	}
	if limit, given := main.Resources.Limits[corev1.ResourceMemory]; given && limit.Cmp(leastMemory) < 0 {
		c.inPods(Lost, at+".limits.memory", limit.String(), "a memory limit is at least %s, so the GoService has none", leastMemory.String())
		delete(main.Resources.Limits, corev1.ResourceMemory)
	}
	spec.Resources = &v1alpha1.ResourcesSpec{Requests: maps.Clone(main.Resources.Requests), Limits: main.Resources.Limits}
	requested := plan.Compute(spec, plan.Observed{}).Resources.Requests
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		_, given := main.Resources.Requests[name]
		if _, limited := main.Resources.Limits[name]; given || limited { // without a request, it is the limit
			continue
		}
		if spec.Resources.Requests == nil {
			spec.Resources.Requests = corev1.ResourceList{}
		}
		spec.Resources.Requests[name] = requested[name]
		c.inPods(Changed, at+".requests."+string(name), nil, "there is none, and the operator needs one: the GoService requests %s", shown(requested[name]))
	}
	if len(main.Resources.Claims) > 0 {
		c.inPods(Lost, at+".claims", main.Resources.Claims, "a GoService's container claims no devices")
	}
}

// maxVolumes and maxInitContainers are how many a GoService's own lists may hold.
const maxVolumes, maxInitContainers = 16, 6

// volumes that the GoService's own type has are fields; the others become part of the overlay, with their mounts.
func (c *conversion) volumes() {
	for i := range c.template.Spec.Volumes {
		volume, fits := fitting[v1alpha1.Volume](&c.template.Spec.Volumes[i])
		if disk := volume.EmptyDir; disk != nil && disk.Medium != corev1.StorageMediumDefault && disk.Medium != corev1.StorageMediumMemory {
			fits = false
		}
		if fits && len(c.spec().Volumes) < maxVolumes {
			c.spec().Volumes = append(c.spec().Volumes, volume)
		}
	}
	c.spec().VolumeMounts = c.mountsOf(c.main())
}

func (c *conversion) mountsOf(container *corev1.Container) []v1alpha1.VolumeMount {
	var result []v1alpha1.VolumeMount
	for i := range container.VolumeMounts {
		mount := &container.VolumeMounts[i]
		if len(mount.MountPath) > 1 {
			mount.MountPath = path.Clean(mount.MountPath)
		}
		known := slices.ContainsFunc(c.spec().Volumes, func(v v1alpha1.Volume) bool { return string(v.Name) == mount.Name })
		if converted, _ := fitting[v1alpha1.VolumeMount](mount); known {
			result = append(result, converted)
		}
	}
	return result
}

// saysRootInPart says whether the schema would refuse a user: it wants root to be said twice.
func saysRootInPart(user *int64, nonRoot *bool) bool {
	return user != nil && *user == 0 && (nonRoot == nil || *nonRoot)
}

// securityOf a container is the GoService's own type, if it says as much. Otherwise the overlay has all of it, since the operator
// fills in what the Pod Security level restricted demands.
func securityOf(s *corev1.SecurityContext) (*v1alpha1.SecurityContext, bool) {
	if s == nil || s.AllowPrivilegeEscalation == nil || s.Capabilities == nil || len(s.Capabilities.Drop) == 0 || saysRootInPart(s.RunAsUser, s.RunAsNonRoot) {
		return nil, false
	}
	result, fits := fitting[v1alpha1.SecurityContext](s)
	if !fits {
		return nil, false
	}
	// What the operator fills in may be left out.
	if !*s.AllowPrivilegeEscalation {
		result.AllowPrivilegeEscalation = nil
	}
	if slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) {
		result.Capabilities.Drop = nil
		if len(s.Capabilities.Add) == 0 {
			result.Capabilities = nil
		}
	}
	if equal(plain(result), map[string]any{}) {
		return nil, true
	}
	return &result, true
}
