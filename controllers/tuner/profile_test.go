// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/api/v1alpha1"
)

// firstDay is a Thursday.
var firstDay = epoch.Truncate(24 * time.Hour)

// dayOf a moment, from the first on, and minuteOfDay.
func dayOf(at time.Time) int       { return int(at.Sub(firstDay) / (24 * time.Hour)) }
func minuteOfDay(at time.Time) int { return at.Hour()*60 + at.Minute() }

// demands is a load in requests per second.
type demands func(at time.Time) float64

// living is how a profile comes to know a load: by rounds that far apart, asking for pods by lead.
type living struct{ round, lead, phase time.Duration }

var usualLiving = living{4 * time.Second, 80 * time.Second, 0}

// live for some days, and tell what is forecast in each round. An estimator would know of a step sooner than the mean of a minute does.
func (l living) live(p *profile, from, days float64, rate demands, forecasts func(at time.Time, perSecond float64, why string)) time.Time {
	at := firstDay.Add(time.Duration(from*24*float64(time.Hour)) + l.phase)
	rounds := max(int(time.Minute/l.round), 1)
	last := make([]float64, rounds)
	for end, i := at.Add(time.Duration(days*24*float64(time.Hour))), 0; at.Before(end); at, i = at.Add(l.round), i+1 {
		came, step := 0.0, min(l.round, 4*time.Second) // in the round, by parts
		if l.round > step {
			step = time.Second
		}
		for part := step / 2; part < l.round; part += step {
			came += rate(at.Add(-part)) * step.Seconds()
		}
		last[i%rounds] = came
		e := Estimates{Known: true, DemandNow: Rate{came, l.round.Seconds()}}
		for j := range min(i+1, rounds) {
			e.Demand.Events += last[j]
			e.Demand.Seconds += l.round.Seconds()
		}
		p.observe(at, e, l.lead)
		if perSecond, why := p.forecast(at); perSecond > 0 && forecasts != nil {
			forecasts(at, perSecond, why)
		}
	}
	return at
}

// jobs begin at a minute of the days on which they come, and take ten.
func jobs(minute int, on func(at time.Time) bool) demands {
	return func(at time.Time) float64 {
		if into := minuteOfDay(at) - minute; into >= 0 && into < 10 && on(at) {
			return 2000
		}
		return 400
	}
}

func always(time.Time) bool { return true }

func onWeekdays(at time.Time) bool {
	return at.Weekday() != time.Saturday && at.Weekday() != time.Sunday
}

func onWeekends(at time.Time) bool { return !onWeekdays(at) }

func onMondaysAndThursdays(at time.Time) bool {
	return at.Weekday() == time.Monday || at.Weekday() == time.Thursday
}

func onMondays(at time.Time) bool { return at.Weekday() == time.Monday }

func but(on func(time.Time) bool, holidays ...int) func(time.Time) bool {
	return func(at time.Time) bool { return on(at) && !slices.Contains(holidays, dayOf(at)) }
}

const nine = 9 * 60

// met are the days on which pods were asked for by the lead before a job at a minute of the day, and until it had begun.
func met(t *testing.T, l living, days, minute int, rate demands) []int {
	t.Helper()
	var begun, after []int
	tolerance := 0.05 // of what is forecast, which a round that reaches over the beginning makes less
	if l.round > 10*time.Second {
		tolerance = 0.2
	}
	l.live(&profile{}, 0, float64(days), rate, func(at time.Time, perSecond float64, why string) {
		begins := at.Truncate(24 * time.Hour).Add(time.Duration(minute) * time.Minute)
		if math.Abs(perSecond-2000) > tolerance*2000 {
			return
		}
		if !strings.HasPrefix(why, "as at this time ") {
			t.Fatalf("forecast %q", why)
		}
		into := at.Sub(begins)
		if into > -l.lead-l.round && into <= -l.lead {
			begun = append(begun, dayOf(at))
		}
		if into > -l.round && into <= 0 {
			after = append(after, dayOf(at))
		}
	})
	return slices.DeleteFunc(begun, func(day int) bool { return !slices.Contains(after, day) })
}

