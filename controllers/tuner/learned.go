// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

// Learned is everything that a Tuner has to know to go on where another one ended: after a restart of the operator, a change
// of its leader, or a time without tuning. The zero value knows nothing.
type Learned struct {
	// At is when it was learned.
	At time.Time
	// Cost of a request, and Highest that was ever measured.
	Cost, Highest Cost
	// Tuned figures that measurements moved, without parts of a limit; Utilization only where it was lowered.
	Tuned plan.Tuned
	// Futile says that lowering the utilization did not help, and is not tried again until the objective holds.
	Futile bool
	// Hold is how long the highest need is remembered before pods go; 0 is the plan's.
	Hold time.Duration
	// Startups are what the last pods took from their creation until they were ready, at most 16, the newest last.
	Startups []time.Duration
	// LatencyBound is Outcome.LatencyBound.
	LatencyBound time.Duration
	// Profile is what comes by the clock.
	Profile Profile
	// Budget counts requests over the window of the objectives, at most MaxIntervals, the oldest first, and slow ones against Threshold; 0
	// where none are.
	Budget    []Interval
	Threshold time.Duration
	// History holds the last changes, the newest last.
	History []Change
}

const (
	// learnedVersion of the form in a status.
	learnedVersion = 1
	// Bounds of what is plausible in a status, which anybody with the right to may have edited.
	maxPods        = 10000
	maxCost        = time.Hour
	unknownReason  = "as learned earlier; nothing is measured yet"
	permille       = 1000
	utilizationEps = 1e-6
)

// Status is the form in which the next operator finds it. Reasons and the history are not in it: the status has them already.
func (l Learned) Status() *v1alpha1.LearnedStatus {
	status := &v1alpha1.LearnedStatus{
		Version:        learnedVersion,
		At:             metav1.NewTime(l.At.Truncate(time.Second)),
		CPUNanoseconds: int64(l.Cost.CPUTime), ServiceNanoseconds: int64(l.Cost.ServiceTime),
		HighestCPUNanoseconds: int64(l.Highest.CPUTime), HighestServiceNanoseconds: int64(l.Highest.ServiceTime),
		Floor: valueOf(l.Tuned.ReplicaFloor), Needed: l.Tuned.Needed,
		Workers: valueOf(l.Tuned.Workers), GOGC: valueOf(l.Tuned.GOGC),
		FutileUtilization: l.Futile, HoldSeconds: int32(l.Hold / time.Second),
		LatencyBoundNanoseconds: int64(l.LatencyBound), ThresholdNanoseconds: int64(l.Threshold),
	}
	if l.Tuned.Utilization != nil { // rounded down, so that the CPU target in percent stays what it is
		status.UtilizationPermille = int32(l.Tuned.Utilization.Value*permille + utilizationEps)
	}
	for _, took := range l.Startups {
		status.StartupSeconds = append(status.StartupSeconds, int32(took/time.Second))
	}
	status.Profile = l.Profile.status()
	for i := range l.Budget {
		interval := &l.Budget[i]
		status.Budget = append(status.Budget, v1alpha1.LearnedTally{
			Start: metav1.NewTime(interval.Start),
			Total: count(interval.Tally.Total), Failed: count(interval.Tally.Failed), Slow: count(interval.Tally.Slow), Unjudged: count(interval.Tally.Unjudged),
		})
	}
	return status
}

// Recall reads it from a status: the figures from status.learned, their reasons and the history from what is shown to people.
// What is missing, of another version or not plausible is not known.
func Recall(status *v1alpha1.GoServiceStatus) Learned {
	var l Learned
	if s := status.Learned; s != nil && s.Version == learnedVersion {
		shown := shownReasons(status)
		l = Learned{
			At:      s.At.Time,
			Cost:    Cost{plausible(s.ServiceNanoseconds), plausible(s.CPUNanoseconds)},
			Highest: Cost{plausible(s.HighestServiceNanoseconds), plausible(s.HighestCPUNanoseconds)},
			Tuned: plan.Tuned{
				ReplicaFloor: figureOf(s.Floor, maxPods, shown.floor),
				Needed:       max(s.Needed, 0),
				Workers:      figureOf(s.Workers, maxWorkers, shown.workers),
				GOGC:         figureOf(s.GOGC, maxGOGC, shown.gogc),
			},
			Futile: s.FutileUtilization,
			Hold:   min(max(time.Duration(s.HoldSeconds)*time.Second, 0), maxHold),
		}
		if s.UtilizationPermille > 0 && s.UtilizationPermille <= permille {
			l.Tuned.Utilization = &plan.Figure[float64]{Value: max(float64(s.UtilizationPermille)/permille, minUtilization), Reason: shown.utilization}
		}
		if bound := time.Duration(s.LatencyBoundNanoseconds); bound <= maxCost {
			l.LatencyBound = max(bound, -maxCost)
		}
		l.Threshold = max(time.Duration(s.ThresholdNanoseconds), 0)
		l.Startups, l.Budget, l.Profile = recallStartups(s.StartupSeconds), recallBudget(s.Budget), recallProfile(s.Profile)
	}
	l.Tuned.QueueShared = meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionQueueShared) && l.Cost != Cost{}
	for i := range status.Decisions {
		d := &status.Decisions[i]
		l.History = append(l.History, Change{At: d.At.Time, What: d.What, From: d.From, To: d.To, Reason: d.Reason})
	}
	return l
}

