// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestASecondIsBad(t *testing.T) {
	for name, c := range map[string]struct {
		second     second
		percentile float64
		want       bool
	}{
		"nothing came":                       {second{}, 0.99, false},
		"all in time":                        {second{Arrived: 100}, 0.99, false},
		"as many slow as allowed":            {second{Arrived: 300, Slow: 3}, 0.99, false},
		"one more":                           {second{Arrived: 300, Slow: 4}, 0.99, true},
		"lost ones count like slow ones":     {second{Arrived: 300, Slow: 2, Lost: 2}, 0.99, true},
		"only lost ones":                     {second{Arrived: 300, Lost: 4}, 0.99, true},
		"one of few is more than any share":  {second{Arrived: 5, Slow: 1}, 0.99, false},
		"two of few are too many":            {second{Arrived: 5, Lost: 2}, 0.99, true},
		"two of two hundred are not":         {second{Arrived: 200, Slow: 2}, 0.99, false},
		"another percentile":                 {second{Arrived: 100, Slow: 5}, 0.95, false},
		"another percentile, broken":         {second{Arrived: 100, Slow: 6}, 0.95, true},
		"exactly the share in binary digits": {second{Arrived: 700, Slow: 7}, 0.99, false},
	} {
		if got := c.second.isBad(c.percentile); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// seconds is a simulation of three seconds after the warm-up, in which everything goes wrong.
func threeSeconds() []second {
	seconds := make([]second, warmUp+3)
	for i := range warmUp {
		seconds[i] = second{Arrived: 1000, Slow: 500, Lost: 500}
	}
	seconds[warmUp] = second{Arrived: 100, Slow: 1}
	seconds[warmUp+1] = second{Arrived: 200, Slow: 1, Lost: 3}
	seconds[warmUp+2] = second{Arrived: 50, Lost: 2}
	return seconds
}

func TestTheWarmUpDoesNotCount(t *testing.T) {
	r := Result{Percentile: 0.99, seconds: threeSeconds()}
	r.judge()
	if r.Seconds != 3 || r.BadSeconds != 2 || r.Requests != 350 || r.Slow != 2 || r.Lost != 5 {
		t.Errorf("%d seconds, %d bad; %d requests, %d slow, %d lost", r.Seconds, r.BadSeconds, r.Requests, r.Slow, r.Lost)
	}
}

func TestWhenEnoughPodsWereWanted(t *testing.T) {
	service := Default() // a pod takes 400 requests per second at full use
	load := func(low, high float64) func(float64) float64 {
		return func(at float64) float64 {
			if at >= warmUp+5 {
				return high
			}
			return low
		}
	}
	for name, c := range map[string]struct {
		rate    func(float64) float64
		wanted  int // from the eighth second on; before, 2
		stepped bool
		within  int
	}{
		"three seconds later":  {load(400, 1600), 4, true, 3},
		"more than enough":     {load(400, 1600), 40, true, 3},
		"never":                {load(400, 1600), 3, true, 15},
		"enough all the time":  {load(400, 800), 2, true, 0},
		"a rise that is none":  {load(400, 799), 2, false, 0},
		"a fall":               {load(800, 100), 2, false, 0},
		"a step to exactly it": {load(300, 801), 3, true, 3},
	} {
		r := Result{rate: c.rate, seconds: make([]second, warmUp+20)}
		for i := range r.seconds {
			r.seconds[i].Wanted = 2
			if i >= warmUp+8 {
				r.seconds[i].Wanted = c.wanted
			}
		}
		r.judgeStep(service)
		if r.Stepped != c.stepped || r.WantedWithin != c.within {
			t.Errorf("%s: stepped %v, within %d s; want %v, %d", name, r.Stepped, r.WantedWithin, c.stepped, c.within)
		}
	}
}

func TestRowsAddUp(t *testing.T) {
	one := Result{Scenario: "a", Contender: "x", Percentile: 0.99, Seconds: 1000, BadSeconds: 4, Requests: 100, Lost: 7, Slow: 5, CoreSeconds: 10, Used: 3, Actions: 2, WantedWithin: 5}
	two := Result{Scenario: "a", Contender: "x", Percentile: 0.99, Seconds: 1000, BadSeconds: 16, Requests: 200, Lost: 1, Slow: 6, CoreSeconds: 20, Used: 4, Actions: 3, WantedWithin: 2}
	other, later := one, one
	other.Contender, later.Scenario = "y", "b"
	rows := Rows([]Result{one, two, other, later})
	if len(rows) != 3 {
		t.Fatalf("%d rows, want 3", len(rows))
	}
	r := rows[0]
	if r.Runs != 2 || r.Seconds != 2000 || r.BadSeconds != 20 || r.Requests != 300 || r.Lost != 8 || r.Slow != 11 || r.CoreSeconds != 30 || r.Used != 7 || r.Actions != 5 || r.WantedWithin != 5 {
		t.Errorf("sums %+v", r)
	}
	if r.BadFrom != 4 || r.BadTo != 16 || r.LostFrom != 1 || r.LostTo != 7 {
		t.Errorf("bad %d–%d, lost %d–%d; want 4–16, 1–7", r.BadFrom, r.BadTo, r.LostFrom, r.LostTo)
	}
	if !r.Keeps() {
		t.Error("20 bad seconds of 2,000 are 1 %, which the objective allows")
	}
	r.BadSeconds++
	if r.Keeps() {
		t.Error("21 of 2,000 are more")
	}
	if rows[1].Runs != 1 || rows[1].BadFrom != 4 || rows[1].LostTo != 7 || rows[2].Scenario != "b" {
		t.Errorf("other rows %+v", rows[1:])
	}
}

func row(scenario, contender string, role Role, bad, lost int, cores float64) Row {
	return Row{Result: Result{
		Scenario: scenario, Contender: contender, Role: role, Percentile: 0.99, Seconds: 1000, BadSeconds: bad, Requests: 1_000_000, Lost: lost, CoreSeconds: cores,
	}, Runs: 2, BadFrom: bad / 2, BadTo: bad, LostFrom: lost / 4, LostTo: lost}
}

func TestVerdict(t *testing.T) {
	rows := []Row{
		// In steps, the operator has more than twice the bad seconds of the best rival, and half as many lost requests as the rival with the fewest.
		row("step", StockName, Rival, 12, 1000, 500),
		row("step", "tight", Rival, 3, 2000, 300), // its worst run has fewer than each of the operator's
		row("step", StockMinuteName, Rival, 12, 1000, 340),
		row("step", "own", OwnBalancing, 1, 0, 1),
		row("step", OurName, Ours, 8, 500, 400),
		row("step", "alone", OursAlone, 0, 0, 400),
		row("step", "clairvoyant", Bound, 0, 0, 200),
		// On ramps the cheapest that keeps the objective is "tight"; "loose" is cheaper and does not. Those with a balancing of their own are no
		// rivals. Fewer lost requests than one in a hundred thousand, here 10, count as so many.
		row("ramp", StockName, Rival, 0, 0, 600),
		row("ramp", "tight", Rival, 10, 30, 500),
		row("ramp", "loose", Rival, 11, 0, 100),
		row("ramp", "own", OwnBalancing, 0, 0, 250),
		row("ramp", "own, cheap", OwnBalancing, 900, 0, 10),
		row("ramp", "at least 9", Foreknowing, 0, 0, 800),
		row("ramp", "at least 5", Foreknowing, 11, 0, 400),
		row("ramp", OurName, Ours, 3, 40, 450),
		row("ramp", "alone", OursAlone, 0, 0, 600),
		row("ramp", "clairvoyant", Bound, 0, 0, 225),
	}
	v := Judge(rows, func(name string) bool { return name == "ramp" })
	want := "RESULT sim shapes=2 seeds=2 worst_bad_ratio=3.00 worst_lost_ratio=4.00 core_seconds_ratio_best=0.90 " +
		"core_seconds_ratio_knative=1.80 core_seconds_ratio_cpu50=0.77 core_seconds_ratio_cpu50_minute=2.50 core_seconds_ratio_alone=0.85 core_seconds_ratio_clairvoyant=2.00 " +
		"core_seconds_ratio_best_alone=1.20 core_seconds_ratio_knative_alone=2.40 core_seconds_ratio_cpu50_alone=0.91 core_seconds_ratio_cpu50_minute_alone=2.94 core_seconds_shapes=1 core_seconds_ratio_minreplicas=0.56 kept_both=2 kept_ours=0 kept_rival=0 kept_none=0 kept_minreplicas=0 more_bad=1 more_lost=1"
	if got := v.String(); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	step, ramp := v.Scenarios[0], v.Scenarios[1]
	if step.Best.Contender != "tight" || step.LeastLost.Contender != StockName || math.Abs(step.BadRatio-8.0/3) > 1e-9 || step.LostRatio != 0.5 || step.Cheapest.Contender != "tight" {
		t.Errorf("step: %+v", step)
	}
	if ramp.Best.Contender != "loose" && ramp.Best.Contender != StockName || ramp.Cheapest.Contender != "tight" || ramp.CheapestOwn.Contender != "own" || !ramp.Kept {
		t.Errorf("ramp: %+v", ramp)
	}
	// Where no load changes gradually, every scenario counts: the step's 400/300 is the larger ratio.
	v = Judge(rows, func(string) bool { return false })
	if math.Abs(v.CoresBest-400.0/300) > 1e-9 || v.CoresKnative != 400 {
		t.Errorf("over all scenarios %v and %v, want 1.33 and 400", v.CoresBest, v.CoresKnative)
	}
	var summary strings.Builder
	if err := v.Summary(&summary); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| step | 4.0 (4–8) | 1.5 (1–3), tight | 250 (125–500) | 500 (250–1000), HPA 50%, 300 s | tight | 1.33 | 1.33 | 400.00 | 400.00 | none | – | 0.80 | 1.00 | 2.00 |\n",
		"| ramp | 1.5 (1–3) | 0.0 (0–0), HPA 50%, 300 s | 20 (10–40) | 0 (0–0), HPA 50%, 300 s | tight | 0.90 | 1.20 | 1.80 | 2.40 | at least 9 | 0.56 | 0.75 | 0.75 | 2.00 |\n",
	} {
		if !strings.Contains(summary.String(), want) {
			t.Errorf("no %s in:\n%s", want, summary.String())
		}
	}
}

