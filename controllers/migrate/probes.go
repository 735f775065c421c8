// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"cmp"
	"regexp"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/build"
)

// The operator's timings of probes of the service's container; Kubernetes' own are 10, 1, and 3.
const (
	kubernetesPeriod, kubernetesTimeout, kubernetesFailures = 10, 1, 3
	operatorsTimeout                                        = 2
)

// What the schema allows of a probe.
const (
	longestProbePath, longestHeaderName, longestHeader, mostHeaders = 256, 256, 4096, 16
	mostProbeSeconds, mostFailures, mostSuccesses, mostArguments    = 3600, 100_000, 100, 64
)

var (
	probePath  = regexp.MustCompile(`^/([-A-Za-z0-9._~!$&()*+,;=:@/]|%[0-9A-Fa-f]{2})*([?]([-A-Za-z0-9._~!$&()*+,;=:@/?]|%[0-9A-Fa-f]{2})*)?$`)
	headerName = regexp.MustCompile(`^[-A-Za-z0-9]+$`)
)

// acceptable says whether the schema has a place for a probe. If not, all of it becomes part of the overlay.
func acceptable(probe *corev1.Probe) bool {
	within := func(value, most int32) bool { return value <= most }
	if get := probe.HTTPGet; get != nil {
		if !probePath.MatchString(get.Path) || len(get.Path) > longestProbePath || len(get.HTTPHeaders) > mostHeaders {
			return false
		}
		for _, header := range get.HTTPHeaders {
			if !headerName.MatchString(header.Name) || len(header.Name) > longestHeaderName || len(header.Value) > longestHeader {
				return false
			}
		}
	}
	if probe.Exec != nil && (len(probe.Exec.Command) == 0 || len(probe.Exec.Command) > mostArguments) {
		return false
	}
	if grace := probe.TerminationGracePeriodSeconds; grace != nil && *grace > mostProbeSeconds {
		return false
	}
	return within(probe.InitialDelaySeconds, mostProbeSeconds) && within(probe.PeriodSeconds, mostProbeSeconds) && within(probe.TimeoutSeconds, mostProbeSeconds) &&
		within(probe.FailureThreshold, mostFailures) && within(probe.SuccessThreshold, mostSuccesses)
}

// probes carries over those of the service's container, with their timings as they were. One that is not there stays away.
func (c *conversion) probes() {
	main := c.main()
	// The path that Kubernetes takes by default has to be written here.
	for _, containers := range [][]corev1.Container{c.template.Spec.Containers, c.template.Spec.InitContainers} {
		for i := range containers {
			for _, probe := range []*corev1.Probe{containers[i].StartupProbe, containers[i].LivenessProbe, containers[i].ReadinessProbe} {
				if probe != nil && probe.HTTPGet != nil && probe.HTTPGet.Path == "" {
					probe.HTTPGet.Path = "/"
				}
			}
		}
	}
	probes := &v1alpha1.ProbesSpec{
		Startup:   c.probe(main.StartupProbe, 1, 60),
		Liveness:  c.probe(main.LivenessProbe, 10, 3),
		Readiness: c.probe(main.ReadinessProbe, 5, 2),
	}
	if probes.Startup == nil && probes.Liveness != nil { // the operator would take liveness
		probes.Startup = &v1alpha1.Probe{Disabled: true}
	}
	if probes.Liveness == nil && c.onToolkit() { // the operator would ask the toolkit
		probes.Startup, probes.Liveness = cmp.Or(probes.Startup, &v1alpha1.Probe{Disabled: true}), &v1alpha1.Probe{Disabled: true}
	}
	if probes.Readiness == nil { // the operator would open a connection
		probes.Readiness = &v1alpha1.Probe{Disabled: true}
	}
	c.spec().Probes = probes
}

// probe of the service's container, with the timings that are not the operator's own.
func (c *conversion) probe(from *corev1.Probe, period, failures int32) *v1alpha1.Probe {
	if from == nil {
		return nil
	}
	if !acceptable(from) {
		c.namePort(from)
		return &v1alpha1.Probe{Disabled: true} // the overlay has it
	}
	result, _ := fitting[v1alpha1.Probe](from)
	timing := func(value, kubernetes, operators int32) *int32 {
		if value == 0 {
			value = kubernetes
		}
		if value == operators {
			return nil
		}
		return &value
	}
	result.PeriodSeconds = timing(from.PeriodSeconds, kubernetesPeriod, period)
	result.TimeoutSeconds = timing(from.TimeoutSeconds, kubernetesTimeout, operatorsTimeout)
	result.FailureThreshold = timing(from.FailureThreshold, kubernetesFailures, failures)
	if period == 1 { // startup's failures follow from startupTimeout unless they are set
		result.FailureThreshold = new(int32(kubernetesFailures))
		if from.FailureThreshold != 0 {
			result.FailureThreshold = new(from.FailureThreshold)
		}
	}
	if get := result.HTTPGet; get != nil && c.isPort(get.Port) {
		get.Port = nil
	}
	if connect := result.TCPSocket; connect != nil && c.isPort(connect.Port) {
		connect.Port = nil
	}
	c.namePort(from)
	return &result
}

// isPort says whether a probe asks spec.port, as it does by default.
func (c *conversion) isPort(port *intstr.IntOrString) bool {
	return port != nil && (port.StrVal == build.PortNameHTTP || port.Type == intstr.Int && port.IntVal == c.port())
}

// namePort writes spec.port in the wanted template as the operator writes it.
func (c *conversion) namePort(probe *corev1.Probe) {
	if get := probe.HTTPGet; get != nil && c.isPort(&get.Port) {
		get.Port = intstr.FromString(build.PortNameHTTP)
	}
	if connect := probe.TCPSocket; connect != nil && c.isPort(&connect.Port) {
		connect.Port = intstr.FromString(build.PortNameHTTP)
	}
}
