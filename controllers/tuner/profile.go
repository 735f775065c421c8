// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"goservice.dev/operator/api/v1alpha1"
)

const (
	minutesPerDay = int64(24 * time.Hour / time.Minute)
	// Rises are remembered for two weeks, and at most mostRises, the last ones: whoever has more has no clock.
	mostRises   = 256
	rememberFor = 14 * minutesPerDay
	// beginning of a rise, whose mean demand is remembered, and for as long as which a forecast of it counts: after that, what is
	// measured says more.
	beginning = time.Minute
	// Levels of demand are counted in steps of levelStep from leastLevel requests per second on; 0 is not known.
	leastLevel = 0.01
	levelStep  = 1.08
	// leastRise in levels is a quarter more than was to be expected, and chance explains it in less than one of ten thousand cases:
	// riseDeviations of a Poisson process.
	leastRise      = 3
	riseDeviations = 4
	// sameRise in minutes is for as long as what was to be expected may not know of a rise: it is a mean of one, asked for up to maxLead ahead.
	sameRise = int64((maxLead + StableWindow) / time.Minute)
	// Forecasts are not used where at least doubtedAfter of them have been compared with what came, and were further from it than what was
	// to be expected without them. Comparisons are forgotten over forecastMemory of them.
	doubtedAfter   = 4
	forecastMemory = 16
)

// Judged is how good forecasts were, beside none: mean squared errors in steps of levels.
type Judged struct {
	With, Without float64
	// Count of comparisons, at most forecastMemory.
	Count int
}

func (j *Judged) add(forecast, without, actual byte) {
	j.Count = min(j.Count+1, forecastMemory)
	square := func(a byte) float64 { return (float64(a) - float64(actual)) * (float64(a) - float64(actual)) }
	j.With += (square(forecast) - j.With) / float64(j.Count)
	j.Without += (square(without) - j.Without) / float64(j.Count)
}

func (j *Judged) doubted() bool { return j.Count >= doubtedAfter && j.With > j.Without }

// Rise is a minute, counted from the Unix epoch, in which more came than was to be expected when its pods would have had to be asked for.
type Rise struct {
	Minute int64
	// Level of the demand in its minute.
	Level byte
}

// Profile is when more came than was to be expected, the oldest first, and how good forecasts by that were. The zero value knows nothing.
type Profile struct {
	Rises     []Rise
	Forecasts Judged
}

// profile learns a Profile and forecasts by it. The zero value knows nothing.
type profile struct {
	Profile
	// ahead are the minutes that begin soon or have begun, the oldest first.
	ahead []minuteAhead
}

// minuteAhead is a minute before it is over.
type minuteAhead struct {
	minute int64
	// without is what is to be expected of it without the clock, by what was known when its pods had to be asked for; recurring is what
	// came at this time before, 0 where nothing did.
	without, recurring byte
	why                string
	arrived            Rate
}

func (m *minuteAhead) begins() time.Time { return time.Unix(60*m.minute, 0) }

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

func minuteOf(at time.Time) int64 { return at.Unix() / 60 }

// observe a round. lead is how far ahead of a minute its pods are asked for: what was known then is what a forecast is compared with.
func (p *profile) observe(now time.Time, e Estimates, lead time.Duration) {
	if !e.Known {
		return
	}
	p.forgetAfter(minuteOf(now.Add(maxLead)))
	p.conclude(now, e)
	next := minuteOf(now) + 1
	if n := len(p.ahead); n > 0 {
		next = max(next, p.ahead[n-1].minute+1)
	}
	demand, _, _ := forecast(e, lead, false)
	for ; next <= minuteOf(now.Add(lead)); next++ {
		m := minuteAhead{minute: next, without: levelOf(demand)}
		m.recurring, m.why = p.recurring(next)
		p.ahead = append(p.ahead, m)
	}
}

// forgetAfter a minute everything that comes later: it was found by a clock that has been put back since.
func (p *profile) forgetAfter(last int64) {
	p.ahead = slices.DeleteFunc(p.ahead, func(m minuteAhead) bool { return m.minute > last })
	p.Rises = slices.DeleteFunc(p.Rises, func(r Rise) bool { return r.Minute > last })
}

// conclude what the minutes say that are over, and count what comes in the one that is not.
func (p *profile) conclude(now time.Time, e Estimates) {
	for len(p.ahead) > 0 {
		m := &p.ahead[0]
		into := now.Sub(m.begins())
		if into <= 0 {
			return
		}
		if into <= beginning {
			m.arrived.Events += e.DemandNow.Events
			m.arrived.Seconds += e.DemandNow.Seconds
			return
		}
		if m.arrived.Seconds >= beginning.Seconds()/2 {
			p.compare(m)
		}
		p.ahead = p.ahead[1:]
	}
}

