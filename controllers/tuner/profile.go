// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
	"time"
)

const (
	minutesPerDay = int64(24 * time.Hour / time.Minute)
	// Rises are remembered for rememberedDays, in at most mostMinutes of the day.
	rememberedDays = 24
	mostMinutes    = 256
	// beginning of a rise, whose mean demand is remembered, and for as long as which a forecast of it counts: after that, what is
	// measured says more.
	beginning = time.Minute
	// stepsAhead is how much earlier than pods start those of a forecast are asked for: so long do a few of the largest steps take.
	stepsAhead = 4 * raiseEvery
	// Levels of demand are counted in steps of levelStep from leastLevel requests per second on.
	leastLevel = 0.01
	levelStep  = 1.08
	// A rise is leastRise levels, which is a quarter more than was to be expected, and timesNoise of the noise, which is 3.5 standard
	// deviations of a normal distribution. And chance explains it in less than one of ten thousand cases:
	// riseDeviations of a Poisson process.
	leastRise      = 3
	timesNoise     = 11
	riseDeviations = 4
	// sameRise in minutes is for how long what was to be expected may not know of a rise: it is a mean of one, from so long ahead.
	sameRise = int64((maxLead + stepsAhead + maxLead + StableWindow) / time.Minute)
	// nearMinutes are those in which a rise counts as one at the same time, since some begin late.
	nearMinutes = 3
	// strayChance is how probable it may be that strays alone come as often at the same time as a forecast demands: once in three days, there
	// is a minute of which that is so.
	strayChance = 2e-4
	// strayDays is the mean age of the strays that count, and noiseStep in levels by how much a minute moves the noise. That is
	// their first quartile, so that jobs do not count as noise, however many minutes of an hour they are.
	strayDays  = 3
	noiseStep  = 0.02
	usualShare = 0.25
	// oddRounds is how many rounds must agree on another day than this one or the next to be believed.
	oddRounds = 100
)

// agoDays are the days on which a rise tells of one today: those of the last week, and this one of the two weeks before it. The last
// days, the weeks, or all of them may be enough.
var (
	agoDays  = []int64{1, 2, 3, 4, 5, 6, 7, 14, 21}
	lastDays = agoDays[:3]
	weeks    = agoDays[6:]
)

// RisingMinute is a minute of the day (UTC) in which more came than was to be expected when its pods would have had to be asked for.
type RisingMinute struct {
	// Minute of the day, 0 to 1439.
	Minute int
	// Days on which it did: bit n is n days before the Profile's day, below rememberedDays.
	Days uint32
	// Levels of the demand in that minute, of the last such day and of the one before; 0 is none.
	Levels [2]byte
}

// Profile is when more came than was to be expected. The zero value knows nothing.
type Profile struct {
	// Day since 1970-01-01 (UTC) that was measured last.
	Day int64
	// Minutes in their order, at most mostMinutes.
	Minutes []RisingMinute
	// Strays is how many rises came in a day that were not foreseen, on average over strayDays.
	Strays float64
	// Noise is how many levels a quarter of the minutes of the last hours were from what was to be expected at most.
	Noise float64
}

// profile learns a Profile and forecasts by it. The zero value knows nothing.
type profile struct {
	Profile
	// ahead are the minutes that begin soon or have begun, the oldest first.
	ahead []minuteAhead
	// last round, and how many rounds in a row were on other days than were to be expected.
	last time.Time
	odd  int
}

// minuteAhead is a minute since the Unix epoch, before it is over.
type minuteAhead struct {
	minute int64
	// partly says that it had begun when it was first seen.
	partly bool
	// without is the level that was to be expected of it without the clock, by what was known when its pods had to be asked for; recurring is
	// the one that came at this time before, 0 where nothing is to be expected of that.
	without   float64
	recurring byte
	why       string
	arrived   Rate
}

func (m *minuteAhead) begins() time.Time { return time.Unix(60*m.minute, 0) }

func minuteOf(at time.Time) int64 { return at.Unix() / 60 }

// levelOf a demand in requests per second, at least 1.
func levelOf(perSecond float64) float64 {
	if !(perSecond > leastLevel) {
		return 1
	}
	return 1 + math.Log(perSecond/leastLevel)/math.Log(levelStep)
}

func perSecondOf(level float64) float64 {
	if level <= 1 {
		return 0
	}
	return leastLevel * math.Pow(levelStep, level-1)
}

