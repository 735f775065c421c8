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
	// graceMargin is what a process needs besides draining: flushing traces, the last scrape, exiting.
	graceMargin = 5 * time.Second
	// memoryShare of the container's limit is left to Go; the rest is for what its runtime does not count.
	memoryShare = 0.9
	// minLimitForGo is the container limit below which a soft limit makes the collector run without end.
	minLimitForGo = 64 << 20
)

func (p *Plan) planPool(spec *v1alpha1.GoServiceSpec, d demand) {
	workers := int32(min(workersPerCore*d.servers, 100_000))
	p.Workers = Figure[int32]{workers, fmt.Sprintf("%d for each core, of which a pod has %d: enough for handlers that wait, few enough to bound memory", workersPerCore, d.servers)}
	pool := spec.Pool
	if pool != nil && pool.Workers != nil {
		p.Workers = Figure[int32]{*pool.Workers, "set in spec.pool.workers"}
	}
	p.QueueDepth = Figure[int32]{p.Workers.Value, "one waiting request for each worker"}
	if pool != nil && pool.QueueDepth != nil {
		p.QueueDepth = Figure[int32]{*pool.QueueDepth, "set in spec.pool.queueDepth"}
	}
	p.QueueTimeout = Figure[time.Duration]{defaultQueueTimeout, "no latency objective is declared"}
	if d.threshold > 0 {
		p.QueueTimeout = Figure[time.Duration]{max(d.threshold/waitShare, time.Millisecond), fmt.Sprintf("half of the %s that a request may take", readable(d.threshold))}
	}
}

