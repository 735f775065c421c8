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

const testLead = 80 * time.Second

// constantly is what is measured of a demand that has been as it is for a minute.
func constantly(perSecond float64) Estimates {
	const round = 4
	return Estimates{Known: true, Demand: Rate{perSecond * 60, 60}, DemandNow: Rate{perSecond * round, round}}
}

// lived is a profile after some days of a load, from the epoch's midnight on, in rounds of four seconds. before is told what is forecast.
func lived(p *profile, from, days float64, rate func(at time.Time) float64, forecasts func(at time.Time, perSecond float64, why string)) time.Time {
	const round = 4 * time.Second
	at := epoch.Truncate(24 * time.Hour).Add(time.Duration(from * 24 * float64(time.Hour)))
	var last [15]float64 // a minute of rounds
	for i := range last {
		last[i] = rate(at)
	}
	for end, i := at.Add(time.Duration(days*24*float64(time.Hour))), 0; at.Before(end); at, i = at.Add(round), i+1 {
		last[i%len(last)] = rate(at.Add(-1))
		sum := 0.0
		for _, r := range last {
			sum += r * round.Seconds()
		}
		e := constantly(last[i%len(last)])
		e.Demand.Events = sum
		p.observe(at, e, testLead)
		if perSecond, why := p.forecast(at); perSecond > 0 && forecasts != nil {
			forecasts(at, perSecond, why)
		}
	}
	return at
}

// jobs begin at a minute of the day and take ten.
func jobs(minute int, on func(day time.Time) bool) func(time.Time) float64 {
	return func(at time.Time) float64 {
		if into := at.Hour()*60 + at.Minute() - minute; into >= 0 && into < 10 && on(at) {
			return 2000
		}
		return 400
	}
}

func always(time.Time) bool { return true }

func onWeekdays(at time.Time) bool {
	return at.Weekday() != time.Saturday && at.Weekday() != time.Sunday
}

const nine = 9 * 60

// forecastDays are the days, from the epoch's on, on which something was forecast, by what it was; it must be of about 2000 requests per
// second, from the lead before a minute of the day until a minute after its beginning.
func forecastDays(t *testing.T, days int, minute int, rate func(time.Time) float64) map[int]string {
	t.Helper()
	found := map[int]string{}
	lived(&profile{}, 0, float64(days), rate, func(at time.Time, perSecond float64, why string) {
		day := at.Truncate(24 * time.Hour)
		found[int(day.Sub(epoch.Truncate(24*time.Hour)).Hours()/24)] = why
		begins := day.Add(time.Duration(minute) * time.Minute)
		if math.Abs(perSecond-2000) > 0.05*2000 || at.Before(begins.Add(-testLead-4*time.Second)) || at.After(begins.Add(time.Minute)) {
			t.Errorf("%v req/s are forecast %s at %s", perSecond, why, at)
		}
	})
	return found
}

// A job that came at the same minute of two days is expected on the third, at whichever minute that is.
func TestAServicesOwnDayIsForecast(t *testing.T) {
	for _, minute := range []int{nine, nine + 2, nine + 17, 30, 23*60 + 55} {
		found := forecastDays(t, 6, minute, jobs(minute, always))
		for day := range 6 {
			if want := map[bool]string{true: "as at this time on the last two days"}[day >= 2]; found[day] != want {
				t.Errorf("job at minute %d, day %d: forecast %q, want %q", minute, day, found[day], want)
			}
		}
	}
}

// Two Mondays make a third; two weekdays before it make a forecast that is wrong on Saturdays, and forecasts go on all the same.
func TestAServicesOwnWeekIsForecast(t *testing.T) {
	mondays := func(at time.Time) bool { return at.Weekday() == time.Monday }
	for name, on := range map[string]func(time.Time) bool{"Mondays": mondays, "weekdays": onWeekdays} {
		found := forecastDays(t, 28, nine, jobs(nine, on))
		for day := 15; day < 28; day++ {
			at := epoch.Truncate(24*time.Hour).AddDate(0, 0, day)
			if on(at) && found[day] == "" || name == "Mondays" && !on(at) && found[day] != "" {
				t.Errorf("%s, %s, day %d: forecast %q", name, at.Weekday(), day, found[day])
			}
			if name == "Mondays" && on(at) && found[day] != "as at this time in the last two weeks" {
				t.Errorf("%s, day %d: forecast %q", name, day, found[day])
			}
		}
	}
}

