// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// A shared limit is used and kept while clients load its pods unevenly and pods double and are halved, whichever leave: by pods of a
// hundred requests per second closely, by pods of ten as closely as their buckets allow.
func TestASharedLimitIsUsedAndKept(t *testing.T) {
	cases := BudgetCases()
	for _, c := range BudgetCases() {
		c.Lend = false
		cases = append(cases, c)
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%g/s, %g:1, %g, pods lend: %t", c.Limit(), c.Skew, c.Demand, c.Lend), func(t *testing.T) {
			mean, under, over, changeUnder, changeOver := -0.003, -0.01, 0.01, -0.04, 0.04
			if !c.Lend { // until it is seen that leaving pods are asked no more
				mean, under, changeUnder = -0.01, -0.02, -0.1
				if c.Demand < 1.2 { // most of it is lost by whoever knows the demand, see below
					mean, under = -0.03, -0.04
				}
			}
			if c.Limit() < 1000 { // ten buckets of ten requests are half a second's worth
				mean, under, over, changeUnder, changeOver = 2*mean-0.005, 2*under-0.02, 0.03, 2.3*changeUnder, 0.09
			}
			for seed := range uint64(4) {
				r := Budget(c, seed)
				if r.Mean < mean || r.Under < under || r.Over > over || r.ChangeUnder < changeUnder || r.ChangeOver > changeOver {
					t.Errorf("seed %d: mean %+.3f, %+.3f to %+.3f, about changes %+.3f to %+.3f", seed, r.Mean, r.Under, r.Over, r.ChangeUnder, r.ChangeOver)
				}
				if writes := r.Writes / float64(c.Pods); writes > 60 {
					t.Errorf("seed %d: %.0f writes to each pod in 200 s", seed, writes)
				}
			}
		})
	}
}

// Nobody is cut for pods that nobody asks: clients keep the connections that they have.
func TestNewPodsThatNobodyAsksTakeNothing(t *testing.T) {
	for _, demand := range []float64{1.05, 1.5, 3} {
		for seed := range uint64(4) {
			c := BudgetCase{Pods: 10, PerPod: 200, Skew: 3, Demand: demand, Stay: 25, Lend: true}
			if r := Budget(c, seed); r.ChangeUnder < -0.03 || r.ChangeOver > 0.05 {
				t.Errorf("demand %g, seed %d: %+.3f to %+.3f about changes", demand, seed, r.ChangeUnder, r.ChangeOver)
			}
		}
	}
}

// The rival is what anybody would do, and loses what it is said to lose: with a skew of 3:1 half of the pods use a half of their
// part at twice the limit's demand.
func TestPlainEqualPartsLoseWhatSkewLeavesUnused(t *testing.T) {
	for _, c := range []struct{ skew, demand, want float64 }{
		{3, 1.05, 0.5*1.05*0.5 + 0.5 - 1}, {3, 1.5, 0.75*0.5 + 0.5 - 1}, {3, 2, 0}, {10, 1.05, 1.05/11 + 0.5 - 1},
	} {
		r := Budget(BudgetCase{Pods: 10, PerPod: 200, Skew: c.skew, Demand: c.demand, Way: Equally}, 1)
		if math.Abs(r.Mean-c.want) > 0.03 {
			t.Errorf("skew %g, demand %g: mean %+.3f, want %+.3f", c.skew, c.demand, r.Mean, c.want)
		}
	}
}

// Who knows the demand on each pod loses what the buckets lose by chance: a part r of the limit where λ requests per second arrive
// uses ρ = r/λ of them, and a bucket of b discards ((1−ρ)/ρ) / (exp(2(1−ρ)b) − 1) of r (Harrison 1985, as in the plan).
func TestWhoKnowsTheDemandLosesWhatBucketsLose(t *testing.T) {
	for _, c := range []BudgetCase{
		{Pods: 10, PerPod: 200, Skew: 3, Demand: 1.05, Way: Knowing}, {Pods: 10, PerPod: 200, Skew: 10, Demand: 1.05, Way: Knowing},
		{Pods: 10, PerPod: 20, Skew: 3, Demand: 1.05, Way: Knowing}, {Pods: 10, PerPod: 200, Skew: 3, Demand: 1.2, Way: Knowing},
	} {
		lost := func(perPod float64) (sum float64) { // of the limit of two pods, a loud one and another
			for _, weight := range []float64{c.Skew, 1} {
				part := perPod * (0.02 + 0.98*2*weight/(c.Skew+1))
				used := part / (c.Demand * perPod * 2 * weight / (c.Skew + 1))
				bucket := math.Max(10, math.Floor(part/10))
				sum += part * (1 - used) / used / math.Expm1(2*(1-used)*bucket) / (2 * perPod)
			}
			return sum
		}
		const doubled, all = budgetHalve - budgetDouble, budgetSeconds - 4*budgetWindow
		want := -(lost(c.PerPod)*(all-doubled) + lost(c.PerPod/2)*doubled) / all
		if got := WorstBudget(c, []uint64{1, 2}).Mean; math.Abs(got-want) > 0.004 {
			t.Errorf("%g/s, %g:1, %g: mean %+.4f, want %+.4f", c.Limit(), c.Skew, c.Demand, got, want)
		}
	}
}