func TestVerdictWithoutAnythingToCompare(t *testing.T) {
	v := Judge([]Row{row("step", OurName, Ours, 20, 0, 100)}, func(string) bool { return true })
	if line := v.String(); strings.Count(line, "=NaN") != 13 || v.KeptNone != 1 {
		t.Errorf("ratios to nothing: %s", line)
	}
	var summary strings.Builder
	if err := v.Summary(&summary); err != nil || v.Scenarios[0].Kept || !strings.Contains(summary.String(), "| step | nothing to compare |\n\n") {
		t.Errorf("%+v\n%s, error %v", v.Scenarios[0], summary.String(), err)
	}
}

// Cores that were saved by breaking the objective are no gain: where a rival keeps it and the operator does not, there is no ratio, and the
// scenario counts as lost.
func TestWhereTheOperatorBreaksTheObjectiveItHasLost(t *testing.T) {
	rows := []Row{
		row("lost", StockName, Rival, 0, 0, 100), row("lost", "own", OwnBalancing, 0, 0, 100), row("lost", OurName, Ours, 20, 0, 50),
		row("both", StockName, Rival, 0, 0, 100), row("both", OurName, Ours, 10, 0, 80),
		row("also both", StockName, Rival, 0, 0, 100), row("also both", OurName, Ours, 10, 0, 85),
		row("ours", StockName, Rival, 11, 0, 10), row("ours", OurName, Ours, 10, 0, 80),
		row("nobody", StockName, Rival, 11, 0, 10), row("nobody", "at least 9", Foreknowing, 0, 0, 900), row("nobody", OurName, Ours, 11, 0, 80),
	}
	v := Judge(rows, func(string) bool { return true })
	if v.KeptBoth != 2 || v.KeptOurs != 1 || v.KeptRival != 1 || v.KeptNone != 1 || v.KeptFloor != 1 {
		t.Errorf("%+v", v)
	}
	if v.CoresBest != 0.85 || v.CoresShapes != 2 || !math.IsNaN(v.CoresKnative) || !math.IsNaN(v.CoresFloor) {
		t.Errorf("%v in %d scenarios, %v, %v", v.CoresBest, v.CoresShapes, v.CoresKnative, v.CoresFloor)
	}
	var summary strings.Builder
	if err := v.Summary(&summary); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| lost | 10.0 (10–20) (not kept) | 0.0 (0–0), HPA 50%, 300 s | 0 (0–0) | 0 (0–0), HPA 50%, 300 s | HPA 50%, 300 s | – | – | – | – | none | – | 0.50 | – | – |\n",
		"| nobody | 5.5 (5–11) (not kept) | 5.5 (5–11), HPA 50%, 300 s | 0 (0–0) | 0 (0–0), HPA 50%, 300 s | none | – | – | – | – | at least 9 | – | 8.00 | – | – |\n",
		"\n\nThe objective is kept by the operator and a rival in 2 scenarios, by the operator alone in 1, by a rival alone in 1 (lost), by nobody in 1.\n" +
			"Each of the operator's runs has more bad seconds than any of the best rival's in 3 scenarios, and more lost requests in 0.\n",
	} {
		if !strings.Contains(summary.String(), want) {
			t.Errorf("no %s in:\n%s", want, summary.String())
		}
	}
}

