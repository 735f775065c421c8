// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package handoff

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goservice.dev/operator/workload/pool"
)

func TestWhatIsWantedIsReadAsItWasWritten(t *testing.T) {
	whole := want{Waiting: 7, Priority: pool.Sheddable, Expected: time.Second, Work: 3 * time.Millisecond, Memory: mostMemory}
	text := whole.encode()
	if got, err := decodeWant(append(text, 1, 2, 3)); err != nil || got != whole { // a later version says more
		t.Errorf("%+v, %v", got, err)
	}
	for i := range text {
		if _, err := decodeWant(text[:i]); err == nil {
			t.Errorf("%d of %d bytes were read", i, len(text))
		}
	}
	for _, n := range []int64{-1 << 63, 1<<63 - 1} { // a clock that stands elsewhere, or a fault
		var odd []byte
		for range 5 {
			odd = binary.AppendVarint(odd, n)
		}
		got, err := decodeWant(odd)
		if err != nil || got.Waiting < 0 || got.Waiting > mostWaiting || got.Priority < pool.Sheddable || got.Priority > pool.Critical ||
			got.Expected < 0 || got.Work < 0 || got.Memory < 0 || got.Memory > mostMemory {
			t.Errorf("%d: %+v, %v", n, got, err)
		}
	}
}

// Pods of two builds serve side by side during a rollout: what builds that run somewhere send may be added to, and not changed.
func TestWhatIsWantedKeepsItsForm(t *testing.T) {
	w := want{Waiting: 7, Priority: pool.Sheddable, Expected: time.Second, Work: 3 * time.Millisecond, Memory: mostMemory}
	if got := hex.EncodeToString(w.encode()); got != "0e0180a8d6b907809bee0280a8d6b907" {
		t.Errorf("it is sent as %s", got)
	}
	kinds := []byte{frameTakes, frameWant, frameGrant, frameRelease, frameAsk, frameTokens}
	if !bytes.Equal(kinds, []byte{8, 9, 10, 11, 12, 13}) {
		t.Errorf("frames are of the kinds %v", kinds)
	}
}

// Else a pod that becomes ready serves others first.
func TestThoseWhoStillWaitAreAskedForWithTheirPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := newPod("one", 1)
		if !one.pool.TryAcquire() {
			t.Fatal("busy")
		}
		other := meet(t, one)
		var wanted []want
		other.on(frameWant, func(payload []byte) {
			w, err := decodeWant(payload)
			if err != nil {
				t.Error(err)
			}
			wanted = append(wanted, w)
		})
		var waiter sync.WaitGroup
		waiter.Go(func() {
			if err := one.pool.AcquireFor(t.Context(), pool.Claim{Movable: true, Priority: pool.Critical}); err != nil {
				t.Error(err)
			}
			one.pool.Release()
		})
		synctest.Wait()
		other.say(frameTakes, 1) // it has just become ready
		if len(wanted) != 1 || wanted[0].Priority != pool.Critical || wanted[0].Waiting != 1 {
			t.Errorf("%+v", wanted)
		}
		one.pool.Release()
		waiter.Wait()
		other.end()
		one.broker.again.Stop()
	})
}

func TestARequestThatFailsCountsAsFailed(t *testing.T) {
	one := newPod("one", 1)
	for range 10 * smoothing {
		one.broker.Ended(true)
	}
	if share := one.broker.Failures(); share < 0.99 || share > 1 {
		t.Errorf("%.3f of the requests failed", share)
	}
	for range 10 * smoothing {
		one.broker.Ended(false)
	}
	if share := one.broker.Failures(); share > 0.01 || share < 0 {
		t.Errorf("%.3f of the requests failed", share)
	}
}
