// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"text/tabwriter"
	"time"
)

// ClockCase is some weeks of a service whose load goes by the clock: usual days between 300 and 900 requests per second, which differ by
// chance, and on some of them a job of ten minutes with 1500 more, which differ by chance, too.
type ClockCase struct {
	Name string
	// Days of it; the first is a Thursday.
	Days int
	// Begins is the second of a day at which its job does; negative on days without one.
	Begins func(day int, random *rand.Rand) float64
	// Announced says that somebody knows when jobs begin, and could give an autoscaler a schedule.
	Announced bool
}

const (
	daySeconds = 24 * 60 * 60
	jobSeconds = 600
	jobRate    = 1500
	atNine     = 9 * 60 * 60
	// usualLeast is the rate of a usual day at midnight, usualMore how much more it has at noon; usualAtNine what it has then.
	usualLeast, usualMore = 300, 600
	usualAtNine           = 812
	// clockChance is by how much days and jobs differ: the standard deviation of the logarithm.
	clockChance = 0.15
	// clockJudged in seconds is for how long after a job's beginning its requests suffer from pods that are missing.
	clockJudged = 120
	// scheduleAhead in seconds is how long before a job a schedule asks for its pods.
	scheduleAhead = 300
)

// ClockCases are those that the table shows.
func ClockCases() []ClockCase {
	at := func(second float64) func(int, *rand.Rand) float64 {
		return func(int, *rand.Rand) float64 { return second }
	}
	on := func(is func(weekday time.Weekday) bool) func(int, *rand.Rand) float64 {
		return func(day int, _ *rand.Rand) float64 {
			if is(simEpoch.AddDate(0, 0, day).Weekday()) {
				return atNine
			}
			return -1
		}
	}
	onWeekdays := on(func(d time.Weekday) bool { return d != time.Saturday && d != time.Sunday })
	const weeks = 21
	return []ClockCase{
		{"daily at 09:00", weeks, at(atNine), true},
		{"daily at 09:02", weeks, at(atNine + 120), true},
		{"daily at 09:00, up to a minute late", weeks, func(_ int, random *rand.Rand) float64 { return atNine + 60*random.Float64() }, true},
		{"on weekdays at 09:00", weeks, onWeekdays, true},
		{"on weekdays at 09:00, but on a holiday", weeks, func(day int, random *rand.Rand) float64 {
			if day == 11 { // the Monday of the second week
				return -1
			}
			return onWeekdays(day, random)
		}, true},
		{"on Mondays at 09:00", weeks, on(func(d time.Weekday) bool { return d == time.Monday }), true},
		{"daily at 09:00, from the third week on at 08:00", weeks, func(day int, _ *rand.Rand) float64 {
			if day < 14 {
				return atNine
			}
			return atNine - 3600
		}, true},
		{"daily at any time", weeks, func(_ int, random *rand.Rand) float64 { return random.Float64() * (daySeconds - jobSeconds) }, false},
	}
}

// load by a seed: the shape, and when each day's job begins.
func (c ClockCase) load(seed uint64) (Shape, []float64) {
	random := rand.New(rand.NewPCG(seed, 0xc1))
	begins, days, jobs := make([]float64, c.Days), make([]float64, c.Days), make([]float64, c.Days)
	for day := range c.Days {
		begins[day] = c.Begins(day, random)
		days[day] = math.Exp(clockChance * random.NormFloat64())
		jobs[day] = math.Exp(clockChance * random.NormFloat64())
	}
	return Shape{Name: c.Name, Seconds: float64(c.Days) * daySeconds, Rate: func(at float64) float64 {
		day, into := dayOf(at, c.Days)
		rate := usualLeast + days[day]*usualMore/2*(1-math.Cos(2*math.Pi*into/daySeconds))
		if hasJob(begins, at, 0) {
			rate += jobRate * jobs[day]
		}
		return rate
	}}, begins
}

// dayOf a time among so many, and how many seconds into it that is.
func dayOf(at float64, days int) (day int, into float64) {
	day = min(int(at/daySeconds), days-1)
	return day, at - float64(day)*daySeconds
}

