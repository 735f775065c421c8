// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/api/v1alpha1"
)

// The higher of the last two rises is expected, and neither an earlier one nor the lower.
func TestHowHighARiseIsExpected(t *testing.T) {
	heights := []float64{5000, 1500, 2500, 2000, 1200, 1300, 1400}
	load := func(at time.Time) float64 {
		if into := minuteOfDay(at) - nine; into >= 0 && into < 10 {
			return heights[dayOf(at)]
		}
		return 400
	}
	got := map[int]float64{}
	usualLiving.live(&profile{}, 0, 7, load, func(at time.Time, perSecond float64, _ string) { got[dayOf(at)] = perSecond })
	for day, want := range map[int]float64{2: 5000, 3: 2500, 4: 2500, 5: 2000, 6: 1300} {
		if math.Abs(got[day]-want) > 0.05*want {
			t.Errorf("%v req/s are expected on day %d, want %v", got[day], day, want)
		}
	}
	usualLiving.live(&profile{}, 0, 30, func(at time.Time) float64 {
		if dayOf(at) == 5 && minuteOfDay(at) == nine+1 || dayOf(at) == 24 && minuteOfDay(at) == nine+1 {
			return 20_000
		}
		return jobs(nine, always)(at)
	}, func(at time.Time, perSecond float64, _ string) { got[dayOf(at)] = perSecond })
	for day := 8; day < 24; day++ {
		if got[day] > 2500 {
			t.Errorf("%v req/s are expected on day %d, long after a stray beside the job", got[day], day)
		}
	}
}

// A few requests more than none, a few per cent more, and half a minute are no rise.
func TestChanceIsNoRise(t *testing.T) {
	for name, c := range map[string]struct {
		without, actual float64
		want            int
	}{
		"15 requests after none":    {0, 0.25, 0},
		"18 requests after none":    {0, 0.3, 1},
		"a tenth more":              {1000, 1100, 0},
		"a third more":              {1000, 1330, 1},
		"half more, of a few":       {0.5, 0.75, 0},
		"three times, of a few":     {0.5, 1.5, 1},
		"less":                      {1000, 100, 0},
		"as much":                   {1000, 1000, 0},
		"more than the highest one": {1e300, math.MaxFloat64 / 60, 1},
	} {
		p := &profile{Profile: Profile{Day: 20_833}}
		p.compare(&minuteAhead{minute: 30_000_000, without: levelOf(c.without), arrived: Rate{c.actual * 60, 60}})
		if len(p.Minutes) != c.want || (p.Strays > 0) != (c.want > 0) {
			t.Errorf("%s: %d rises, want %d", name, len(p.Minutes), c.want)
		}
	}
	for seconds, want := range map[float64]int{29: 0, 30: 1, 60: 1} {
		p := &profile{Profile: Profile{Day: 20_833}, ahead: []minuteAhead{{minute: 30_000_000, without: 10, arrived: Rate{1000 * seconds, seconds}}}}
		p.count(time.Unix(60*30_000_001, 0), Rate{})
		if len(p.Minutes) != want || len(p.ahead) != 0 {
			t.Errorf("%v seconds of a minute: %d rises, want %d", seconds, len(p.Minutes), want)
		}
	}
}

// What minutes usually differ by is no rise, nor is what chance makes of that. Jobs that come often do not count as that.
func TestWhatIsUsualIsNoRise(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	for noise, want := range map[float64]float64{0: 1.3, 0.05: 1.4, 0.1: 1.7, 0.2: 2.6} { // the standard deviation, and how much more is a rise
		p := &profile{}
		minute := int64(30_000_000)
		for range 3000 {
			p.turnTo(minute / minutesPerDay)
			load := 1000 * math.Exp(noise*random.NormFloat64())
			if minute%20 < 6 {
				load *= 4
			}
			p.compare(&minuteAhead{minute: minute, without: levelOf(1000), arrived: Rate{60 * load, 60}})
			minute++
		}
		for more, rise := range map[float64]bool{want * 0.85: false, want * 1.15: true} {
			p := &profile{Profile: Profile{Day: p.Day, Noise: p.Noise}}
			p.compare(&minuteAhead{minute: minute, without: levelOf(1000), arrived: Rate{60_000 * more, 60}})
			if got := len(p.Minutes) > 0; got != rise {
				t.Errorf("%.0f%% noise, %.2f levels of a quarter: %.2f times as much is a rise: %t", 100*noise, p.Noise, more, got)
			}
		}
	}
}

