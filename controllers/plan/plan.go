// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package plan derives every number that a GoService needs from what its user declared and what was observed. It is
// mathematics: no client, clock, logger or environment may enter, and the same input always gives the same Plan. The
// formulas are explained for users in docs/slo.md.
package plan

import (
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"goservice.dev/operator/api/v1alpha1"
)

// Observed holds the figures from the cluster that a Plan depends on.
type Observed struct {
	// Sharing is how many pods rate limits are divided among; 0 while there is none.
	Sharing int32
	// WantedReplicas is the replica count of the existing Deployment; 0 without one.
	WantedReplicas int32
	// ServiceTime is the measured mean time that a request takes by itself, without waiting; 0 while unknown.
	ServiceTime time.Duration
	// CPUTime is the measured mean CPU time that a request uses; 0 while unknown.
	CPUTime time.Duration
	// HighestServiceTime and HighestCPUTime are the highest that were ever measured; 0 while unknown. They only raise the
	// upper bound of the number of pods.
	HighestServiceTime, HighestCPUTime time.Duration
	// MaxReplicas is an upper bound that the derived one must not be below, while nothing is measured; 0 without one.
	MaxReplicas int32
	// LatencyBound is the bucket at which the latency objective is counted where the pods' histogram is not the operator's; 0 while
	// unknown, below 0 where none is at the threshold or soon above it.
	LatencyBound time.Duration
	// Tuned holds the figures that measurements have moved.
	Tuned Tuned
	// StartedFrom is the spec.replicas that the Deployment remembers, nil where it remembers none.
	StartedFrom *int32
}

// Figure is one derived number and the reason for it, in one sentence.
type Figure[T any] struct {
	Value  T
	Reason string
}

// Share is one pod's part of a rate limit.
type Share struct {
	RequestsPerSecond float64
	Burst             int
}

// Finding is a reason why the declared objectives cannot be met.
type Finding struct {
	// Reason is one of the condition reasons of the API.
	Reason string
	// Message says what is wrong, why, and what to do.
	Message string
}

// Plan holds every derived number.
type Plan struct {
	// OnToolkit says that the image is built on the toolkit; without it, nothing carries out what a running process takes: pool, timeouts
	// of requests, histogram, GOGC, and shares of limits.
	OnToolkit bool
	// Autoscaled says whether Replicas is a range for a HorizontalPodAutoscaler (else both bounds are equal).
	Autoscaled bool
	// Replicas are the lower and upper bound of the number of pods.
	Replicas Figure[Range]
	// Start is the number of pods that a Deployment begins with, and begins with again when spec.replicas is changed.
	Start int32
	// StartedFrom is the spec.replicas that the Deployment is to remember, so that a change of it is seen; nil where it is the
	// count anyway.
	StartedFrom *int32
	// ReplicaFloor is the number of pods that the demand needs at present, within Replicas.
	ReplicaFloor Figure[int32]
	// ScaleDownWindow is how long the need for pods must be lower before any goes.
	ScaleDownWindow Figure[time.Duration]
	// CPUTarget in percent of the request; nil unless Autoscaled.
	CPUTarget *Figure[int32]
	// aloneTarget is CPUTarget for a pod that has no other one to share its queue with, where the others have; 0 where none has.
	aloneTarget int32
	// Utilization is the busy share of a pod's CPU, ρ, and Concurrency how many requests a pod then has at work; nil where
	// neither slo nor autoscaling is declared.
	Utilization, Concurrency *Figure[float64]
	// ScaleUp bounds how quickly pods are added; nil unless Autoscaled.
	ScaleUp *Figure[ScaleUp]
	// ScaleUpTolerance is the share above the CPU target that is left alone; nil leaves the cluster's own.
	ScaleUpTolerance *Figure[float64]
	// Histogram of durations.
	Histogram Figure[Boundaries]
	// Workers that each pod's pool starts with, or keeps where the user has set them; QueueDepth is how many may wait in it.
	Workers, QueueDepth Figure[int32]
	// QueueTimeout is the longest wait in the pool's queue, RequestTimeout the deadline of a request.
	QueueTimeout, RequestTimeout Figure[time.Duration]
	// PreStopDelay, DrainTimeout and GracePeriod are whole seconds.
	PreStopDelay, DrainTimeout, GracePeriod Figure[time.Duration]
	// Resources of the container, requests of CPU and memory always set.
	Resources corev1.ResourceRequirements
	// MemoryLimitBytes is GOMEMLIMIT; nil leaves it off.
	MemoryLimitBytes *Figure[int64]
	// GOGC in percent; nil leaves Go's own.
	GOGC *Figure[int32]
	// SharePerPod of the inbound rate limit; nil means unlimited.
	SharePerPod *Figure[Share]
	// PodShares are those of pods that have another one, by the pod's name; nil where all are equal.
	PodShares map[string]Share
	// UpstreamShares of the outbound rate limits by the upstream's name; upstreams without a limit are absent.
	UpstreamShares map[string]Share
	// RouteShares of the rate limits of single routes by the route's pattern; routes without a limit are absent.
	RouteShares map[string]Share
	// Alerts watch over the declared objectives; nil where none is declared.
	Alerts *Alerts
	// Findings say which objectives cannot be met; empty when all can.
	Findings []Finding
}

// Range is a lower and an upper bound.
type Range struct{ Min, Max int32 }

