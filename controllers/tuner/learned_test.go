// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

func everythingLearned() Learned {
	return Learned{
		At:   epoch,
		Cost: Cost{ServiceTime: 12 * time.Millisecond, CPUTime: 5 * time.Millisecond}, Highest: Cost{ServiceTime: 30 * time.Millisecond, CPUTime: 7 * time.Millisecond},
		Tuned: plan.Tuned{
			ReplicaFloor: &plan.Figure[int32]{Value: 8, Reason: "floor"}, Needed: 50, Utilization: &plan.Figure[float64]{Value: 0.612, Reason: "slow"},
			Workers: &plan.Figure[int32]{Value: 16, Reason: "pool"},
			GOGC:    &plan.Figure[int32]{Value: 250, Reason: "heap"},
		},
		Futile: true, Hold: 2 * time.Minute, LatencyBound: 250 * time.Millisecond, Startups: []time.Duration{9 * time.Second, 31 * time.Second, 12 * time.Second},
		Profile: Profile{Day: 20_000, Minutes: []RisingMinute{{0, 1, [2]byte{3}}, {1439, 1<<rememberedDays - 1, [2]byte{255, 1}}}, Strays: 7.125, Noise: 0.5},
		Budget:  []Interval{{epoch.Add(-time.Hour), Tally{100, 1, 2, 40}}, {epoch, Tally{50, 0, 1, 0}}}, Threshold: 250 * time.Millisecond,
		History: []Change{{At: epoch, What: "replica floor", From: "9", To: "8", Reason: "less"}},
	}
}

// learnedMinutes changes the profile to these.
func learnedMinutes(minutes ...RisingMinute) func(*v1alpha1.LearnedStatus) {
	return func(s *v1alpha1.LearnedStatus) { s.Profile = Profile{Day: 20_000, Minutes: minutes}.status() }
}

// shown is a status as it is written beside what was learned.
func shown(l Learned) *v1alpha1.GoServiceStatus {
	value := func(reason string) *v1alpha1.PlannedValue { return &v1alpha1.PlannedValue{Reason: reason} }
	status := &v1alpha1.GoServiceStatus{
		Learned: l.Status(),
		Plan: &v1alpha1.PlanStatus{
			ReplicaFloor: value("floor"), CPUTarget: value("slow"), Workers: value("pool"), GOGC: value("heap"),
		},
	}
	for _, c := range l.History {
		status.Decisions = append(status.Decisions, v1alpha1.TuningDecision{What: c.What, From: c.From, To: c.To, Reason: c.Reason})
		status.Decisions[0].At.Time = c.At
	}
	return status
}

