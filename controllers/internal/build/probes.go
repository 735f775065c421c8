// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"math"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

const (
	defaultStartupPath    = "/startupz"
	defaultLivenessPath   = "/livez"
	defaultReadinessPath  = "/readyz"
	defaultStartupTimeout = time.Minute

	startupPeriodSeconds   = 1
	readinessPeriodSeconds = 5
	readinessFailures      = 2
	livenessPeriodSeconds  = 10
	livenessFailures       = 3
	probeTimeoutSeconds    = 2
)

// withProbes asks every second while the container starts, so that a fast start is seen at once, and seldom afterwards. The
// startup probe does not ask whether the pod is ready: an outage of something that the service depends on would restart every
// pod that starts meanwhile, for as long as it lasts.
func withProbes(c *corev1ac.ContainerApplyConfiguration, spec *v1alpha1.GoServiceSpec) {
	var p v1alpha1.ProbesSpec
	if spec.Probes != nil {
		p = *spec.Probes
	}
	if !plan.OnToolkit(spec) && !plan.HasHandler(p.Readiness) {
		// Without a word on what the image answers, it takes traffic when it takes connections.
		p.Readiness = withHandler(p.Readiness, v1alpha1.Probe{TCPSocket: &v1alpha1.TCPSocketProbe{}})
	}
	own := !plan.OnToolkit(spec) || plan.AnswersElsewhere(spec.Probes)
	startup := probe(spec, p.Startup, toolkitProbe(own, defaultStartupPath))
	if startup == nil && !plan.HasHandler(p.Startup) && !disabled(p.Startup) && plan.HasHandler(p.Liveness) {
		startup = handler(spec, p.Liveness) // with timings of its own
		timed(startup, p.Startup)
	}
	if startup != nil {
		failures := int32(math.Ceil(startupTimeout(spec).Seconds() / float64(valueOr(startup.PeriodSeconds, startupPeriodSeconds))))
		c.WithStartupProbe(filledIn(startup, startupPeriodSeconds, failures))
	}
	if readiness := probe(spec, p.Readiness, toolkitProbe(own, defaultReadinessPath)); readiness != nil {
		c.WithReadinessProbe(filledIn(readiness, readinessPeriodSeconds, readinessFailures))
	}
	if liveness := probe(spec, p.Liveness, toolkitProbe(own, defaultLivenessPath)); liveness != nil {
		c.WithLivenessProbe(filledIn(liveness, livenessPeriodSeconds, livenessFailures))
	}
}

// withHandler is a probe with its timings and another's handler.
func withHandler(p *v1alpha1.Probe, other v1alpha1.Probe) *v1alpha1.Probe {
	if p == nil {
		return &other
	}
	result := *p
	result.HTTPGet, result.GRPC, result.TCPSocket, result.Exec = other.HTTPGet, other.GRPC, other.TCPSocket, other.Exec
	return &result
}

func disabled(p *v1alpha1.Probe) bool { return p != nil && p.Disabled }

// toolkitProbe is what a service on the toolkit answers; nil for one that answers probes of its own.
func toolkitProbe(own bool, path string) *corev1ac.ProbeApplyConfiguration {
	if own {
		return nil
	}
	return corev1ac.Probe().WithHTTPGet(corev1ac.HTTPGetAction().
		WithPath(path).WithPort(intstr.FromString(PortNameAdmin)).WithScheme(corev1.URISchemeHTTP))
}

// probe is the user's, or the other with the user's timings; nil for none.
func probe(spec *v1alpha1.GoServiceSpec, users *v1alpha1.Probe, other *corev1ac.ProbeApplyConfiguration) *corev1ac.ProbeApplyConfiguration {
	switch {
	case disabled(users):
		return nil
	case plan.HasHandler(users):
		other = handler(spec, users)
	}
	if other != nil {
		timed(other, users)
	}
	return other
}

// handler is what a probe of the service's container does, without its timings.
func handler(spec *v1alpha1.GoServiceSpec, p *v1alpha1.Probe) *corev1ac.ProbeApplyConfiguration {
	result := converted(&v1alpha1.Probe{HTTPGet: p.HTTPGet, GRPC: p.GRPC, TCPSocket: p.TCPSocket, Exec: p.Exec}, corev1ac.Probe())
	if get := result.HTTPGet; get != nil {
		if get.Port == nil {
			get.WithPort(intstr.FromString(PortNameHTTP))
		}
		if get.Scheme == nil {
			get.WithScheme(corev1.URISchemeHTTP)
			if spec.TLS != nil && (get.Port.StrVal == PortNameHTTP || get.Port.String() == strconv.Itoa(int(port(spec)))) {
				get.WithScheme(corev1.URISchemeHTTPS)
			}
		}
	}
	if connect := result.TCPSocket; connect != nil && connect.Port == nil {
		connect.WithPort(intstr.FromString(PortNameHTTP))
	}
	return result
}

// timed gives a probe the user's timings.
func timed(p *corev1ac.ProbeApplyConfiguration, users *v1alpha1.Probe) {
	if users == nil {
		return
	}
	timings := *users
	timings.HTTPGet, timings.GRPC, timings.TCPSocket, timings.Exec, timings.Disabled = nil, nil, nil, nil, false
	converted(&timings, p)
}

// filledIn has the operator's timings where the user set none.
func filledIn(p *corev1ac.ProbeApplyConfiguration, period, failures int32) *corev1ac.ProbeApplyConfiguration {
	return p.
		WithPeriodSeconds(valueOr(p.PeriodSeconds, period)).
		WithTimeoutSeconds(valueOr(p.TimeoutSeconds, probeTimeoutSeconds)).
		WithFailureThreshold(valueOr(p.FailureThreshold, failures))
}

func valueOr[T any](value *T, other T) T {
	if value == nil {
		return other
	}
	return *value
}

// startupTimeout is how long the container may take to start.
func startupTimeout(spec *v1alpha1.GoServiceSpec) time.Duration {
	p := spec.Probes
	switch {
	case p == nil:
		return defaultStartupTimeout
	case p.Startup != nil && p.Startup.FailureThreshold != nil:
		return time.Duration(*p.Startup.FailureThreshold) * time.Duration(valueOr(p.Startup.PeriodSeconds, startupPeriodSeconds)) * time.Second
	case p.StartupTimeout != nil:
		return p.StartupTimeout.Duration
	}
	return defaultStartupTimeout
}
