// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"math"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/observe"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/controllers/tuner"
)

// limits holds how the limits of every service are divided among its pods. The zero value is ready.
type limits struct {
	mu       sync.Mutex
	services map[types.NamespacedName]*sharing
}

type sharing struct {
	tuner.Sharing
	budget tuner.Budget // of the last look
}

func (l *limits) next(name types.NamespacedName, budget tuner.Budget, usage *tuner.Usage) tuner.Divided {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.services[name]
	if s == nil {
		if l.services == nil {
			l.services = map[types.NamespacedName]*sharing{}
		}
		s = &sharing{}
		l.services[name] = s
	}
	s.budget = budget
	s.budget.InForce = nil // it is asked once, and would keep all that was observed in memory
	return s.Next(time.Now(), budget, usage)
}

// move says whether what pods use of a service's limit would divide it otherwise than at the last look.
func (l *limits) move(name types.NamespacedName, usage *tuner.Usage) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.services[name]
	if s == nil {
		return false
	}
	if !s.budget.Measured {
		usage = nil
	}
	return s.Moves(time.Now(), s.budget, usage)
}

func (l *limits) forget(name types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.services, name)
}

const (
	// A leaving pod admits what it did until its preStopDelay is over, but clients that still send after the first longestLeave
	// of a long one are not waited for: their requests come on top of the limit, where others cannot borrow what the pod has. settleMargin
	// is for stopping.
	longestLeave = 10 * time.Second
	settleMargin = 5 * time.Second
)

// divide the service's limits among its pods.
func (r *GoServiceReconciler) divide(service *v1alpha1.GoService, seen observe.State, measured *tuner.Outcome) tuner.Divided {
	name := client.ObjectKeyFromObject(service)
	if seen.Deployment == nil || !plan.SharesLimits(&service.Spec) {
		r.limits.forget(name)
		return tuner.Divided{}
	}
	if service.Spec.Paused { // nothing is given to anybody: what is in force stays, and is found again afterwards
		r.limits.forget(name)
		return inForce(service, seen).Divided()
	}
	budget := tuner.Budget{
		Total: plan.SharedLimit(&service.Spec), Serving: seen.Serving, Measured: measured != nil && !recommends(&service.Spec),
		LeaveWithin: min(plan.PreStopDelay(&service.Spec), longestLeave) + settleMargin, LendWithin: plan.PreStopDelay(&service.Spec),
		InForce: func() tuner.InForce { return inForce(service, seen) },
	}
	budget.Confirmed, budget.Unconfirmed = r.tracker.Confirmed(name)
	for _, pod := range seen.Tunable {
		if !pod.Ready {
			budget.Unready = append(budget.Unready, pod.Name)
		}
	}
	for _, pod := range seen.Leaving {
		budget.Leaving = append(budget.Leaving, pod.Name)
	}
	budget.Wanted, budget.Surge, budget.Rolling = wantedBy(seen.Deployment)
	var usage *tuner.Usage
	if budget.Measured {
		usage = measured.Usage
	}
	return r.limits.next(name, budget, usage)
}

// recommends says that what is measured is shown and not applied.
func recommends(spec *v1alpha1.GoServiceSpec) bool {
	return spec.Tuning != nil && spec.Tuning.Mode == v1alpha1.TuningRecommend
}

// wantedBy is how many pods a Deployment wants, how many more it may have while it replaces them, and whether it does.
func wantedBy(d *appsv1.Deployment) (wanted, surge int, rolling bool) {
	if d.Spec.Replicas != nil {
		wanted = int(*d.Spec.Replicas)
	}
	if rolling := d.Spec.Strategy.RollingUpdate; rolling != nil {
		if scaled, err := intstr.GetScaledValueFromIntOrPercent(rolling.MaxSurge, wanted, true); err == nil {
			surge = scaled
		}
	}
	return wanted, surge, d.Status.UpdatedReplicas < d.Status.Replicas
}

// inForce reads from the live settings how limits are divided.
func inForce(service *v1alpha1.GoService, seen observe.State) tuner.InForce {
	spec := &service.Spec
	document, exists := seen.LiveSettings()
	if !exists {
		return tuner.InForce{}
	}
	var found tuner.InForce
	pods := func(total, each float64) int { return int(min(math.Round(total/each), math.MaxInt32)) }
	if total, limit := plan.SharedLimit(spec), document.RateLimit; total > 0 && limit != nil {
		found.Newcomer = limit.RequestsPerSecond
		if len(limit.Pods) == 0 {
			found.Pods = pods(total, limit.RequestsPerSecond)
			if former := formerLimit(service); former > 0 {
				found.Pods = likelier(found.Pods, pods(former, limit.RequestsPerSecond), len(seen.Serving))
			}
			return found
		}
		found.Parts = make(map[string]float64, len(limit.Pods))
		for pod, bucket := range limit.Pods {
			found.Parts[pod] = bucket.RequestsPerSecond
		}
	}
	for i := range spec.Upstreams {
		upstream, limit := document.Upstreams[spec.Upstreams[i].Name], spec.Upstreams[i].RateLimit
		if limit != nil && limit.Scope != v1alpha1.ScopePod && upstream.RequestsPerSecond > 0 {
			found.Pods = pods(float64(limit.RequestsPerSecond), upstream.RequestsPerSecond)
			return found
		}
	}
	for i := range spec.Routes {
		route, limit := document.Routes[spec.Routes[i].Pattern].RateLimit, spec.Routes[i].RateLimit
		if route != nil && limit != nil && limit.Scope != v1alpha1.ScopePod {
			found.Pods = pods(float64(limit.RequestsPerSecond), route.RequestsPerSecond)
			break
		}
	}
	return found
}

// formerLimit is the limit of the service that the status tells: another one than the spec's where the operator before this
// one ended before it saw the edit. 0 without one.
func formerLimit(service *v1alpha1.GoService) float64 {
	figures := service.Status.Figures
	if figures == nil || figures.SharedRequestsPerSecond == nil {
		return 0
	}
	return float64(*figures.SharedRequestsPerSecond)
}

// likelier of two numbers of pods is the smaller one that is enough for those that serve: an operator may have ended before it
// wrote the live settings of the latest limit, or after that and before the status.
func likelier(a, b, serving int) int {
	if fewer := min(a, b); fewer >= serving {
		return fewer
	}
	return max(a, b)
}

// until is the wait until a moment: 0 for none.
func until(at time.Time) time.Duration {
	if at.IsZero() {
		return 0
	}
	return max(time.Until(at), time.Millisecond)
}
