// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"slices"
)

// judge every ten seconds; the first estimates of pods that served before anybody looked take up to twenty.
func (r *budgetRun) judge() BudgetResult {
	window := int(budgetWindow / budgetStep)
	admitted, arrived, could, let, most := 0.0, 0.0, 0.0, 0.0, 0.0
	for i := range r.admitted {
		admitted += r.admitted[i]
		arrived += r.arrived[i]
		could += r.could[i]
		if i >= window {
			admitted -= r.admitted[i-window]
			arrived -= r.arrived[i-window]
			could -= r.could[i-window]
		}
		if i < 4*window {
			continue
		}
		let += admitted
		most += min(could, arrived)
		under, over := admitted/min(could, arrived)-1, admitted/(r.Limit()*budgetWindow)-1
		at := float64(i) * budgetStep
		if r.around(at) {
			r.result.ChangeUnder, r.result.ChangeOver = min(r.result.ChangeUnder, under), max(r.result.ChangeOver, over)
		} else {
			r.result.Under, r.result.Over = min(r.result.Under, under), max(r.result.Over, over)
		}
	}
	r.result.Mean = let/most - 1
	return r.result
}

// around a change.
func (r *budgetRun) around(at float64) bool {
	changes := []float64{budgetDouble, budgetHalve}
	if r.Disturbance == Quiet {
		changes = append(changes, budgetQuietUntil)
	}
	return slices.ContainsFunc(changes, func(change float64) bool { return at >= change && at < change+budgetAround })
}
