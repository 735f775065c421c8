// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/api/v1alpha1"
)

// lived is a profile after some days of a load, from the epoch on, in rounds of ten seconds.
func lived(p *profile, from, days float64, rate func(at time.Time) float64) time.Time {
	const round = 10 * time.Second
	at := epoch.Add(time.Duration(from * 24 * float64(time.Hour)))
	for end := at.Add(time.Duration(days * 24 * float64(time.Hour))); at.Before(end); at = at.Add(round) {
		now := rate(at)
		p.observe(at, Estimates{Known: true, Demand: Rate{now * 60, 60}, DemandNow: Rate{now * round.Seconds(), round.Seconds()}}, 30*time.Second)
	}
	return at
}

// jobs that take three minutes come at nine and at noon each day, but not on some days.
func jobs(except func(day time.Weekday) bool) func(time.Time) float64 {
	return func(at time.Time) float64 {
		if h := at.Hour(); (h == 9 || h == 12) && at.Minute() < 3 && !except(at.Weekday()) {
			return 2000
		}
		return 400
	}
}

func never(time.Weekday) bool { return false }

func weekend(day time.Weekday) bool { return day == time.Saturday || day == time.Sunday }

// before nine o'clock of a day that many days after the epoch's.
func beforeNine(days int) time.Time {
	day := epoch.Truncate(24 * time.Hour).Add(time.Duration(days) * 24 * time.Hour)
	return day.Add(9*time.Hour - 20*time.Second)
}

func expectedAt(p *profile, rate func(time.Time) float64, at time.Time) (float64, string) {
	now := rate(at)
	p.observe(at, Estimates{Known: true, Demand: Rate{now * 60, 60}, DemandNow: Rate{now * 10, 10}}, 30*time.Second)
	return p.forecast(at)
}

func TestAServicesOwnDayIsForecast(t *testing.T) {
	p, load := &profile{}, jobs(never)
	lived(p, 0, 1, load)
	if got, _ := expectedAt(p, load, beforeNine(1)); got != 0 {
		t.Errorf("%v req/s are forecast after one day, which proves nothing", got)
	}
	p = &profile{}
	lived(p, 0, 4, load)
	if got, _ := expectedAt(p, load, beforeNine(4).Add(-time.Minute)); got > 420 {
		t.Errorf("%v req/s are expected long before", got)
	}
	got, why := expectedAt(p, load, beforeNine(4))
	if math.Abs(got-2000) > 0.05*2000 || why != "as at this time yesterday" {
		t.Errorf("%v req/s %s; want 2000 from yesterday", got, why)
	}
	// What is measured speaks for itself once the time has come.
	minuteAfter := beforeNine(4).Add(20*time.Second + time.Minute)
	if got, _ := p.forecast(minuteAfter); math.Abs(got-2000) > 0.05*2000 {
		t.Errorf("%v req/s are expected until a minute after, want 2000", got)
	}
	if got, _ := p.forecast(minuteAfter.Add(1)); got != 0 {
		t.Errorf("%v req/s are expected more than a minute after", got)
	}
}

func TestAServicesOwnWeekIsForecast(t *testing.T) {
	p, load := &profile{}, jobs(func(day time.Weekday) bool { return day != time.Tuesday })
	at := lived(p, 0, 30, load)
	for at.Weekday() != time.Tuesday {
		at = at.Add(24 * time.Hour)
	}
	nine := at.Truncate(24 * time.Hour).Add(9*time.Hour - 20*time.Second)
	got, why := expectedAt(p, load, nine)
	if math.Abs(got-2000) > 0.05*2000 || why != "as at this time a week ago" {
		t.Errorf("%v req/s %s; want 2000 from a week ago", got, why)
	}
}

// A day that the service does not have any more is forgotten, and a load without a clock is never forecast.
func TestWhatProvesNothingIsNotForecast(t *testing.T) {
	quiet := func(time.Time) float64 { return 400 }
	for name, c := range map[string]struct{ first, then func(time.Time) float64 }{
		"jobs that have ended": {jobs(never), quiet},
		"nothing happens":      {quiet, quiet},
		"a slow day":           {func(at time.Time) float64 { return 1000 + 900*math.Sin(2*math.Pi*float64(at.Unix()%86400)/86400) }, quiet},
		"chance": {func(at time.Time) float64 {
			return 400 * math.Exp(1.5*math.Sin(float64(at.Unix()/900)*float64(at.Unix()/900)))
		}, quiet},
	} {
		t.Run(name, func(t *testing.T) {
			p := &profile{}
			lived(p, 0, 9, c.first)
			lived(p, 9, 3, c.then)
			if got, why := expectedAt(p, c.then, beforeNine(13)); got > 0 {
				t.Errorf("%v req/s are expected %s: by the day %+v, by the week %+v", got, why, p.Day, p.Week)
			}
		})
	}
}

