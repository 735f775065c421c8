// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package runtimeinfo

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// Automatic is the GOGC that follows the live heap: 200 up to 4 MiB, less for more, and Go's own 100 from 8 MiB on. So the heap grows by
// 8 MiB before it is collected, or to three times its size, whichever is less, and at least to twice its size. It takes at most 4 MiB more
// than Go's own pace.
//
// Go collects a heap as soon as it has 4 MiB. Of a small service's live heap most is fixed: marking it again for every two MiB that
// requests allocate takes a tenth of the CPU time of short requests. A percentage that somebody else sets meanwhile, by
// debug.SetGCPercent, stays.
const Automatic = math.MinInt

const (
	goGOGC        = 100
	smallHeapGOGC = 200
	leastGrowth   = 8 << 20
	// paceStep in percent is worth stopping the world for.
	paceStep = 10
)

// automatic is guarded by applying.
var automatic struct {
	on       bool
	set      int  // the percentage that it has chosen
	watching bool // the end of a collection is noticed
}

// startPace chooses the percentage from now on.
func startPace() {
	automatic.on, automatic.set = true, percentage()
	pace()
}

// pace fits the percentage to what the last collection has left, unless it was changed by somebody else.
func pace() {
	if automatic.set != percentage() {
		automatic.on = false
		return
	}
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(samples)
	wanted := gogcFor(samples[0].Value.Uint64())
	atBound := wanted == goGOGC || wanted == smallHeapGOGC
	if step := max(wanted-automatic.set, automatic.set-wanted); step >= paceStep || atBound && step > 0 {
		debug.SetGCPercent(wanted)
		automatic.set = wanted
	}
	watch()
}

// gogcFor a live heap; 0 before the first collection.
func gogcFor(liveBytes uint64) int {
	return int(min(max(goGOGC, leastGrowth*100/max(liveBytes, 1)), smallHeapGOGC))
}

// collected is what the collector finds unused each time that it runs. It has a pointer, because several small objects without one are
// freed together.
type collected struct{ _ *byte }

// watch the next collection.
func watch() {
	if automatic.watching {
		return
	}
	automatic.watching = true
	runtime.AddCleanup(new(collected), func(struct{}) {
		applying.Lock()
		defer applying.Unlock()
		automatic.watching = false
		if automatic.on {
			pace()
		}
	}, struct{}{})
}
