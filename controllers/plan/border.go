// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import "time"

// longestCost of a request that is believed, and mostPerSecond of a rate.
const (
	longestCost   = time.Hour
	mostPerSecond = 1e12
)

// plausible leaves of what was observed and measured only what can be: finite, and not below zero. What is left out counts as
// not known. Measurements come from pods, which may answer anything.
func (o Observed) plausible() Observed {
	o.Sharing, o.WantedReplicas, o.MaxReplicas = max(o.Sharing, 0), max(o.WantedReplicas, 0), min(max(o.MaxReplicas, 0), maxMaximum)
	for _, cost := range []*time.Duration{&o.ServiceTime, &o.CPUTime, &o.HighestServiceTime, &o.HighestCPUTime} {
		if *cost < 0 || *cost > longestCost {
			*cost = 0
		}
	}
	t := &o.Tuned
	if u := t.Utilization; u != nil && !(u.Value > 0 && u.Value <= 1) { // NaN is neither
		t.Utilization = nil
	}
	for _, figure := range []**Figure[int32]{&t.ReplicaFloor, &t.GOGC} {
		if *figure != nil && (*figure).Value < 0 {
			*figure = nil
		}
	}
	if t.Workers != nil && (t.Workers.Value < 1 || t.Workers.Value > maxWorkers) {
		t.Workers = nil
	}
	if t.Parts != nil && !t.Parts.plausible() {
		t.Parts = nil
	}
	return o
}

func (p *Parts) plausible() bool {
	for _, part := range p.Pods {
		if !believed(part) {
			return false
		}
	}
	return believed(p.Newcomer)
}

func believed(perSecond float64) bool { return perSecond >= 0 && perSecond <= mostPerSecond }
