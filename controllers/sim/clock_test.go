// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"bytes"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// aFewDays of jobs that begin at the same time.
func aFewDays(days int, begins float64, announced bool) ClockCase {
	return ClockCase{Name: "at a time", Days: days, Begins: func(int, *rand.Rand) float64 { return begins }, Announced: announced}
}

func TestTheLoadOfAClockHasItsJobs(t *testing.T) {
	c := aFewDays(3, atNine, true)
	c.Begins = func(day int, _ *rand.Rand) float64 { return []float64{atNine, -1, 7}[day] }
	shape, begins := c.load(1)
	if shape.Seconds != 3*daySeconds || len(begins) != 3 {
		t.Fatalf("%v seconds, jobs at %v", shape.Seconds, begins)
	}
	for what, at := range map[string]struct {
		second, from, to float64
	}{
		"midnight":            {0, 300, 300},
		"before the job":      {atNine - 0.1, 600, 1300},
		"in the job":          {atNine, 1600, 3700},
		"at its end":          {atNine + jobSeconds - 0.1, 1600, 3700},
		"after it":            {atNine + jobSeconds, 600, 1300},
		"a day without one":   {daySeconds + atNine, 600, 1300},
		"a job of the night":  {2*daySeconds + 7, 1200, 3000},
		"the end of the load": {3 * daySeconds, 300, 1600},
	} {
		if got := shape.Rate(at.second); got < at.from || got > at.to {
			t.Errorf("%s: %.0f req/s", what, got)
		}
	}
	again, _ := c.load(1)
	other, _ := c.load(2)
	if noon := 12.0 * 3600; again.Rate(noon) != shape.Rate(noon) || other.Rate(noon) == shape.Rate(noon) || shape.Rate(noon) == shape.Rate(daySeconds+noon) {
		t.Error("days must differ by chance alone, and by the seed")
	}
	usual := usualLeast + usualMore/2*(1-math.Cos(2*math.Pi*atNine/daySeconds))
	if math.Abs(usual-usualAtNine) > 1 {
		t.Errorf("a usual day has %.0f req/s at nine", usual)
	}
}

func TestCasesBeginWhenTheySay(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for _, c := range ClockCases() {
		days, last := 0, -1.0
		for day := range c.Days {
			begins := c.Begins(day, random)
			if begins < 0 {
				continue
			}
			days++
			last = begins
			weekday := simEpoch.AddDate(0, 0, day).Weekday()
			switch {
			case begins > daySeconds-clockJudged:
				t.Errorf("%s: a job begins at second %.0f", c.Name, begins)
			case strings.Contains(c.Name, "weekdays") && (weekday == time.Saturday || weekday == time.Sunday), strings.Contains(c.Name, "Mondays") && weekday != time.Monday:
				t.Errorf("%s: a job on a %s", c.Name, weekday)
			}
		}
		want := 21
		holiday := strings.Contains(c.Name, "holiday")
		if strings.HasPrefix(c.Name, "on weekdays") {
			want = 15
			if holiday {
				want = 14
			}
		} else if strings.HasPrefix(c.Name, "on Mondays") {
			want = 3
		}
		if days != want || strings.Contains(c.Name, "on at 08:00") != (last == 8*3600) {
			t.Errorf("%s: %d days, the last at second %.0f", c.Name, days, last)
		}
	}
}

// The operator meets a job that came twice at the same time with its pods ready, without more of them than before, and no schedule.
func TestTheOperatorKnowsTheThirdJob(t *testing.T) {
	r := Clock(aFewDays(4, atNine+120, true), func([]float64) Contender { return Operator() }, []uint64{1})
	if r.First.Jobs != 2 || r.First.Bad < 10 || r.First.MostBad < r.First.Bad || r.First.Missed < 1000 {
		t.Errorf("the first jobs: %+v", r.First)
	}
	if r.Later.Jobs != 2 || r.Later.MostBad > 1 || r.Later.Missed > 100 || r.OtherBad > 1 {
		t.Errorf("the next ones: %+v, %v bad seconds at other times", r.Later, r.OtherBad)
	}
	if r.PodHours < 45 || r.PodHours > 80 {
		t.Errorf("%.1f pod-hours a day", r.PodHours)
	}
	blind := Clock(aFewDays(4, atNine+120, true), func([]float64) Contender { return HPAContender(stockPercent, 60) }, []uint64{1})
	if blind.Later.Bad < 30 {
		t.Errorf("an autoscaler that knows nothing: %+v", blind.Later)
	}
	by := Clock(aFewDays(4, atNine+120, true), func(begins []float64) Contender { return scheduledContender(60, begins) }, []uint64{1})
	if by.First.MostBad > 1 || by.Later.MostBad > 1 || by.PodHours > blind.PodHours {
		t.Errorf("an autoscaler by schedule: %+v", by)
	}
}