// daysOf a rule, from one to another.
func daysOf(on func(at time.Time) bool, from, to int) (days []int) {
	for day := from; day < to; day++ {
		if on(firstDay.AddDate(0, 0, day)) {
			days = append(days, day)
		}
	}
	return days
}

// A job that came at the same minute of two days is expected on the third, at whichever minute that is.
func TestAServicesOwnDayIsForecast(t *testing.T) {
	for _, minute := range []int{nine, nine + 2, nine + 17, 4, 23*60 + 50} {
		if got, want := met(t, usualLiving, 12, minute, jobs(minute, always)), daysOf(always, 2, 12); !slices.Equal(got, want) {
			t.Errorf("a job at minute %d is expected on days %v", minute, got)
		}
	}
}

// However rarely somebody looks, and however fast pods start, each minute is looked at before it begins.
func TestRoundsMayBeRare(t *testing.T) {
	for _, round := range []time.Duration{2 * time.Second, 4 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute} {
		for _, lead := range []time.Duration{minLead, 30 * time.Second, maxLead} {
			for _, phase := range []time.Duration{0, time.Second, 13 * time.Second, 29 * time.Second} {
				from := 2
				if round == time.Minute { // half of a minute may be of the one before
					from = 3
				}
				got := slices.DeleteFunc(met(t, living{round, lead, phase}, 5, nine, jobs(nine, always)), func(day int) bool { return day < from })
				if want := daysOf(always, from, 5); !slices.Equal(got, want) {
					t.Errorf("rounds each %s from %s on, pods that take %s: expected on days %v", round, phase, lead/2, got)
				}
			}
		}
	}
}

// Weekdays and Mondays are known by what came on them; a holiday is no reason to forget, nor to miss the next job.
func TestAServicesOwnWeekIsForecast(t *testing.T) {
	for name, c := range map[string]struct {
		on           func(time.Time) bool
		from, to     int
		usual        func(time.Time) bool // expected; also where the job does not come
		missed, also []int
	}{
		"Mondays":                          {onMondays, 15, 45, onMondays, nil, nil},
		"Mondays and Thursdays":            {onMondaysAndThursdays, 22, 60, onMondaysAndThursdays, nil, nil},
		"weekends":                         {onWeekends, 22, 60, onWeekends, nil, nil},
		"weekdays":                         {onWeekdays, 17, 45, onWeekdays, nil, nil},
		"a holiday on a Monday":            {but(onWeekdays, 32), 17, 60, onWeekdays, nil, nil},
		"a holiday on a Tuesday":           {but(onWeekdays, 33), 17, 60, onWeekdays, nil, nil},
		"a holiday on a Friday":            {but(onWeekdays, 36), 17, 60, onWeekdays, nil, nil},
		"a holiday of somebody's Mondays":  {but(onMondays, 32), 15, 60, onMondays, []int{39}, nil},
		"two holidays":                     {but(onWeekdays, 32, 33), 17, 60, onWeekdays, []int{34}, nil},
		"a day without one of every day's": {but(always, 25), 3, 45, always, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			want := slices.DeleteFunc(append(daysOf(c.usual, c.from, c.to), c.also...), func(day int) bool { return slices.Contains(c.missed, day) })
			slices.Sort(want)
			got := slices.DeleteFunc(met(t, usualLiving, c.to, nine, jobs(nine, c.on)), func(day int) bool { return day < c.from })
			if !slices.Equal(got, want) {
				t.Errorf("expected on days %v\nwant %v", got, want)
			}
		})
	}
}

