// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package handoff

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestAPodThatFailsAtOnceIsNotTakenForAFreeOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const work, requests = 10 * time.Millisecond, 3000
		all, stop := newService(t, 8, 1)
		all[7].fails = true
		offer(t, all, 7, 0.7*7/work.Seconds(), requests, work) // 20 s
		if runs := byPod(all); runs[7] > 200 {
			t.Errorf("runs %v", runs)
		}
		stop()
	})
}

// Clients that leave, or send what nobody can read, say nothing about the pod that ran their requests.
func TestAPodIsNotJudgedByWhatClientsBreakOff(t *testing.T) {
	for _, leave := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			all, stop := newService(t, 2, 1)
			all[1].fails, all[0].leave = true, leave
			_ = all[0].pool.TryAcquire()
			rests := 0
			for id := range 100 {
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				if _, err := all[0].arrive(ctx, id, 10*time.Millisecond); err != nil {
					rests++
				}
				cancel()
			}
			all[0].pool.Release()
			if leave != (rests == 0) {
				t.Errorf("clients leave: %t; %d requests found the pod resting", leave, rests)
			}
			stop()
		})
	}
}

// Where clients leave because a pod hangs, it is the pod.
func TestAPodThatHangsUntilClientsLeaveIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, stop := newService(t, 2, 1)
		all[0].leave, all[1].fails, all[1].hangs = true, true, 5*time.Second
		_ = all[0].pool.TryAcquire()
		rests := 0
		for id := range 12 {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			_, err := all[0].arrive(ctx, id, 5*time.Second)
			if errors.Is(err, context.DeadlineExceeded) {
				rests++
			}
			cancel()
		}
		all[0].pool.Release()
		if runs := byPod(all); rests == 0 || runs[1] < judgedFrom {
			t.Errorf("%d requests found the pod resting, runs %v", rests, runs)
		}
		stop()
	})
}
