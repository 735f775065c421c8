// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package budget_test

import (
	"runtime/debug"
	"testing"

	"goservice.dev/operator/workload/internal/budget"
)

func TestNoMoreIsTakenThanThereIs(t *testing.T) {
	var m budget.Memory
	if m.Take(1) {
		t.Error("nothing is there, and was taken")
	}
	m.SetLimit(10)
	if !m.Take(6) || m.Take(5) || !m.Take(4) || m.Take(1) {
		t.Error("6 and 4 of 10 fit, and nothing else")
	}
	m.GiveBack(6)
	if !m.Take(6) {
		t.Error("what was given back cannot be taken again")
	}
}

func TestTheLimitIsAPartOfTheProcessesMemory(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	for limit, want := range map[int64]int64{80 << 20: 10 << 20, 1 << 20: 4 << 20, 1<<63 - 1: 64 << 20} {
		debug.SetMemoryLimit(limit)
		var m budget.Memory
		if m.Follow(8); !m.Take(want) || m.Take(1) {
			t.Errorf("an eighth of %d is not %d", limit, want)
		}
	}
}
