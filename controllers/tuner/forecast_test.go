// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"strings"
	"testing"
	"time"
)

// What comes after a step is what came since then; ahead of a rise it is more, within a fall less, and never below what the last rounds have at
// least.
func TestWhatIsForecast(t *testing.T) {
	steady := Estimates{Demand: Rate{6000, 60}, DemandSince: Rate{6000, 60}, DemandPanic: Rate{600, 6}}
	for name, c := range map[string]struct {
		change func(*Estimates)
		lead   time.Duration
		panics bool
		want   float64
		why    string
		rising bool
	}{
		"steady":                            {func(*Estimates) {}, time.Minute, false, 100, "over the last minute", false},
		"since a step":                      {func(e *Estimates) { e.DemandSince = Rate{3000, 20} }, 0, false, Rate{3000, 20}.mean(), "since the last step", false},
		"a step of which nothing is known":  {func(e *Estimates) { e.DemandSince = Rate{} }, 0, false, 100, "over the last minute", false},
		"a rise":                            {func(e *Estimates) { e.Trend = 1 }, 10 * time.Second, false, 100 + 30 + 10, "forecast for 10s ahead", true},
		"a rise, far ahead":                 {func(e *Estimates) { e.Trend, e.TrendError = 1, 0.25 }, wholeLead + 10*time.Second, false, 100 + 30 + wholeLead.Seconds() + 5, "ahead from the last", true},
		"a rise that may be chance further": {func(e *Estimates) { e.Trend, e.TrendError = 1, 0.75 }, wholeLead + 10*time.Second, false, 100 + 30 + wholeLead.Seconds(), "ahead from the last", true},
		"a rise in a panic":                 {func(e *Estimates) { e.Trend = 1 }, 10 * time.Second, true, 100, "over the last minute", false},
		"a fall":                            {func(e *Estimates) { e.Trend, e.DemandPanic = -1, Rate{420, 6} }, time.Minute, false, 70, "from the last minute's fall", false},
		"a fall to nothing":                 {func(e *Estimates) { e.Trend, e.DemandPanic = -9, Rate{0, 6} }, time.Minute, false, 0, "from the last minute's fall", false},
		"more in the last rounds":           {func(e *Estimates) { e.Trend, e.DemandPanic = -1, Rate{60_000, 6} }, time.Minute, false, Rate{60_000, 6}.AtLeast(), "over the last 6s", false},
	} {
		e := steady
		c.change(&e)
		got, why, rising := forecast(e, c.lead, c.panics)
		if math.Abs(got-c.want) > 1e-9 || !strings.Contains(why, c.why) || rising != c.rising {
			t.Errorf("%s: %v %q, rising %t; want %v %q, %t", name, got, why, rising, c.want, c.why, c.rising)
		}
	}
}

// What a limit turns away needs no pods, after a sudden step either.
func TestAStepAboveTheLimitNeedsNoMorePods(t *testing.T) {
	d := &Decider{}
	steps(d, 0, 5*time.Minute, constant(800, 3))
	step := constant(800, 3)(0)
	step.Estimates.DemandNow, step.Estimates.DemandPanic = Rate{3200 * 2, 2}, Rate{800*4 + 3200*2, 6}
	step.Bounds.SharedLimit = 1600
	if got := d.Decide(epoch.Add(5*time.Minute+tick), step); got.Floor.Value != 8 {
		t.Errorf("floor %d, want 1600 req/s and a half more at 320 each: 8. %s", got.Floor.Value, got.Floor.Reason)
	}
}

// The next operator holds pods for as long as this one learned to, from its own beginning on.
func TestAFreshDeciderHoldsAsLearned(t *testing.T) {
	for _, c := range []struct{ learned, set, want time.Duration }{
		{0, 5 * time.Minute, 5 * time.Minute}, {8 * time.Minute, 5 * time.Minute, 8 * time.Minute}, {2 * time.Minute, 5 * time.Minute, 5 * time.Minute},
	} {
		d := &Decider{}
		d.resume(Learned{Hold: c.learned})
		s := constant(800, 3)(0)
		s.Bounds.HoldFor = c.set
		d.Decide(epoch, s)
		if d.hold != c.want || !d.heldSince.Equal(epoch) || !d.shrunkAt.Equal(epoch) {
			t.Errorf("learned %s, set %s: held for %s since %s, shrunk at %s", c.learned, c.set, d.hold, d.heldSince, d.shrunkAt)
		}
	}
}

