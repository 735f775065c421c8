// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"slices"
	"time"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

// Bucket of a cumulative histogram.
type Bucket struct {
	// UpperBound in seconds; the last one is infinite.
	UpperBound float64
	Count      float64
}

// histogram is cumulative. Its bounds are shared with all others of the same service, because many are kept.
type histogram struct {
	bounds []float64 // never written to
	counts []float64
}

// add counts, scaled; known are bounds that may be shared. Counts of other bounds, as pods of two revisions have while they
// are being replaced, are left out.
func (h *histogram) add(buckets []Bucket, scale float64, known []float64) {
	if len(h.bounds) == 0 {
		if h.bounds = known; !sameBounds(known, buckets) {
			h.bounds = make([]float64, len(buckets))
			for i, b := range buckets {
				h.bounds[i] = b.UpperBound
			}
		}
		h.counts = make([]float64, len(buckets))
	} else if !sameBounds(h.bounds, buckets) {
		return
	}
	for i, b := range buckets {
		h.counts[i] += b.Count * scale
	}
}

// merge another histogram; one of other bounds is left out.
func (h *histogram) merge(other histogram) {
	if len(h.bounds) == 0 {
		h.bounds, h.counts = other.bounds, slices.Clone(other.counts)
	} else if slices.Equal(h.bounds, other.bounds) {
		for i, count := range other.counts {
			h.counts[i] += count
		}
	}
}

func (h *histogram) scale(factor float64) {
	for i := range h.counts {
		h.counts[i] *= factor
	}
}

func sameBounds(bounds []float64, buckets []Bucket) bool {
	return slices.EqualFunc(bounds, buckets, func(bound float64, b Bucket) bool { return bound == b.UpperBound })
}

// total is how many durations there are.
func (h *histogram) total() float64 {
	if len(h.counts) == 0 {
		return 0
	}
	return h.counts[len(h.counts)-1]
}

// within is how many durations were not above the bound, which should be a bucket's: a bound between two buckets counts as
// the lower one, so that doubt is never in a service's favour.
func (h *histogram) within(bound time.Duration) float64 {
	count := 0.0
	for i, upper := range h.bounds {
		if math.IsInf(upper, 1) || durationOf(upper) > bound {
			break
		}
		count = h.counts[i]
	}
	return count
}

// boundFor a latency objective is the bucket at which it is counted in histograms that are not the operator's: the next one, if it is
// not too far above; else the threshold with a minus. 0 where the threshold has a bucket of its own. While no histogram is known, it is
// the former one.
func (e *Estimator) boundFor(spec *v1alpha1.GoServiceSpec, threshold, former time.Duration) time.Duration {
	switch {
	case plan.OnToolkit(spec) || threshold == 0:
		return 0
	case len(e.bounds) == 0 && !e.bare:
		return plan.LatencyBoundFor(threshold, former)
	}
	for _, upper := range e.bounds {
		switch bound := durationOf(upper); {
		case math.IsInf(upper, 1):
			return -threshold
		case bound < threshold:
		case bound == threshold:
			return 0
		case bound > plan.MostLenient*threshold:
			return -threshold
		default:
			return bound
		}
	}
	return -threshold
}

// quantile interpolates linearly within the bucket that holds it, as Prometheus does; 0 without counts.
func (h *histogram) quantile(q float64) time.Duration {
	if h.total() <= 0 {
		return 0
	}
	rank := q * h.total()
	lower, below := 0.0, 0.0
	for i, upper := range h.bounds {
		if i == len(h.bounds)-1 { // beyond the last finite bound nothing is known
			break
		}
		if count := h.counts[i]; count >= rank {
			inside := (rank - below) / max(count-below, 1e-9)
			return durationOf(lower + (upper-lower)*inside)
		}
		lower, below = upper, h.counts[i]
	}
	return durationOf(lower)
}

// durationOf seconds, at most maxCost: a pod may name any bound, and a time.Duration ends at 292 years.
func durationOf(seconds float64) time.Duration {
	return time.Duration(math.Round(min(seconds, maxCost.Seconds()) * float64(time.Second)))
}
