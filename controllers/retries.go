// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/build"
)

// pace is how soon a service that could not be applied is tried again. Nothing is given up: a policy changes, a quota
// grows, a server is upgraded, and none of that is an event that the operator sees.
type pace struct {
	// stale is how soon a reconcile that met a lagging cache is repeated, twice as late each time; the event that brings the
	// cache up to date usually comes first. Default 200 ms.
	stale time.Duration
	// staleReported is how many of them in a row are a failure that the status tells. Default 6, after about 6 seconds.
	staleReported int
	// conflict is how soon a name that a foreign object holds is tried again: foreign objects are not watched. Default 30 s.
	conflict time.Duration
	// slow is how soon what only a person or a policy can mend is tried again at first, and slowest at last: twice as late
	// each time, each time a fifth more or less, so that services that failed together are not tried together. Default
	// 1 and 10 minutes.
	slow, slowest time.Duration
}

func (p pace) orDefault() pace {
	return pace{
		stale:         cmp.Or(p.stale, 200*time.Millisecond),
		staleReported: cmp.Or(p.staleReported, 6),
		conflict:      cmp.Or(p.conflict, 30*time.Second),
		slow:          cmp.Or(p.slow, time.Minute),
		slowest:       cmp.Or(p.slowest, 10*time.Minute),
	}
}

// backOff is the workqueue's for what time mends. Its longest wait is how long a service may have to wait after the API
// server has come back; the bucket keeps many services from coming back at once.
func backOff() workqueue.TypedRateLimiter[reconcile.Request] {
	return workqueue.NewTypedMaxOfRateLimiter(
		workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](5*time.Millisecond, time.Minute),
		&workqueue.TypedBucketRateLimiter[reconcile.Request]{Limiter: rate.NewLimiter(10, 100)},
	)
}

// slowJitter is by how much a slow retry may be earlier or later.
const slowJitter = 0.2

// retries remembers what became of the last passes of services that could not be applied.
type retries struct {
	pace pace

	mu     sync.Mutex
	byName map[client.ObjectKey]*retry
}

type retry struct {
	uid        types.UID
	generation int64
	// stale counts the passes in a row that failed by nothing but a lagging cache.
	stale int
	// slow counts the slow retries; the next is due at that time.
	slow int
	due  time.Time
	// foreign is set while a foreign Deployment has the service's name.
	foreign bool
}

// verdict is what follows from the failures of a pass.
type verdict struct {
	// after is how soon to look again; 0 is for the workqueue's back-off, or for nothing if nothing failed.
	after time.Duration
	// backOff is left to the workqueue: the error is returned.
	backOff bool
	// silent: the failures are no news yet, and the status need not tell.
	silent bool
}

// judge decides what follows from the failures of one pass. The most urgent failure sets the pace.
func (r *retries) judge(service *v1alpha1.GoService, failures []apply.Failure, now time.Time) verdict {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := client.ObjectKeyFromObject(service)
	if len(failures) == 0 {
		delete(r.byName, name)
		return verdict{}
	}
	last := r.byName[name]
	if last == nil || last.uid != service.UID || last.generation != service.Generation {
		last = &retry{uid: service.UID, generation: service.Generation}
		if r.byName == nil {
			r.byName = map[client.ObjectKey]*retry{}
		}
		r.byName[name] = last
	}
	last.foreign = foreignDeployment(failures)
	classes := map[apply.Class]bool{}
	for _, failure := range failures {
		classes[failure.Class] = true
	}
	if classes[apply.Terminating] {
		return verdict{silent: true, after: r.pace.conflict} // the event of the namespace comes first, and ends it
	}
	v := verdict{backOff: classes[apply.Transient]}
	sooner := func(after time.Duration) {
		if v.after == 0 || after < v.after {
			v.after = after
		}
	}
	if classes[apply.Stale] {
		last.stale++
		sooner(min(r.pace.stale<<min(last.stale-1, 20), r.pace.slow))
		v.silent = len(classes) == 1 && last.stale < r.pace.staleReported
	} else {
		last.stale = 0
	}
	if classes[apply.Conflict] {
		sooner(r.pace.conflict)
	}
	if classes[apply.Invalid] || classes[apply.Denied] {
		sooner(last.slowly(r.pace, now))
	}
	return v
}

// slowly is how soon the next slow retry is due. Reconciles in between, which other events cause, do not put it off.
func (r *retry) slowly(p pace, now time.Time) time.Duration {
	if !now.Before(r.due) {
		wait := min(p.slow<<min(r.slow, 20), p.slowest)
		r.slow++
		r.due = now.Add(time.Duration(float64(wait) * (1 - slowJitter + 2*slowJitter*rand.Float64())))
	}
	return r.due.Sub(now)
}

// foreignPods reports whether pods that look like the service's are a foreign Deployment's.
func (r *retries) foreignPods(service *v1alpha1.GoService) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.byName[client.ObjectKeyFromObject(service)]
	return last != nil && last.uid == service.UID && last.foreign
}

func foreignDeployment(failures []apply.Failure) bool {
	return slices.ContainsFunc(failures, func(f apply.Failure) bool { return f.Class == apply.Conflict && f.Kind == build.DeploymentKind.Kind })
}

func (r *retries) forget(name client.ObjectKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byName, name)
}
