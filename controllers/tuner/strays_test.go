// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// Jobs that are late now and then are met as well, and one that comes at its minute is beside others that come at any time, and beside
// those of every hour.
func TestJobsBesideOthers(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	late := make([]int, 40) // seconds
	for i := range late {
		late[i] = random.IntN(90)
	}
	stray := make([][]int, 40)
	for i := range stray {
		for range 6 {
			stray[i] = append(stray[i], random.IntN(24*60-10))
		}
	}
	noise := make([]float64, 61*24*60)
	for i := range noise {
		noise[i] = random.NormFloat64()
	}
	for name, c := range map[string]struct {
		load     demands
		from, to int
		on       func(time.Time) bool
		atLeast  int
	}{
		"up to a minute and a half late": {func(at time.Time) float64 {
			if dayOf(at) < 0 {
				return 400
			}
			return jobs(nine, always)(at.Add(-time.Duration(late[dayOf(at)]) * time.Second))
		}, 7, 40, always, 33},
		"six others at any time": {func(at time.Time) float64 {
			for _, minute := range stray[max(dayOf(at), 0)] {
				if into := minuteOfDay(at) - minute; into >= 0 && into < 10 {
					return 1900
				}
			}
			return jobs(nine, always)(at)
		}, 7, 40, always, 31}, // some begin while another one is there
		"a load whose minutes differ by a tenth": {func(at time.Time) float64 {
			return jobs(nine, always)(at) * math.Exp(0.1*noise[max(int(at.Sub(firstDay)/time.Minute), 0)])
		}, 4, 40, always, 35},
		"thirty short ones at any time, on weekdays": {func(at time.Time) float64 {
			if noise[max(int(at.Sub(firstDay)/time.Minute), 0)] > 2 {
				return 1200
			}
			return jobs(nine, onWeekdays)(at)
		}, 21, 40, onWeekdays, 13},
		"one of every hour, and one of Mondays": {func(at time.Time) float64 {
			load := jobs(nine+7, onMondays)(at)
			if at.Minute() < 4 && load < 2000 {
				load = 700
			}
			return load
		}, 21, 60, onMondays, 5},
	} {
		t.Run(name, func(t *testing.T) {
			minute := nine
			if strings.Contains(name, "Mondays") {
				minute += 7
			}
			days := map[int]bool{}
			usualLiving.live(&profile{}, 0, float64(c.to), c.load, func(at time.Time, perSecond float64, _ string) {
				if minuteOfDay(at) == minute-1 && perSecond > 1700 && dayOf(at) >= c.from {
					days[dayOf(at)] = true
				}
			})
			met := 0
			for _, day := range daysOf(c.on, c.from, c.to) {
				if days[day] {
					met++
				}
			}
			if met < c.atLeast {
				t.Errorf("%d of %d jobs are expected, want %d", met, len(daysOf(c.on, c.from, c.to)), c.atLeast)
			}
		})
	}
}

// Jobs that come often by the clock are foreseen, too.
func TestJobsOfEveryHour(t *testing.T) {
	for every, from := range map[int]int{60: 7, 15: 16} {
		load := func(at time.Time) float64 {
			if minuteOfDay(at)%every < 4 {
				return 1500
			}
			return 400
		}
		hours := map[int]bool{}
		usualLiving.live(&profile{}, 0, float64(from+1), load, func(at time.Time, perSecond float64, _ string) {
			if dayOf(at) == from && minuteOfDay(at)%every == every-1 && perSecond > 1400 {
				hours[at.Hour()] = true
			}
		})
		if len(hours) != 24 {
			t.Errorf("jobs of every %d minutes are expected in %d hours of day %d", every, len(hours), from)
		}
	}
}

// A load without a clock is hardly ever forecast.
func TestWhatProvesNothingIsNotForecast(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	moments := make([]int, 40)
	for i := range moments {
		moments[i] = random.IntN(24*60 - 10)
	}
	levels := make([]float64, 41*24*60)
	for i := range levels {
		levels[i] = 400 * math.Exp(0.4*random.NormFloat64())
	}
	minuteSince := func(at time.Time) int { return max(int(at.Sub(firstDay)/time.Minute), 0) }
	bursts := func(above float64) demands {
		return func(at time.Time) float64 {
			if levels[minuteSince(at)] > above {
				return 1600
			}
			return 400
		}
	}
	for name, c := range map[string]struct {
		load demands
		most int // minutes of forecasts in thirty days
	}{
		"nothing happens": {func(time.Time) float64 { return 400 }, 0},
		"a slow day":      {func(at time.Time) float64 { return 1000 + 900*math.Sin(2*math.Pi*float64(at.Unix()%86400)/86400) }, 0},
		"jobs at any time": {func(at time.Time) float64 {
			if into := minuteOfDay(at) - moments[max(dayOf(at), 0)]; into >= 0 && into < 10 {
				return 2000
			}
			return 400
		}, 15},
		"minutes that differ by chance": {func(at time.Time) float64 { return levels[minuteSince(at)] }, 120},
		"ten bursts a day":              {bursts(400 * math.Exp(0.4*2.46)), 120},
		"a hundred bursts a day":        {bursts(400 * math.Exp(0.4*1.48)), 120},
	} {
		t.Run(name, func(t *testing.T) {
			rounds := 0
			usualLiving.live(&profile{}, 0, 30, c.load, func(time.Time, float64, string) { rounds++ })
			if minutes := rounds * 4 / 60; minutes > c.most {
				t.Errorf("something is forecast for %d minutes", minutes)
			}
		})
	}
}
