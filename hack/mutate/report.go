// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"errors"
	"fmt"
	"io"
)

// report is what became of one package's changes.
type report struct {
	target
	possible int
	tried    []trial
	// equivalents are the package's listed changes that change nothing, with their reasons; outdated are those of them that
	// are no longer possible.
	equivalents map[string]string
	outdated    []string
}

// counts of a report: equivalents that survived are neither noticed nor survivors.
type counts struct{ noticed, timedOut, survived, equivalent, refuted int }

func (r *report) count() counts {
	var c counts
	for _, t := range r.tried {
		_, equivalent := r.equivalents[t.key]
		switch {
		case t.outcome == survived && equivalent:
			c.equivalent++
		case t.outcome == survived:
			c.survived++
		default:
			c.noticed++
			if t.outcome == timedOut {
				c.timedOut++
			}
			if equivalent {
				c.refuted++
			}
		}
	}
	return c
}

// mutants is how many changes count.
func (c counts) mutants() int { return c.noticed + c.survived }

// share of the changes that were noticed, in per cent.
func (c counts) share() float64 { return 100 * float64(c.noticed) / float64(max(1, c.mutants())) }

func (r *report) write(w io.Writer) {
	c := r.count()
	fmt.Fprintf(w, "%s: %.1f %% of %d noticed (goal %.0f %%), %d of them by a timeout; %d survived, %d change nothing; %d possible\n",
		r.pkg, c.share(), c.mutants(), r.goal, c.timedOut, c.survived, c.equivalent, r.possible)
	for _, t := range r.tried {
		if t.outcome != survived {
			continue
		}
		if reason, equivalent := r.equivalents[t.key]; equivalent {
			fmt.Fprintf(w, "\n%s:%d changes nothing: %s\n%s", t.file, t.line, reason, t.diff())
			continue
		}
		fmt.Fprintf(w, "\n%s:%d survived\n%s  %s\n", t.file, t.line, t.diff(), t.key)
	}
	fmt.Fprintln(w)
}

// summary prints a table and the RESULT line. A list of equivalents that is wrong is an error, and so is a package below its goal.
func summary(w io.Writer, reports []*report) error {
	var all counts
	worst, simulated, worstPackage := 100.0, "not-run", "none"
	wrong := 0
	var problems []error
	fmt.Fprintf(w, "%-30s %8s %8s %8s %9s %8s %8s\n", "package", "mutants", "noticed", "survived", "timed out", "nothing", "noticed")
	for _, r := range reports {
		c := r.count()
		fmt.Fprintf(w, "%-30s %8d %8d %8d %9d %8d %6.1f %%\n", r.pkg, c.mutants(), c.noticed, c.survived, c.timedOut, c.equivalent, c.share())
		all.noticed, all.survived = all.noticed+c.noticed, all.survived+c.survived
		if r.pkg == simulator {
			simulated = fmt.Sprintf("%.1f", c.share())
		} else if worstPackage == "none" || c.share() < worst {
			worst, worstPackage = c.share(), r.pkg
		}
		if c.share() < r.goal {
			problems = append(problems, fmt.Errorf("%s: the tests notice %.1f %%, the goal is %.0f %%", r.pkg, c.share(), r.goal))
		}
		wrong += c.refuted + len(r.outdated)
		for _, t := range r.tried {
			if _, equivalent := r.equivalents[t.key]; equivalent && t.outcome != survived {
				fmt.Fprintf(w, "equivalents.txt is wrong, the tests notice this one: %s\n", t.key)
			}
		}
		for _, key := range r.outdated {
			fmt.Fprintf(w, "equivalents.txt is outdated, there is no such change: %s\n", key)
		}
	}
	fmt.Fprintf(w, "RESULT mutate mutants=%d killed_pct=%.1f worst_package=%s worst_pct=%.1f sim_pct=%s\n",
		all.mutants(), all.share(), worstPackage, worst, simulated)
	if wrong > 0 {
		problems = append(problems, fmt.Errorf("%d entries of equivalents.txt are wrong", wrong))
	}
	return errors.Join(problems...)
}
