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
	decided := fmt.Sprint(value(next.Tuned.ReplicaFloor), next.Tuned.Needed > 0, percent(next.Tuned.Utilization), value(next.Tuned.Workers),
		value(next.Tuned.GOGC), next.Tuned.QueueShared, next.Cost, next.Highest, next.Measured, next.Early, next.Burning)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.services[f.name] != f { // forgotten meanwhile
		return false, false
	}
	f.usage = next.Usage
	divides = l.options.Moves(f.name, f.usage)
	due := !next.Since.IsZero() && next.Tally != f.outcome.Tally && time.Since(f.toldAt) >= spoken
	if decided == f.told && !due {
		return false, divides
	}
	if decided == f.told { // only the objectives' figures
		next.Frozen, next.Problem, next.History = f.outcome.Frozen, f.outcome.Problem, f.outcome.History
	}
	next.Tuned = keepReasons(f.outcome.Tuned, next.Tuned)
	next.Learned = f.tuner.Learned(time.Now())
	f.told, f.toldAt, f.outcome = decided, time.Now(), next
	return true, divides
}

// keepReasons of figures that did not move.
func keepReasons(was, now plan.Tuned) plan.Tuned {
	for _, figures := range []struct{ to, from **plan.Figure[int32] }{
		{&now.ReplicaFloor, &was.ReplicaFloor}, {&now.Workers, &was.Workers}, {&now.GOGC, &was.GOGC},
	} {
		if value(*figures.to) == value(*figures.from) {
			*figures.to = *figures.from
		}
	}
	if was.Utilization != nil && percent(was.Utilization) == percent(now.Utilization) {
		now.Utilization = was.Utilization
	}
	if was.Needed > 0 && now.Needed > 0 {
		now.Needed = was.Needed
	}
	return now
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