// compare what came in a minute with what was to be expected. What came soon before it already is no other rise.
func (p *profile) compare(m *minuteAhead) {
	level := levelOf(m.arrived.PerSecond())
	if m.recurring > 0 {
		p.Forecasts.add(m.recurring, m.without, level)
	}
	chance := riseDeviations * math.Sqrt(m.arrived.Events)
	least := int(m.without)
	for before := int64(1); before <= sameRise; before++ {
		least = max(least, int(p.riseAt(m.minute-before)))
	}
	least += leastRise
	if int(level) < least || m.arrived.Events-perSecondOf(m.without)*m.arrived.Seconds < chance {
		return
	}
	p.Rises = append(p.Rises, Rise{m.minute, level})
	old, _ := slices.BinarySearchFunc(p.Rises, m.minute-rememberFor, func(r Rise, minute int64) int { return int(r.Minute - minute) })
	p.Rises = slices.Clone(p.Rises[max(old, len(p.Rises)-mostRises):])
}

// recurring is the higher of two rises at the same time, of both days or in both weeks before a minute; 0 where there were not two. What
// came in both weeks counts where the day before was as it was a week ago, too: what came every day, and no longer does, is no week.
func (p *profile) recurring(minute int64) (level byte, why string) {
	if level = p.bothBefore(minute, 1); level > 0 {
		why = "as at this time on the last two days"
	}
	ago := func(days int64) bool { return p.riseNear(minute-days*minutesPerDay) > 0 }
	if weekly := p.bothBefore(minute, 7); weekly > level && ago(1) == ago(8) {
		level, why = weekly, "as at this time in the last two weeks"
	}
	return level, why
}

// bothBefore is the higher of two rises, so many days before a minute and twice as many: one in the same minute, the other in the
// same or next to it, since some begin late; 0 where there were not two.
func (p *profile) bothBefore(minute, days int64) byte {
	last, before := minute-days*minutesPerDay, minute-2*days*minutesPerDay
	if max(p.riseAt(last), p.riseAt(before)) == 0 || min(p.riseNear(last), p.riseNear(before)) == 0 {
		return 0
	}
	return max(p.riseNear(last), p.riseNear(before))
}

// riseNear is the highest rise in a minute and those next to it; 0 where there was none.
func (p *profile) riseNear(minute int64) byte {
	return max(p.riseAt(minute-1), p.riseAt(minute), p.riseAt(minute+1))
}

// riseAt a minute; 0 where there was none.
func (p *profile) riseAt(minute int64) byte {
	i, found := slices.BinarySearchFunc(p.Rises, minute, func(r Rise, minute int64) int { return int(r.Minute - minute) })
	if !found {
		return 0
	}
	return p.Rises[i].Level
}

// forecast is the demand of a minute that is about to begin or has just begun, where more came at this time before than was to be
// expected; 0 otherwise, and where such forecasts proved wrong.
func (p *profile) forecast(now time.Time) (perSecond float64, why string) {
	if p.Forecasts.doubted() {
		return 0, ""
	}
	for i := range p.ahead {
		if m := &p.ahead[i]; now.Sub(m.begins()) <= beginning && perSecondOf(m.recurring) > perSecond {
			perSecond, why = perSecondOf(m.recurring), m.why
		}
	}
	return perSecond, why
}

// clone shares nothing with the Profile.
func (p Profile) clone() Profile {
	p.Rises = slices.Clone(p.Rises)
	return p
}

// riseBytes are a minute in four, and its level.
const riseBytes = 5

// status of it; nil where nothing is known.
func (p Profile) status() *v1alpha1.LearnedProfile {
	if len(p.Rises) == 0 {
		return nil
	}
	var rises []byte
	for _, r := range p.Rises {
		rises = append(binary.BigEndian.AppendUint32(rises, uint32(r.Minute)), r.Level)
	}
	return &v1alpha1.LearnedProfile{Rises: base64.StdEncoding.EncodeToString(rises), Forecasts: p.Forecasts.status()}
}

func (j Judged) status() *v1alpha1.LearnedForecasts {
	if j.Count == 0 {
		return nil
	}
	return &v1alpha1.LearnedForecasts{With: count(permille * j.With), Without: count(permille * j.Without), Count: int32(j.Count)}
}

// recallProfile knows nothing where something cannot be.
func recallProfile(s *v1alpha1.LearnedProfile) Profile {
	if s == nil {
		return Profile{}
	}
	rises, err := base64.StdEncoding.DecodeString(s.Rises)
	if err != nil || len(rises)%riseBytes != 0 || len(rises) > mostRises*riseBytes {
		return Profile{}
	}
	var p Profile
	for r := range slices.Chunk(rises, riseBytes) {
		rise := Rise{int64(binary.BigEndian.Uint32(r)), r[riseBytes-1]}
		if n := len(p.Rises); n > 0 && rise.Minute <= p.Rises[n-1].Minute || rise.Level == 0 {
			return Profile{}
		}
		p.Rises = append(p.Rises, rise)
	}
	if f := s.Forecasts; f != nil && f.With >= 0 && f.Without >= 0 && f.Count > 0 && f.Count <= forecastMemory {
		p.Forecasts = Judged{With: float64(f.With) / permille, Without: float64(f.Without) / permille, Count: int(f.Count)}
	}
	return p
}
