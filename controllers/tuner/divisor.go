// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"time"
)

const (
	// lateAfter is how long pods that are expected to serve keep their part of a limit without any of them becoming ready:
	// a rollout that is stuck takes nothing away for longer.
	lateAfter = 15 * time.Second
	// growthQuiet is how long the number of pods must stand still before the others grow, unless those that are wanted serve and no others
	// are there, and growthLongest how long growth waits for that at most. Every division is a write to each pod.
	growthQuiet   = 2 * time.Second
	growthLongest = 15 * time.Second
	// growthHold is the least time from a division to one that lets pods grow. It doubles where growth had to be taken back
	// within growthRegret, as after a pod whose readiness flaps, up to growthHoldPerPod for each pod: so such a pod costs about a
	// write every three seconds at most, however many the others are. It halves after each growthForget without that.
	growthHold       = 3 * time.Second
	growthHoldPerPod = 6 * time.Second
	growthRegret     = 5 * time.Minute
	growthForget     = 20 * time.Minute
	// rolloutHeadroom is the part, as its denominator, by which a division goes beyond what is needed where pods leave more
	// slowly than a rollout replaces them: without it, every pod that leaves would ask for another division.
	rolloutHeadroom = 6
	// leastForServing is the part of what they would have without the leaving ones that pods which serve are never cut below:
	// those that leave get no new clients, and these must be served.
	leastForServing = 0.5
	// leastBeside is the part of the limit that they have besides what they can borrow of leaving pods.
	leastBeside = 0.1
)

// divisor is the number of pods among which limits are divided equally. It follows the pods that take traffic in few steps:
// at once where the sum of all parts would exceed the limit, and after a quiet time where parts can grow. A rollout has one
// division at its start, for the pods that are wanted and the surge, and one at its end.
type divisor struct {
	pods int // in force; 0 before the first look

	served  map[string]bool // pods that have taken traffic and still exist
	wanted  int
	rolling bool
	// progressAt is when a pod last became ready or more pods were wanted.
	progressAt time.Time

	changedAt, grownAt, regretAt time.Time
	hold                         time.Duration
	// lowerSince is since when fewer pods need a part, lowerTo how many since quietSince.
	lowerSince, quietSince time.Time
	lowerTo                int
}

// next is the number in force from now on, and when to look again if nothing happens: zero for never. leaving is the part of
// the limit that leaving pods still have in force. inForce is what an operator before this one has left; 0 if that is unknown.
func (d *divisor) next(now time.Time, b Budget, leaving float64, inForce int) (pods int, again time.Time) {
	need, active, late := d.need(now, b, leaving, inForce)
	switch {
	case d.pods == 0:
		d.hold, d.changedAt = growthHold, now
		present := len(b.Serving) + len(b.Unready) + len(b.Leaving) + b.expected()
		d.pods = min(need, max(mostFor(active), min(inForce, present)))
		if inForce > d.pods {
			d.pods = min(inForce, 4*d.pods) // a changed limit makes what was left look like another number of pods
		}
	case len(b.Serving) == 0 && leaving == 0: // nobody admits anything
		d.pods, d.changedAt = need, now
	case need > d.pods:
		d.shrink(now, b, need, active)
	}
	d.wanted, d.rolling = b.Wanted, b.Rolling
	if need >= d.pods {
		d.lowerSince = time.Time{}
	} else {
		again = d.grow(now, need, b.Rolling && !late, b.settled())
	}
	waits := active > len(b.Serving) || need < d.pods
	if expiry := d.progressAt.Add(lateAfter); !late && waits && (again.IsZero() || expiry.Before(again)) {
		again = expiry
	}
	return d.pods, again
}

// need is how many parts there must be, and for how many pods other than the leaving ones. late says that those which are
// expected to serve have taken too long.
func (d *divisor) need(now time.Time, b Budget, leaving float64, inForce int) (need, active int, late bool) {
	ready, expected := len(b.Serving), b.Wanted
	if b.Rolling {
		expected += b.Surge
	}
	progress := b.Wanted > d.wanted || b.Rolling && !d.rolling
	served := make(map[string]bool, ready)
	for _, pod := range b.Serving {
		progress = progress || !d.served[pod]
		served[pod] = true
	}
	if ready == 0 {
		need = max(expected, 1)
		if leaving > 0 {
			need = max(need, d.pods)
		}
		d.served = served
		return need, need, true
	}
	for _, pod := range b.Unready {
		if d.served[pod] {
			served[pod] = true
			expected-- // it took traffic and does no more
		}
	}
	// The operator before this one did not wait for them any more: nor does this one.
	givenUp := d.pods == 0 && inForce > 0 && inForce < expected
	if progress && !givenUp {
		d.progressAt = now
	}
	d.served = served
	late = now.Sub(d.progressAt) >= lateAfter
	active = ready
	if !late {
		active = max(ready, expected)
	}
	need = active
	if leaving >= 1 {
		need = math.MaxInt32
	} else if leaving > 0 {
		need = max(active, int(math.Ceil(float64(ready)/(1-leaving)-1e-6)))
	}
	return need, active, late
}

// shrink parts at once, as the sum of all would exceed the limit.
func (d *divisor) shrink(now time.Time, b Budget, need, active int) {
	if b.Rolling && need > active {
		need += need / rolloutHeadroom
	}
	pods := min(need, max(mostFor(active), d.pods))
	if pods == d.pods {
		return
	}
	if b.Wanted <= d.wanted && !b.Rolling && !d.grownAt.IsZero() && now.Sub(d.grownAt) < growthRegret {
		d.hold, d.regretAt = min(2*d.hold, max(growthHoldPerPod*time.Duration(pods), growthHold)), now
	}
	d.pods, d.changedAt = pods, now
}

// mostFor so many pods: they are never cut below leastForServing.
func mostFor(active int) int { return int(float64(active) / leastForServing) }

// settled says that the pods which are wanted serve, and that there are no others.
func (b Budget) settled() bool {
	return len(b.Serving) == b.Wanted && len(b.Unready) == 0 && len(b.Leaving) == 0 && !b.Rolling
}

// grow parts once the number of pods has stood still, or is settled, and say when that will be.
func (d *divisor) grow(now time.Time, need int, rolling, settled bool) (again time.Time) {
	if d.lowerSince.IsZero() {
		d.lowerSince, d.quietSince = now, now
	} else if need != d.lowerTo {
		d.quietSince = now
	}
	d.lowerTo = need
	if rolling { // the next pod is about to start
		d.lowerSince, d.quietSince = now, now
		return time.Time{}
	}
	if now.Sub(d.regretAt) > growthForget {
		d.hold, d.regretAt = max(d.hold/2, growthHold), now
	}
	due := d.quietSince.Add(growthQuiet)
	if longest := d.lowerSince.Add(growthLongest); longest.Before(due) {
		due = longest
	}
	if settled {
		due = now
	}
	if held := d.changedAt.Add(d.hold); held.After(due) {
		due = held
	}
	if now.Before(due) {
		return due
	}
	d.pods, d.changedAt, d.grownAt, d.lowerSince = need, now, now, time.Time{}
	return time.Time{}
}