func TestWhatWasLearnedComesBack(t *testing.T) {
	want := everythingLearned()
	status := shown(want)
	if diff := cmp.Diff(want, Recall(status)); diff != "" {
		t.Errorf("recalled (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(status.Learned, Recall(status).Status()); diff != "" {
		t.Errorf("written again (-first +second):\n%s", diff)
	}
}

func TestRecallTakesOnlyWhatIsPlausible(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*v1alpha1.LearnedStatus)
		check  func(Learned) bool
	}{
		"another version":          {func(s *v1alpha1.LearnedStatus) { s.Version++ }, func(l Learned) bool { return l.Cost == Cost{} && l.Tuned.ReplicaFloor == nil }},
		"a negative cost":          {func(s *v1alpha1.LearnedStatus) { s.CPUNanoseconds = -1 }, func(l Learned) bool { return l.Cost.CPUTime == 0 }},
		"a cost of years":          {func(s *v1alpha1.LearnedStatus) { s.ServiceNanoseconds = math.MaxInt64 }, func(l Learned) bool { return l.Cost.ServiceTime == 0 }},
		"a floor beyond all":       {func(s *v1alpha1.LearnedStatus) { s.Floor = 10001 }, func(l Learned) bool { return l.Tuned.ReplicaFloor == nil }},
		"more than all":            {func(s *v1alpha1.LearnedStatus) { s.UtilizationPermille = 1001 }, func(l Learned) bool { return l.Tuned.Utilization == nil }},
		"a hold of days":           {func(s *v1alpha1.LearnedStatus) { s.HoldSeconds = math.MaxInt32 }, func(l Learned) bool { return l.Hold == maxHold }},
		"a negative hold":          {func(s *v1alpha1.LearnedStatus) { s.HoldSeconds = -5 }, func(l Learned) bool { return l.Hold == 0 }},
		"a start of hours":         {func(s *v1alpha1.LearnedStatus) { s.StartupSeconds[1] = math.MaxInt32 }, func(l Learned) bool { return len(l.Startups) == 2 }},
		"starts of no time":        {func(s *v1alpha1.LearnedStatus) { s.StartupSeconds = []int32{0, -1} }, func(l Learned) bool { return len(l.Startups) == 0 }},
		"a profile of nothing":     {func(s *v1alpha1.LearnedStatus) { s.Profile.Minutes = "" }, func(l Learned) bool { return l.Profile.Day == 0 }},
		"a profile that is none":   {func(s *v1alpha1.LearnedStatus) { s.Profile.Minutes = "%" }, func(l Learned) bool { return l.Profile.Day == 0 }},
		"half a minute":            {func(s *v1alpha1.LearnedStatus) { s.Profile.Minutes = s.Profile.Minutes[:16] }, func(l Learned) bool { return l.Profile.Day == 0 }},
		"a minute twice":           {learnedMinutes(RisingMinute{7, 1, [2]byte{9}}, RisingMinute{7, 1, [2]byte{9}}), func(l Learned) bool { return l.Profile.Day == 0 }},
		"a minute of no day":       {learnedMinutes(RisingMinute{7, 0, [2]byte{9}}), func(l Learned) bool { return l.Profile.Day == 0 }},
		"a minute without rise":    {learnedMinutes(RisingMinute{7, 1, [2]byte{}}), func(l Learned) bool { return l.Profile.Day == 0 }},
		"the last minute":          {learnedMinutes(RisingMinute{1439, 1, [2]byte{9}}), func(l Learned) bool { return len(l.Profile.Minutes) == 1 }},
		"a minute after the last":  {learnedMinutes(RisingMinute{1440, 1, [2]byte{9}}), func(l Learned) bool { return l.Profile.Day == 0 }},
		"the most minutes":         {learnedMinutes(manyMinutes(mostMinutes)...), func(l Learned) bool { return len(l.Profile.Minutes) == mostMinutes }},
		"a minute more":            {learnedMinutes(manyMinutes(mostMinutes + 1)...), func(l Learned) bool { return l.Profile.Day == 0 }},
		"a profile without a day":  {func(s *v1alpha1.LearnedStatus) { s.Profile.Day = 0 }, func(l Learned) bool { return l.Profile.Minutes == nil }},
		"strays below none":        {func(s *v1alpha1.LearnedStatus) { s.Profile.StrayPermille = -1 }, func(l Learned) bool { return l.Profile.Strays == 0 && l.Profile.Day > 0 }},
		"more strays than minutes": {func(s *v1alpha1.LearnedStatus) { s.Profile.StrayPermille = math.MaxInt64 }, func(l Learned) bool { return l.Profile.Strays == 1440 }},
		"noise below none":         {func(s *v1alpha1.LearnedStatus) { s.Profile.NoisePermille = -1 }, func(l Learned) bool { return l.Profile.Noise == 0 && l.Profile.Day > 0 }},
		"noise above all":          {func(s *v1alpha1.LearnedStatus) { s.Profile.NoisePermille = math.MaxInt64 }, func(l Learned) bool { return l.Profile.Noise == 255 }},
		"too many starts": {func(s *v1alpha1.LearnedStatus) {
			s.StartupSeconds = make([]int32, 99)
			for i := range s.StartupSeconds {
				s.StartupSeconds[i] = int32(i + 1)
			}
		}, func(l Learned) bool { return len(l.Startups) == maxStartups && l.Startups[0] == 84*time.Second }},
		"negative counts":     {func(s *v1alpha1.LearnedStatus) { s.Budget[0].Total = -1 }, func(l Learned) bool { return len(l.Budget) == 1 }},
		"time that goes back": {func(s *v1alpha1.LearnedStatus) { s.Budget[1].Start = s.Budget[0].Start }, func(l Learned) bool { return len(l.Budget) == 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			status := shown(everythingLearned())
			c.change(status.Learned)
			if got := Recall(status); !c.check(got) {
				t.Errorf("recalled %+v", got)
			}
		})
	}
	if diff := cmp.Diff(Learned{}, Recall(&v1alpha1.GoServiceStatus{})); diff != "" {
		t.Errorf("of nothing (-want +got):\n%s", diff)
	}
}