// hasJob says whether a job runs at a time, or begins on the same day within some seconds after it.
func hasJob(begins []float64, at, ahead float64) bool {
	day, into := dayOf(at, len(begins))
	return begins[day] >= 0 && into >= begins[day]-ahead && into < begins[day]+jobSeconds
}

// scheduled is a HorizontalPodAutoscaler whose minReplicas a schedule raises from before each job until it has ended, as KEDA's cron
// trigger does.
type scheduled struct {
	HPA
	begins []float64
	floor  int
}

// Begin looks at the schedule as often as the autoscaler looks at its metrics.
func (s *scheduled) Begin(w *World) {
	s.HPA.Begin(w)
	w.Every(0, 15*time.Second, func() {
		s.Floor = 0
		if hasJob(s.begins, w.now, scheduleAhead) {
			s.Floor = s.floor
		}
	})
}

// JobsResult is what became of jobs: means of one, and the most bad seconds of any.
type JobsResult struct {
	Jobs                 int
	Bad, Missed, MostBad float64
}

func (j *JobsResult) add(bad, missed float64) {
	j.Jobs++
	j.Bad += (bad - j.Bad) / float64(j.Jobs)
	j.Missed += (missed - j.Missed) / float64(j.Jobs)
	j.MostBad = max(j.MostBad, bad)
}

// ClockResult is what a contender made of a case, over all seeds.
type ClockResult struct {
	// First are the first two jobs of a run, Later all that follow, in the first two minutes of each.
	First, Later JobsResult
	// Bad seconds of a run, OtherBad those outside of jobs' first two minutes, PodHours those of a day; means of a run.
	Bad, OtherBad, PodHours float64
}

// Clock simulates a case with a contender, which may know when jobs begin. Pods take 20 to 40 s to start.
func Clock(c ClockCase, contender func(begins []float64) Contender, seeds []uint64) ClockResult {
	service := Default().Slow()
	pool := FittedPool(service)
	var sum ClockResult
	for _, seed := range seeds {
		shape, begins := c.load(seed)
		r := RunFlow(service, Flow{}, pool, shape, contender(begins), seed)
		other, jobs := float64(r.BadSeconds), 0
		for day, begin := range begins {
			if begin < 0 {
				continue
			}
			from := day*daySeconds + int(begin)
			bad, missed := 0.0, 0.0
			for _, s := range r.seconds[from : from+clockJudged] {
				if s.isBad(service.Percentile) {
					bad++
				}
				missed += float64(s.Slow + s.Lost)
			}
			other -= bad
			if jobs++; jobs <= 2 {
				sum.First.add(bad, missed)
			} else {
				sum.Later.add(bad, missed)
			}
		}
		n := float64(len(seeds))
		sum.Bad += float64(r.BadSeconds) / n
		sum.OtherBad += other / n
		sum.PodHours += r.CoreSeconds / 3600 / service.requested() / (float64(r.Seconds) / daySeconds) / n
	}
	return sum
}

// clockContenders of a case, each for when its jobs begin.
func clockContenders(c ClockCase) []func(begins []float64) Contender {
	blind := func(contender Contender) func([]float64) Contender {
		return func([]float64) Contender { return contender }
	}
	all := []func([]float64) Contender{blind(Operator()), blind(OperatorAlone()), blind(HPAContender(stockPercent, defaultWindow)), blind(HPAContender(stockPercent, 60)), blind(HPAContender(70, 60)), blind(HPAContender(20, 60))}
	if c.Announced {
		for _, percent := range []int{60, 70, 80} {
			all = append(all, func(begins []float64) Contender { return scheduledContender(percent, begins) })
		}
	}
	return all
}

// scheduledContender is an autoscaler of somebody who knows when jobs begin and how high they are: at nine o'clock of a usual day its
// pods are at their target.
func scheduledContender(percent int, begins []float64) Contender {
	return Contender{
		Name: fmt.Sprintf("HPA %d%%, 60 s, by schedule", percent), Role: Foreknowing,
		Autoscaler: func(s Service) Autoscaler {
			target := float64(percent) / 100
			floor := math.Ceil((usualAtNine + jobRate) * s.CPUTime.Seconds() / (target * s.requested()))
			return &scheduled{HPA: *StockHPA(target, 60), begins: begins, floor: int(floor)}
		},
	}
}