// A quiet phase, another operator, and a pod that takes nothing leave a limit kept: parts in force are above it for as long as the
// docs grant, and what is admitted is by no more than what that and full buckets are worth.
func TestADisturbedLimitIsKept(t *testing.T) {
	for _, c := range DisturbedBudgetCases() {
		t.Run(fmt.Sprintf("%g/s, %s, pods lend: %t", c.Limit(), c.Disturbance, c.Lend), func(t *testing.T) {
			over, changeOver, above := 0.01, 0.05, 2.0 // until pods that began to serve are known, or 50 ms for each pod, and the way
			under, changeUnder := -0.01, -0.04
			if !c.Lend { // until it is seen that leaving pods are asked no more, and others have what they had
				under, changeUnder = -0.02, -0.09
			}
			if c.Limit() < 1000 { // twenty buckets of ten requests are a second's worth
				over, changeOver, under, changeUnder = 0.04, 0.12, under-0.05, changeUnder-0.05
			}
			switch c.Disturbance {
			case StuckPod: // the others give back after five seconds, and can have what it does not use only if it lends that
				above = 7
				if !c.Lend {
					under = -0.08
				}
			case LoudestLeave:
				if c.Lend { // they have nine tenths and lend them, and a tenth is with the others
					above = budgetLeave
				}
			case Quiet: // when the demand comes back, and ten seconds that are quiet in part have fewer requests than their mean
				under = min(under, -0.1*200/c.Limit())
			}
			for seed := range uint64(4) {
				r := Budget(c, seed)
				if r.Over > over || r.ChangeOver > changeOver || r.Above > above || r.Under < under || r.ChangeUnder < changeUnder {
					t.Errorf("seed %d: %+.3f to %+.3f, about changes %+.3f to %+.3f, above the limit for %.2f s", seed, r.Under, r.Over, r.ChangeUnder, r.ChangeOver, r.Above)
				}
			}
		})
	}
}

// An operator that takes over divides as the one before: it moves no more than that would have.
func TestAnotherOperatorDividesNoMoreOften(t *testing.T) {
	for seed := range uint64(4) {
		c := BudgetCase{Pods: 10, PerPod: 200, Skew: 3, Demand: 1.5}
		before := Budget(c, seed).Divisions
		c.Disturbance = Restarted
		if r := Budget(c, seed); r.Divisions > before+1 || r.Mean < -0.005 {
			t.Errorf("seed %d: %.0f divisions, %.0f without a restart; mean %+.4f", seed, r.Divisions, before, r.Mean)
		}
	}
}

// Judging by hand-made seconds: what is admitted against the lesser of the limit and what arrived.
func TestBudgetsAreJudgedByTheLesserOfLimitAndArrivals(t *testing.T) {
	run := func(admitted, arrived func(at float64) float64) BudgetResult {
		r := &budgetRun{BudgetCase: BudgetCase{Pods: 10, PerPod: 10}}
		for i := range int(budgetSeconds / budgetStep) {
			at := float64(i) * budgetStep
			r.admitted, r.arrived = append(r.admitted, admitted(at)), append(r.arrived, arrived(at))
			r.could = append(r.could, r.Limit()*budgetStep)
		}
		return r.judge()
	}
	constant := func(rate float64) func(float64) float64 { return func(float64) float64 { return rate * budgetStep } }
	between := func(from, until, then, else_ float64) func(float64) float64 {
		return func(at float64) float64 {
			if at >= from && at < until {
				return then * budgetStep
			}
			return else_ * budgetStep
		}
	}
	for name, c := range map[string]struct {
		admitted, arrived func(float64) float64
		want              BudgetResult
	}{
		"all of the limit":             {constant(100), constant(150), BudgetResult{}},
		"all of what comes":            {constant(50), constant(50), BudgetResult{Over: 0}},
		"half of the limit":            {constant(50), constant(150), BudgetResult{Mean: -0.5, Under: -0.5, ChangeUnder: -0.5}},
		"ten seconds of nothing, calm": {between(100, 110, 0, 100), constant(150), BudgetResult{Mean: -0.0625, Under: -1}},
		"five beyond it, calm":         {between(100, 105, 120, 100), constant(150), BudgetResult{Mean: 0.0062, Over: 0.1}},
		"five at a change":             {between(60, 65, 80, 100), constant(150), BudgetResult{Mean: -0.0062, ChangeUnder: -0.1}},
		"beyond it at the other":       {between(135, 140, 140, 100), constant(150), BudgetResult{Mean: 0.0125, ChangeOver: 0.2}},
		"before anything is known":     {between(0, 5, 0, 100), constant(150), BudgetResult{}},
	} {
		got := run(c.admitted, c.arrived)
		for _, figure := range []struct{ got, want float64 }{
			{got.Mean, c.want.Mean}, {got.Under, c.want.Under}, {got.Over, c.want.Over}, {got.ChangeUnder, c.want.ChangeUnder}, {got.ChangeOver, c.want.ChangeOver},
		} {
			if math.Abs(figure.got-figure.want) > 0.002 {
				t.Errorf("%s: %+v, want %+v", name, got, c.want)
				break
			}
		}
	}
}

func TestArrivalsAreAPoissonProcess(t *testing.T) {
	for _, mean := range []float64{0.05, 2, 29, 31, 400} {
		random, sum, squares, n := rand.New(rand.NewPCG(1, 1)), 0.0, 0.0, 100_000.0
		for range int(n) {
			count := poisson(random, mean)
			sum += count
			squares += count * count
		}
		average := sum / n
		if variance := squares/n - average*average; math.Abs(average-mean) > 0.02*mean+0.005 || math.Abs(variance-mean) > 0.05*mean {
			t.Errorf("mean %g: %g, variance %g", mean, average, variance)
		}
	}
}

func TestTheTableShowsBothWays(t *testing.T) {
	var table strings.Builder
	if err := BudgetTable(&table, []uint64{1}); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(table.String(), "\n"); lines != 20+12+len(DisturbedBudgetCases())+3 || !strings.Contains(table.String(), "equal: mean") {
		t.Errorf("table:\n%s", table.String())
	}
	if staying := strings.Count(table.String(), " 25 s "); staying != 6 {
		t.Errorf("%d rows with clients that stay, want 6:\n%s", staying, table.String())
	}
}
