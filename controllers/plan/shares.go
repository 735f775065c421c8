// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"fmt"
	"math"
	"time"

	"goservice.dev/operator/api/v1alpha1"
)

// burstSeconds is the default burst in seconds' worth of requests.
const burstSeconds = 0.1

// leastBurst is what the bucket of a pod holds at least unless the user sets a burst, whatever its rate: at 80% of a limit
// chance alone then refuses at most 0.5% of the requests, at 60% hardly any.
var leastBurst = burstFor(0.8, 0.005)

// burstFor is the size of a bucket that refuses no more than a share of the requests that arrive by chance (a Poisson process)
// and use a share ρ of its rate. Such a bucket of b requests refuses about ((1−ρ)/ρ) / (exp(2(1−ρ)b) − 1) of them: the formula
// of a diffusion between two reflecting bounds (Harrison, Brownian Motion and Stochastic Flow Systems, 1985, chapter 5), with
// arrivals and tokens as its two sides. It is an upper bound for buckets of three and more: simulated at ρ = 0.6, a bucket of 1
// refuses 37%, of 3 5.5%, of 5 about 1% and of 6 0.25%.
func burstFor(used, refused float64) int {
	return int(math.Ceil(math.Log1p((1-used)/(used*refused)) / (2 * (1 - used))))
}

func (p *Plan) planShares(spec *v1alpha1.GoServiceSpec, observed Observed) {
	pods := observed.Sharing
	if pods == 0 {
		pods = max(observed.WantedReplicas, p.Replicas.Value.Min, 1)
	}
	if limit := spec.RateLimit; limit != nil {
		p.SharePerPod = &Figure[Share]{shareOf(limit, pods), shareReason(limit, pods)}
		if SharedLimit(spec) > 0 {
			if parts := observed.Tuned.Parts; parts != nil {
				p.divide(limit, *parts)
			}
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
	for i := range spec.Routes {
		route := &spec.Routes[i]
		if route.RateLimit == nil {
			continue
		}
		if p.RouteShares == nil {
			p.RouteShares = map[string]Share{}
		}
		p.RouteShares[route.Pattern] = shareOf(route.RateLimit, pods)
	}
}

// SharedLimit is the rate that all pods of a service admit together, in requests per second; 0 without one.
func SharedLimit(spec *v1alpha1.GoServiceSpec) float64 {
	if spec.RateLimit == nil || spec.RateLimit.Scope == v1alpha1.ScopePod {
		return 0
	}
	return float64(spec.RateLimit.RequestsPerSecond)
}

// SharesLimits says whether the pods of a service share any limit: inbound, of a route or to an upstream.
func SharesLimits(spec *v1alpha1.GoServiceSpec) bool {
	shared := func(limit *v1alpha1.RateLimitSpec) bool { return limit != nil && limit.Scope != v1alpha1.ScopePod }
	for i := range spec.Upstreams {
		if shared(spec.Upstreams[i].RateLimit) {
			return true
		}
	}
	for i := range spec.Routes {
		if shared(spec.Routes[i].RateLimit) {
			return true
		}
	}
	return SharedLimit(spec) > 0
}

// PreStopDelay is how long a leaving pod goes on serving before it is told to stop, in whole seconds.
func PreStopDelay(spec *v1alpha1.GoServiceSpec) time.Duration {
	if spec.Shutdown != nil && spec.Shutdown.PreStopDelay != nil {
		return wholeSeconds(spec.Shutdown.PreStopDelay.Duration)
	}
	return defaultPreStopDelay
}

// divide the limit by what measurements say.
func (p *Plan) divide(limit *v1alpha1.RateLimitSpec, parts Parts) {
	p.PodShares = make(map[string]Share, len(parts.Pods))
	for pod, part := range parts.Pods {
		p.PodShares[pod] = partOf(limit, part)
	}
	p.SharePerPod = &Figure[Share]{partOf(limit, parts.Newcomer), fmt.Sprintf("%d/s over %d pods, by the demand on each",
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
		return "rateLimit.scope is Pod: each pod has the whole limit"
	}
	reason := fmt.Sprintf("%d/s over %d pods", limit.RequestsPerSecond, pods)
	if limit.Burst == nil {
		return reason
	}
	burst := shareOf(limit, pods).Burst
	reason = fmt.Sprintf("%s; of a burst of %d each has %d", reason, *limit.Burst, burst)
	if burst < leastBurst {
		reason = fmt.Sprintf("%s: below %d, random bursts are rejected before the limit is reached", reason, leastBurst)
	}
	return reason
}

// shareOf divides a limit so that the sum of all rates never exceeds it.
func shareOf(limit *v1alpha1.RateLimitSpec, pods int32) Share {
	if limit.Scope == v1alpha1.ScopePod {
		pods = 1
	}
	return partOf(limit, float64(limit.RequestsPerSecond)/float64(pods))
}

// partOf a limit with the same part of its burst. A burst that the user has set is divided as it is, but for one request, which
// is the least that a bucket can hold; the default is not, because chance asks for as much at every pod.
func partOf(limit *v1alpha1.RateLimitSpec, part float64) Share {
	burst := max(leastBurst, int(part*burstSeconds))
	if limit.Burst != nil {
		burst = max(1, int(float64(*limit.Burst)*part/float64(limit.RequestsPerSecond)*ulps))
	}
	return Share{max(floorTo(part, sharePrecision(part)), leastShare), burst}
}

// leastShare in requests per second: none at all would be no limit.
const leastShare = 1e-6

// sharePrecision is a thousandth, or finer where that could be more than the share.
func sharePrecision(part float64) float64 {
	if part < 1 {
		return 1e6
	}
	return 1e3
}

// floorTo rounds down to whole parts of 1/precision. What was rounded down once stays what it is, although floats may lack a
// hair of it.
func floorTo(value, precision float64) float64 { return math.Floor(value*precision*ulps) / precision }

// ulps is one and four times the relative error of a float.
const ulps = 1 + 1e-15