// Compute derives the plan. The spec is only read.
func Compute(spec *v1alpha1.GoServiceSpec, observed Observed) Plan {
	observed = observed.plausible()
	p := Plan{OnToolkit: OnToolkit(spec), Resources: containerResources(spec)}
	demand := demandOf(spec, p.Resources, observed)
	p.planReplicas(spec, demand, observed)
	p.planScaling(spec, demand)
	p.planHistogram(demand)
	p.planPool(spec, demand)
	p.planShutdown(spec, demand)
	p.planMemory()
	p.tune(spec, observed.Tuned)
	p.planQueue(spec)
	p.planHold(observed)
	p.planStart(spec, observed)
	p.planUtilization(spec, demand)
	p.planShares(spec, observed)
	p.planAlerts(spec, observed.LatencyBound)
	p.findUnreachable(spec, demand, observed)
	return p
}

const (
	defaultCPURequest    = "250m"
	defaultMemoryRequest = "128Mi"
	defaultMemoryLimit   = "256Mi"
)

// containerResources is the spec's own choice, completed by requests so that the HorizontalPodAutoscaler has a base.
func containerResources(spec *v1alpha1.GoServiceSpec) corev1.ResourceRequirements {
	if spec.Resources == nil {
		return corev1.ResourceRequirements{
			Requests: corev1.ResourceList{
				corev1.ResourceCPU:    resource.MustParse(defaultCPURequest),
				corev1.ResourceMemory: resource.MustParse(defaultMemoryRequest),
			},
			Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(defaultMemoryLimit)},
		}
	}
	given := spec.Resources.DeepCopy()
	resources := corev1.ResourceRequirements{Requests: given.Requests, Limits: given.Limits}
	if resources.Requests == nil {
		resources.Requests = corev1.ResourceList{}
	}
	for name, fallback := range map[corev1.ResourceName]string{
		corev1.ResourceCPU: defaultCPURequest, corev1.ResourceMemory: defaultMemoryRequest,
	} {
		if _, given := resources.Requests[name]; given {
			continue
		}
		request := resource.MustParse(fallback)
		if limit, limited := resources.Limits[name]; limited {
			request = limit.DeepCopy()
		}
		resources.Requests[name] = request
	}
	return resources
}

// demand is what one request costs and how fast it must be answered.
type demand struct {
	// threshold within which the share percentile of requests must be answered; 0 without a latency objective.
	threshold  time.Duration
	percentile float64
	// serviceTime of one request, measured or assumed.
	serviceTime time.Duration
	measured    bool
	// assumed is what both costs are taken as where they are not measured.
	assumed time.Duration
	// cpuTime of one request; the service time while it is not measured.
	cpuTime     time.Duration
	cpuMeasured bool
	// cores that the container asks for and how many requests they can truly run at once.
	cores   float64
	servers int
	// peak requests per second of the whole service; 0 when not declared.
	peak float64
	// queueShared says that pods take over what would wait in others, sharing how many there are at least.
	queueShared bool
	sharing     int32
}

const (
	// assumedServiceShare of the latency threshold is taken as the service time until one is measured.
	assumedServiceShare = 10
	// assumedServiceTime is taken where there is no latency objective either.
	assumedServiceTime = 10 * time.Millisecond
)

func demandOf(spec *v1alpha1.GoServiceSpec, resources corev1.ResourceRequirements, observed Observed) demand {
	d := demand{
		cores:       resources.Requests.Cpu().AsApproximateFloat64(),
		serviceTime: observed.ServiceTime,
		measured:    observed.ServiceTime > 0,
		queueShared: observed.Tuned.QueueShared,
	}
	speed := 1.0
	d.servers = serversOf(d.cores)
	if limit, limited := resources.Limits[corev1.ResourceCPU]; limited {
		d.servers = serversOf(limit.AsApproximateFloat64())
		speed = min(1, limit.AsApproximateFloat64())
	}
	if slo := spec.SLO; slo != nil {
		if slo.Latency != nil {
			d.threshold = slo.Latency.Threshold.Duration
			d.percentile = percentileOf(slo.Latency)
		}
		if slo.Load != nil {
			d.peak = float64(slo.Load.PeakRequestsPerSecond)
		}
	}
	d.assumed = assumedServiceTime
	if d.threshold > 0 {
		d.assumed = d.threshold / assumedServiceShare
	}
	// A container that may use less than one core is that much slower; a measurement has this in it already.
	d.assumed = time.Duration(float64(d.assumed) / max(speed, 0.01))
	if !d.measured {
		d.serviceTime = d.assumed
	}
	d.cpuTime, d.cpuMeasured = observed.CPUTime, observed.CPUTime > 0
	if !d.cpuMeasured {
		d.cpuTime = d.serviceTime
	}
	return d
}

// mostServers bounds the sum in Erlang's formula: no machine has more cores, and a quantity may say anything.
const mostServers = 4096

func serversOf(cores float64) int { return int(min(max(cores, 1), mostServers)) }

// costliest is the demand with the highest of what a request was assumed and ever measured to cost.
func (d demand) costliest(observed Observed) demand {
	service, cpu := max(d.serviceTime, observed.HighestServiceTime), max(d.cpuTime, observed.HighestCPUTime)
	d.measured, d.cpuMeasured = service > d.assumed, cpu > d.assumed
	d.serviceTime, d.cpuTime = max(service, d.assumed), max(cpu, d.assumed)
	d.queueShared = false // links may break, and the bound must not move with them
	return d
}

func percentileOf(latency *v1alpha1.LatencyObjective) float64 {
	percentile, err := strconv.ParseFloat(latency.Percentile, 64)
	if err != nil || percentile < 50 || percentile >= 100 {
		return 0.99
	}
	return percentile / 100
}

// source says where the service time comes from, for reasons.
func (d demand) source() string {
	if d.measured && d.cpuMeasured {
		return fmt.Sprintf("%s of measured service time and %s of CPU", readable(d.serviceTime), readable(d.cpuTime))
	}
	if d.measured {
		return readable(d.serviceTime) + " of measured service time"
	}
	return readable(d.serviceTime) + " assumed per request until it is measured"
}