// The next operator's first rounds move nothing: neither a figure nor what is told of it.
func TestAnotherTunerGoesOnWhereOneEnded(t *testing.T) {
	spec, f := specified(), newFleet(4)
	target := Target{Spec: spec, Wanted: 4, Ready: 4}
	first := New(Learned{})
	for range 400 {
		reports := f.run(tick, 200, 0.02)
		first.Digest(f.at, target, len(f.counters), reports, "")
	}
	learned := Recall(&v1alpha1.GoServiceStatus{Learned: first.Learned(f.at).Status()})
	before := first.Outcome()
	second := New(learned)
	if diff := cmp.Diff(figuresOf(before), figuresOf(second.Outcome())); diff != "" {
		t.Errorf("right after the start (-before +after):\n%s", diff)
	}
	near(t, "requests of the budget", second.ledger.sum().Total, first.ledger.sum().Total, 1e-4)
	for round := range 60 {
		reports := f.run(tick, 200, 0.02)
		outcome, changes := second.Digest(f.at, target, len(f.counters), reports, "")
		if diff := cmp.Diff(figuresOf(before), figuresOf(outcome)); diff != "" || len(changes) > 0 {
			t.Fatalf("round %d: changes %+v; (-before +after):\n%s", round, changes, diff)
		}
	}
}

// figuresOf an outcome without their reasons.
func figuresOf(o Outcome) []any {
	figures := []any{o.Cost, o.Highest, valueOf(o.Tuned.ReplicaFloor), valueOf(o.Tuned.Workers), valueOf(o.Tuned.GOGC)}
	if u := o.Tuned.Utilization; u != nil && u.Value < 0.7 {
		figures = append(figures, int(100*u.Value))
	}
	return figures
}

// A budget is kept whole in few intervals, whatever its window and however long it runs.
func TestTheLedgerIsBounded(t *testing.T) {
	for _, days := range []int{1, 7, 30, 90} {
		window := time.Duration(days) * 24 * time.Hour
		l, at := &ledger{}, epoch.Add(17*time.Minute)
		for range 2 * days * 24 * 4 {
			l.add(at, window, Tally{Total: 900, Failed: 1, Slow: 2})
			at = at.Add(15 * time.Minute)
		}
		if n := len(l.intervals); n > MaxIntervals {
			t.Errorf("%d days: %d intervals", days, n)
		}
		held := at.Sub(l.since())
		if held > window+time.Hour || held < window-window/oldIntervals-2*time.Hour {
			t.Errorf("%d days: holds %s", days, held)
		}
		near(t, "requests", l.sum().Total, held.Seconds(), 0.05)
		for i := range l.intervals[1:] {
			if !l.intervals[i+1].Start.After(l.intervals[i].Start) {
				t.Fatalf("%d days: interval %d starts at %s, the next one at %s", days, i, l.intervals[i].Start, l.intervals[i+1].Start)
			}
		}
		again := &ledger{intervals: recallBudget(Learned{Budget: l.intervals}.Status().Budget)}
		if diff := cmp.Diff(l.intervals, again.intervals, cmpopts.EquateApprox(0, 1)); diff != "" {
			t.Errorf("%d days, written and read (-want +got):\n%s", days, diff)
		}
	}
}