// A round that reaches over the end of a minute counts in both, by its parts.
func TestARoundIsSharedByItsMinutes(t *testing.T) {
	p := &profile{Profile: Profile{Day: 20_833}, ahead: []minuteAhead{{minute: 30_000_000}, {minute: 30_000_001}, {minute: 30_000_002}}}
	begins := p.ahead[0].begins()
	p.count(begins.Add(50*time.Second), Rate{300, 60})
	if got := p.ahead[0].arrived; got != (Rate{250, 50}) {
		t.Errorf("%v of a round that began before the minute", got)
	}
	p.count(begins.Add(70*time.Second), Rate{200, 20})
	if len(p.ahead) != 2 || p.ahead[0].arrived != (Rate{100, 10}) || p.ahead[1].arrived != (Rate{}) {
		t.Errorf("%+v after a round that reaches over the end", p.ahead)
	}
}

// The more rises nobody foresees, the more days must agree.
func TestHowManyDaysMustAgree(t *testing.T) {
	before := 0
	for strays, want := range map[float64]int{0: 2, 1: 2, 1.2: 3, 5: 3, 10: 4, 20: 5, 30: 5, 60: 7, 480: 10, 1e9: 10} {
		p := &profile{Profile: Profile{Strays: strays}}
		if got := p.needed(len(agoDays)); got != want {
			t.Errorf("%v strays a day: %d days, want %d", strays, got, want)
		}
	}
	for strays, want := range map[float64]int{3.9: 2, 4: 3, 28: 3, 29: 4} {
		p := &profile{Profile: Profile{Strays: strays}}
		if got := p.needed(len(weeks)); got != want {
			t.Errorf("%v strays a day: %d of three weeks, want %d", strays, got, want)
		}
	}
	for strays := 0.0; strays < 1000; strays++ {
		p := &profile{Profile: Profile{Strays: strays}}
		if got := p.needed(len(agoDays)); got < before {
			t.Fatalf("%v strays a day: %d days, fewer than before", strays, got)
		} else {
			before = got
		}
	}
	p := &profile{}
	p.turnTo(100)
	p.Strays = 3
	p.turnTo(103)
	if math.Abs(p.Strays-3/math.E) > 1e-9 {
		t.Errorf("%v strays after three days", p.Strays)
	}
	for day := range int64(60) { // four a day
		p.turnTo(200 + day)
		for i := range int64(4) {
			p.Noise = 0
			p.compare(&minuteAhead{minute: (200+day)*minutesPerDay + 97*day%1000 + 100*i, without: 10, arrived: Rate{60_000, 60}})
		}
	}
	if p.Strays < 3.5 || p.Strays > 5 {
		t.Errorf("%v strays a day, of four", p.Strays)
	}
}

// Where there is no room, the minute with the fewest days goes, of those the one that is the longest ago.
func TestTheLeastMinuteMakesRoom(t *testing.T) {
	p := &profile{Profile: Profile{Day: 100, Minutes: manyMinutes(mostMinutes)}}
	for i := range p.Minutes {
		p.Minutes[i].Days = 0b11
	}
	p.Minutes[7].Days, p.Minutes[9].Days, p.Minutes[11].Days = 0b1, 0b100, 0b10
	shared := p.Minutes
	p.note(100*minutesPerDay+1000, 50)
	p.note(100*minutesPerDay+1001, 50)
	p.note(99*minutesPerDay+1001, 40)
	at := func(minute int) uint32 {
		if i, found := p.find(minute); found {
			return p.Minutes[i].Days
		}
		return 0
	}
	if len(p.Minutes) != mostMinutes || at(9) != 0 || at(11) != 0 || at(7) != 1 || at(1000) != 1 || at(1001) != 0b11 {
		t.Errorf("%d minutes: %b %b %b %b %b", len(p.Minutes), at(9), at(11), at(7), at(1000), at(1001))
	}
	if shared[9].Minute != 9 {
		t.Error("the minutes are shared with what was learned before")
	}
	if i, _ := p.find(1001); p.Minutes[i].Levels != [2]byte{40, 50} {
		t.Errorf("levels %v", p.Minutes[i].Levels)
	}
	copied := p.clone()
	copied.Minutes[0].Days = 77
	if p.Minutes[0].Days == 77 {
		t.Error("a clone is shared")
	}
	p.note(101*minutesPerDay, 50)
	p.note((100-rememberedDays)*minutesPerDay+1002, 50)
	if at(0) != 0b11 || at(1002) != 0 {
		t.Error("a rise of tomorrow, or of long ago, is remembered")
	}
}