// observe a round. lead is how long before a minute its pods are asked for at the latest.
func (p *profile) observe(now time.Time, e Estimates, lead time.Duration) {
	if !e.Known || !p.turnTo(minuteOf(now)/minutesPerDay) {
		return
	}
	gap := time.Duration(0) // the next round may be as far away as the last one
	if !p.last.IsZero() {
		gap = min(max(now.Sub(p.last), 0), maxLead)
	}
	p.last = now
	p.count(now, e.DemandNow)
	until := minuteOf(now.Add(lead + stepsAhead + gap))
	p.ahead = slices.DeleteFunc(p.ahead, func(m minuteAhead) bool { return m.minute > until+1 }) // of a clock that was put back
	next := minuteOf(now)
	if n := len(p.ahead); n > 0 {
		next = p.ahead[n-1].minute + 1
	}
	for ; next <= until; next++ {
		m := minuteAhead{minute: next}
		in := m.begins().Sub(now)
		demand, _, _ := forecast(e, min(max(in, 0), maxLead), false)
		m.partly, m.without = in < 0, levelOf(demand)
		m.recurring, m.why = p.recurring(next)
		p.ahead = append(p.ahead, m)
	}
}

// turnTo a day; false where the clock is wrong: it must show another day than this one or the next for a while to be believed. If that is
// an earlier one, what is of later days is forgotten.
func (p *profile) turnTo(day int64) bool {
	if p.Day == 0 {
		p.Day = day
	}
	running := !p.last.IsZero() // a status may be old
	if day < p.Day || running && day > p.Day+1 {
		p.ahead = nil
		if p.odd++; p.odd < oddRounds {
			return false
		}
	}
	p.odd = 0
	if day == p.Day {
		return true
	}
	by := day - p.Day
	if by > 0 {
		p.Strays *= math.Exp(-float64(by) / strayDays)
	}
	p.Day = day
	var kept []RisingMinute
	for _, m := range p.Minutes {
		if m.Days = m.Days << max(by, 0) >> max(-by, 0) & (1<<rememberedDays - 1); m.Days != 0 {
			kept = append(kept, m)
		}
	}
	p.Minutes = kept
	return true
}

// count what came in a round, and conclude the minutes that are over.
func (p *profile) count(now time.Time, round Rate) {
	for i := range p.ahead {
		m := &p.ahead[i]
		into := now.Sub(m.begins()).Seconds()
		if overlap := min(into, beginning.Seconds()) - max(into-round.Seconds, 0); overlap > 0 {
			m.arrived.Events += round.PerSecond() * overlap
			m.arrived.Seconds += overlap
		}
	}
	for len(p.ahead) > 0 && now.Sub(p.ahead[0].begins()) >= beginning {
		if m := &p.ahead[0]; !m.partly && m.arrived.Seconds >= beginning.Seconds()/2 {
			p.compare(m)
		}
		p.ahead = p.ahead[1:]
	}
}

// compare what came in a minute with what was to be expected. What came soon before it already is no other rise.
func (p *profile) compare(m *minuteAhead) {
	level := levelOf(m.arrived.PerSecond())
	least := m.without
	for before := int64(1); before <= sameRise; before++ {
		least = max(least, float64(p.levelAt(m.minute-before)))
	}
	usual, far := p.Noise, level-m.without
	if math.Abs(far) > usual { // at the quartile, it moves up as far as down
		p.Noise += noiseStep * usualShare
	} else {
		p.Noise = max(usual-noiseStep*(1-usualShare), 0)
	}
	chance := riseDeviations * math.Sqrt(m.arrived.Events)
	if level < least+leastRise || far < timesNoise*usual || m.arrived.Events-perSecondOf(m.without)*m.arrived.Seconds < chance {
		return
	}
	if m.recurring == 0 {
		p.Strays = min(p.Strays+1.0/strayDays, float64(minutesPerDay))
	}
	p.note(m.minute, byte(min(math.Round(level), math.MaxUint8)))
}

// note a rise. Where there is no room, it takes that of the minute with the fewest days, the one whose last is the longest ago.
func (p *profile) note(minute int64, level byte) {
	ago := p.Day - minute/minutesPerDay
	if ago < 0 || ago >= rememberedDays {
		return
	}
	p.Minutes = slices.Clone(p.Minutes)
	i, found := p.find(int(minute % minutesPerDay))
	if !found {
		if len(p.Minutes) == mostMinutes {
			worst := 0
			for j := range p.Minutes {
				if cmp.Or(cmp.Compare(bits.OnesCount32(p.Minutes[j].Days), bits.OnesCount32(p.Minutes[worst].Days)),
					cmp.Compare(bits.TrailingZeros32(p.Minutes[worst].Days), bits.TrailingZeros32(p.Minutes[j].Days))) < 0 {
					worst = j
				}
			}
			p.Minutes = slices.Delete(p.Minutes, worst, worst+1)
			i, _ = p.find(int(minute % minutesPerDay))
		}
		p.Minutes = slices.Insert(p.Minutes, i, RisingMinute{Minute: int(minute % minutesPerDay)})
	}
	m := &p.Minutes[i]
	m.Days |= 1 << ago
	m.Levels = [2]byte{level, m.Levels[0]}
}