// What an operator has found is also read by others while its own rounds go on.
func TestRoundsLeaveWhatWasFoundAlone(t *testing.T) {
	found := Learned{Budget: []Interval{{Start: epoch, Tally: Tally{Total: 100, Failed: 1}}}}
	tuner := New(found)
	tuner.ledger.add(epoch.Add(time.Minute), 24*time.Hour, Tally{Total: 50})
	if got := found.Budget[0].Tally.Total; got != 100 {
		t.Errorf("%v requests in what was found, want 100", got)
	}
	if got := tuner.Learned(epoch).Budget[0].Tally.Total; got != 150 {
		t.Errorf("%v requests in what is learned, want 150", got)
	}
}

// Slow requests that were counted against another threshold say nothing of the present one; failed ones stay.
func TestAnotherThresholdJudgesAnew(t *testing.T) {
	const window = 30 * 24 * time.Hour
	l := &ledger{}
	l.judge(50 * time.Millisecond)
	l.add(epoch, window, Tally{Total: 1000, Failed: 10, Slow: 500})
	l.judge(50 * time.Millisecond)
	if left := budgetLeft(l.sum(), 0.1, 0.01); left > -40 {
		t.Fatalf("%v left of the budget of slow requests", left)
	}
	l.judge(200 * time.Millisecond)
	near(t, "left of the budget of failed requests alone", budgetLeft(l.sum(), 0.1, 0.01), 0.9, 1e-9)
	l.add(epoch.Add(2*time.Hour), window, Tally{Total: 100, Slow: 1})
	near(t, "left of the budget of slow requests", budgetLeft(l.sum(), 0, 0.02), 0.5, 1e-9)

	written := Learned{Budget: l.intervals, Threshold: l.threshold}.Status()
	again := New(Recall(&v1alpha1.GoServiceStatus{Learned: written}))
	again.ledger.judge(200 * time.Millisecond)
	if diff := cmp.Diff(l.sum(), again.ledger.sum()); diff != "" {
		t.Errorf("after a restart (-want +got):\n%s", diff)
	}
	again.ledger.judge(0)
	near(t, "slow share without an objective", again.ledger.sum().SlowShare(), 0, 0)
}

// What was slow by the threshold before an edit does not count from the next round on. The next operator takes the new one for no edit.
func TestAnEditOfTheThresholdJudgesAnew(t *testing.T) {
	spec, f, tuner := specified(), newFleet(4), New(Learned{})
	rounds := func(n int) (o Outcome) {
		for range n {
			reports := f.run(tick, 200, 0.05)
			o, _ = tuner.Digest(f.at, Target{Spec: spec, Wanted: 4, Ready: 4}, len(f.counters), reports, "")
		}
		return o
	}
	if left := rounds(60).BudgetLeft; left > -3 {
		t.Fatalf("%v left of the budget", left)
	}
	edited := *spec.DeepCopy()
	edited.SLO.Latency.Threshold.Duration *= 20
	spec = &edited
	outcome := rounds(1)
	if round := 4 * 200 * tick.Seconds(); outcome.Tally.Judged() != round || outcome.Tally.Slow != 0.05*round || outcome.Tally.Unjudged == 0 {
		t.Errorf("after the edit: %+v", outcome.Tally)
	}
	tuner = New(Recall(&v1alpha1.GoServiceStatus{Learned: tuner.Learned(f.at).Status()}))
	if after := rounds(2); after.Tally.Unjudged > outcome.Tally.Unjudged+1 || after.Tally.Judged() <= outcome.Tally.Judged() {
		t.Errorf("by the next operator: %+v, was %+v", after.Tally, outcome.Tally)
	}
}

