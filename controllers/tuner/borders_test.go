// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"testing"
	"time"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

// A level is told apart from chance by a hundred requests: by as many rounds as hold them, one at least and five at most.
func TestHowManyRoundsMakeALevel(t *testing.T) {
	for requests, want := range map[float64]int{0: 5, 1: 5, 20: 5, 24: 5, 25: 4, 34: 3, 50: 2, 99: 2, 100: 1, 1000: 1} {
		points := []point{{dawn, 0, 4}, {dawn, requests / 4, 4}, {dawn, requests / 8, 4}}
		if got := roundsOfALevel(points); got != want {
			t.Errorf("%v requests in the fullest round: %d rounds, want %d", requests, got, want)
		}
	}
}

// A step is a change by more than a fifth of the greater level, in either direction, of which chance is no explanation.
func TestWhatIsAStep(t *testing.T) {
	const later, between, earlier = 3, 2, 1
	for name, c := range map[string]struct {
		now, before float64
		want        bool
	}{
		"up by a fifth of what it is":          {125e3, 100e3, false},
		"up by a little more":                  {126e3, 100e3, true},
		"down by a fifth of what it was":       {100e3, 125e3, false},
		"down by a little more":                {100e3, 126e3, true},
		"few requests, up by half":             {12, 8, false},
		"few requests, but five times as many": {60, 12, true},
	} {
		points := []point{{afterDawn(later), c.now, 1}, {afterDawn(between), c.now, 1}, {afterDawn(earlier), c.before, 1}}
		want := time.Time{}
		if c.want {
			want = afterDawn(later)
		}
		if got := lastStep(points, 0); !got.Equal(want) {
			t.Errorf("%s: a step at %v, want %v", name, got, want)
		}
	}
}

// afterDawn is so many seconds after dawn.
func afterDawn(seconds int) time.Time { return dawn.Add(time.Duration(seconds) * time.Second) }

// A step is no step where the line through the window rises by twice as much.
func TestASteepLineHasNoStep(t *testing.T) {
	points := []point{{afterDawn(3), 200e3, 1}, {afterDawn(2), 200e3, 1}, {afterDawn(1), 100e3, 1}}
	for slope, want := range map[float64]bool{0: true, 2 * 99e3 / 60: true, -2 * 99e3 / 60: true, 2 * 101e3 / 60: false, -2 * 101e3 / 60: false} {
		if got := lastStep(points, slope); got.IsZero() == want {
			t.Errorf("slope %.0f: a step at %v", slope, got)
		}
	}
}

// Samples that speak for few pods are kept while the short window or the next trend may read them, and whole ones for the long window.
func TestWhichSamplesAreKept(t *testing.T) {
	now := dawn.Add(time.Hour)
	for name, c := range map[string]struct {
		age            time.Duration
		complete, want bool
	}{
		"whole, in the long window":      {StableWindow - time.Nanosecond, true, true},
		"whole, as old as the window":    {StableWindow, true, false},
		"partial, in the short window":   {PanicWindow - time.Nanosecond, false, true},
		"partial, as old as that window": {PanicWindow, false, false},
		"partial, in the long window":    {StableWindow - time.Nanosecond, false, false},
	} {
		e := Estimator{samples: []sample{{at: now.Add(-c.age), complete: c.complete}, {at: now}, {at: now}}}
		if e.drop(now); (len(e.samples) == 3) != c.want || len(e.samples) < 2 {
			t.Errorf("%s: %d samples are left", name, len(e.samples))
		}
	}
	e := Estimator{samples: []sample{{at: now.Add(-PanicWindow)}, {at: now.Add(-PanicWindow)}}}
	if e.drop(now); len(e.samples) != 2 {
		t.Errorf("of the last two %d are left", len(e.samples))
	}
}

// Pools and collectors follow what is known, and stay as they are while nothing is.
func TestNothingIsSizedByWhatIsNotKnown(t *testing.T) {
	for _, known := range []bool{true, false} {
		d := &Decider{direction: map[string]int{}}
		s := Situation{Ready: 1, Bounds: Bounds{MemoryLimitBytes: 256 << 20, Cores: 1, PoolCores: 2, Threshold: 100 * time.Millisecond}}
		s.Estimates = Estimates{
			Known: known, HeapLiveBytes: 8 << 20, CPUTime: 5 * time.Millisecond, ServiceTime: 10 * time.Millisecond, Demand: Rate{6000, 60}, CPU: 0.5, Processors: 2,
		}
		var decision Decision
		if d.resize(dawn, s, &decision); (decision.GOGC != nil) != known || (decision.Workers != nil) != known {
			t.Errorf("known %t: workers %v, GOGC %v", known, decision.Workers, decision.GOGC)
		}
	}
}

