// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package waves decides which services get a newer operator's pod template next, where whoever runs the operator asked for
// that: few at a time, and none while one of them does not come up. It is pure: no client, context, clock or environment.
package waves

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// applyTime is how long a service whose turn it is may take to get the newer template. It takes well below a second, but an
// API server may be away for a while.
const applyTime = 5 * time.Minute

// FullBudget is the error budget of a service that has spent none, or that declares no objective.
const FullBudget = 1000

// Service as its status shows it.
type Service struct {
	Name types.NamespacedName
	// Behind: the operator would render another template.
	Behind bool
	// Upgraded: the template in force replaced an older operator's.
	Upgraded bool
	Ready    bool
	// Stalled: the rollout of the template in force does not get on.
	Stalled bool
	// BudgetLeft of its objectives, in permille; negative if overspent.
	BudgetLeft int64
}

// Decision of one look.
type Decision struct {
	// Start are the services whose turn it is.
	Start []types.NamespacedName
	// Halted by a service whose upgrade stalled, in its rollout or because the newer template cannot be applied: nothing starts
	// until that is mended. Nil: not halted.
	Halted *types.NamespacedName
}

// Next decides who starts now, so that at most atOnce services are under way: those that were started, by their names with
// how long ago that was, and those upgraded ones that are not ready. Who has the most of its error budget left comes first, and
// who is not ready without an upgrade waits: nobody could tell what the upgrade does to it.
func Next(services []Service, started map[types.NamespacedName]time.Duration, atOnce int) Decision {
	free := atOnce
	var candidates []Service
	for _, s := range services {
		ago, isStarted := started[s.Name]
		switch {
		case s.Upgraded && s.Stalled, isStarted && s.Behind && ago >= applyTime:
			return Decision{Halted: &s.Name}
		case isStarted, s.Upgraded && !s.Ready:
			free--
		case s.Behind && s.Ready:
			candidates = append(candidates, s)
		}
	}
	slices.SortFunc(candidates, func(a, b Service) int {
		return cmp.Or(cmp.Compare(b.BudgetLeft, a.BudgetLeft), cmp.Compare(a.Name.String(), b.Name.String()))
	})
	var decision Decision
	for _, s := range candidates[:min(max(free, 0), len(candidates))] {
		decision.Start = append(decision.Start, s.Name)
	}
	return decision
}