// Where clocks change, jobs come an hour earlier: forecasts go wrong for three days at most, also after a long time of being right.
func TestAnHourThatMovesIsLearned(t *testing.T) {
	earlier := func(at time.Time) float64 { return jobs(never)(at.Add(time.Hour)) }
	p := &profile{}
	lived(p, 0, 30, jobs(never))
	lived(p, 30, 3, earlier)
	eight, nine := beforeNine(33).Add(-time.Hour), beforeNine(33)
	if got, why := expectedAt(p, earlier, eight); math.Abs(got-2000) > 0.05*2000 {
		t.Errorf("%v req/s are expected at eight %s, by the day %+v, by the week %+v", got, why, p.Day, p.Week)
	}
	if got, why := expectedAt(p, earlier, nine); got > 420 {
		t.Errorf("%v req/s are expected at nine %s", got, why)
	}
}

// A clock that was ahead for a while keeps no forecast in force and no slot from being learned.
func TestAClockThatIsPutBackStopsNothing(t *testing.T) {
	p, load := &profile{}, jobs(never)
	lived(p, 0, 4, load)
	// It shows nine o'clock five hours early.
	if got, _ := expectedAt(p, load, beforeNine(4)); got < 1900 {
		t.Fatalf("%v req/s are expected at nine", got)
	}
	four := beforeNine(4).Add(-5 * time.Hour)
	if got, why := expectedAt(p, load, four); got > 420 {
		t.Errorf("%v req/s are expected %s after the clock was put back", got, why)
	}
	busy := func(time.Time) float64 { return 1000 }
	for at := four; at.Before(four.Add(slot)); at = at.Add(10 * time.Second) {
		expectedAt(p, busy, at)
	}
	if got := perSecondOf(p.Levels[slotOf(four.Add(time.Minute))]); math.Abs(got-1000) > 50 {
		t.Errorf("%v req/s were learned of the slot after, want 1000", got)
	}
}

// What came before a time in which nothing was measured is not taken for yesterday's, also by an operator that starts after it.
func TestWhatWasMissedIsNotYesterdays(t *testing.T) {
	const days = 24 * time.Hour
	for name, c := range map[string]struct {
		from, again float64 // days: measured until from, and from again on
		nine        int
		want        float64
	}{
		"nothing was missed":    {9, 9, 10, 2000},
		"a morning":             {9, 9.5, 10, 0},
		"days":                  {9, 12, 12, 0},
		"days, and a day since": {9, 12, 13, 2000},
		"more than a week":      {9, 16.1, 17, 0},
	} {
		t.Run(name, func(t *testing.T) {
			load, first := jobs(never), &profile{}
			at := lived(first, 0, c.from, load)
			first.Week = Judged{}
			restarted := New(Learned{At: at, Profile: first.Profile}).profile
			for what, p := range map[string]*profile{"the same operator": first, "the next one": &restarted} {
				until := beforeNine(c.nine).Add(-time.Minute)
				lived(p, c.again, float64(until.Sub(epoch))/float64(days)-c.again, load)
				if got, why := expectedAt(p, load, beforeNine(c.nine)); math.Abs(got-c.want) > 0.05*c.want {
					t.Errorf("%s expects %v req/s %s, want %v", what, got, why, c.want)
				}
			}
		})
	}
}

func TestLevels(t *testing.T) {
	for _, perSecond := range []float64{0.02, 1, 37, 1e3, 1e6} {
		if got := perSecondOf(levelOf(perSecond)); math.Abs(got/perSecond-1) > 0.04 {
			t.Errorf("%v req/s come back as %v", perSecond, got)
		}
	}
	for _, perSecond := range []float64{0, -1, 0.01, math.NaN()} {
		if level := levelOf(perSecond); level != 1 || perSecondOf(level) != 0 {
			t.Errorf("%v req/s are level %d", perSecond, level)
		}
	}
	if levelOf(math.Inf(1)) != math.MaxUint8 {
		t.Error("there is more than the highest level")
	}
}

// It is small in a status, and the next operator forecasts as this one does.
func TestAProfileSurvivesInFewBytes(t *testing.T) {
	p, load := &profile{}, jobs(weekend)
	until := lived(p, 0, 20, load)
	status := Learned{At: until, Profile: p.Profile}.Status()
	text, err := json.Marshal(status.Profile)
	if err != nil || len(text) > 1100 {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	next := New(Recall(&v1alpha1.GoServiceStatus{Learned: status})).profile
	at := beforeNine(22)
	want, why := expectedAt(p, load, at)
	if got, because := expectedAt(&next, load, at); got != want || because != why || p.Levels != next.Levels {
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
