// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package drain stops a process in a stated order and within a stated time. Every step has a budget of its own, what one
// step does not use the next ones have, and the steps at the end keep their share however slow the first ones are.
package drain

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Step is one part of a stop.
type Step struct {
	// Name of the step in the report.
	Name string
	// Reserve is the time that earlier steps must leave to this one. A step may use all that is left but the reserves
	// of those behind it.
	Reserve time.Duration
	// Run does the step's work, and gives up when ctx ends. It returns how many pieces of work it had to cut.
	Run func(ctx context.Context) (cut int, err error)
}

// Outcome of one step.
type Outcome struct {
	Name string
	Took time.Duration
	Cut  int
	Err  error
}

// Report of a whole stop.
type Report struct {
	Took time.Duration
	// Cut is the sum of all work that was cut; 0 means that nothing was lost.
	Cut   int
	Steps []Outcome
}

// Clean reports whether every step ended in time and nothing was cut.
func (r Report) Clean() bool {
	for _, step := range r.Steps {
		if step.Err != nil || step.Cut > 0 {
			return false
		}
	}
	return true
}

// String is the report in one line.
func (r Report) String() string {
	var line strings.Builder
	fmt.Fprintf(&line, "stopped in %s", r.Took.Round(time.Millisecond))
	for i, step := range r.Steps {
		separator := ", "
		if i == 0 {
			separator = ": "
		}
		fmt.Fprintf(&line, "%s%s %s", separator, step.Name, step.Took.Round(time.Millisecond))
		if step.Cut > 0 {
			fmt.Fprintf(&line, " (%d cut)", step.Cut)
		}
		if step.Err != nil {
			fmt.Fprintf(&line, " (%v)", step.Err)
		}
	}
	return line.String()
}

// Run runs the steps in order, within budget altogether. When ctx ends, the remaining steps run with an ended context and
// so cut what they hold at once. A step that does not heed its context is left behind at the end of its time, with an
// error in the report: the process is about to end and must not hang.
func Run(ctx context.Context, budget time.Duration, steps ...Step) Report {
	start := time.Now()
	end := start.Add(budget)
	reserved := time.Duration(0)
	for _, step := range steps {
		reserved += step.Reserve
	}
	report := Report{Steps: make([]Outcome, 0, len(steps))}
	for _, step := range steps {
		reserved -= step.Reserve
		deadline := end.Add(-reserved)
		if earliest := time.Now().Add(step.Reserve); deadline.Before(earliest) {
			deadline = earliest
		}
		outcome := runStep(ctx, step, deadline)
		report.Cut += outcome.Cut
		report.Steps = append(report.Steps, outcome)
	}
	report.Took = time.Since(start)
	return report
}

// leaveBehindAfter is how long a step may take to return once its context has ended.
const leaveBehindAfter = 100 * time.Millisecond

func runStep(ctx context.Context, step Step, deadline time.Time) Outcome {
	start := time.Now()
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	done := make(chan Outcome, 1)
	go func() {
		cut, err := step.Run(ctx)
		done <- Outcome{Name: step.Name, Took: time.Since(start), Cut: cut, Err: err}
	}()
	select {
	case outcome := <-done:
		return outcome
	case <-ctx.Done():
	}
	grace := time.NewTimer(leaveBehindAfter)
	defer grace.Stop()
	select {
	case outcome := <-done:
		return outcome
	case <-grace.C:
		return Outcome{Name: step.Name, Took: time.Since(start), Err: fmt.Errorf("left behind: %w", ctx.Err())}
	}
}