// Days of a real service differ by more than a job is worth over a whole day; what counts is who is right when it comes.
func TestDaysThatDifferHideNoJob(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	heights := make([]float64, 30)
	for i := range heights {
		heights[i] = math.Exp(0.3 * random.NormFloat64())
	}
	load := func(at time.Time) float64 {
		day := int(at.Sub(epoch.Truncate(24*time.Hour)).Hours() / 24)
		usual := heights[day%30] * (300 - 200*math.Cos(2*math.Pi*float64(at.Unix()%86400)/86400))
		if into := at.Hour()*60 + at.Minute() - nine; into >= 0 && into < 10 {
			usual += 1500
		}
		return usual
	}
	forecasts := map[int]bool{}
	lived(&profile{}, 0, 14, load, func(at time.Time, perSecond float64, _ string) {
		day := int(at.Sub(epoch.Truncate(24*time.Hour)).Hours() / 24)
		if at.Hour() == 8 {
			forecasts[day] = true
		}
		if perSecond > 3200 || at.Hour() != 8 && at.Hour() != 9 {
			t.Errorf("%v req/s are forecast at %s", perSecond, at)
		}
	})
	for day := 2; day < 14; day++ {
		if !forecasts[day] {
			t.Errorf("nothing is forecast on day %d", day)
		}
	}
}

// A load without a clock is hardly ever forecast, and no longer once that proved wrong.
func TestWhatProvesNothingIsNotForecast(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	at := func(r *rand.Rand) []int {
		minutes := make([]int, 40)
		for i := range minutes {
			minutes[i] = r.IntN(24*60 - 10)
		}
		return minutes
	}
	moments := at(random)
	quiet := func(time.Time) float64 { return 400 }
	levels := make([]float64, 40*24*60)
	for i := range levels {
		levels[i] = 400 * math.Exp(0.4*random.NormFloat64())
	}
	minuteSince := func(at time.Time) int { return int(at.Sub(epoch.Truncate(24*time.Hour)) / time.Minute) }
	for name, c := range map[string]struct {
		load func(time.Time) float64
		most int // minutes of forecasts in thirty days
	}{
		"nothing happens": {quiet, 0},
		"a slow day":      {func(at time.Time) float64 { return 1000 + 900*math.Sin(2*math.Pi*float64(at.Unix()%86400)/86400) }, 0},
		"jobs at any time": {func(at time.Time) float64 {
			m := minuteSince(at)
			if into := m%1440 - moments[m/1440%40]; into >= 0 && into < 10 {
				return 2000
			}
			return 400
		}, 0},
		"minutes that differ by chance": {func(at time.Time) float64 { return levels[minuteSince(at)%len(levels)] }, 0},
		"bursts by chance": {func(at time.Time) float64 {
			if levels[minuteSince(at)%len(levels)] > 760 {
				return 1600
			}
			return 400
		}, 30},
	} {
		t.Run(name, func(t *testing.T) {
			rounds := 0
			lived(&profile{}, 0, 30, c.load, func(time.Time, float64, string) { rounds++ })
			if minutes := rounds * 4 / 60; minutes > c.most {
				t.Errorf("something is forecast for %d minutes", minutes)
			}
		})
	}
}

// What is no longer is expected once more, and what moved by an hour twice not.
func TestWhatHasEndedIsForgotten(t *testing.T) {
	for name, then := range map[string]func(time.Time) float64{
		"jobs that have ended":       func(time.Time) float64 { return 400 },
		"jobs that come earlier now": jobs(nine-60, always),
	} {
		t.Run(name, func(t *testing.T) {
			p := &profile{}
			lived(p, 0, 10, jobs(nine, always), nil)
			days := map[int]bool{}
			lived(p, 10, 5, then, func(at time.Time, _ float64, _ string) {
				if at.Hour() == 9 || at.Hour() == 8 && at.Minute() > 30 {
					days[int(at.Sub(epoch.Truncate(24*time.Hour)).Hours()/24)] = true
				}
			})
			if len(days) > 1 || len(days) == 1 && !days[10] {
				t.Errorf("nine o'clock is forecast on days %v", days)
			}
		})
	}
}