// What the operator before this one learned stays until pods tell something.
func TestWhatWasLearnedStaysUntilSomethingIsKnown(t *testing.T) {
	before := Learned{Tuned: plan.Tuned{ReplicaFloor: &plan.Figure[int32]{Value: 7}}, Cost: Cost{CPUTime: 5 * time.Millisecond}}
	tuner := &Tuner{outcome: Outcome{Learned: before}}
	if got := tuner.Learned(dawn); got.Tuned.ReplicaFloor == nil || got.Tuned.ReplicaFloor.Value != 7 || got.Cost != before.Cost || !got.At.IsZero() {
		t.Errorf("nothing known: %+v", got)
	}
	tuner.everKnown, tuner.cost = true, Cost{CPUTime: 20 * time.Millisecond}
	if got := tuner.Learned(dawn); got.Tuned.ReplicaFloor.Value == 7 || got.Cost != tuner.cost || !got.At.Equal(dawn) {
		t.Errorf("known: %+v", got)
	}
}

// Nobody begins to divide by a demand that is not known, nor while pods that answer have not confirmed.
func TestWhenADivisionDoesNotBegin(t *testing.T) {
	b := Budget{Total: 100, Serving: []string{"a", "b"}, Confirmed: true}
	uneven := map[string]float64{"a": 90, "b": 5}
	if d := new(Division); !d.begins(dawn, b, uneven) || d.begins(dawn, b, nil) {
		t.Error("a division that is known to be needed, or not known")
	}
	if b.Confirmed = false; new(Division).begins(dawn, b, uneven) {
		t.Error("pods had no time to confirm")
	}
}

// Clocks may differ by two seconds without saying anything, not by more.
func TestHowFarClocksMayDiffer(t *testing.T) {
	started := func(seconds float64) *Counters { return &Counters{StartSeconds: float64(dawn.Unix()) + seconds} }
	for name, c := range map[string]struct {
		before, now float64
		want        bool
	}{
		"by two seconds": {-2, 0, false}, "by more": {-2.001, 0, true}, "not at all": {0, 0, false}, "before the last look": {-100, -90, false},
		"started in two seconds": {-100, 10 + 2, true}, "started later": {-100, 10 + 2.001, false},
	} {
		if got := started(c.now).restarted(started(c.before), afterDawn(-5), afterDawn(10)); got != c.want {
			t.Errorf("%s: restarted %t", name, got)
		}
	}
}

// Requests in progress are those of now, less those of before: not a counter, and below zero where there are fewer.
func TestRequestsInProgressMayFall(t *testing.T) {
	for _, c := range [][3]float64{{3, 5, 2}, {5, 3, -2}, {4, 4, 0}} {
		if got := delta(&Counters{Active: c[0]}, &Counters{Active: c[1]}).Active; got != c[2] {
			t.Errorf("from %g to %g: %g", c[0], c[1], got)
		}
	}
}

// A round counts however soon it comes after the last one.
func TestLooksHalfASecondApartCount(t *testing.T) {
	e := Estimator{}
	for i := range 3 {
		e.Observe(dawn.Add(time.Duration(i)*500*time.Millisecond), 1, []Report{{"p0", &Counters{Requests: 100 * float64(i)}}})
	}
	if len(e.samples) != 2 || e.samples[1].arrivals != 100 || e.samples[1].span != 0.5 {
		t.Errorf("samples %+v", e.samples)
	}
}

// Where measurements come from another source, nothing of the pods is kept, and only what a request costs.
func TestAnotherSourceBeginsAnew(t *testing.T) {
	tuner := &Tuner{cost: Cost{CPUTime: 5 * time.Millisecond, ServiceTime: 10 * time.Millisecond}}
	for i := range 3 {
		tuner.estimator.Observe(afterDawn(2*i), 1, []Report{{"p0", &Counters{Requests: 100 * float64(i), Served: 100 * float64(i), CPUSeconds: float64(i), ServiceSeconds: float64(i)}}})
	}
	tuner.Restart()
	if e := &tuner.estimator; len(e.pods) > 0 || len(e.samples) > 0 || !e.last.IsZero() || e.cpuTime.mean() != 5*time.Millisecond || e.serviceTime.mean() != 10*time.Millisecond {
		t.Errorf("estimator %+v", tuner.estimator)
	}
}

// What an operator before this one divided is taken as the limit of then where it is more than the limit of now, and not by rounding.
func TestTheLimitOfADivisionThatIsFound(t *testing.T) {
	for named, want := range map[float64]float64{50: 100, 100: 100, 100.05: 100, 100.1: 100, 100.2: 100.2, 300: 300} {
		d := new(Division)
		d.takeOver(dawn, Budget{Total: 100}, InForce{Parts: map[string]float64{"a": named}, Newcomer: 0.1})
		if d.budget.Total != want || !d.uneven {
			t.Errorf("parts of %g: taken as of a limit of %g", named, d.budget.Total)
		}
	}
	var d Division
	if d.takeOver(dawn, Budget{}, InForce{Parts: map[string]float64{"a": 1}}); d.uneven {
		t.Error("without a limit, parts were taken over")
	}
}

