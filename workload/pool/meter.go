// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"math"
	"runtime/metrics"
	"time"

	"goservice.dev/operator/workload/runtimeinfo"
)

const (
	// quotaFor is how long a CPU quota that was read counts as current: a running container's may change.
	quotaFor = time.Second
	// tightShare of GOMEMLIMIT is where live memory leaves too little for what more work needs.
	tightShare = 0.8
)

// meter reads this process.
type meter struct {
	samples    []metrics.Sample
	processors float64
	limited    bool
	readAt     time.Time
}

// Places of a meter's samples.
const (
	sampleRunnable = iota
	sampleLive
	sampleStacks
	sampleLimit
	sampleCollections
)

func newMeter() *meter {
	return &meter{samples: []metrics.Sample{
		sampleRunnable:    {Name: "/sched/goroutines/runnable:goroutines"},
		sampleLive:        {Name: "/gc/heap/live:bytes"},
		sampleStacks:      {Name: "/memory/classes/heap/stacks:bytes"},
		sampleLimit:       {Name: "/gc/gomemlimit:bytes"},
		sampleCollections: {Name: "/gc/cycles/total:gc-cycles"},
	}}
}

func (m *meter) read() reading {
	if now := time.Now(); m.readAt.IsZero() || now.Sub(m.readAt) >= quotaFor {
		m.processors, m.limited = runtimeinfo.Processors()
		m.readAt = now
	}
	metrics.Read(m.samples)
	value := func(place int) uint64 { return m.samples[place].Value.Uint64() }
	limit, live := value(sampleLimit), value(sampleLive)+value(sampleStacks)
	return reading{
		cpu: cpuTime(), runnable: int(value(sampleRunnable)), processors: m.processors, limited: m.limited,
		tight: limit < math.MaxInt64 && float64(live) > tightShare*float64(limit), live: live,
		collection: value(sampleCollections),
	}
}