// A clock that was ahead leaves nothing that counts for longer than it was.
func TestWhatIsOfTheFutureDoesNotCount(t *testing.T) {
	ahead := epoch.Add(1000 * time.Hour)
	tuner := New(Learned{
		At: ahead, Cost: Cost{time.Millisecond, time.Millisecond},
		Budget: []Interval{{epoch.Add(-time.Hour), Tally{Total: 7}}, {ahead, Tally{Total: 1000, Failed: 1000}}},
	})
	tuner.Begin(epoch)
	tuner.startups.observe([]Start{{Pod: "a", Created: epoch.Add(time.Second), Ready: epoch.Add(10 * time.Second)}})
	if len(tuner.startups.took) != 1 {
		t.Error("no start counts until that date")
	}
	tuner.ledger.add(epoch, 30*24*time.Hour, Tally{Total: 5})
	if got := tuner.ledger.sum(); got != (Tally{Total: 1012, Failed: 1000}) || tuner.ledger.intervals[len(tuner.ledger.intervals)-1].Start.After(epoch) {
		t.Errorf("the budget holds %+v in %+v", got, tuner.ledger.intervals)
	}
	tuner.decider.Decide(epoch, constant(100, 2)(0))
	if moved := tuner.decider.size; moved.poolMoved.After(epoch) || moved.gogcMoved.After(epoch) {
		t.Errorf("pool and collector stay until %s and %s", moved.poolMoved, moved.gogcMoved)
	}
	low := Recall(&v1alpha1.GoServiceStatus{Learned: &v1alpha1.LearnedStatus{Version: learnedVersion, UtilizationPermille: 1}})
	if u := low.Tuned.Utilization; u == nil || u.Value != minUtilization {
		t.Errorf("a utilization of a thousandth is recalled as %+v", u)
	}
}

// An operator that begins knows the reasons that the status shows: of what is in force, or of what is recommended where that is all.
func TestReasonsAreThoseThatTheStatusShows(t *testing.T) {
	value := func(reason string) *v1alpha1.PlannedValue { return &v1alpha1.PlannedValue{Value: "1", Reason: reason} }
	unknown := reasons{unknownReason, unknownReason, unknownReason, unknownReason}
	planned := &v1alpha1.PlanStatus{ReplicaFloor: value("floor"), CPUTarget: value("target"), Workers: value("pool"), GOGC: value("heap")}
	recommended := &v1alpha1.RecommendedStatus{ReplicaFloor: value("other floor"), Workers: value("other pool")}
	for name, c := range map[string]struct {
		status v1alpha1.GoServiceStatus
		want   reasons
	}{
		"nothing":     {v1alpha1.GoServiceStatus{}, unknown},
		"a plan":      {v1alpha1.GoServiceStatus{Plan: planned}, reasons{"floor", "target", "pool", "heap"}},
		"recommended": {v1alpha1.GoServiceStatus{Plan: planned, Recommended: recommended}, reasons{"other floor", unknownReason, "other pool", unknownReason}},
	} {
		if got := shownReasons(&c.status); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestADivisionIsAsItIsFound(t *testing.T) {
	if got := (InForce{}).Divided(); got.Pods != 0 || got.Parts != nil {
		t.Errorf("nothing found: %+v", got)
	}
	if got := (InForce{Pods: 3}).Divided(); got.Pods != 3 || got.Parts != nil {
		t.Errorf("equal parts found: %+v", got)
	}
	parts := map[string]float64{"a": 7}
	if got := (InForce{Pods: 3, Parts: parts, Newcomer: 2}).Divided(); got.Pods != 3 || got.Parts == nil || got.Parts.Pods["a"] != 7 || got.Parts.Newcomer != 2 {
		t.Errorf("parts found: %+v", got)
	}
}