func TestLevels(t *testing.T) {
	for _, perSecond := range []float64{0.02, 1, 37, 1e3, 1e6} {
		if got := perSecondOf(levelOf(perSecond)); math.Abs(got/perSecond-1) > 1e-9 {
			t.Errorf("%v req/s come back as %v", perSecond, got)
		}
	}
	for _, perSecond := range []float64{0, -1, 0.01, math.NaN()} {
		if level := levelOf(perSecond); level != 1 || perSecondOf(level) != 0 {
			t.Errorf("%v req/s are level %v", perSecond, level)
		}
	}
	p := &profile{Profile: Profile{Day: 20_833}}
	p.compare(&minuteAhead{minute: 30_000_000, without: 10, arrived: Rate{1e300, 60}})
	if p.levelAt(30_000_000) != math.MaxUint8 {
		t.Error("there is more than the highest level")
	}
}

func manyMinutes(n int) []RisingMinute {
	minutes := make([]RisingMinute, n)
	for i := range minutes {
		minutes[i] = RisingMinute{Minute: i, Days: 1<<rememberedDays - 1, Levels: [2]byte{200, 201}}
	}
	return minutes
}

// It is small in a status, and the next operator forecasts as this one does.
func TestAProfileSurvivesInFewBytes(t *testing.T) {
	p := &profile{}
	until := usualLiving.live(p, 0, 21, jobs(nine, onWeekdays), nil)
	for most, minutes := range map[int][]RisingMinute{110: p.Minutes, 2500: manyMinutes(mostMinutes)} {
		text, err := json.Marshal(Learned{Profile: Profile{p.Day, minutes, p.Strays, p.Noise}}.Status().Profile)
		if err != nil || len(text) > most {
			t.Errorf("%d bytes for %d minutes, %v", len(text), len(minutes), err)
		}
	}
	next := New(Recall(&v1alpha1.GoServiceStatus{Learned: Learned{At: until, Profile: p.Profile}.Status()})).profile
	at := beforeNine(21)
	want, why := expected(p, 400, at)
	if got, because := expected(&next, 400, at); got == 0 || got != want || because != why {
		t.Errorf("%v %s after a restart, %v %s before", got, because, want, why)
	}
}

// The floor is never below what is measured, and at what is expected where that is more; a shared limit bounds both.
func TestWhatIsExpectedRaisesTheFloor(t *testing.T) {
	for name, c := range map[string]struct {
		expected, limit float64
		want            int32
		reason          string
	}{
		"more":               {3200, 0, 10, "3200 req/s as at this time yesterday, 5ms of CPU each"},
		"less":               {100, 0, 5, "1600 req/s over the last minute"},
		"nothing":            {0, 0, 5, "1600 req/s over the last minute"},
		"more than may come": {3200, 2000, 7, "2000 req/s as at this time yesterday"},
	} {
		t.Run(name, func(t *testing.T) {
			got := steps(&Decider{}, 0, time.Minute, func(time.Duration) Situation {
				s := constant(1600, 5)(0)
				s.Expected, s.ExpectedWhy, s.Bounds.SharedLimit = c.expected, "as at this time yesterday", c.limit
				return s
			})
			if got.Floor.Value != c.want || !strings.HasPrefix(got.Floor.Reason, c.reason) {
				t.Errorf("floor %d: %s; want %d: %s", got.Floor.Value, got.Floor.Reason, c.want, c.reason)
			}
		})
	}
}
