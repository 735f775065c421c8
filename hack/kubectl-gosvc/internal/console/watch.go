// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package console

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/top"
)

const (
	// idle is how long a service is watched after the last look at its page.
	idle = 20 * time.Second
	// slowPace is how often Events and Prometheus are asked.
	slowPace = 15 * time.Second
)

// watcher looks at the pods of one service, its Events, and Prometheus, as long as somebody looks at its page.
type watcher struct {
	mu    sync.Mutex
	last  time.Time
	known seen
}

// watchers of the services that are looked at.
type watchers struct {
	ctx        context.Context //nolint:containedctx // of the console: watchers live longer than the request that starts them
	cluster    Cluster
	prometheus *Prometheus

	mu  sync.Mutex
	all map[types.NamespacedName]*watcher
}

// look says what is known of a service, and keeps its watcher going.
func (w *watchers) look(service *v1alpha1.GoService, now time.Time) seen {
	key := types.NamespacedName{Namespace: service.Namespace, Name: service.Name}
	w.mu.Lock()
	one := w.all[key]
	if one == nil {
		one = &watcher{last: now}
		if w.all == nil {
			w.all = map[types.NamespacedName]*watcher{}
		}
		w.all[key] = one
		go w.watch(key, one, service)
	}
	w.mu.Unlock()
	one.mu.Lock()
	defer one.mu.Unlock()
	one.last = now
	return one.known
}

func (w *watchers) watch(key types.NamespacedName, one *watcher, service *v1alpha1.GoService) {
	defer func() {
		w.mu.Lock()
		delete(w.all, key)
		w.mu.Unlock()
	}()
	pods, err := w.cluster.Pods(service)
	if err != nil {
		one.set(func(s *seen) { s.asked, s.failed = true, err })
	}
	if w.prometheus != nil {
		go w.slowly(one, func() {
			measured := w.prometheus.Ask(w.ctx, service, time.Now())
			one.set(func(s *seen) { s.measured = measured })
		})
	}
	go w.slowly(one, func() {
		if events, err := w.cluster.Events(w.ctx, service); err == nil { // without the permission, the page does without them
			one.set(func(s *seen) { s.events = events })
		}
	})
	w.every(one, top.PodPace, func() {
		if pods == nil {
			return
		}
		rows, err := pods.Look(w.ctx)
		one.set(func(s *seen) {
			if s.asked, s.failed = true, err; err == nil {
				s.pods = rows
			}
		})
	})
}

func (w *watchers) slowly(one *watcher, do func()) { w.every(one, slowPace, do) }

// every does something until nobody looks any more.
func (w *watchers) every(one *watcher, pace time.Duration, do func()) {
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	for {
		do()
		select {
		case <-w.ctx.Done():
			return
		case <-ticker.C:
		}
		one.mu.Lock()
		over := time.Since(one.last) > idle
		one.mu.Unlock()
		if over {
			return
		}
	}
}

func (o *watcher) set(change func(*seen)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change(&o.known)
}