// recallStartups leaves out what cannot be.
func recallStartups(seconds []int32) []time.Duration {
	var all []time.Duration
	for _, s := range seconds {
		if took := time.Duration(s) * time.Second; took > 0 && took <= maxStartup {
			all = append(all, took)
		}
	}
	return all[max(0, len(all)-maxStartups):]
}

// recallBudget leaves out what is not in order of time or cannot be.
func recallBudget(tallies []v1alpha1.LearnedTally) []Interval {
	var intervals []Interval
	for i := range tallies {
		t := &tallies[i]
		if min(t.Total, t.Failed, t.Slow, t.Unjudged) < 0 || len(intervals) > 0 && !t.Start.After(intervals[len(intervals)-1].Start) {
			continue
		}
		intervals = append(intervals, Interval{t.Start.Time, Tally{float64(t.Total), float64(t.Failed), float64(t.Slow), float64(t.Unjudged)}})
	}
	return intervals[max(0, len(intervals)-MaxIntervals):]
}

// reasons of figures as the status shows them.
type reasons struct{ floor, utilization, workers, gogc string }

func shownReasons(status *v1alpha1.GoServiceStatus) reasons {
	shown := reasons{unknownReason, unknownReason, unknownReason, unknownReason}
	if r := status.Recommended; r != nil {
		take(map[*string]*v1alpha1.PlannedValue{
			&shown.floor: r.ReplicaFloor, &shown.utilization: r.CPUTarget, &shown.workers: r.Workers, &shown.gogc: r.GOGC,
		})
		return shown
	}
	p := status.Plan
	if p == nil {
		return shown
	}
	take(map[*string]*v1alpha1.PlannedValue{
		&shown.floor: p.ReplicaFloor, &shown.utilization: p.CPUTarget, &shown.workers: p.Workers, &shown.gogc: p.GOGC,
	})
	return shown
}

func take(reasons map[*string]*v1alpha1.PlannedValue) {
	for to, value := range reasons {
		if value != nil {
			*to = value.Reason
		}
	}
}

// WithFloor is what was learned with a floor of the number of pods that was found in force, where none was learned.
func (l Learned) WithFloor(pods int32) Learned {
	if l.Tuned.ReplicaFloor == nil {
		l.Tuned.ReplicaFloor = figureOf(pods, maxPods, "as before the operator started; nothing is measured yet")
	}
	return l
}

func figureOf(value, highest int32, reason string) *plan.Figure[int32] {
	if value <= 0 || value > highest {
		return nil
	}
	return &plan.Figure[int32]{Value: value, Reason: reason}
}

func valueOf(figure *plan.Figure[int32]) int32 {
	if figure == nil {
		return 0
	}
	return figure.Value
}

func plausible(nanoseconds int64) time.Duration {
	if d := time.Duration(nanoseconds); d > 0 && d <= maxCost {
		return d
	}
	return 0
}

// count is a number of requests as a whole one.
func count(f float64) int64 {
	if math.IsNaN(f) || f < 0 {
		return 0
	}
	return int64(math.Round(min(f, 1<<62)))
}

// direction in which a change moved its figure: 1, -1, or 0 where the texts do not tell.
func (c Change) direction() int {
	number := func(text string) (float64, error) {
		first, _, _ := strings.Cut(text, " ")
		return strconv.ParseFloat(strings.TrimSuffix(first, "%"), 64)
	}
	from, err := number(c.From)
	to, errTo := number(c.To)
	switch {
	case err != nil || errTo != nil || from == to:
		return 0
	case to > from:
		return 1
	}
	return -1
}
