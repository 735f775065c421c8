// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// referencePace puts off replacements of pods whose data changed, so that what changes together replaces them once, and what changes
// again and again does not replace them all the time.
type referencePace struct {
	settle, gap time.Duration
	mu          sync.Mutex
	services    map[types.NamespacedName]*replacement
}

const (
	// referencesSettle is how long a change waits for others that belong to it.
	referencesSettle = 5 * time.Second
	// referencesGap is between two replacements of a service's pods by changes of data.
	referencesGap = time.Minute
)

// replacement of a service's pods.
type replacement struct {
	// seen is when a change was noticed that has not been taken, taken when the last one was, and what it was.
	seen, taken time.Time
	what        string
}

// hold says for how much longer a change waits; what tells one from another, and is empty where there is none. One that was let
// through is let through again: what came of it need not show yet.
func (p *referencePace) hold(service types.NamespacedName, what string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.services[service]
	switch {
	case r == nil && what == "":
		return 0
	case r == nil:
		r = &replacement{}
		if p.services == nil {
			p.services = map[types.NamespacedName]*replacement{}
		}
		p.services[service] = r
	case what == "":
		if r.seen = (time.Time{}); now.Sub(r.taken) >= p.gap {
			delete(p.services, service)
		}
		return 0
	case what == r.what:
		return 0
	}
	if r.seen.IsZero() {
		r.seen = now
	}
	wait := p.settle - now.Sub(r.seen)
	if !r.taken.IsZero() {
		wait = max(wait, p.gap-now.Sub(r.taken))
	}
	if wait > 0 {
		return wait
	}
	*r = replacement{taken: now, what: what}
	return 0
}

// forget a service.
func (p *referencePace) forget(service types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.services, service)
}
