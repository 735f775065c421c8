// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"maps"
	"math"
	"slices"
	"time"
)

// unsure is what pods may have in force since not all of them have confirmed what they were given; nil while all have.
type unsure map[string]doubt

// doubt about one pod.
type doubt struct {
	// since is when it was given what it has not confirmed; zero: it has confirmed.
	since time.Time
	// most is what it may have in force, in requests per second, and least what it was given or had since any pod is in doubt; 0 if it
	// has come since.
	most, least float64
}

// heard which pods have confirmed.
func (d *Division) heard(b Budget) {
	switch {
	case b.Confirmed:
		d.unsure = nil
		return
	case len(b.Unconfirmed) > 0: // else nobody knows
		for pod, about := range d.unsure {
			if !slices.Contains(b.Unconfirmed, pod) {
				about.since = time.Time{}
				d.unsure[pod] = about
			}
		}
	}
	maps.DeleteFunc(d.unsure, func(pod string, _ doubt) bool {
		return !slices.Contains(b.Serving, pod) && !slices.Contains(b.Unready, pod)
	})
}

// doubt pods that have not confirmed although nothing else was asked of them here: they may have in force what they had before.
func (d *Division) doubt(now time.Time, b Budget) {
	had := d.before(b)
	for _, pod := range b.Unconfirmed {
		about := d.unsure[pod]
		if !about.since.IsZero() || !slices.Contains(b.Serving, pod) {
			continue
		}
		if d.unsure == nil {
			d.unsure = unsure{}
		}
		part, named := had[pod]
		if _, known := d.unsure[pod]; !known {
			about.least = b.leastOf(pod, part)
		}
		if !named {
			part = d.newcomer(b)
		}
		about.since, about.most = now, max(part, about.most, b.ever[pod].most)
		d.unsure[pod] = about
	}
}

// notice that pods are given other parts than before.
func (d *Division) notice(now time.Time, b Budget, before, parts map[string]float64) {
	if d.unsure == nil {
		d.unsure = unsure{}
	}
	for _, pod := range b.Serving {
		had, named := before[pod]
		about, known := d.unsure[pod]
		if !known {
			about.least = b.leastOf(pod, had)
		}
		if !named {
			had = d.newcomer(b)
		}
		if part := parts[pod]; math.Abs(part-had) > hair*b.Total && about.since.IsZero() {
			about.since, about.most = now, had
		}
		about.most, about.least = max(about.most, parts[pod]), min(about.least, parts[pod])
		d.unsure[pod] = about
	}
}

// leastOf what a pod was given since all had confirmed, and had at last.
func (b Budget) leastOf(pod string, had float64) float64 {
	if b.ever == nil {
		return had
	}
	return min(b.ever[pod].least, had)
}

// newcomer is what a pod has in force that was given nothing by name.
func (d *Division) newcomer(b Budget) float64 {
	if d.given != nil {
		return d.given.Newcomer
	}
	return b.Total / float64(len(b.Serving))
}

// stuck says whether a pod has taken too long to confirm.
func (u unsure) stuck(now time.Time, pod string) bool {
	since := u[pod].since
	return !since.IsZero() && !now.Before(since.Add(confirmTime))
}

// due is when the next pod has taken too long; zero: none is on its way.
func (u unsure) due(now time.Time, b Budget) (next time.Time) {
	for _, pod := range b.Serving {
		if since := u[pod].since; !since.IsZero() && !u.stuck(now, pod) {
			next = sooner(next, since.Add(confirmTime))
		}
	}
	return next
}

// free are the pods that are not stuck.
func (u unsure) free(now time.Time, b Budget) []string {
	return slices.DeleteFunc(slices.Clone(b.Serving), func(pod string) bool { return u.stuck(now, pod) })
}

// safe are parts that do not exceed the budget together with what stuck pods may have in force: that is divided among the others which
// they leave. Parts stay the same if no stuck pod may have more than its own.
func (u unsure) safe(now time.Time, b Budget, parts map[string]float64, divide func(total float64, pods []string) map[string]float64) map[string]float64 {
	shared, left, free := parts, b.left(), slices.Clone(b.Serving)
	keeps := func(pod string) bool { return u.stuck(now, pod) && u[pod].most > shared[pod]+hair*b.Total }
	for slices.ContainsFunc(free, keeps) {
		free = slices.DeleteFunc(free, func(pod string) bool {
			kept := keeps(pod)
			if kept {
				left -= u[pod].most
			}
			return kept
		})
		shared = divide(max(left, 0), free)
	}
	if len(free) == len(b.Serving) {
		return parts
	}
	floor := 0.0
	for _, pod := range free {
		floor += min(u[pod].least, parts[pod])
	}
	safe := make(map[string]float64, len(b.Serving))
	for _, pod := range b.Serving {
		switch {
		case left < floor*(1-hair): // nobody has more than it ever had meanwhile, as any one of those that keep so much may, but not all
			safe[pod] = min(max(u[pod].least, leastOf(b)), parts[pod])
		case slices.Contains(free, pod):
			safe[pod] = max(shared[pod], leastOf(b))
		default:
			safe[pod] = min(u[pod].most, parts[pod])
		}
	}
	return safe
}

// scaled are parts in the same proportion that add up to no more than a total. The error of adding up moves nobody.
func scaled(parts map[string]float64, total float64, pods []string) map[string]float64 {
	scale, sum := 1.0, sumOf(parts, pods)
	if total < sum*(1-hair) {
		scale = total / sum
	}
	smaller := make(map[string]float64, len(pods))
	for _, pod := range pods {
		smaller[pod] = parts[pod] * scale
	}
	return smaller
}
