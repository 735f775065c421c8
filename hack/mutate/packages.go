// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"slices"
)

// target is a package whose source is changed.
type target struct {
	pkg string
	// also are packages whose tests serve it, besides its own.
	also []string
	// goal is the share of changes to be noticed, in per cent.
	goal float64
}

// asked are the packages whose tests are run, its own first.
func (t target) asked() []string { return append([]string{t.pkg}, t.also...) }

const simulator = "controllers/sim"

var targets = []target{
	{pkg: "controllers/plan", goal: 85},
	{pkg: "controllers/tuner", goal: 85},
	{pkg: "controllers/internal/status", goal: 85},
	{pkg: "controllers/internal/apply", goal: 85},
	{pkg: "controllers/internal/confirm", goal: 85},
	{pkg: "controllers/internal/build", goal: 85},
	{pkg: "workload/ratelimit", goal: 85},
	{pkg: "workload/pool", goal: 85},
	{pkg: "workload/fanout", goal: 85},
	{pkg: "workload/livesettings", goal: 85},
	{pkg: simulator, goal: 70},
}

// selected picks targets by name; all of them where no name is given.
func selected(names []string) ([]target, error) {
	if len(names) == 0 {
		return targets, nil
	}
	var some []target
	for _, name := range names {
		i := slices.IndexFunc(targets, func(t target) bool { return t.pkg == name })
		if i < 0 {
			return nil, fmt.Errorf("%s is not among the packages that are changed", name)
		}
		some = append(some, targets[i])
	}
	return some, nil
}
