// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"slices"
	"time"
)

// Counters are what one pod had counted since its start, at one moment, and a few of its gauges.
type Counters struct {
	// At is that moment, where it was another than that of the round.
	At time.Time
	// Requests answered, rejected ones included, and their durations' sum with the wait for a worker.
	Requests, DurationSeconds float64
	// Failed were answered with a status of 500 or above, RateLimited with 429.
	Failed, RateLimited float64
	// Served requests had a worker; ServiceSeconds is their time with it, without the wait.
	Served, ServiceSeconds float64
	// Unmatched requests led to no route and were answered with 404 or 405 by the server itself.
	Unmatched float64
	// Rejected requests were turned away for any reason, Refused ones because of the pod's rate limit.
	Rejected, Refused float64
	// CPUSeconds that the process used.
	CPUSeconds float64
	// Buckets of the durations of requests that neither failed nor were rate limited, cumulative, by rising bound.
	Buckets []Bucket
	// Bucketed says that durations are counted in buckets, though perhaps none of such requests.
	Bucketed bool

	// StartSeconds is the process's start in seconds since 1970: another one means that the counters began anew.
	StartSeconds float64
	// Active requests are being answered; Busy of Workers have work and Queued wait for one.
	Active, Busy, Workers, Queued float64
	// MostWorkers that the pool may have, which sizes itself; 0 from pods whose toolkit does not say.
	MostWorkers float64
	// Processors that the process may use at once.
	Processors float64
	// HeapLiveBytes survived the last collection; GOGC is in force, in percent.
	HeapLiveBytes, GOGC float64
}

// clockStep is by how much clocks may differ, or be set, without saying anything: process_start_time_seconds is made anew at
// each scrape from the time of the boot, which moves with the clock of the pod's node.
const clockStep = 2 * time.Second

// started is when the process did, by the clock of its node; zero where that is not known.
func (c *Counters) started() time.Time {
	if c.StartSeconds == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(c.StartSeconds * 1000))
}

// startedWithin says that the process began after one moment and not after another. A start that is still to come says only
// that a clock is wrong.
func (c *Counters) startedWithin(after, until time.Time) bool {
	started := c.started()
	return !started.IsZero() && started.After(after) && !started.After(until.Add(clockStep))
}

// wentBack says that something that is only counted up is less than before.
func (c *Counters) wentBack(before *Counters) bool {
	return c.Requests < before.Requests || c.Failed < before.Failed || c.RateLimited < before.RateLimited ||
		c.Served < before.Served || c.Rejected < before.Rejected || c.Refused < before.Refused ||
		c.CPUSeconds < before.CPUSeconds
}

// restarted says that the process is another one than that of an earlier scrape at a time, so that it counts from zero.
// Where nothing went back, another start alone may be that of a clock that was set; then the process must have begun since.
func (c *Counters) restarted(before *Counters, scraped, now time.Time) bool {
	moved := c.started().Sub(before.started()).Abs()
	switch {
	case c.StartSeconds == 0 && before.StartSeconds == 0: // what goes back has no other reason that could be known
		return c.wentBack(before)
	case c.StartSeconds == 0 || moved == 0:
		return false
	case c.wentBack(before):
		return true
	}
	return moved > clockStep && c.startedWithin(scraped, now)
}

// delta is what happened from before to now in the same process.
func delta(before, now *Counters) Counters {
	d := *now
	d.Buckets = slices.Clone(now.Buckets)
	for _, field := range []struct {
		to         *float64
		subtracted float64
	}{
		{&d.Requests, before.Requests},
		{&d.DurationSeconds, before.DurationSeconds},
		{&d.Failed, before.Failed},
		{&d.RateLimited, before.RateLimited},
		{&d.Served, before.Served},
		{&d.ServiceSeconds, before.ServiceSeconds},
		{&d.Rejected, before.Rejected},
		{&d.Refused, before.Refused},
		{&d.Unmatched, before.Unmatched},
		{&d.CPUSeconds, before.CPUSeconds},
	} {
		*field.to = max(*field.to-field.subtracted, 0)
	}
	d.Active -= before.Active // may well fall
	switch len(before.Buckets) {
	case len(d.Buckets):
		for i := range d.Buckets {
			d.Buckets[i].Count = max(d.Buckets[i].Count-before.Buckets[i].Count, 0)
		}
	case 0: // the first requests
	default:
		d.Buckets = nil
	}
	return d
}
