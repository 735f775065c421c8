// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"time"

	"goservice.dev/operator/api/v1alpha1"
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
	// leastRise in levels is about a quarter more than was to be expected, and chance explains it in less than one of ten thousand cases:
	// riseDeviations of a Poisson process.
	leastRise      = 3
	riseDeviations = 4
	// sameRise in minutes is for how long what was to be expected may not know of a rise: it is a mean of one, from so long ahead.
	sameRise = int64((maxLead + stepsAhead + maxLead + StableWindow) / time.Minute)
	// nearMinutes are those in which a rise counts as one at the same time, since some begin late.
	nearMinutes = 3
	// strayChance is how probable it may be that strays alone come as often at the same time as a forecast demands: less than once in
	// three days is there a minute of which that is so.
	strayChance = 2e-4
	// strayDays is the mean age of the strays that count.
	strayDays = 3
	// behindRounds is how long a clock must be behind to be believed.
	behindRounds = 100
)

// agoDays are the days on which a rise tells of one today: those of the last week, and this one of the two weeks before it.
var agoDays = []int64{1, 2, 3, 4, 5, 6, 7, 14, 21}

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
}

// profile learns a Profile and forecasts by it. The zero value knows nothing.
type profile struct {
	Profile
	// ahead are the minutes that begin soon or have begun, the oldest first.
	ahead []minuteAhead
	// last round, and how many rounds in a row were on earlier days than the Profile's.
	last   time.Time
	behind int
}

// minuteAhead is a minute since the Unix epoch, before it is over.
type minuteAhead struct {
	minute int64
	// partly says that it had begun when it was first seen.
	partly bool
	// without is what was to be expected of it without the clock, by what was known when its pods had to be asked for; recurring is what
	// came at this time before, 0 where nothing is to be expected of that.
	without, recurring byte
	why                string
	arrived            Rate
}

func (m *minuteAhead) begins() time.Time { return time.Unix(60*m.minute, 0) }

func minuteOf(at time.Time) int64 { return at.Unix() / 60 }

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