// A simulation on paper: one pod with one worker and one place. Four requests of exactly 20 ms come at 0, 5, 6 and 45 ms: the first
// and the last are served at once, the second waits, the third finds both taken.
func TestRequestsOnPaper(t *testing.T) {
	service := Service{CPUTime: 20 * time.Millisecond, Cores: 1, Threshold: 30 * time.Millisecond, Percentile: 0.99, MinReplicas: 1, MaxReplicas: 1}
	w := newWorld(service, Shape{Name: "none", Seconds: 2, Rate: func(float64) float64 { return 1e-9 }}, 1)
	w.setPool(Pool{1, 1, time.Second})
	p := w.createReady()
	for _, at := range []float64{0, 0.005, 0.006, 0.045} {
		w.after(at, w.arrive)
	}
	inside := map[float64]int{}
	for _, at := range []float64{0.001, 0.0055, 0.0065, 0.021, 0.041, 0.05, 0.07} {
		w.after(at, func() { inside[at] = p.Inside() })
	}
	w.run()
	for at, want := range map[float64]int{0.001: 1, 0.0055: 2, 0.0065: 2, 0.021: 1, 0.041: 0, 0.05: 1, 0.07: 0} {
		if inside[at] != want {
			t.Errorf("%d requests inside at %v s, want %d", inside[at], at, want)
		}
	}
	if s := w.seconds[0]; s.Arrived != 4 || s.Lost != 1 || s.Slow != 1 {
		t.Errorf("%+v; want 4 arrived, 1 lost, 1 slow (35 ms)", s)
	}
	if p.served != 3 || p.failed != 1 || p.Requests() != 4 {
		t.Errorf("%v served, %v failed of %v; want 3, 1 of 4", p.served, p.failed, p.Requests())
	}
	for what, c := range map[string]struct{ got, want float64 }{
		"CPU seconds":     {p.CPUSeconds(), 0.060},
		"service seconds": {p.serviceSeconds, 0.060},
		"durations":       {p.durationSeconds, 0.020 + 0.035 + 0.020},
		"request seconds": {p.RequestSeconds(), 0.020 + 0.035 + 0.020},
		"core-seconds":    {w.coreSeconds(), 2},
		"used":            {w.busyArea, 0.060},
	} {
		if math.Abs(c.got-c.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", what, c.got, c.want)
		}
	}
}

