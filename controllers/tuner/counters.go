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
	// Rejected requests were turned away for any reason.
	Rejected float64
	// CPUSeconds that the process used.
	CPUSeconds float64
	// Buckets of the durations of requests that neither failed nor were rate limited, cumulative, by rising bound.
	Buckets []Bucket

	// StartSeconds is the process's start in seconds since 1970: another one means that the counters began anew.
	StartSeconds float64
	// Active requests are being answered; Busy of Workers have work and Queued wait for one.
	Active, Busy, Workers, Queued float64
	// Processors that the process may use at once.
	Processors float64
	// HeapLiveBytes survived the last collection; GOGC is in force, in percent.
	HeapLiveBytes, GOGC float64
}

// delta is what happened from before to now. A pod that was restarted, or whose counters went back, counts from zero.
func delta(before, now *Counters) Counters {
	d := *now
	d.Buckets = slices.Clone(now.Buckets)
	if before.StartSeconds != now.StartSeconds || now.Requests < before.Requests || now.CPUSeconds < before.CPUSeconds {
		return d
	}
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
		{&d.CPUSeconds, before.CPUSeconds},
		{&d.Active, before.Active}, // may well fall
	} {
		*field.to -= field.subtracted
	}
	if len(before.Buckets) == len(d.Buckets) {
		for i := range d.Buckets {
			d.Buckets[i].Count -= before.Buckets[i].Count
		}
	}
	return d
}