// turnTo a day; false where the clock is behind what was measured already. It must be so for a while to be believed: then what is of
// later days is forgotten.
func (p *profile) turnTo(day int64) bool {
	if p.Day == 0 {
		p.Day = day
	}
	if day < p.Day {
		p.ahead = nil
		if p.behind++; p.behind < behindRounds {
			return false
		}
	}
	p.behind = 0
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
	least := int(m.without)
	for before := int64(1); before <= sameRise; before++ {
		if at := p.at(m.minute - before); at != nil {
			least = max(least, int(at.Levels[0]))
		}
	}
	chance := riseDeviations * math.Sqrt(m.arrived.Events)
	if int(level) < least+leastRise || m.arrived.Events-perSecondOf(m.without)*m.arrived.Seconds < chance {
		return
	}
	if m.recurring == 0 {
		p.Strays += 1.0 / strayDays
	}
	p.note(m.minute, level)
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

// at a minute since the epoch in which there was a rise; nil where there was none.
func (p *profile) at(minute int64) *RisingMinute {
	ago := p.Day - minute/minutesPerDay
	i, found := p.find(int(minute % minutesPerDay))
	if !found || ago < 0 || ago >= rememberedDays || p.Minutes[i].Days&(1<<ago) == 0 {
		return nil
	}
	return &p.Minutes[i]
}

// near says whether there was a rise in a minute or next to it.
func (p *profile) near(minute int64) bool {
	return p.at(minute-1) != nil || p.at(minute) != nil || p.at(minute+1) != nil
}

// recurring is what is to be expected of a minute because of rises at the same time of earlier days: the higher of the last two of them.
// It is 0 unless there were more than strays explain, one of them in the last week and one in this very minute.
func (p *profile) recurring(minute int64) (level byte, why string) {
	ago := func(days int64) int64 { return minute - days*minutesPerDay }
	count, last, exact := 0, int64(0), false
	for _, days := range agoDays {
		if p.near(ago(days)) {
			count++
			last = cmp.Or(last, days)
			exact = exact || p.at(ago(days)) != nil
		}
	}
	if count < p.needed() || last > 7 || !exact || p.hasEnded(minute) || p.isOff(minute) {
		return 0, ""
	}
	for other := minute - 1; other <= minute+1; other++ {
		if i, found := p.find(int(other % minutesPerDay)); found {
			level = max(level, p.Minutes[i].Levels[0], p.Minutes[i].Levels[1])
		}
	}
	switch last {
	case 1:
		return level, "as at this time yesterday"
	case 7:
		return level, "as at this time a week ago"
	}
	return level, "as at this time on earlier days"
}

// needed is in how many of agoDays there must have been a rise at the same time, so that strays are unlikely to have come so often. At
// each day's time they do with the same probability, so what n of them do is binomial.
func (p *profile) needed() int {
	perDay := min(p.Strays*nearMinutes/float64(minutesPerDay), 1)
	chance := 1.0 // C(n, k)·p^k bounds the probability of k or more
	for k := 1; k <= len(agoDays); k++ {
		chance *= perDay * float64(len(agoDays)-k+1) / float64(k)
		if k >= 2 && chance <= strayChance {
			return k
		}
	}
	return len(agoDays) + 1
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

// isOff says that twice nothing came on this day of the week, although it had on the days before.
func (p *profile) isOff(minute int64) bool {
	was := func(days int64) bool { return p.near(minute - days*minutesPerDay) }
	lately := func(days int64) bool {
		return was(days+1) && was(days+2) || was(days+1) && was(days+3) || was(days+2) && was(days+3)
	}
	return !was(7) && !was(14) && lately(7) && lately(14)
}

// forecast is the demand of a minute that is about to begin or has just begun, where rises at the same time tell of it; 0 otherwise.
func (p *profile) forecast(now time.Time) (perSecond float64, why string) {
	for i := range p.ahead {
		if m := &p.ahead[i]; now.Sub(m.begins()) < beginning && perSecondOf(m.recurring) > perSecond {
			perSecond, why = perSecondOf(m.recurring), m.why
		}
	}
	return perSecond, why
}

// clone shares nothing with the Profile.
func (p Profile) clone() Profile {
	p.Minutes = slices.Clone(p.Minutes)
	return p
}

// minuteBytes are a minute in two bytes, its days in three, and its levels.
const minuteBytes = 7

// status of it; nil where nothing is known.
func (p Profile) status() *v1alpha1.LearnedProfile {
	if len(p.Minutes) == 0 {
		return nil
	}
	var encoded []byte
	for _, m := range p.Minutes {
		encoded = binary.BigEndian.AppendUint16(encoded, uint16(m.Minute))
		encoded = append(encoded, byte(m.Days>>16), byte(m.Days>>8), byte(m.Days), m.Levels[0], m.Levels[1])
	}
	return &v1alpha1.LearnedProfile{
		Day: p.Day, Minutes: base64.StdEncoding.EncodeToString(encoded), StrayPermille: count(permille * p.Strays),
	}
}

// recallProfile knows nothing where something cannot be.
func recallProfile(s *v1alpha1.LearnedProfile) Profile {
	if s == nil {
		return Profile{}
	}
	encoded, err := base64.StdEncoding.DecodeString(s.Minutes)
	if err != nil || len(encoded) == 0 || len(encoded)%minuteBytes != 0 || len(encoded) > mostMinutes*minuteBytes || s.Day <= 0 || s.StrayPermille < 0 {
		return Profile{}
	}
	p := Profile{Day: s.Day, Strays: float64(s.StrayPermille) / permille}
	for b := range slices.Chunk(encoded, minuteBytes) {
		m := RisingMinute{int(binary.BigEndian.Uint16(b)), uint32(b[2])<<16 | uint32(b[3])<<8 | uint32(b[4]), [2]byte{b[5], b[6]}}
		if n := len(p.Minutes); n > 0 && m.Minute <= p.Minutes[n-1].Minute || int64(m.Minute) >= minutesPerDay || m.Days == 0 || m.Levels[0] == 0 {
			return Profile{}
		}
		p.Minutes = append(p.Minutes, m)
	}
	return p
}