// find a minute of the day.
func (p *profile) find(minute int) (at int, found bool) {
	return slices.BinarySearchFunc(p.Minutes, minute, func(m RisingMinute, minute int) int { return m.Minute - minute })
}

// at says whether there was a rise in a minute since the epoch.
func (p *profile) at(minute int64) bool {
	_, found := p.rise(minute)
	return found
}

// rise in a minute since the epoch, if there was one; its level is 0 where there were two since at the same time of the day.
func (p *profile) rise(minute int64) (level byte, found bool) {
	ago := p.Day - minute/minutesPerDay
	i, found := p.find(int(minute % minutesPerDay))
	if !found || ago < 0 || ago >= rememberedDays || p.Minutes[i].Days&(1<<ago) == 0 {
		return 0, false
	}
	if since := bits.OnesCount32(p.Minutes[i].Days & (1<<ago - 1)); since < len(p.Minutes[i].Levels) {
		level = p.Minutes[i].Levels[since]
	}
	return level, true
}

func (p *profile) levelAt(minute int64) byte {
	level, _ := p.rise(minute)
	return level
}

// near says whether there was a rise in a minute or next to it.
func (p *profile) near(minute int64) bool {
	return p.at(minute-1) || p.at(minute) || p.at(minute+1)
}

// recurring is what is to be expected of a minute because of rises at the same time of earlier days: the higher of the last two of them.
// It is 0 unless there were more than strays explain, one of them in the last week and one in this very minute.
func (p *profile) recurring(minute int64) (level byte, why string) {
	var came []int64
	exact := false
	for _, days := range agoDays {
		then := minute - days*minutesPerDay
		if !p.near(then) {
			continue
		}
		if came = append(came, days); len(came) <= 2 {
			level = max(level, p.levelAt(then-1), p.levelAt(then), p.levelAt(then+1))
		}
		exact = exact || p.at(then)
	}
	if !exact || came[0] > 7 || !p.areEnough(came, lastDays, weeks, agoDays) || p.hasEnded(minute) || p.isOff(minute) {
		return 0, ""
	}
	switch came[0] {
	case 1:
		return level, "as at this time yesterday"
	case 7:
		return level, "as at this time a week ago"
	}
	return level, "as at this time on earlier days"
}

// areEnough says that on more days of some series something came than strays explain.
func (p *profile) areEnough(came []int64, series ...[]int64) bool {
	return slices.ContainsFunc(series, func(days []int64) bool {
		count := 0
		for _, day := range came {
			if slices.Contains(days, day) {
				count++
			}
		}
		return count >= p.needed(len(days))
	})
}

// needed is on how many of some days there must have been a rise at the same time, so that strays are unlikely to have come so often: they
// do on each of them with the same probability, so on how many is binomial.
func (p *profile) needed(days int) int {
	perDay := min(p.Strays*nearMinutes/float64(minutesPerDay), 1)
	chance := 1.0 // C(n, k)·p^k bounds the probability of k or more
	for k := 1; k <= days; k++ {
		chance *= perDay * float64(days-k+1) / float64(k)
		if k >= 2 && chance <= strayChance {
			return k
		}
	}
	return days + 1
}

// hasEnded says that nothing has come the last two times that it would have been as in the week before.
func (p *profile) hasEnded(minute int64) bool {
	missed := 0
	for days := int64(1); days <= 7 && missed < 2; days++ {
		if p.near(minute - days*minutesPerDay) {
			return false
		}
		if p.near(minute - (days+7)*minutesPerDay) {
			missed++
		}
	}
	return missed == 2
}

// isOff says that twice nothing came on this day of the week, although it had in the week before each.
func (p *profile) isOff(minute int64) bool {
	off := func(ago int64) bool {
		if p.near(minute - ago*minutesPerDay) {
			return false
		}
		for days := ago + 1; days < ago+7; days++ {
			if p.near(minute - days*minutesPerDay) {
				return true
			}
		}
		return false
	}
	return off(7) && off(14)
}

// forecast is the demand of a minute that is about to begin or has just begun, where rises at the same time tell of it; 0 otherwise.
func (p *profile) forecast(now time.Time) (perSecond float64, why string) {
	for i := range p.ahead {
		m := &p.ahead[i]
		if expected := perSecondOf(float64(m.recurring)); now.Sub(m.begins()) < beginning && expected > perSecond {
			perSecond, why = expected, m.why
		}
	}
	return perSecond, why
}

// clone shares nothing with the Profile.
func (p Profile) clone() Profile {
	p.Minutes = slices.Clone(p.Minutes)
	return p
}
