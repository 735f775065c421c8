// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import "time"

const (
	// mostLinked is the share of the ready pods that must have a link to another one: a pod that has just become ready may still be
	// about to make one.
	mostLinked = 0.75
	// linkedFor is for how long pods must have had links before they are used as one that are linked, unlinkedFor for how long they must
	// have had none before they are not: breaking an objective is worse than a pod too many.
	linkedFor   = StableWindow
	unlinkedFor = 2 * PanicWindow
)

// sharedQueue follows whether the pods of a service share their queue. The zero value is ready.
type sharedQueue struct {
	shared bool
	// since when the pods say otherwise; zero while they do not.
	since time.Time
}

// observe which part of the ready pods has a link. One that is alone has nobody to share with.
func (q *sharedQueue) observe(now time.Time, linked float64, ready int32) {
	shared := ready > 1 && linked >= mostLinked
	if shared == q.shared {
		q.since = time.Time{}
		return
	}
	if q.since.IsZero() {
		q.since = now
	}
	proof := linkedFor
	if q.shared {
		proof = unlinkedFor
	}
	if now.Sub(q.since) >= proof {
		q.shared, q.since = shared, time.Time{}
	}
}
