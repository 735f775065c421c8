// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package handoff

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"goservice.dev/operator/workload/pool"
)

func TestNothingNewGoesOverALinkThatIsRetired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := newPod("one", 1)
		one.limiter.Set(1, 10)
		one.broker.ShareLimit(true, true)
		one.broker.Take(true)
		other := meet(t, one)
		granted, given := 0, uint64(0)
		other.on(frameGrant, func([]byte) { granted++ })
		other.on(frameTokens, func(payload []byte) { given += uint64(payload[0]) })
		needs := want{Waiting: 1, Expected: time.Second, Work: time.Second, Memory: time.Second}.encode()
		_ = other.link.Send(frameWant, needs)
		synctest.Wait()
		if granted != 1 || one.pool.Stats().Busy != 1 {
			t.Fatalf("%d grants, %d busy", granted, one.pool.Stats().Busy)
		}
		other.handler.Retire()
		other.handler.Retire()
		_ = other.link.Send(frameWant, needs)
		other.say(frameAsk, 1)
		if granted != 1 || given != 0 || one.pool.Stats().Busy != 0 || !other.handler.Idle() {
			t.Errorf("%d grants, %d tokens, %d busy", granted, given, one.pool.Stats().Busy)
		}
		other.say(frameTakes, 1)
		released := 0
		other.on(frameWant, func([]byte) { t.Error("it was asked") })
		other.on(frameRelease, func([]byte) { released++ })
		if !one.pool.TryAcquire() {
			t.Fatal("busy")
		}
		ctx, cancel := context.WithCancel(t.Context())
		waits := make(chan error, 1)
		go func() { waits <- one.pool.AcquireFor(ctx, pool.Claim{Movable: true}) }()
		time.Sleep(time.Second)
		other.say(frameGrant, 5) // by a pod that does not know yet
		if released != 1 || one.broker.Peers() != 0 {
			t.Errorf("released %d", released)
		}
		cancel()
		if err := <-waits; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		one.pool.Release()
		other.end()
		one.broker.again.Stop()
	})
}
