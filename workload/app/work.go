// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package app

import (
	"context"
	"crypto/sha256"
	"math"
	"sync"
	"time"
)

// Bounds of a Load.
const (
	MaxCPU        = 5 * time.Second
	MaxSleep      = 30 * time.Second
	MaxAllocBytes = 64 << 20
)

// Load is synthetic work, for capacity tests and demonstrations.
type Load struct {
	// CPU is as much computing as one core of this machine does in that time when it has nothing else to do. It is an amount
	// of work and not a time, so that an overloaded service takes longer, as a real one does.
	CPU time.Duration
	// Sleep is waiting, as for another service.
	Sleep time.Duration
	// AllocBytes are allocated, written to and dropped.
	AllocBytes int64
}

// Check returns an *Invalid for a load beyond the bounds.
func (l Load) Check() error {
	switch {
	case l.CPU < 0 || l.CPU > MaxCPU:
		return invalid("cpu", "must be 0s to %s", MaxCPU)
	case l.Sleep < 0 || l.Sleep > MaxSleep:
		return invalid("sleep", "must be 0s to %s", MaxSleep)
	case l.AllocBytes < 0 || l.AllocBytes > MaxAllocBytes:
		return invalid("alloc", "must be 0 to %d bytes", MaxAllocBytes)
	}
	return nil
}

// Do does the load's work and returns early, with the context's error, when ctx ends.
func (l Load) Do(ctx context.Context) error {
	if err := l.Check(); err != nil {
		return err
	}
	memory := make([]byte, l.AllocBytes)
	for i := 0; i < len(memory); i += pageBytes {
		memory[i] = 1 // only touched pages are used memory
	}
	if err := compute(ctx, l.CPU); err != nil {
		return err
	}
	if l.Sleep > 0 {
		timer := time.NewTimer(l.Sleep)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
	}
	return ctx.Err()
}

const (
	pageBytes = 4096
	// samples of so many rounds each find out how fast this machine is. The fastest counts: it was disturbed the least.
	samples      = 16
	sampleRounds = 512
	// checkRounds between two looks at the context take well under a millisecond.
	checkRounds = 1024
)

// roundTime is what one round takes on an idle core.
var roundTime = sync.OnceValue(func() float64 {
	fastest := math.Inf(1)
	for range samples {
		start := time.Now()
		rounds(sampleRounds)
		fastest = min(fastest, float64(time.Since(start))/sampleRounds)
	}
	return max(fastest, 1)
})

func compute(ctx context.Context, amount time.Duration) error {
	if amount <= 0 {
		return nil
	}
	left := int(float64(amount) / roundTime())
	for ; left > checkRounds; left -= checkRounds {
		if err := ctx.Err(); err != nil {
			return err
		}
		rounds(checkRounds)
	}
	rounds(left)
	return nil
}

// rounds hashes in a chain, which nothing can skip or run side by side.
func rounds(n int) {
	var sum [sha256.Size]byte
	for range n {
		sum = sha256.Sum256(sum[:])
	}
}