// A schedule asks for its pods five minutes before a job, and until it has ended.
func TestAScheduleIsKept(t *testing.T) {
	shape, begins := aFewDays(1, 3600, true).load(1)
	shape.Rate = func(float64) float64 { return 100 }
	w := newWorld(Default(), shape, 1)
	w.flow = newFlow(w, Flow{})
	w.setPool(Pool{16, 16, time.Second})
	w.start(scheduledContender(60, begins))
	for at, want := range map[float64]int{3200: 2, 3340: 10, 3600: 10, 4190: 10, 4400: 2} {
		w.after(at, func() {
			if w.wanted != want {
				t.Errorf("second %.0f: %d pods are wanted, not %d", at, w.wanted, want)
			}
		})
	}
	w.shape.Seconds = 5000
	w.run()
}

func TestTheTableOfClocks(t *testing.T) {
	var text bytes.Buffer
	known, unknown := aFewDays(3, 7200, true), aFewDays(3, -1, false)
	known.Name, unknown.Name = "known", "unknown"
	known.Begins = func(day int, _ *rand.Rand) float64 { return []float64{-1, 7200, -1}[day] }
	if err := ClockTable(&text, []ClockCase{known, unknown}, []uint64{1}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	if len(lines) != 1+9+6+2 || strings.Count(text.String(), "by schedule") != 3 || strings.Count(text.String(), "–") != 3*15 {
		t.Errorf("%d lines:\n%s", len(lines), text.String())
	}
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "RESULT sim-clock cases=2 seeds=1 first_bad_s=") {
		t.Error(last)
	}
}

func TestTheVerdictOnClocks(t *testing.T) {
	named := func(name string, announced bool) ClockCase {
		c := aFewDays(21, 0, announced)
		c.Name = name
		return c
	}
	first, second, third, other := named("first", true), named("second", true), named("third", true), named("other", false)
	jobs := func(bad float64) JobsResult { return JobsResult{Jobs: 7, Bad: bad, MostBad: 2 * bad} }
	rows := []clockRow{
		{first, Operator(), ClockResult{First: jobs(30), Later: jobs(1), PodHours: 60}},
		{first, OperatorAlone(), ClockResult{First: jobs(60), Later: jobs(3), PodHours: 96}},
		{first, HPAContender(50, 300), ClockResult{PodHours: 80}},
		{first, scheduledContender(60, nil), ClockResult{PodHours: 72}},
		{first, scheduledContender(70, nil), ClockResult{PodHours: 64}},
		{first, scheduledContender(80, nil), ClockResult{PodHours: 50, Bad: 18_145}},
		{second, Operator(), ClockResult{First: jobs(33), Later: jobs(4), PodHours: 60}},
		{second, OperatorAlone(), ClockResult{First: jobs(60), Later: jobs(7), PodHours: 72}},
		{second, HPAContender(50, 300), ClockResult{PodHours: 75}},
		{second, scheduledContender(60, nil), ClockResult{PodHours: 50, Bad: 20_000}},
		{second, scheduledContender(80, nil), ClockResult{PodHours: 48, Bad: 18_144}},
		{third, Operator(), ClockResult{First: jobs(30), Later: jobs(1), PodHours: 90}},
		{third, scheduledContender(60, nil), ClockResult{PodHours: 20, Bad: 20_000}}, // none keeps the objective
		{other, Operator(), ClockResult{First: jobs(100), Later: jobs(100), PodHours: 60}},
		{other, OperatorAlone(), ClockResult{First: jobs(100), Later: jobs(100), PodHours: 60}},
		{other, HPAContender(50, 300), ClockResult{PodHours: 100}},
	}
	want := "RESULT sim-clock cases=4 seeds=3 first_bad_s=31.0 later_bad_s=2.0 worst_later_bad_s=8 later_bad_alone_s=5.0 " +
		"pod_hours_ratio_schedule=1.25 pod_hours_ratio_schedule_alone=1.50 pod_hours_ratio_cpu50=0.80 pod_hours_ratio_cpu50_alone=1.20"
	if got := clockVerdict(rows, 3); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