// expected at a moment, of a load that has been as it is.
func expected(p *profile, perSecond float64, at time.Time) (float64, string) {
	p.observe(at, constantly(perSecond), testLead)
	return p.forecast(at)
}

func beforeNine(days int) time.Time {
	return epoch.Truncate(24*time.Hour).AddDate(0, 0, days).Add(9*time.Hour - 20*time.Second)
}

// A clock that was ahead for a while keeps no forecast in force and no minute from being learned.
func TestAClockThatIsPutBackStopsNothing(t *testing.T) {
	p := &profile{}
	lived(p, 0, 4, jobs(nine, always), nil)
	if got, _ := expected(p, 400, beforeNine(4)); got < 1900 { // it shows nine o'clock five hours early
		t.Fatalf("%v req/s are expected at nine", got)
	}
	four := beforeNine(4).Add(-5 * time.Hour)
	p.Rises = append(p.Rises, Rise{minuteOf(beforeNine(5)), 200})
	if got, why := expected(p, 400, four); got != 0 {
		t.Errorf("%v req/s are expected %s after the clock was put back", got, why)
	}
	if last := p.Rises[len(p.Rises)-1]; last.Minute > minuteOf(beforeNine(4)) {
		t.Errorf("a rise at minute %d is remembered of the time to come", last.Minute)
	}
	lived(p, 4+4.0/24, 0.5, jobs(4*60+30, always), nil)
	if p.riseAt(minuteOf(four.Add(30*time.Minute+20*time.Second))) == 0 {
		t.Error("the rise at half past four is not remembered")
	}
}

// What was not measured is taken for no day, and what is older than two weeks is forgotten.
func TestWhatWasMissedIsNotForecast(t *testing.T) {
	for name, c := range map[string]struct {
		from, again float64 // days: measured until from, and from again on
		nine        int
		want        float64
	}{
		"nothing was missed":         {9, 9, 10, 2000},
		"a morning":                  {9, 9.5, 10, 0},
		"a morning, and a day since": {9, 9.5, 11, 0},
		"a morning, and two":         {9, 9.5, 12, 2000},
		"a week":                     {9, 16, 17, 0},
		"a night":                    {9.6, 10.2, 10, 2000},
	} {
		t.Run(name, func(t *testing.T) {
			first := &profile{}
			lived(first, 0, c.from, jobs(nine, always), nil)
			restarted := New(Learned{Profile: first.clone()}).profile
			for what, p := range map[string]*profile{"the same operator": first, "the next one": &restarted} {
				until := beforeNine(c.nine).Add(-time.Minute)
				lived(p, c.again, until.Sub(epoch.Truncate(24*time.Hour)).Hours()/24-c.again, jobs(nine, always), nil)
				if got, why := expected(p, 400, beforeNine(c.nine)); math.Abs(got-c.want) > 0.05*c.want {
					t.Errorf("%s expects %v req/s %s, want %v", what, got, why, c.want)
				}
			}
		})
	}
}

func TestRisesAreForgotten(t *testing.T) {
	p := &profile{}
	at := lived(p, 0, 40, jobs(nine, always), nil)
	if first := p.Rises[0].Minute; len(p.Rises) < 14 || first < minuteOf(at)-rememberFor-minutesPerDay {
		t.Errorf("%d rises are remembered, the first of minute %d", len(p.Rises), first)
	}
	every := func(at time.Time) float64 { return 400 + 1600*float64(at.Minute()/4%2) }
	lived(p, 40, 2, every, nil)
	if len(p.Rises) != mostRises {
		t.Errorf("%d rises are remembered, want %d", len(p.Rises), mostRises)
	}
}

