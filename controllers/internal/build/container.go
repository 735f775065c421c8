// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"cmp"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/workload/livesettings"
)

const defaultPort = 8080

func container(in input) *corev1ac.ContainerApplyConfiguration {
	spec := &in.service.Spec
	image := spec.Image
	if image == "" {
		image = in.environment.WorkloadImage
	}
	c := corev1ac.Container().
		WithName(ContainerOf(spec)).
		WithImage(image).
		WithCommand(spec.Command...).
		WithArgs(spec.Args...).
		WithPorts(containerPorts(spec)...).
		WithEnv(environment(in)...).
		WithResources(resources(in)).
		WithVolumeMounts(volumeMounts(in)...).
		WithTerminationMessagePolicy(corev1.TerminationMessageFallbackToLogsOnError).
		WithSecurityContext(containerSecurity(spec.SecurityContext))
	if c.SecurityContext.ReadOnlyRootFilesystem == nil {
		c.SecurityContext.WithReadOnlyRootFilesystem(spec.Image == "" || writableTmp(in.podSettings()))
	}
	if spec.WorkingDir != "" {
		c.WithWorkingDir(spec.WorkingDir)
	}
	if spec.ImagePullPolicy != "" {
		c.WithImagePullPolicy(spec.ImagePullPolicy)
	}
	for i := range spec.EnvFrom {
		c.WithEnvFrom(envFrom(&spec.EnvFrom[i]))
	}
	if delay := in.plan.PreStopDelay.Value; delay > 0 {
		c.WithLifecycle(corev1ac.Lifecycle().WithPreStop(corev1ac.LifecycleHandler().
			WithSleep(corev1ac.SleepAction().WithSeconds(int64(delay.Seconds())))))
	}
	withProbes(c, spec)
	return c
}

// containerPorts are the one that the service serves on, the admin port, and the user's further ones.
func containerPorts(spec *v1alpha1.GoServiceSpec) []*corev1ac.ContainerPortApplyConfiguration {
	result := []*corev1ac.ContainerPortApplyConfiguration{
		corev1ac.ContainerPort().WithName(PortNameHTTP).WithProtocol(corev1.ProtocolTCP).WithContainerPort(port(spec)),
	}
	if plan.OnToolkit(spec) {
		result = append(result, corev1ac.ContainerPort().WithName(PortNameAdmin).WithProtocol(corev1.ProtocolTCP).WithContainerPort(AdminPort))
	}
	for i := range spec.Ports {
		p := &spec.Ports[i]
		result = append(result, corev1ac.ContainerPort().
			WithName(string(p.Name)).WithProtocol(protocol(p)).WithContainerPort(p.Port))
	}
	return result
}

func protocol(p *v1alpha1.PortSpec) corev1.Protocol { return cmp.Or(p.Protocol, corev1.ProtocolTCP) }

func port(spec *v1alpha1.GoServiceSpec) int32 {
	if spec.Port == 0 {
		return defaultPort
	}
	return spec.Port
}

// environment is the contract with the workload, then the user's own variables. No name comes twice, since the API server
// refuses that: a variable of the user's replaces the operator's.
func environment(in input) []*corev1ac.EnvVarApplyConfiguration {
	spec := &in.service.Spec
	var result []*corev1ac.EnvVarApplyConfiguration
	users := func(name string) bool {
		return slices.ContainsFunc(spec.Env, func(v v1alpha1.EnvVar) bool { return string(v.Name) == name })
	}
	set := func(name, value string) {
		if users(name) {
			return
		}
		result = append(result, corev1ac.EnvVar().WithName(name).WithValue(value))
	}
	set("GOSERVICE_NAME", in.service.Name)
	set("GOSERVICE_NAMESPACE", in.service.Namespace)
	result = append(result, corev1ac.EnvVar().WithName("GOSERVICE_POD").WithValueFrom(corev1ac.EnvVarSource().
		WithFieldRef(corev1ac.ObjectFieldSelector().WithAPIVersion("v1").WithFieldPath("metadata.name"))))
	set("GOSERVICE_PORT", strconv.Itoa(int(port(spec))))
	set("PORT", strconv.Itoa(int(port(spec))))
	if in.plan.OnToolkit {
		set("GOSERVICE_ADMIN_PORT", strconv.Itoa(AdminPort))
		set("GOSERVICE_LIVE_SETTINGS_FILE", liveSettingsDirectory+"/"+livesettings.FileName)
		set("GOSERVICE_REQUEST_TIMEOUT", in.plan.RequestTimeout.Value.String())
		set("GOSERVICE_DRAIN_TIMEOUT", in.plan.DrainTimeout.Value.String())
		if slo := spec.SLO; slo != nil && slo.Latency != nil {
			set("GOSERVICE_LATENCY_THRESHOLD", slo.Latency.Threshold.Duration.String())
		}
		if profiling(spec) {
			set("GOSERVICE_PROFILING_ADDRESS", profilingAddress)
		}
		if len(spec.Upstreams) > 0 {
			set("GOSERVICE_UPSTREAMS", upstreams(spec))
		}
		result = append(result, peersEnvironment(in)...)
	}
	if tls := spec.TLS; tls != nil {
		set("GOSERVICE_TLS_CERT_FILE", tlsDirectory+"/"+corev1.TLSCertKey)
		set("GOSERVICE_TLS_KEY_FILE", tlsDirectory+"/"+corev1.TLSPrivateKeyKey)
		if tls.ClientCASecretName != "" {
			set("GOSERVICE_TLS_CLIENT_CA_FILE", clientCADirectory+"/ca.crt")
		}
	}
	if o := spec.Observability; o != nil && o.Tracing != nil {
		set("OTEL_EXPORTER_OTLP_ENDPOINT", o.Tracing.Endpoint)
	}
	if in.plan.MemoryLimitBytes != nil {
		set("GOMEMLIMIT", strconv.FormatInt(in.plan.MemoryLimitBytes.Value, 10))
	}
	for i := range spec.Env {
		result = append(result, envVar(&spec.Env[i]))
	}
	return result
}

func profiling(spec *v1alpha1.GoServiceSpec) bool {
	o := spec.Observability
	return o == nil || o.Profiling == nil || o.Profiling.Enabled == nil || *o.Profiling.Enabled
}

func resources(in input) *corev1ac.ResourceRequirementsApplyConfiguration {
	r := corev1ac.ResourceRequirements().WithRequests(in.plan.Resources.Requests.DeepCopy())
	if len(in.plan.Resources.Limits) > 0 {
		r.WithLimits(in.plan.Resources.Limits.DeepCopy())
	}
	return r
}