// While no pod serves, whatever comes is lost.
func TestRequestsToNobodyAreLost(t *testing.T) {
	w := newWorld(Default(), Shape{Name: "none", Seconds: 3, Rate: func(float64) float64 { return 1e-9 }}, 1)
	w.setPool(Pool{8, 8, time.Second})
	p := w.createReady()
	w.after(0.5, w.arrive)
	w.after(1, func() { w.withdraw(p) })
	w.after(1.5, w.arrive)
	w.after(1.6, w.arrive)
	w.run()
	if served, nobody := w.seconds[0], w.seconds[1]; served.Lost != 0 || nobody.Arrived != 2 || nobody.Lost != 2 {
		t.Errorf("with a pod %+v, without one %+v; want 0 and 2 lost", served, nobody)
	}
}

// On a core, requests take turns of 10 ms, as Go's scheduler lets them.
func TestTurnsOfTenMilliseconds(t *testing.T) {
	service := Service{CPUTime: 25 * time.Millisecond, Cores: 1, Threshold: time.Second, Percentile: 0.99, MinReplicas: 1, MaxReplicas: 1}
	w := newWorld(service, Shape{Name: "none", Seconds: 2, Rate: func(float64) float64 { return 1e-9 }}, 1)
	w.setPool(Pool{2, 0, time.Second})
	p := w.createReady()
	w.after(0, w.arrive)
	w.after(0.001, w.arrive)
	w.run()
	// The first has the turns 0–10, 20–30 and 40–45, the second 10–20, 30–40 and 45–50.
	if want := 0.045 + 0.049; math.Abs(p.durationSeconds-want) > 1e-9 {
		t.Errorf("durations of %v s together, want %v", p.durationSeconds, want)
	}
}