// A few requests more than none, and a few per cent more, are no rise.
func TestChanceIsNoRise(t *testing.T) {
	for name, c := range map[string]struct {
		without, actual float64
		want            int
	}{
		"15 requests after none":    {0, 0.25, 0},
		"18 requests after none":    {0, 0.3, 1},
		"a fifth more":              {1000, 1200, 0},
		"a third more":              {1000, 1330, 1},
		"half more, of a few":       {0.5, 0.75, 0},
		"three times, of a few":     {0.5, 1.5, 1},
		"less":                      {1000, 100, 0},
		"as much":                   {1000, 1000, 0},
		"more than the highest one": {1e300, math.MaxFloat64, 0},
	} {
		p := &profile{}
		p.compare(&minuteAhead{minute: 30_000_000, without: levelOf(c.without), arrived: Rate{c.actual * 60, 60}})
		if len(p.Rises) != c.want {
			t.Errorf("%s: %d rises, want %d", name, len(p.Rises), c.want)
		}
	}
}

func TestForecastsThatWereWrongAreNotUsed(t *testing.T) {
	soon := []minuteAhead{{minute: minuteOf(epoch) + 1, recurring: 100}, {minute: minuteOf(epoch) + 2, recurring: 90}}
	for name, c := range map[string]struct {
		judged Judged
		want   float64
	}{
		"none yet":         {Judged{}, perSecondOf(100)},
		"three wrong ones": {Judged{9, 0, 3}, perSecondOf(100)},
		"four wrong ones":  {Judged{9, 0, 4}, 0},
		"as wrong as none": {Judged{9, 9, 4}, perSecondOf(100)},
		"more wrong":       {Judged{9.1, 9, 4}, 0},
	} {
		p := &profile{Profile: Profile{Forecasts: c.judged}, ahead: soon}
		if got, _ := p.forecast(epoch); got != c.want {
			t.Errorf("%s: %v req/s are forecast, want %v", name, got, c.want)
		}
	}
	p := &profile{ahead: soon}
	for after, want := range map[time.Duration]float64{
		2 * time.Minute: perSecondOf(100), 2*time.Minute + 1: perSecondOf(90), 3*time.Minute + 1: 0,
	} {
		if got, _ := p.forecast(epoch.Truncate(time.Minute).Add(after)); got != want {
			t.Errorf("%v req/s are forecast after %s, want %v", got, after, want)
		}
	}
	var j Judged
	for range 40 {
		j.add(20, 10, 18)
	}
	j.add(20, 10, 14)
	if math.Abs(j.With-(4+32.0/forecastMemory)) > 1e-9 || math.Abs(j.Without-(64-48.0/forecastMemory)) > 1e-9 || j.Count != forecastMemory {
		t.Errorf("comparisons are remembered as %+v", j)
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

func manyRises(n int) []Rise {
	rises := make([]Rise, n)
	for i := range rises {
		rises[i] = Rise{int64(30_000_000 + i), 200}
	}
	return rises
}

// It is small in a status, at most under 2 KB, and the next operator forecasts as this one does.
func TestAProfileSurvivesInFewBytes(t *testing.T) {
	p := &profile{}
	until := lived(p, 0, 20, jobs(nine, onWeekdays), nil)
	for most, rises := range map[int][]Rise{250: p.Rises, 1800: manyRises(mostRises)} {
		text, err := json.Marshal(Learned{Profile: Profile{rises, p.Forecasts}}.Status().Profile)
		if err != nil || len(text) > most {
			t.Errorf("%d bytes for %d rises, %v", len(text), len(rises), err)
		}
	}
	next := New(Recall(&v1alpha1.GoServiceStatus{Learned: Learned{At: until, Profile: p.Profile}.Status()})).profile
	at := beforeNine(20)
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
		"more":               {3200, 0, 10, "3200 req/s as at this time on the last two days, 5ms of CPU each"},
		"less":               {100, 0, 5, "1600 req/s over the last minute"},
		"nothing":            {0, 0, 5, "1600 req/s over the last minute"},
		"more than may come": {3200, 2000, 7, "2000 req/s as at this time on the last two days"},
	} {
		t.Run(name, func(t *testing.T) {
			got := steps(&Decider{}, 0, time.Minute, func(time.Duration) Situation {
				s := constant(1600, 5)(0)
				s.Expected, s.ExpectedWhy, s.Bounds.SharedLimit = c.expected, "as at this time on the last two days", c.limit
				return s
			})
			if got.Floor.Value != c.want || !strings.HasPrefix(got.Floor.Reason, c.reason) {
				t.Errorf("floor %d: %s; want %d: %s", got.Floor.Value, got.Floor.Reason, c.want, c.reason)
			}
		})
	}
}
