// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package ratelimit

import (
	"math"
	"time"
)

const (
	// ticksPerNanosecond makes the bucket's clock finer than the machine's: with whole nanoseconds a limit of 7 million per
	// second would be off by 0.6 %. Sixteenths leave 18 years until an int64 overflows.
	ticksPerNanosecond = 16
	ticksPerSecond     = ticksPerNanosecond * float64(time.Second)

	// maxInterval (200 days) and maxDepth keep every sum of clock, interval and depth inside an int64.
	maxInterval = int64(1) << 58
	maxDepth    = int64(1) << 61
	maxBurst    = math.MaxInt32
)

// rule is one setting of a bucket in the terms of the generic cell rate algorithm. The bucket's whole state is the
// theoretical arrival time (TAT) of the next request in a stream that is exactly on its rate; what the TAT runs ahead of the
// clock is the part of the bucket that is used up.
type rule struct {
	interval int64 // ticks that one request costs
	depth    int64 // ticks that the TAT may run ahead of the clock: burst × interval
	// free is unlimited; shut admits nothing. While either holds, interval and depth describe the bucket that waits behind it.
	free, shut bool

	requestsPerSecond float64
	burst             int
}

func newRule(requestsPerSecond float64, burst int) rule {
	burst = min(max(burst, 1), maxBurst)
	r := rule{requestsPerSecond: requestsPerSecond, burst: burst, interval: int64(ticksPerSecond)}
	switch {
	case !(requestsPerSecond > 0): // also NaN
		// The bucket keeps what it holds: it takes more than half a year to fill. Half of the depth leaves room for promised tokens.
		r.shut, r.requestsPerSecond, r.interval = true, 0, min(maxDepth/2/int64(burst), maxInterval)
	case requestsPerSecond > ticksPerSecond:
		r.free, r.requestsPerSecond = true, Unlimited
	default:
		r.interval = int64(min(max(math.Round(ticksPerSecond/requestsPerSecond), 1), float64(maxInterval)))
	}
	r.depth = int64(min(float64(r.interval)*float64(burst), float64(maxDepth)))
	return r
}

// spend answers whether the bucket has a token at now, and the TAT after it was taken.
func (r *rule) spend(tat, now int64) (next int64, ok bool) {
	next = max(tat, now) + r.interval
	return next, next-now <= r.depth
}

// wait is the time until the bucket has a whole token, not below zero.
func (r *rule) wait(tat, now int64) time.Duration {
	switch {
	case r.free:
		return 0
	case r.shut:
		return math.MaxInt64
	}
	ticks := max(tat, now) + r.interval - r.depth - now
	return duration(max(ticks, 0))
}

// tokens that the bucket holds; below zero by what is promised to waiters.
func (r *rule) tokens(tat, now int64) float64 {
	return float64(r.burst) - float64(max(tat-now, 0))/float64(r.interval)
}

// adopt carries the tokens of a bucket under the old rule over into r: as many tokens as there were, but no more than r's
// burst. Keeping the TAT itself would turn the same debt of time into another debt of requests: a lock-out when the rate
// falls, free tokens when it rises.
func (r *rule) adopt(old *rule, tat, now int64) int64 {
	if old.free {
		return now
	}
	missing := max(float64(r.burst)-old.tokens(tat, now), 0)
	return now + int64(min(missing*float64(r.interval), float64(maxDepth)))
}

// duration rounds ticks up: waking a moment early would find no token.
func duration(ticks int64) time.Duration {
	return time.Duration((ticks + ticksPerNanosecond - 1) / ticksPerNanosecond)
}

func ticks(d time.Duration) int64 { return int64(d) * ticksPerNanosecond }
