// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"maps"
	"slices"
	"time"
)

// unsure is what pods may have in force since one of them has not confirmed what it was given.
type unsure struct {
	since time.Time
	// tookBack is when what pods had grown by was last taken back: those that take that at once are unconfirmed for a moment, too.
	tookBack time.Time
	// least and most that each pod was given since, or had before. Pods that have come since are in neither.
	least, most map[string]float64
}

// notice that other parts are given than before, which all pods had confirmed unless some are unsure already.
func (d *Division) notice(now time.Time, before, parts map[string]float64) {
	if d.unsure == nil {
		d.unsure = &unsure{since: now, least: maps.Clone(before), most: maps.Clone(before)}
	}
	for pod := range d.unsure.least {
		if part, is := parts[pod]; is {
			d.unsure.least[pod], d.unsure.most[pod] = min(d.unsure.least[pod], part), max(d.unsure.most[pod], part)
		}
	}
}

// due is when growth is taken back, and again what pods have left that have come since.
func (u *unsure) due() time.Time { return later(u.since, u.tookBack).Add(confirmTime) }

// safe are parts that do not exceed the budget together with what pods may have in force that did not take them: nobody grows, and
// those that have come since share what the others leave.
func (u *unsure) safe(b Budget, parts map[string]float64) map[string]float64 {
	safe, left, came := make(map[string]float64, len(b.Serving)), b.left(), 0
	for _, pod := range b.Serving {
		least, was := u.least[pod]
		if !was {
			came++
			continue
		}
		safe[pod] = min(least, parts[pod])
		if len(b.Unconfirmed) == 0 || slices.Contains(b.Unconfirmed, pod) {
			left -= u.most[pod]
		} else {
			left -= safe[pod]
		}
	}
	for _, pod := range b.Serving {
		if _, was := u.least[pod]; !was {
			safe[pod] = min(max(left/float64(came), leastOf(b)), equalOr(parts, pod, b))
		}
	}
	return safe
}

// equalOr is the part of a pod, or an equal one.
func equalOr(parts map[string]float64, pod string, b Budget) float64 {
	if part, is := parts[pod]; is {
		return part
	}
	return b.Total / float64(len(b.Serving))
}

// clone for a look ahead.
func (u *unsure) clone() *unsure {
	return &unsure{since: u.since, tookBack: u.tookBack, least: maps.Clone(u.least), most: maps.Clone(u.most)}
}