func (p *Plan) planShutdown(spec *v1alpha1.GoServiceSpec, d demand) {
	p.RequestTimeout = Figure[time.Duration]{defaultRequestTimeout, "no latency objective is declared"}
	if d.threshold > 0 {
		timeout := min(max(timeoutFactor*d.threshold, minRequestTimeout), max(maxRequestTimeout, 2*d.threshold))
		p.RequestTimeout = Figure[time.Duration]{timeout, fmt.Sprintf("%d times the %s threshold, within %s to %s or twice the threshold",
			timeoutFactor, readable(d.threshold), readable(minRequestTimeout), readable(maxRequestTimeout))}
	}
	p.PreStopDelay = Figure[time.Duration]{defaultPreStopDelay, "endpoint changes reach every node within 5s"}
	p.DrainTimeout = Figure[time.Duration]{
		wholeSeconds(max(p.RequestTimeout.Value+p.QueueTimeout.Value, minDrainTimeout)),
		fmt.Sprintf("the longest request (%s) after the longest wait (%s), at least %s",
			readable(p.RequestTimeout.Value), readable(p.QueueTimeout.Value), readable(minDrainTimeout)),
	}
	if shutdown := spec.Shutdown; shutdown != nil {
		if shutdown.PreStopDelay != nil {
			p.PreStopDelay = Figure[time.Duration]{wholeSeconds(shutdown.PreStopDelay.Duration), "set in spec.shutdown.preStopDelay"}
		}
		if shutdown.DrainTimeout != nil {
			p.DrainTimeout = Figure[time.Duration]{wholeSeconds(shutdown.DrainTimeout.Duration), "set in spec.shutdown.drainTimeout"}
			if p.DrainTimeout.Value < p.RequestTimeout.Value {
				p.RequestTimeout = Figure[time.Duration]{p.DrainTimeout.Value, "no longer than spec.shutdown.drainTimeout, so that draining cuts no request"}
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
		int64(float64(limit.Value()) * memoryShare), fmt.Sprintf("90 %% of the container's %s", limit.String()),
	}
}

func (p *Plan) planShares(spec *v1alpha1.GoServiceSpec, observed Observed) {
	pods := observed.RunningPods
	if pods == 0 {
		pods = max(observed.WantedReplicas, p.Replicas.Value.Min, 1)
	}
	if limit := spec.RateLimit; limit != nil {
		p.SharePerPod = &Figure[Share]{shareOf(limit, pods), shareReason(limit, pods)}
		if parts := observed.Tuned.Parts; parts != nil && SharedLimit(spec) > 0 {
			p.divide(limit, *parts)
		}
	}
	for i := range spec.Upstreams {
		upstream := &spec.Upstreams[i]
		if upstream.RateLimit == nil {
			continue
		}
		if p.UpstreamShares == nil {
			p.UpstreamShares = map[string]Share{}
		}
		p.UpstreamShares[upstream.Name] = shareOf(upstream.RateLimit, pods)
	}
}

// SharedLimit is the rate that all pods of a service admit together, in requests per second; 0 without one.
func SharedLimit(spec *v1alpha1.GoServiceSpec) float64 {
	if spec.RateLimit == nil || spec.RateLimit.Scope == v1alpha1.ScopePod {
		return 0
	}
	return float64(spec.RateLimit.RequestsPerSecond)
}

// divide the limit by what measurements say.
func (p *Plan) divide(limit *v1alpha1.RateLimitSpec, parts Parts) {
	share := func(part float64) Share {
		return Share{floorTo(part, sharePrecision(part)), max(1, int(burstOf(limit)*part/float64(limit.RequestsPerSecond)))}
	}
	p.PodShares = make(map[string]Share, len(parts.Pods))
	for pod, part := range parts.Pods {
		p.PodShares[pod] = share(part)
	}
	p.SharePerPod = &Figure[Share]{share(parts.Newcomer), fmt.Sprintf("%d/s over %d pods, by the demand on each",
		limit.RequestsPerSecond, len(parts.Pods))}
}

// ShareText says for people how many requests per second a pod admits, such as "625/s"; empty without a limit.
func (p Plan) ShareText() string {
	if p.SharePerPod == nil {
		return ""
	}
	if p.PodShares == nil {
		return p.SharePerPod.Value.String()
	}
	least, most := math.Inf(1), 0.0
	for _, share := range p.PodShares {
		least, most = min(least, share.RequestsPerSecond), max(most, share.RequestsPerSecond)
	}
	return shortest(least) + " to " + shortest(most) + "/s"
}

func shareReason(limit *v1alpha1.RateLimitSpec, pods int32) string {
	if limit.Scope == v1alpha1.ScopePod {
		return "rateLimit.scope is Pod: each pod has the whole budget"
	}
	return fmt.Sprintf("%d/s over %d pods", limit.RequestsPerSecond, pods)
}

const (
	// defaultBurstSeconds is the default burst in seconds' worth of requests …
	defaultBurstSeconds = 0.1
	// … and minDefaultBurst what it is at least, where a second brings as many.
	minDefaultBurst = 20
)

// shareOf divides a limit so that the sum of all rates never exceeds it; a burst of one request is the least of each pod.
func shareOf(limit *v1alpha1.RateLimitSpec, pods int32) Share {
	rate, burst := float64(limit.RequestsPerSecond), burstOf(limit)
	if limit.Scope == v1alpha1.ScopePod {
		return Share{rate, int(burst)}
	}
	part := rate / float64(pods)
	return Share{floorTo(part, sharePrecision(part)), max(1, int(burst/float64(pods)))}
}

// burstOf the whole limit.
func burstOf(limit *v1alpha1.RateLimitSpec) float64 {
	if limit.Burst != nil {
		return float64(*limit.Burst)
	}
	rate := float64(limit.RequestsPerSecond)
	return max(math.Ceil(rate*defaultBurstSeconds), min(rate, minDefaultBurst))
}

// sharePrecision is a thousandth, or finer where that could be more than the share.
func sharePrecision(part float64) float64 {
	if part < 1 {
		return 1e6
	}
	return 1e3
}

func floorTo(value, precision float64) float64 { return math.Floor(value*precision) / precision }

func wholeSeconds(d time.Duration) time.Duration {
	return time.Duration(math.Ceil(d.Seconds())) * time.Second
}
