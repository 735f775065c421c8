// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// starts of a program, from exec until it has ended.
type starts struct{ median, p95 time.Duration }

// compareStarts starts two programs in turn, so that both meet the same machine. The first start of each, which may read it from the disk, does not count.
func compareStarts(ctx context.Context, times int, one, other []string) (first, second starts, err error) {
	var took [2][]time.Duration
	for round := range times + 1 {
		for i, program := range [][]string{one, other} {
			began := time.Now()
			if output, err := exec.CommandContext(ctx, program[0], program[1:]...).CombinedOutput(); err != nil {
				return first, second, fmt.Errorf("%s: %w: %s", strings.Join(program, " "), err, output)
			}
			if round > 0 {
				took[i] = append(took[i], time.Since(began))
			}
		}
	}
	return summary(took[0]), summary(took[1]), nil
}

func summary(took []time.Duration) starts {
	slices.Sort(took)
	return starts{median: took[len(took)/2], p95: took[len(took)*95/100]}
}
