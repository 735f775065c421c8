// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package runtimeinfo

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
)

// paced puts the automatic pace in force for the test.
func paced(t *testing.T) {
	t.Helper()
	before := Current()
	t.Cleanup(before.Apply)
	Settings{GOGC: Automatic, MemoryLimitBytes: before.MemoryLimitBytes}.Apply()
}

func inForce() int {
	applying.Lock()
	defer applying.Unlock()
	return percentage()
}

func TestASmallHeapGrowsBy8MiBBeforeItIsCollectedAndALargeOneAsGoHasIt(t *testing.T) {
	for live, want := range map[uint64]int{0: 200, 1 << 20: 200, 4 << 20: 200, 5 << 20: 160, 8 << 20: 100, 1 << 30: 100, math.MaxUint64: 100} {
		if got := gogcFor(live); got != want {
			t.Errorf("GOGC %d with %d bytes, want %d", got, live, want)
		}
	}
	for mib := range uint64(64) {
		live := mib << 20
		if more := live * uint64(gogcFor(live)-goGOGC) / 100; more > 4<<20 {
			t.Errorf("the heap takes %d bytes more than Go would have it with %d MiB live", more, mib)
		}
	}
}

// The live heap is only known to the collector, so each collection that ends has to be noticed.
func TestThePaceFollowsTheHeapFromCollectionToCollection(t *testing.T) {
	paced(t)
	heap := make([]byte, 32<<20)
	for inForce() != goGOGC { // until the test's time is over
		runtime.GC()
	}
	runtime.KeepAlive(heap) // and no longer
	for inForce() != smallHeapGOGC {
		runtime.GC()
	}
	if got := Current().GOGC; got != Automatic {
		t.Errorf("GOGC is %d, want the automatic one", got)
	}
}

func TestAPercentageThatTheProgramSetsItselfStays(t *testing.T) {
	paced(t)
	debug.SetGCPercent(77)
	for range 10 {
		runtime.GC()
	}
	applying.Lock()
	pace() // which the end of a collection does at some time
	applying.Unlock()
	if got := Current().GOGC; got != 77 {
		t.Errorf("GOGC is %d, want 77", got)
	}
	if got := Baseline().GOGC; got != 77 {
		t.Errorf("the baseline is %d, want 77", got)
	}
}

func TestTheBaselineIsAutomaticOnlyWhereNobodyHasSetGOGC(t *testing.T) {
	before := Current()
	t.Cleanup(before.Apply)
	Settings{GOGC: goGOGC, MemoryLimitBytes: before.MemoryLimitBytes}.Apply()
	t.Setenv("GOGC", "")
	if got := Baseline().GOGC; got != Automatic {
		t.Errorf("GOGC is %d, want the automatic one", got)
	}
	t.Setenv("GOGC", "100")
	if got := Baseline().GOGC; got != goGOGC {
		t.Errorf("GOGC is %d, want that of the environment", got)
	}
}
