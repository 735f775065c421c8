// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import "testing"

// A shared rate limit is never exceeded while pods double and clients load them 3:1, and little of it is left unused while
// parts move.
func TestBudgetIsNeverExceeded(t *testing.T) {
	for seed := range uint64(20) {
		got := Budget(1000, seed)
		if got.HighestError > 0.005 || got.LowestError < -0.02 {
			t.Errorf("seed %d: %s", seed, got)
		}
	}
}