// Where a job moves by an hour, or ends, it is expected at the old time for two days at most, and at the new one from the third on.
func TestWhatHasEndedIsForgotten(t *testing.T) {
	for name, c := range map[string]struct {
		on, then          demands
		wrong, missed     int // days of the next three weeks
		newMinute, onDays int
	}{
		"jobs that have ended":          {jobs(nine, always), func(time.Time) float64 { return 400 }, 2, 0, nine - 60, 0},
		"jobs that come earlier":        {jobs(nine, always), jobs(nine-60, always), 2, 2, nine - 60, 21},
		"weekdays' jobs that end":       {jobs(nine, onWeekdays), func(time.Time) float64 { return 400 }, 2, 0, nine - 60, 0},
		"weekdays' that come earlier":   {jobs(nine, onWeekdays), jobs(nine-60, onWeekdays), 2, 2, nine - 60, 15},
		"Mondays' jobs that come later": {jobs(nine, onMondays), jobs(nine+60, onMondays), 2, 2, nine + 60, 3},
	} {
		t.Run(name, func(t *testing.T) {
			p := &profile{}
			usualLiving.live(p, 0, 28, c.on, nil)
			wrong, right := map[int]bool{}, map[int]bool{}
			usualLiving.live(p, 28, 21, c.then, func(at time.Time, _ float64, _ string) {
				switch into := minuteOfDay(at); {
				case into == nine-1:
					wrong[dayOf(at)] = true
				case into == c.newMinute-1:
					right[dayOf(at)] = true
				}
			})
			if len(wrong) > c.wrong {
				t.Errorf("expected at the old time on days %v", wrong)
			}
			if missed := c.onDays - len(right); missed > c.missed {
				t.Errorf("%d of %d jobs at the new time are missed", missed, c.onDays)
			}
		})
	}
}

// Days of a real service differ by more than a job is worth over a whole day; what counts is what comes when it does.
func TestDaysThatDifferHideNoJob(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	heights := make([]float64, 30)
	for i := range heights {
		heights[i] = math.Exp(0.3 * random.NormFloat64())
	}
	load := func(at time.Time) float64 {
		usual := 100 + heights[max(dayOf(at), 0)]*200*(1-math.Cos(2*math.Pi*float64(at.Unix()%86400)/86400))
		if into := minuteOfDay(at) - nine; into >= 0 && into < 10 {
			usual += 1500
		}
		return usual
	}
	days := map[int]bool{}
	usualLiving.live(&profile{}, 0, 14, load, func(at time.Time, perSecond float64, _ string) {
		if minuteOfDay(at) == nine-1 {
			days[dayOf(at)] = true
		}
		if perSecond < 1500 || perSecond > 3200 || minuteOfDay(at) < nine-5 || minuteOfDay(at) > nine+1 {
			t.Errorf("%v req/s are forecast at %s", perSecond, at)
		}
	})
	for day := 2; day < 14; day++ {
		if !days[day] {
			t.Errorf("nothing is forecast on day %d", day)
		}
	}
}

// An operator that starts while a job begins forecasts that one, and the next ones.
func TestARestartWhileAJobBegins(t *testing.T) {
	for _, before := range []time.Duration{-3 * time.Second, 20 * time.Second, 45 * time.Second, 70 * time.Second} {
		for _, after := range []time.Duration{5 * time.Second, 25 * time.Second, 53 * time.Second} {
			p := &profile{}
			day := float64(24 * time.Hour)
			stop := float64(9*time.Hour+before) / day
			usualLiving.live(p, 0, 25+stop, jobs(nine, always), nil)
			next := New(Recall(&v1alpha1.GoServiceStatus{Learned: Learned{At: firstDay, Profile: p.clone()}.Status()})).profile
			days := map[int]bool{}
			usualLiving.live(&next, 25+float64(9*time.Hour+max(before, 0)+after)/day, 2, jobs(nine, always), func(at time.Time, _ float64, _ string) {
				days[dayOf(at)] = true
			})
			if running := max(before, 0)+after < time.Minute; !days[26] || days[25] != running {
				t.Errorf("stopped %s after nine, started %s later: forecast on days %v", before, after, days)
			}
		}
	}
}

// expected at a moment, of a load that has been as it is.
func expected(p *profile, perSecond float64, at time.Time) (float64, string) {
	p.observe(at, Estimates{Known: true, Demand: Rate{perSecond * 60, 60}, DemandNow: Rate{perSecond * 4, 4}}, usualLiving.lead)
	return p.forecast(at)
}

