// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"fmt"
	"math"
	"time"
)

// shrunk is the floor on its way to what was needed at most while it was held: up at once, down step by step.
func (d *Decider) shrunk(now time.Time, highest int32, held time.Duration, inPanic bool) int32 {
	switch {
	case highest >= d.floor:
		return highest
	case !inPanic && now.Sub(d.shrunkAt) >= shrinkEvery:
		if now.Sub(d.shrunkAt) > regretWithin || d.floor > d.shrunkFrom {
			d.shrunkFrom, d.neededUntil = d.floor, now.Add(-held)
		}
		d.shrunkAt = now
		return max(highest, d.floor-max(1, int32(float64(d.floor)*shrinkShare)))
	}
	return d.floor
}

// stays says why the floor is above what is needed.
func stays(floor, highest int32, held time.Duration, inPanic bool) string {
	switch {
	case floor <= highest:
		return fmt.Sprintf("held at the most that was needed in the last %s", readable(held))
	case inPanic:
		return "no pod goes for a minute after a sudden step"
	}
	return fmt.Sprintf("at most %s%% of the pods go every %s", short(100*shrinkShare), readable(shrinkEvery))
}

// regret holds pods longer where a scale-in turns out to have been too early, and less long again after a quiet time.
// A rise that is seen coming while the present pods still take what comes is none: its pods are there in time.
func (d *Decider) regret(now time.Time, needed int32, inTime bool, b Bounds) {
	d.hold = max(d.hold, b.HoldFor)
	switch {
	case needed > d.floor && needed <= d.shrunkFrom && !inTime && now.Sub(d.shrunkAt) < regretWithin:
		if away := now.Sub(d.neededUntil); away <= maxHold {
			d.hold, d.heldSince = min(max(time.Duration(holdMargin*float64(away)).Round(time.Second), 2*d.hold), maxHold), now
		}
		d.shrunkFrom = 0
	case now.Sub(d.heldSince) > forgetAfter && d.hold > b.HoldFor:
		d.hold, d.heldSince = max(d.hold/2, b.HoldFor), now
	}
}

// reward a longer hold where a surge needs pods that are only there because of it: it is not forgotten as long as that goes on.
func (d *Decider) reward(now time.Time, needed int32, e Estimates) {
	if e.DemandPanic.AtLeast() <= surgeFrom*e.earlier().PerSecond() {
		return
	}
	if needed <= d.floor {
		d.heldSince = now
	}
	if now.Before(d.surgeUntil) {
		d.surgeUntil = now.Add(StableWindow + maxHold)
	}
}

func (d *Decider) remember(now time.Time, pods int32) {
	for len(d.needs) > 0 && d.needs[len(d.needs)-1].pods <= pods {
		d.needs = d.needs[:len(d.needs)-1]
	}
	d.needs = append(d.needs, need{now, pods})
	d.forgetNeeds(now, d.holds(now))
}

// holds is how long the highest need is remembered at a moment.
func (d *Decider) holds(now time.Time) time.Duration {
	if now.Before(d.surgeUntil) || d.replacedLately(now) {
		return max(d.hold, maxHold)
	}
	return d.hold
}

// replacedLately says that requests which clients still send to terminating pods may be missing from the stable window.
func (d *Decider) replacedLately(now time.Time) bool { return now.Sub(d.replacedAt) <= StableWindow }

// forgetNeeds that are older.
func (d *Decider) forgetNeeds(now time.Time, than time.Duration) {
	for now.Sub(d.needs[0].at) > than {
		d.needs = d.needs[1:]
	}
}

// falls reports whether demand is falling steadily and the measurements can be trusted. During a rollout they cannot: requests that
// clients still send to terminating pods are not measured, which looks like a fall.
func (d *Decider) falls(now time.Time, s Situation, inPanic bool) bool {
	e := s.Estimates
	fall, chance := -e.Trend*e.Demand.Seconds, 0.0
	if e.Demand.Seconds > 0 { // of the difference between the ends of a line through independent events
		chance = math.Sqrt(12*e.Demand.Events) / e.Demand.Seconds
	}
	settled := !inPanic && !d.replacedLately(now)
	return settled && d.holds(now) <= s.Bounds.HoldFor && fall > max(fallShare*e.Demand.PerSecond(), fallChance*chance)
}
