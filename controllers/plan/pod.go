// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"fmt"
	"math"
	"time"

	corev1 "k8s.io/api/core/v1"

	"goservice.dev/operator/api/v1alpha1"
)

const (
	workersPerCore = 64
	// maxWorkers are the most that spec.pool.workers may set.
	maxWorkers = 100_000
	// waitShare of the latency threshold may be spent in the queue.
	waitShare             = 2
	defaultQueueTimeout   = time.Second
	minRequestTimeout     = 5 * time.Second
	maxRequestTimeout     = time.Minute
	defaultRequestTimeout = 30 * time.Second
	// timeoutFactor of the latency threshold leaves room for the slow share of requests.
	timeoutFactor       = 20
	defaultPreStopDelay = 5 * time.Second
	minDrainTimeout     = 10 * time.Second
	// kubernetesGrace is what pods have to end by default. Nothing ends the requests of an image that is not built on the toolkit sooner.
	kubernetesGrace = 30 * time.Second
	// graceMargin is what a process needs besides draining: flushing traces, the last scrape, exiting.
	graceMargin = 5 * time.Second
	// memoryShare of the container's limit is left to Go; the rest is for what its runtime does not count.
	memoryShare = 0.9
	// minLimitForGo is the container limit below which a soft limit makes the collector run without end.
	minLimitForGo = 64 << 20
)

func (p *Plan) planPool(spec *v1alpha1.GoServiceSpec, d demand) {
	workers, bound := int32(workersPerCore*d.servers), ""
	if workers > maxWorkers {
		workers, bound = maxWorkers, fmt.Sprintf(", at most %d", maxWorkers)
	}
	p.Workers = Figure[int32]{workers, fmt.Sprintf("%d for each whole core (%d; at least one counts)%s; %s", workersPerCore, d.servers, bound, SizesItself(workers))}
	if WorkersAreFixed(spec) {
		p.Workers = Figure[int32]{*spec.Pool.Workers, "set in spec.pool.workers"}
	}
	p.QueueTimeout = Figure[time.Duration]{defaultQueueTimeout, "spec.slo.latency is not set"}
	if d.threshold > 0 {
		p.QueueTimeout = Figure[time.Duration]{max(d.threshold/waitShare, time.Millisecond), fmt.Sprintf("half of the %s that a request may take", readable(d.threshold))}
	}
}

// planQueue bounds the memory of those who wait. What bounds their wait is QueueTimeout, by which each pod turns away early who would
// wait for too long: it knows the pace of its queue, and what was measured earlier says less. So a burst that it can serve is not
// turned away.
func (p *Plan) planQueue(spec *v1alpha1.GoServiceSpec) {
	if pool := spec.Pool; pool != nil && pool.QueueDepth != nil {
		p.QueueDepth = Figure[int32]{*pool.QueueDepth, "set in spec.pool.queueDepth"}
		return
	}
	p.QueueDepth = Figure[int32]{max(mostWaiting, p.Workers.Value), fmt.Sprintf("%d, or one for each of workers if that is more: it bounds memory, and queueTimeout bounds the wait", mostWaiting)}
}

const (
	// mostWorkers and mostWaiting of a pod whose pool sizes itself bound memory.
	mostWorkers = 4096
	mostWaiting = 4096
)

// PoolBounds within which a pod's pool sizes itself, from Workers on. Both are the same where the user has set how many there are. A
// least of 0 is the pod's own: one for each processor, or Workers if that is less.
func (p *Plan) PoolBounds(spec *v1alpha1.GoServiceSpec) (least, most int32) {
	if WorkersAreFixed(spec) {
		return p.Workers.Value, p.Workers.Value
	}
	return 0, mostFrom(p.Workers.Value)
}

// mostFrom is how many workers a pool may have that starts with some.
func mostFrom(workers int32) int32 { return max(mostWorkers, workers) }

// SizesItself says within which bounds a pool does that starts with so many workers.
func SizesItself(workers int32) string {
	return fmt.Sprintf("each pod starts with these and sizes its pool between one for each processor, or these if fewer, and %d", mostFrom(workers))
}

func (p *Plan) planShutdown(spec *v1alpha1.GoServiceSpec, d demand) {
	p.RequestTimeout = Figure[time.Duration]{defaultRequestTimeout, "spec.slo.latency is not set"}
	if d.threshold > 0 {
		timeout := min(max(timeoutFactor*d.threshold, minRequestTimeout), max(maxRequestTimeout, 2*d.threshold))
		p.RequestTimeout = Figure[time.Duration]{timeout, fmt.Sprintf("%d times the %s threshold, within %s to %s or twice the threshold",
			timeoutFactor, readable(d.threshold), readable(minRequestTimeout), readable(maxRequestTimeout))}
	}
	p.PreStopDelay = Figure[time.Duration]{PreStopDelay(spec), "endpoint changes reach every node within 5s"}
	p.DrainTimeout = Figure[time.Duration]{
		wholeSeconds(max(p.RequestTimeout.Value+p.QueueTimeout.Value, minDrainTimeout)),
		fmt.Sprintf("the longest request (%s) after the longest wait (%s), at least %s",
			readable(p.RequestTimeout.Value), readable(p.QueueTimeout.Value), readable(minDrainTimeout)),
	}
	if !OnToolkit(spec) {
		p.DrainTimeout = Figure[time.Duration]{kubernetesGrace, "what Kubernetes gives pods by default; the image must end what is under way after SIGTERM"}
		p.RequestTimeout.Value = min(p.RequestTimeout.Value, kubernetesGrace) // which nothing enforces
	}
	if shutdown := spec.Shutdown; shutdown != nil {
		if shutdown.PreStopDelay != nil {
			p.PreStopDelay.Reason = "set in spec.shutdown.preStopDelay"
		}
		if shutdown.DrainTimeout != nil {
			p.DrainTimeout = Figure[time.Duration]{wholeSeconds(shutdown.DrainTimeout.Duration), "set in spec.shutdown.drainTimeout"}
			if p.DrainTimeout.Value < p.RequestTimeout.Value {
				p.RequestTimeout = Figure[time.Duration]{p.DrainTimeout.Value, "no longer than spec.shutdown.drainTimeout, so that draining interrupts no request"}
			}
		}
	}
	p.GracePeriod = Figure[time.Duration]{
		p.PreStopDelay.Value + p.DrainTimeout.Value + graceMargin,
		fmt.Sprintf("%s + %s drain + %s", readable(p.PreStopDelay.Value), readable(p.DrainTimeout.Value), readable(graceMargin)),
	}
}

func (p *Plan) planMemory() {
	limit, limited := p.Resources.Limits[corev1.ResourceMemory]
	if !limited || limit.Value() < minLimitForGo {
		return
	}
	p.MemoryLimitBytes = &Figure[int64]{
		int64(float64(limit.Value()) * memoryShare), fmt.Sprintf("90%% of the container's %s", limit.String()),
	}
}

func wholeSeconds(d time.Duration) time.Duration {
	return time.Duration(math.Ceil(d.Seconds())) * time.Second
}