// What is remembered for a minute ahead is the demand as far ahead as that minute is, not further.
func TestAProfileLooksNoFurtherThanTheMinute(t *testing.T) {
	e := Estimates{Known: true, Demand: Rate{6000, 60}, DemandPanic: Rate{600, 6}, DemandNow: Rate{200, 2}, Trend: 1}
	now, p := firstDay.Add(time.Hour), &profile{}
	p.observe(now, e, time.Minute)
	if len(p.ahead) < 3 {
		t.Fatalf("%d minutes ahead", len(p.ahead))
	}
	for _, m := range p.ahead {
		want, _, _ := forecast(e, min(m.begins().Sub(now), maxLead), false)
		if m.without != levelOf(want) {
			t.Errorf("in %s: level %v, want that of %v", m.begins().Sub(now), m.without, want)
		}
	}
}

// Rises are remembered for 24 days and no longer.
func TestRisesAreForgotten(t *testing.T) {
	for ago, want := range map[int64]bool{-1: false, 0: true, rememberedDays - 1: true, rememberedDays: false} {
		p := &profile{Profile: Profile{Day: 100}}
		p.note((100-ago)*minutesPerDay+7, 50)
		if _, found := p.rise((100-ago)*minutesPerDay + 7); found != want {
			t.Errorf("a rise %d days ago is remembered: %t", ago, found)
		}
	}
	p := &profile{Profile: Profile{Day: 100}}
	p.note(100*minutesPerDay+7, 50)
	if _, found := p.rise((100-rememberedDays)*minutesPerDay + 7); found {
		t.Error("a rise of today counts as one of 24 days ago")
	}
}

// Pods that are full and turn more away than before are doubled at least, however little of the rise shows yet. In the minute after that the
// rounds are whole, and say how much comes.
func TestFullPodsAreDoubledOnce(t *testing.T) {
	full := func(ready int32) Situation {
		s := constant(800, ready)(0)
		e := &s.Estimates
		e.DemandBefore, e.DoneBefore = Rate{800 * 2, 2}, Rate{800 * 2, 2}
		e.DemandNow.Events, e.DemandPanic.Events = 800*2+190, 800*6+190
		e.Saturation, e.Rejected, e.Done = 1, 10, Rate{800*2 + 80, 2}
		return s
	}
	d := &Decider{}
	steps(d, 0, 5*time.Minute, constant(800, 3))
	got := d.Decide(epoch.Add(5*time.Minute+tick), full(9))
	if got.Floor.Value != 18 || !strings.Contains(got.Floor.Reason, "2 times the 9 pods that are full after a sudden step") {
		t.Fatalf("floor %d: %s", got.Floor.Value, got.Floor.Reason)
	}
	if got = d.Decide(epoch.Add(5*time.Minute+2*tick), full(18)); got.Floor.Value != 18 {
		t.Errorf("floor %d in the next round: %s", got.Floor.Value, got.Floor.Reason)
	}
}

// The clock of another day is believed after so many rounds; a day later at once, and the same day as ever.
func TestADayIsBelieved(t *testing.T) {
	for name, c := range map[string]struct {
		day    int64
		rounds int
		want   int64
	}{
		"the same": {100, 1, 100}, "the next": {101, 1, 101}, "the day before, once": {99, 1, 100}, "the day before, too few times": {99, oddRounds - 1, 100},
		"the day before, often": {99, oddRounds, 99}, "two later": {102, oddRounds - 1, 100}, "two later, often": {102, oddRounds, 102},
	} {
		p := &profile{Profile: Profile{Day: 100, Strays: 5, Minutes: []RisingMinute{{Minute: 7, Days: 0b110}}}, last: epoch}
		believed := false
		for range c.rounds {
			believed = p.turnTo(c.day)
		}
		if p.Day != c.want || believed != (c.want == c.day) {
			t.Errorf("%s: day %d, believed %t", name, p.Day, believed)
		}
		if days := []uint32{2: 0b110, 3: 0b1100, 1: 0b11, 4: 0b11000}[c.want-98]; len(p.Minutes) != 1 || p.Minutes[0].Days != days {
			t.Errorf("%s: %+v, want days %b", name, p.Minutes, days)
		}
		if (p.Strays < 5) != (c.want > 100) || p.odd != 0 && believed {
			t.Errorf("%s: %v strays, %d odd rounds", name, p.Strays, p.odd)
		}
	}
	if late := (&profile{Profile: Profile{Day: 100}}); !late.turnTo(120) {
		t.Error("what was written twenty days ago is no wrong clock")
	}
}
