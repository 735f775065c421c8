// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"fmt"
	"math"
	"math/rand/v2"

	"goservice.dev/operator/controllers/tuner"
)

// BudgetResult is what became of a rate limit that pods share.
type BudgetResult struct {
	// HighestError and LowestError are the largest deviations of what was admitted in any ten seconds from the budget, as
	// shares of it; demand is above the budget all the time.
	HighestError, LowestError float64
	Retunes                   int
}

// limitedPod is a token bucket with the demand of its clients.
type limitedPod struct {
	name         string
	weight       float64 // of the demand
	rate, tokens float64
	arrived      float64 // requests, admitted or not: what its metrics count
	started      float64
	serving      bool
}

const (
	budgetStep    = 0.01
	budgetSeconds = 120
	budgetWindow  = 10
	// A bucket holds budgetBurst seconds' worth, and budgetLeast requests at least.
	budgetBurst = 0.1
	budgetLeast = 10
)

// Budget simulates a limit for a service whose pods double while clients that keep their connections load them 3:1. What the
// pods may admit is divided and what they need is estimated by the operator's own code; each retune takes retuneDelay to reach
// the pods.
func Budget(total float64, seed uint64) BudgetResult {
	random := rand.New(rand.NewPCG(seed, 0xbd))
	pods := []*limitedPod{{name: "a", weight: 3, serving: true}, {name: "b", weight: 1, serving: true}}
	var shares tuner.Shares
	var estimator tuner.Estimator
	var pending map[string]float64
	var result BudgetResult
	admitted := make([]float64, 0, int(budgetSeconds/budgetStep))
	arrivesAt, rounds := math.Inf(1), 0
	tickEvery := int(math.Round(tunerTick / budgetStep))
	tickAt := random.IntN(tickEvery)
	for i := range int(budgetSeconds / budgetStep) {
		at := float64(i) * budgetStep
		switch {
		case i == int(40/budgetStep): // two more containers run; requests reach them a second later
			pods = append(pods, &limitedPod{name: "c", weight: 3, started: at}, &limitedPod{name: "d", weight: 1, started: at})
		case i == int(41/budgetStep):
			for _, p := range pods {
				p.serving = true
			}
		}
		if at >= arrivesAt {
			for _, p := range pods {
				p.rate = pending[p.name] // nothing for one that does not serve yet
			}
			pending, arrivesAt = nil, math.Inf(1)
		}
		measured := i%tickEvery == tickAt
		if measured {
			estimator.Observe(simTime(at), len(pods), budgetReports(pods))
		}
		// The operator looks every tick, when a pod becomes ready, and as soon as all pods confirmed.
		if rounds++; pending == nil && (measured || rounds == 1 || i == int(41/budgetStep)) {
			next := shares.Next(roundOf(total, pods, estimator.Estimate(0).PodDemand))
			if differs(next, pods) {
				result.Retunes++
				pending, arrivesAt, rounds = next, at+retuneDelay, -int(math.Round(retuneDelay/budgetStep))
			}
		}
		admitted = append(admitted, serve(pods, total, random))
	}
	window := int(budgetWindow / budgetStep)
	sum := 0.0
	for i, count := range admitted {
		sum += count
		if i >= window {
			sum -= admitted[i-window]
		}
		if i < 2*window { // the first estimate of the demand takes some rounds
			continue
		}
		off := sum/(total*budgetWindow) - 1
		result.HighestError = math.Max(result.HighestError, off)
		result.LowestError = math.Min(result.LowestError, off)
	}
	return result
}

func budgetReports(pods []*limitedPod) []tuner.Report {
	var reports []tuner.Report
	for _, p := range pods {
		if p.serving {
			reports = append(reports, tuner.Report{Pod: p.name, Counters: &tuner.Counters{
				Requests: p.arrived, StartSeconds: float64(simEpoch.Unix()) + p.started,
			}})
		}
	}
	return reports
}

func roundOf(total float64, pods []*limitedPod, demand map[string]float64) tuner.Round {
	r := tuner.Round{Total: total, Confirmed: true}
	for _, p := range pods {
		if p.serving {
			r.Pods = append(r.Pods, p.name)
		}
	}
	r.Demand = tuner.Completed(demand, r.Pods)
	return r
}

func differs(next map[string]float64, pods []*limitedPod) bool {
	for _, p := range pods {
		if math.Abs(next[p.name]-p.rate) > 1e-9 {
			return true
		}
	}
	return false
}

// serve lets one step of twice the budget's demand arrive, by the weights of the pods, and returns what was admitted.
func serve(pods []*limitedPod, total float64, random *rand.Rand) float64 {
	weights, admitted := 0.0, 0.0
	for _, p := range pods {
		if p.serving {
			weights += p.weight
		}
	}
	for _, p := range pods {
		p.tokens = math.Min(p.tokens+p.rate*budgetStep, math.Max(p.rate*budgetBurst, budgetLeast))
		if !p.serving {
			continue
		}
		mean := 2 * total * p.weight / weights * budgetStep
		arrivals := math.Max(math.Round(mean+math.Sqrt(mean)*random.NormFloat64()), 0)
		let := math.Min(arrivals, math.Floor(p.tokens))
		p.tokens -= let
		admitted += let
		p.arrived += arrivals
	}
	return admitted
}

// WorstBudget holds the largest deviations and the most retunes of all seeds.
func WorstBudget(total float64, seeds []uint64) BudgetResult {
	var worst BudgetResult
	for _, seed := range seeds {
		r := Budget(total, seed)
		worst.HighestError = math.Max(worst.HighestError, r.HighestError)
		worst.LowestError = math.Min(worst.LowestError, r.LowestError)
		worst.Retunes = max(worst.Retunes, r.Retunes)
	}
	return worst
}

// String is a line for people.
func (r BudgetResult) String() string {
	return fmt.Sprintf("rate limit shared by pods that double under a load of 3:1: admitted in any 10 s within %+.1f %% to %+.1f %% of the budget, %d retunes",
		100*r.LowestError, 100*r.HighestError, r.Retunes)
}