func beforeNine(day int) time.Time {
	return firstDay.AddDate(0, 0, day).Add(9*time.Hour - 20*time.Second)
}

// A clock that is ahead or behind for a while keeps no forecast in force, stops no minute from being learned, and costs no memory.
func TestAClockThatIsWrongForAWhile(t *testing.T) {
	fresh := func() *profile {
		p := &profile{}
		usualLiving.live(p, 0, 10.3, jobs(nine, always), nil)
		return p
	}
	t.Run("hours ahead", func(t *testing.T) {
		p := fresh()
		if got, _ := expected(p, 400, beforeNine(10)); got < 1900 {
			t.Fatalf("%v req/s are expected at nine", got)
		}
		if got, why := expected(p, 400, beforeNine(10).Add(-5*time.Hour)); got != 0 {
			t.Errorf("%v req/s are expected %s after the clock was put back", got, why)
		}
		usualLiving.live(p, 10+4.0/24, 0.25, jobs(5*60, always), nil)
		if !p.at(minuteOf(firstDay.AddDate(0, 0, 10).Add(5 * time.Hour))) {
			t.Error("the rise at five is not remembered")
		}
	})
	for _, days := range []int{-10, -20_000, 10, 3, 400} {
		t.Run(fmt.Sprintf("one round by %d days", days), func(t *testing.T) {
			p := fresh()
			wrong := beforeNine(10 + days)
			expected(p, 400, wrong)
			usualLiving.live(p, 10.32, 0.04, jobs(nine, always), nil)
			if got, why := expected(p, 400, beforeNine(10)); got < 1900 {
				t.Errorf("%v req/s are expected %s", got, why)
			}
		})
	}
	t.Run("for good", func(t *testing.T) {
		p := fresh()
		usualLiving.live(p, 5, 2.5, jobs(nine, always), nil)
		if got, _ := expected(p, 400, beforeNine(7).AddDate(0, 0, 1)); got < 1900 || p.Day != minuteOf(beforeNine(8))/minutesPerDay {
			t.Errorf("%v req/s are expected on day %d", got, p.Day)
		}
	})
}

// What was not measured is no rise, and hides none.
func TestWhatWasMissedIsNotForecast(t *testing.T) {
	for name, c := range map[string]struct {
		from, again float64 // days: measured until from, and from again on
		day         int
		want        float64
	}{
		"nothing was missed":       {9, 9, 10, 2000},
		"a morning":                {9, 9.5, 10, 2000},
		"two mornings":             {9, 10.5, 11, 0}, // as if it had ended
		"two mornings, one since":  {9, 10.5, 12, 2000},
		"a week":                   {9, 16, 16, 0},
		"a week, one since":        {9, 16, 17, 2000},
		"two mornings of the last": {2, 3.5, 4, 2000},
		"most of the last days":    {1, 3.5, 4, 0},
	} {
		t.Run(name, func(t *testing.T) {
			first := &profile{}
			usualLiving.live(first, 0, c.from, jobs(nine, always), nil)
			restarted := New(Learned{Profile: first.clone()}).profile
			for what, p := range map[string]*profile{"the same operator": first, "the next one": &restarted} {
				until := beforeNine(c.day).Add(-time.Minute)
				usualLiving.live(p, c.again, until.Sub(firstDay).Hours()/24-c.again, jobs(nine, always), nil)
				if got, why := expected(p, 400, beforeNine(c.day)); math.Abs(got-c.want) > 0.05*c.want {
					t.Errorf("%s expects %v req/s %s, want %v", what, got, why, c.want)
				}
			}
		})
	}
	p := &profile{}
	usualLiving.live(p, 0, 9, jobs(nine, always), nil)
	p.observe(beforeNine(9), Estimates{}, time.Minute)
	if got, _ := p.forecast(beforeNine(9)); got != 0 || !p.last.Before(firstDay.AddDate(0, 0, 9)) {
		t.Errorf("%v req/s are expected by a round without measurements", got)
	}
}
