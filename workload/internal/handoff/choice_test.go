// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package handoff

import (
	"testing"
	"testing/synctest"
	"time"
)

// zoned are linked pods in the zones, of which the first has no worker free.
func zoned(t *testing.T, zones ...string) (all []*pod, stop func()) {
	t.Helper()
	all, link := unlinked(len(zones), 1)
	for i, zone := range zones {
		all[i].broker.zone = zone
	}
	unlink := link(t)
	synctest.Wait()
	if !all[0].pool.TryAcquire() {
		t.Fatal("busy")
	}
	return all, func() {
		all[0].pool.Release()
		unlink()
	}
}

// moved sends requests to the first pod, one after the other, and returns how many ran in each zone.
func moved(t *testing.T, all []*pod, requests int) map[string]int {
	t.Helper()
	zones := map[string]string{}
	for _, one := range all {
		zones[one.name] = one.broker.zone
	}
	ran := map[string]int{}
	for id := range requests {
		who, err := all[0].arrive(t.Context(), id, time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		ran[zones[who]]++
		time.Sleep(2 * mostMemory) // nobody remembers it
	}
	return ran
}

func TestRequestsMoveWithinTheirZoneFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, stop := zoned(t, "a", "b", "a", "b", "a", "b", "b", "")
		if ran := moved(t, all, 40); ran["a"] != 40 {
			t.Errorf("%v", ran)
		}
		for _, one := range all[1:] { // all in the zone are busy
			if one.broker.zone == "a" && !one.pool.TryAcquire() {
				t.Fatal("busy")
			}
		}
		if ran := moved(t, all, 10); ran["a"] != 0 {
			t.Errorf("%v", ran)
		}
		for _, one := range all[1:] {
			if one.broker.zone == "a" {
				one.pool.Release()
			}
		}
		stop()
	})
}

// One pod of the zone would get all that the others of the zone do not, which may be most.
func TestASinglePodOfTheZoneIsNotPreferred(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, stop := zoned(t, "a", "b", "a", "b", "b", "b", "b", "b")
		if ran := moved(t, all, 200); ran["a"] > 80 {
			t.Errorf("%v", ran)
		}
		stop()
	})
}

func TestWithoutZonesRequestsMoveByChance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, stop := zoned(t, "", "", "", "b", "b", "b")
		if ran := moved(t, all, 200); ran[""] == 0 || ran["b"] == 0 {
			t.Errorf("%v", ran)
		}
		stop()
	})
}

func TestAPodTakesItsShareOfWhatOthersTake(t *testing.T) {
	const work, requests = 10 * time.Millisecond, 4000
	for _, share := range []float64{1, 0.5, 0.1, 0} {
		synctest.Test(t, func(t *testing.T) {
			all, stop := newService(t, 8, 1)
			all[7].broker.TakeShare(share)
			if !all[0].pool.TryAcquire() { // where all requests come in
				t.Fatal("busy")
			}
			offer(t, all, 1, 0.4*7/work.Seconds(), requests, work)
			all[0].pool.Release()
			runs := byPod(all)
			others := 0
			for _, n := range runs[1:7] {
				others += n
			}
			if got := float64(runs[7]) / (float64(others) / 6); got < 0.8*share || got > 1.2*share {
				t.Errorf("a share of %g: %.2f of what others take, runs %v", share, got, runs)
			}
			stop()
		})
	}
}

// Live settings say it again and again.
func TestOthersHearOfAShareWhenItChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one := newPod("one", 1)
		other := meet(t, one)
		synctest.Wait() // it is told once at first
		heard := 0
		other.on(frameTakes, func([]byte) { heard++ })
		for _, share := range []float64{1, 1, 0.5, 0.5, 1, 2} {
			one.broker.TakeShare(share)
			synctest.Wait()
		}
		if heard != 2 {
			t.Errorf("heard of it %d times", heard)
		}
		other.end()
		one.broker.again.Stop()
	})
}
