// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"encoding/base64"
	"math"
	"time"

	"goservice.dev/operator/api/v1alpha1"
)

const (
	// slot is a quarter of an hour of the week, in UTC. What it says is how much comes when it begins: jobs and openings are by
	// the clock.
	slot         = 15 * time.Minute
	slotsPerDay  = int(24 * time.Hour / slot)
	slotsPerWeek = 7 * slotsPerDay
	// beginning of a slot, whose mean demand is remembered, and for as long as which a forecast of it counts: after that, what is
	// measured says more.
	beginning = time.Minute
	// Levels are remembered in steps of levelStep from leastLevel requests per second on; 0 is not known.
	leastLevel = 0.01
	levelStep  = 1.08
	// A forecast is used after provenAfter comparisons in which its mean squared error was at most provenShare of that without it,
	// and only where the demand moves at all: by worthSquare on average. Comparisons are forgotten over two days or two weeks.
	provenAfter = slotsPerDay
	provenShare = 0.5
	worthSquare = 1
	dayMemory   = 2 * slotsPerDay
	weekMemory  = 2 * slotsPerWeek
)

// Judged is how good a forecast was, beside none: mean squared errors in steps of levels.
type Judged struct {
	With, Without float64
	// Count of comparisons, at most what is remembered.
	Count int
}

func (j *Judged) add(forecast, without, actual byte, memory int) {
	if forecast == 0 || actual == 0 || without == 0 {
		return
	}
	j.Count = min(j.Count+1, memory)
	square := func(a byte) float64 { return (float64(a) - float64(actual)) * (float64(a) - float64(actual)) }
	j.With += (square(forecast) - j.With) / float64(j.Count)
	j.Without += (square(without) - j.Without) / float64(j.Count)
}

func (j *Judged) proven() bool {
	return j.Count >= provenAfter && j.Without >= worthSquare && j.With <= provenShare*j.Without
}

// Profile is what comes at the beginning of each quarter of an hour of the week, and how good forecasts by the day and by the week
// before were. The zero value knows nothing.
type Profile struct {
	Levels    [slotsPerWeek]byte
	Day, Week Judged
}

// profile learns a Profile and forecasts by it. The zero value knows nothing.
type profile struct {
	Profile

	// of the slot that begins next or has begun last
	begins           time.Time
	byDay, byWeek    byte
	without          byte
	arrived          Rate
	slotIsRemembered bool
}

// recalledProfile goes on where another one ended.
func recalledProfile(learned Profile, at time.Time) profile {
	p := profile{Profile: learned}
	if !at.IsZero() {
		p.begins = at.Truncate(slot)
	}
	return p
}

// slotOf a moment.
func slotOf(at time.Time) int {
	return int(((at.Unix()/int64(slot.Seconds()))%int64(slotsPerWeek) + int64(slotsPerWeek)) % int64(slotsPerWeek))
}

// levelOf a demand in requests per second.
func levelOf(perSecond float64) byte {
	if !(perSecond > leastLevel) {
		return 1
	}
	return byte(min(1+math.Round(math.Log(perSecond/leastLevel)/math.Log(levelStep)), math.MaxUint8))
}

func perSecondOf(level byte) float64 {
	if level <= 1 {
		return 0
	}
	return leastLevel * math.Pow(levelStep, float64(level-1))
}

// observe a round. lead is how far ahead of a slot its pods are asked for: what was known then is what a forecast is compared with.
func (p *profile) observe(now time.Time, e Estimates, lead time.Duration) {
	if !e.Known {
		return
	}
	// A slot that begins later than is looked ahead was found by a clock that has been put back since.
	if next := now.Add(lead).Truncate(slot); next.After(p.begins) || p.begins.Sub(now) > maxLead {
		p.forgetMissed(next)
		p.begins, p.arrived, p.slotIsRemembered = next, Rate{}, false
		p.byDay, p.byWeek, p.without = 0, 0, 0
		i := slotOf(next)
		if next.After(now) {
			p.byDay, p.byWeek = p.Levels[(i+slotsPerWeek-slotsPerDay)%slotsPerWeek], p.Levels[i]
			demand, _, _ := forecast(e, lead, false)
			p.without = levelOf(demand)
		}
		p.Levels[i] = 0 // until it is measured
	}
	into := now.Sub(p.begins)
	switch {
	case into <= 0 || p.slotIsRemembered:
	case into <= beginning:
		p.arrived.Events += e.DemandNow.Events
		p.arrived.Seconds += e.DemandNow.Seconds
	default:
		p.slotIsRemembered = true
		if p.arrived.Seconds < beginning.Seconds()/2 {
			return
		}
		level := levelOf(p.arrived.PerSecond())
		p.Day.add(p.byDay, p.without, level, dayMemory)
		p.Week.add(p.byWeek, p.without, level, weekMemory)
		p.Levels[slotOf(p.begins)] = level
	}
}

// forgetMissed slots, between the last one and the next: what is remembered of them came a week before what it would be taken for.
// After a week without any, what was proved is forgotten, too.
func (p *profile) forgetMissed(next time.Time) {
	if p.begins.IsZero() {
		return
	}
	if next.Sub(p.begins) > time.Duration(slotsPerWeek)*slot {
		p.Profile = Profile{}
		return
	}
	for missed := p.begins.Add(slot); missed.Before(next); missed = missed.Add(slot) {
		p.Levels[slotOf(missed)] = 0
	}
}

// forecast is the demand at the beginning of the slot that is about to begin or has just begun, where that proved right before;
// 0 otherwise.
func (p *profile) forecast(now time.Time) (perSecond float64, why string) {
	if p.begins.IsZero() || now.Sub(p.begins) > beginning {
		return 0, ""
	}
	day, week := p.Day.proven() && p.byDay > 0, p.Week.proven() && p.byWeek > 0
	switch {
	case week && (!day || p.Week.With < p.Day.With):
		return perSecondOf(p.byWeek), "as at this time a week ago"
	case day:
		return perSecondOf(p.byDay), "as at this time yesterday"
	}
	return 0, ""
}

// status of it; nil where nothing is known.
func (p Profile) status() *v1alpha1.LearnedProfile {
	if p.Levels == [slotsPerWeek]byte{} {
		return nil
	}
	return &v1alpha1.LearnedProfile{Levels: base64.StdEncoding.EncodeToString(p.Levels[:]), Day: p.Day.status(), Week: p.Week.status()}
}

func (j Judged) status() *v1alpha1.LearnedForecast {
	if j.Count == 0 {
		return nil
	}
	return &v1alpha1.LearnedForecast{With: count(permille * j.With), Without: count(permille * j.Without), Count: int32(j.Count)}
}

// recallProfile knows nothing where something cannot be.
func recallProfile(s *v1alpha1.LearnedProfile) Profile {
	var p Profile
	if s == nil {
		return p
	}
	levels, err := base64.StdEncoding.DecodeString(s.Levels)
	if err != nil || len(levels) != slotsPerWeek {
		return p
	}
	copy(p.Levels[:], levels)
	p.Day, p.Week = recallJudged(s.Day, dayMemory), recallJudged(s.Week, weekMemory)
	return p
}

func recallJudged(s *v1alpha1.LearnedForecast, memory int) Judged {
	if s == nil || s.With < 0 || s.Without < 0 || s.Count <= 0 || int(s.Count) > memory {
		return Judged{}
	}
	return Judged{With: float64(s.With) / permille, Without: float64(s.Without) / permille, Count: int(s.Count)}
}