// A leaving pod is looked at again when it ends to lend and when it ends to hold, as long as it has a share.
func TestWhenALeavingPodIsLookedAtAgain(t *testing.T) {
	for name, c := range map[string]struct {
		share float64
		since int // seconds ago
		want  int // seconds from now; 0: not
	}{
		"it just left": {0.2, 0, 3}, "it ended to lend": {0.2, 3, 4}, "about to be gone": {0.2, 6, 1}, "gone": {0.2, 7, 0}, "it has nothing": {0, 0, 0},
	} {
		s := &Sharing{started: true, leaving: map[string]leaver{"a": {share: c.share, since: afterDawn(-c.since)}}}
		again := s.follow(dawn, Budget{Total: 100, Leaving: []string{"a"}, LendWithin: 3 * time.Second, LeaveWithin: 7 * time.Second}, InForce{}, nil)
		want := time.Time{}
		if c.want > 0 {
			want = afterDawn(c.want)
		}
		if !again.Equal(want) {
			t.Errorf("%s: again at %v, want %v", name, again, want)
		}
	}
}

// Where no request cost anything, as with an idle service, the reason is that the minimum is enough, without a bound of the pods.
func TestTheReasonOfAnIdleService(t *testing.T) {
	d := &Decider{direction: map[string]int{}, floor: 4}
	var decision Decision
	s := Situation{Ready: 4, Bounds: Bounds{MinReplicas: 4, MaxReplicas: 9}, Estimates: Estimates{Known: true, Demand: Rate{0, 60}}}
	d.moveFloor(dawn, s, 0, "", &decision)
	if len(d.needs) != 1 || d.needs[0].pods != 4 || decision.Frozen != "" {
		t.Errorf("needs %+v, decision %+v", d.needs, decision)
	}
	if figure := d.moveFloor(dawn, s, 0, "", &decision); figure.Value != 4 || figure.Reason != "0 req/s need no more than the minimum" {
		t.Errorf("%d, because %q", figure.Value, figure.Reason)
	}
}

// A scale-in goes on from the floor where it began. Another one begins where the floor is above that, or after a while.
func TestWhereAScaleInBegan(t *testing.T) {
	for name, c := range map[string]struct {
		from  int32
		since time.Duration
		want  int32
		anew  bool
	}{
		"it goes on":         {20, shrinkEvery, 20, false},
		"at the same floor":  {10, shrinkEvery, 10, false},
		"from a higher one":  {9, shrinkEvery, 10, true},
		"after a long while": {20, regretWithin + 1, 10, true},
		"a little earlier":   {20, regretWithin, 20, false},
	} {
		d := &Decider{floor: 10, shrunkFrom: c.from, shrunkAt: dawn.Add(-c.since), neededUntil: dawn.Add(-time.Hour)}
		d.shrunk(dawn, 2, time.Minute, false)
		if d.shrunkFrom != c.want || d.neededUntil.Equal(dawn.Add(-time.Minute)) != c.anew {
			t.Errorf("%s: from %d, needed until %v", name, d.shrunkFrom, d.neededUntil)
		}
	}
}

// For thirty seconds after the first look, or the first round, nothing measured is too early to tell.
func TestHowLongItIsTooEarlyToTell(t *testing.T) {
	for began, want := range map[time.Duration][2]bool{0: {true, false}, -time.Second: {false, false}, -time.Minute: {false, false}} {
		for i, after := range []time.Duration{30*time.Second - 1, 30 * time.Second} {
			tuner := New(Learned{})
			tuner.Begin(dawn.Add(began))
			tuner.Begin(dawn.Add(time.Hour)) // which is not the first time
			if outcome, _ := tuner.Digest(dawn.Add(after), Target{Spec: &v1alpha1.GoServiceSpec{}}, 1, nil, ""); outcome.Early != want[i] {
				t.Errorf("begun %s, after %s: early %t", began, after, outcome.Early)
			}
		}
	}
}

// A pod is young until it has been followed for four seconds.
func TestHowLongAPodIsYoung(t *testing.T) {
	w := newWatched()
	if usage := w.look(50); len(usage.Young) > 0 {
		t.Errorf("young before its demand is known: %v", usage.Young)
	}
	for followed := 1; followed <= 6; followed++ {
		if usage := w.look(100); usage.Young["p"] != (followed < 4) {
			t.Errorf("followed for %d s: young %v", followed, usage.Young)
		}
	}
}

// What a request costs is learned from rounds that speak for enough pods, and have as many requests as tell it apart from what else pods do.
func TestWhichRoundsTellTheCost(t *testing.T) {
	for name, c := range map[string]struct {
		round sample
		want  bool
	}{
		"whole":                {sample{complete: true, done: 100, span: 60, cpuSeconds: 1}, true},
		"partial":              {sample{done: 100, span: 60, cpuSeconds: 1}, false},
		"with too few":         {sample{complete: true, done: 99.9, span: 60, cpuSeconds: 1}, false},
		"partial, and too few": {sample{done: 99.9, span: 60, cpuSeconds: 1}, false},
		"short":                {sample{complete: true, done: 10, span: 6, cpuSeconds: 0.1}, true},
	} {
		e := Estimator{}
		if e.learn(&c.round); (e.cpuTime.weight > 0) != c.want {
			t.Errorf("%s: %+v", name, e.cpuTime)
		}
	}
}
