// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// one tries the changes of one package that the seed draws.
func (s *settings) one(ctx context.Context, t target, reasons map[string]string, done *state) (*report, error) {
	possible, err := changesOf(s.root, t.pkg)
	if err != nil {
		return nil, err
	}
	r := &report{target: t, possible: len(possible), equivalents: map[string]string{}}
	for key, reason := range reasons {
		if strings.HasPrefix(key, t.pkg+" ") {
			r.equivalents[key] = reason
			if !slices.ContainsFunc(possible, func(c *change) bool { return c.key == key }) {
				r.outdated = append(r.outdated, key)
			}
		}
	}
	slices.Sort(r.outdated)
	inputs, err := fingerprint(ctx, s.root, t.asked())
	if err != nil {
		return nil, err
	}
	b := &bed{root: s.root, pkg: t.pkg, tests: t.asked(), pause: s.pause}
	p := &part{bed: b, inputs: inputs, done: done, parallel: max(1, s.parallel)}
	wanted := slices.DeleteFunc(drawn(possible, s.seed), func(c *change) bool { return !s.only.MatchString(c.key) })
	// What does not compile gives its place to the next in line.
	for len(wanted) > 0 && len(r.tried) < s.changes {
		some := wanted[:min(len(wanted), s.changes-len(r.tried))]
		wanted = wanted[len(some):]
		tried, err := p.try(ctx, some)
		if err != nil {
			return nil, err
		}
		for _, one := range tried {
			if one.outcome != broken {
				r.tried = append(r.tried, one)
			}
		}
	}
	if p.checked {
		// Tests that fail now and then would have noticed what they did not.
		if err := b.check(ctx, possible[0].file); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(r.tried, func(a, b trial) int { return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.start, b.start)) })
	return r, nil
}

// trial is a change and what became of it.
type trial struct {
	*change
	outcome outcome
}

// part is one package's run.
type part struct {
	bed      *bed
	inputs   string
	done     *state
	parallel int
	// checked is set once the tests were found to pass where nothing is changed.
	checked bool
}

// try tries changes, or takes from the state what became of them, in the order that is given.
func (p *part) try(ctx context.Context, changes []*change) ([]trial, error) {
	trials := make([]trial, len(changes))
	var missing []int
	for i, c := range changes {
		result, known := p.done.of(p.inputs, c.key)
		trials[i] = trial{c, result}
		if !known {
			missing = append(missing, i)
		}
	}
	if len(missing) == 0 {
		return trials, nil
	}
	if !p.checked {
		fmt.Fprintf(os.Stderr, "▸ %-18s %s: a change that changes nothing\n", "mutate", p.bed.pkg)
		if err := p.bed.check(ctx, changes[0].file); err != nil {
			return nil, err
		}
		p.checked = true
	}
	fmt.Fprintf(os.Stderr, "▸ %-18s %s: %d changes, with tests that take %s\n", "mutate", p.bed.pkg, len(missing), p.bed.took)

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan int)
	var workers sync.WaitGroup
	for range p.parallel {
		workers.Go(func() {
			for i := range queue {
				c := trials[i].change
				result, _, err := p.bed.try(ctx, c.file, c.content())
				if err == nil {
					err = p.done.keep(p.inputs, c.key, result)
				}
				if err != nil {
					cancel(err)
				}
				trials[i].outcome = result
			}
		})
	}
	for _, i := range missing {
		queue <- i
	}
	close(queue)
	workers.Wait()
	return trials, context.Cause(ctx)
}