// Who has waited longer than the queue's timeout is turned away.
func TestTheQueueTurnsAwayWhoWaitsTooLong(t *testing.T) {
	service := Service{CPUTime: 100 * time.Millisecond, Cores: 1, Threshold: time.Second, Percentile: 0.99, MinReplicas: 1, MaxReplicas: 1}
	w := newWorld(service, Shape{Name: "none", Seconds: 2, Rate: func(float64) float64 { return 1e-9 }}, 1)
	w.setPool(Pool{1, 5, 80 * time.Millisecond})
	p := w.createReady()
	for _, at := range []float64{0, 0.010, 0.050} {
		w.after(at, w.arrive)
	}
	w.run() // at 100 ms the second has waited 90 ms, the third 50
	if p.served != 2 || p.failed != 1 || w.seconds[0].Lost != 1 {
		t.Errorf("%v served, %v failed; want 2, 1", p.served, p.failed)
	}
}

// Pods on paper: two cores each; they start within 4 to 6 s, get requests until 1 s after they are told to leave, and are gone after 5.
func TestPodsOnPaper(t *testing.T) {
	service := Default()
	service.StartupFrom, service.StartupTo, service.MinReplicas, service.MaxReplicas = 4*time.Second, 6*time.Second, 1, 3
	w := newWorld(service, Shape{Name: "none", Seconds: 30, Rate: func(float64) float64 { return 1e-9 }}, 1)
	w.wanted = 1
	w.createReady()
	type state struct{ exist, ready, wanted int }
	seen := map[float64]state{}
	w.after(1.7, func() { w.Scale(9) }) // three at most, at 2 s
	w.after(11.7, func() { w.Scale(1) })
	w.after(20.7, func() { w.Scale(2) })
	w.after(22.7, func() { w.Scale(0) }) // one at least: the pod that has not started yet goes at once
	for _, at := range []float64{1.9, 2.1, 5.9, 8.1, 11.9, 12.5, 13.1, 16.9, 17.1, 21.1, 23.1, 29} {
		w.after(at, func() { seen[at] = state{len(w.Pods()), w.Ready(), w.Wanted()} })
	}
	w.run()
	for at, want := range map[float64]state{
		1.9: {1, 1, 1}, 2.1: {3, 1, 3}, 5.9: {3, 1, 3}, 8.1: {3, 3, 3}, 11.9: {3, 3, 3}, 12.5: {3, 3, 1}, 13.1: {3, 1, 1}, 16.9: {3, 1, 1},
		17.1: {1, 1, 1}, 21.1: {2, 1, 2}, 23.1: {1, 1, 1}, 29: {1, 1, 1},
	} {
		if seen[at] != want {
			t.Errorf("at %v s: %+v, want %+v", at, seen[at], want)
		}
	}
	// The first pod lives for 30 s, two from 2 s to 17 s, the last from 21 s to 23 s.
	if got, want := w.coreSeconds(), 2*(30+2*15+2.0); math.Abs(got-want) > 1e-9 {
		t.Errorf("%v core-seconds, want %v", got, want)
	}
	if w.actions != 4 {
		t.Errorf("%d actions, want 4", w.actions)
	}
	if p := w.pods[0]; p.Name() != "pod-0" || !p.Ready() || p.Leaving() || !p.Created().Equal(simEpoch) {
		t.Errorf("the oldest pod is not the first: %s, ready %v, leaving %v, created %s", p.Name(), p.Ready(), p.Leaving(), p.Created())
	}
}

func TestBalancing(t *testing.T) {
	pods := []*Pod{{number: 0, running: 5}, {number: 1, running: 1}, {number: 2, running: 3, queue: fifo{length: 1}}, {number: 3, running: 3}}
	for _, c := range []struct {
		balancing     Balancing
		first, second float64
		want          int
	}{
		{Random, 0, 0.9, 0}, {Random, 0.26, 0, 1}, {Random, 0.999, 0, 3},
		{BetterOfTwo, 0, 0, 1},      // of 0 and 1
		{BetterOfTwo, 0, 0.99, 3},   // of 0 and 3
		{BetterOfTwo, 0.3, 0.99, 1}, // of 1 and 3
		{BetterOfTwo, 0.5, 0.7, 3},  // of 2 and 3, what waits counts too
		{BetterOfTwo, 0.99, 0.5, 1}, // of 3 and 1
		{BetterOfTwo, 0.5, 0, 2},    // of 2 and 0
	} {
		if got := c.balancing.choose(pods, c.first, c.second).number; got != c.want {
			t.Errorf("%+v: pod %d", c, got)
		}
	}
	if got := BetterOfTwo.choose(pods[:1], 0.5, 0.5).number; got != 0 {
		t.Errorf("of one pod: %d", got)
	}
}
