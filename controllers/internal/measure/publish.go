// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"fmt"
	"time"

	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/controllers/tuner"
)

// publish takes over an outcome that is worth telling and reports whether it was, and whether the parts of a limit move.
// Reasons hold the figures of the moment of a change; told every round they would make every reconcile a write.
func (l *Loop) publish(f *followed, next tuner.Outcome) (news, divides bool) {
	decided := fmt.Sprint(value(next.Tuned.ReplicaFloor), percent(next.Tuned.Utilization), value(next.Tuned.Workers),
		value(next.Tuned.QueueDepth), value(next.Tuned.GOGC), next.Cost, next.Measured, next.Early, next.Burning)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.services[f.name] != f { // forgotten meanwhile
		return false, false
	}
	f.demand = next.Demand
	divides = l.options.Moves(f.name, f.demand)
	due := !next.Since.IsZero() && next.Tally != f.outcome.Tally && time.Since(f.toldAt) >= spoken
	if decided == f.told && !due {
		return false, divides
	}
	if decided == f.told { // only the objectives' figures: what was decided keeps its reasons
		next.Tuned, next.Frozen, next.Problem, next.History = f.outcome.Tuned, f.outcome.Frozen, f.outcome.Problem, f.outcome.History
	}
	f.told, f.toldAt, f.outcome = decided, time.Now(), next
	return true, divides
}

func value(figure *plan.Figure[int32]) int32 {
	if figure == nil {
		return 0
	}
	return figure.Value
}

func percent(figure *plan.Figure[float64]) int {
	if figure == nil {
		return 0
	}
	return int(figure.Value * 100)
}
