// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
)

const (
	// lendFrom is the part of what a limit gives from one look to the next that must be lost for any to be lent, and the part that a
	// pod gets for a grant to be worth its write: few pods get something each time.
	lendFrom = 0.01
	// lendFor is how long what was discarded can be lent: later it would come on top of a limit that is used.
	lendFor = 2 * time.Second
	// claimable is by how much more than its part a pod may say that it discarded: looks do not come at even moments.
	claimable = 1.1
	// maxGranted is the highest total, which a float still holds exactly.
	maxGranted = 1 << 50
)

// lending gives what full buckets discarded to pods that refused requests, once. The zero value is ready.
type lending struct {
	// granted is the running total of each pod, which never falls while the pod exists.
	granted map[string]int64
	// discarded and refused are what was counted of each pod up to the last look, which was at.
	discarded, refused map[string]float64
	at                 time.Time
	// pot is what was discarded and not lent yet.
	pot float64
}

// next grants what was discarded since the last look. parts are those in force since then, and what it returns counts as granted.
func (l *lending) next(b Budget, usage *Usage, parts func(pod string) float64) map[string]int64 {
	l.keep(b)
	if usage == nil || !usage.At.After(l.at) {
		return l.granted
	}
	span := usage.At.Sub(l.at).Seconds()
	discarded, refused, total := 0.0, make(map[string]float64, len(b.Serving)), 0.0
	for _, pod := range b.Serving {
		before, is := l.discarded[pod]
		now, counts := usage.Discarded[pod]
		if !is || !counts {
			continue
		}
		discarded += min(max(now-before, 0), claimable*parts(pod)*span)
		refused[pod] = min(max(usage.Refused[pod]-l.refused[pod], 0), b.Total*span)
		total += refused[pod]
	}
	first := l.at.IsZero()
	l.at, l.discarded, l.refused = usage.At, maps.Clone(usage.Discarded), maps.Clone(usage.Refused)
	if first || b.Total <= 0 {
		return l.granted
	}
	l.pot = l.pot*math.Exp(-span/lendFor.Seconds()) + discarded
	worth := max(lendFrom*b.Total*span, 1)
	if lent := min(l.pot, total); lent >= worth && b.Lends {
		l.grant(b.Serving, refused, lent, worth)
	}
	return l.granted
}

// grant so many requests to the pods that refused the most, in proportion to what each refused and in whole ones.
func (l *lending) grant(pods []string, refused map[string]float64, lent, each float64) {
	pods = slices.Clone(pods)
	slices.SortStableFunc(pods, func(a, b string) int { return cmp.Compare(refused[b], refused[a]) })
	pods = pods[:min(max(int(lent/each), 1), len(pods))]
	total := sumOf(refused, pods)
	granted := maps.Clone(l.granted)
	if granted == nil {
		granted = make(map[string]int64, len(pods))
	}
	due := 0.0
	for _, pod := range pods {
		due += min(lent*refused[pod]/total, refused[pod])
		whole := math.Floor(due + 1e-9)
		due -= whole
		l.pot -= whole
		if whole > 0 {
			granted[pod] = min(granted[pod]+int64(whole), maxGranted)
		}
	}
	l.pot = max(l.pot, 0)
	l.granted = granted
}

// keep what concerns pods that exist.
func (l *lending) keep(b Budget) {
	gone := func(pod string) bool {
		return !slices.Contains(b.Serving, pod) && !slices.Contains(b.Unready, pod) && !slices.Contains(b.Leaving, pod)
	}
	for pod := range l.granted {
		if gone(pod) {
			granted := maps.Clone(l.granted)
			maps.DeleteFunc(granted, func(pod string, _ int64) bool { return gone(pod) })
			l.granted = granted
			return
		}
	}
}

// takeOver the totals that another operator has granted: what was discarded before is its own.
func (l *lending) takeOver(found InForce) {
	l.granted = maps.Clone(found.Granted)
	maps.DeleteFunc(l.granted, func(_ string, total int64) bool { return total < 0 || total > maxGranted })
}