// clockRow is a contender in a case.
type clockRow struct {
	c         ClockCase
	contender Contender
	result    ClockResult
}

// ClockTable simulates cases with all contenders, and prints what became of the jobs.
func ClockTable(to io.Writer, cases []ClockCase, seeds []uint64) error {
	var rows []clockRow
	var jobs []func() ClockResult
	for _, c := range cases {
		for _, contender := range clockContenders(c) {
			rows = append(rows, clockRow{c: c, contender: contender(nil)})
			jobs = append(jobs, func() ClockResult { return Clock(c, contender, seeds) })
		}
	}
	for i, result := range onAllProcessors(jobs) {
		rows[i].result = result
	}
	table := tabwriter.NewWriter(to, 0, 0, 1, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "jobs\tautoscaler\tfirst two jobs: bad seconds of a job\tmissed requests\tlater ones: bad seconds\tat most\tmissed requests\tbad seconds at other times\tpod-hours a day\t")
	for _, r := range rows {
		first, later := r.result.First, r.result.Later
		fmt.Fprintf(table, "%s\t%s\t%.1f\t%.0f\t", r.c.Name, r.contender.Name, first.Bad, first.Missed)
		if later.Jobs > 0 {
			fmt.Fprintf(table, "%.1f\t%.0f\t%.0f\t", later.Bad, later.MostBad, later.Missed)
		} else {
			fmt.Fprint(table, "–\t–\t–\t")
		}
		fmt.Fprintf(table, "%.0f\t%.1f\t\n", r.result.OtherBad, r.result.PodHours)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(to, "\n%s\n", clockVerdict(rows, len(seeds)))
	return err
}

// clockFigures of one contender: bad seconds of a job in the mean of the announced cases, and in the worst case the pod-hours divided by those
// of the cheapest schedule that keeps the objective, and by those of the stock autoscaler.
type clockFigures struct {
	cases                                int
	first, later, worst, schedule, stock float64
}

func clockFiguresOf(rows []clockRow, name string) (f clockFigures) {
	var first, later []float64
	for _, of := range rows {
		if of.contender.Name != name {
			continue
		}
		f.cases++
		if of.c.Announced {
			first = append(first, of.result.First.Bad)
			if of.result.Later.Jobs > 0 {
				later, f.worst = append(later, of.result.Later.Bad), max(f.worst, of.result.Later.MostBad)
			}
		}
		cheapest := math.Inf(1)
		for _, r := range rows {
			switch hours := r.result.PodHours; {
			case r.c.Name != of.c.Name:
			case r.contender.Name == StockName:
				f.stock = max(f.stock, of.result.PodHours/hours)
			case r.contender.Role == Foreknowing && r.keeps():
				cheapest = min(cheapest, hours)
			}
		}
		f.schedule = max(f.schedule, of.result.PodHours/cheapest) // infinity: no schedule is known
	}
	f.first, f.later = mean(first), mean(later)
	return f
}

// clockVerdict is the last line.
func clockVerdict(rows []clockRow, seeds int) string {
	f, alone := clockFiguresOf(rows, OurName), clockFiguresOf(rows, OperatorAlone().Name)
	return fmt.Sprintf("RESULT sim-clock cases=%d seeds=%d first_bad_s=%.1f later_bad_s=%.1f worst_later_bad_s=%.0f later_bad_alone_s=%.1f "+
		"pod_hours_ratio_schedule=%.2f pod_hours_ratio_schedule_alone=%.2f pod_hours_ratio_cpu50=%.2f pod_hours_ratio_cpu50_alone=%.2f",
		f.cases, seeds, f.first, f.later, f.worst, alone.later, f.schedule, alone.schedule, f.stock, alone.stock)
}

// keeps says that at most one in a hundred of the seconds are bad.
func (r clockRow) keeps() bool { return r.result.Bad <= 0.01*float64(r.c.Days)*daySeconds }

func mean(of []float64) float64 {
	sum := 0.0
	for _, x := range of {
		sum += x
	}
	return sum / math.Max(float64(len(of)), 1)
}
