// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"math"
	"time"
)

// erlangC is the probability that a request must wait in an M/M/m queue with utilization rho (0 to below 1) of m servers.
// It uses the recursion of the Erlang B formula, which stays finite for any m (A. K. Erlang 1917; see L. Kleinrock,
// Queueing Systems I, 1975, section 3.5).
func erlangC(servers int, rho float64) float64 {
	if rho <= 0 {
		return 0
	}
	if rho >= 1 {
		return 1
	}
	offered := float64(servers) * rho
	blocking := 1.0
	for k := 1; k <= servers; k++ {
		blocking = offered * blocking / (float64(k) + offered*blocking)
	}
	return blocking / (1 - rho*(1-blocking))
}

// slowShare is the share of requests whose wait in an M/M/m queue exceeds headroom:
// P(W > t) = C(m, ρ)·e^(−m(1−ρ)t/S) (Kleinrock 1975, section 3.5).
func slowShare(servers int, rho float64, headroom, serviceTime time.Duration) float64 {
	exponent := float64(servers) * (1 - rho) * headroom.Seconds() / serviceTime.Seconds()
	return erlangC(servers, rho) * math.Exp(-exponent)
}

// highestUtilization is the highest utilization of m servers at which no more than the share budget of requests waits
// longer than headroom, to a thousandth. It is 0 where no utilization keeps the budget.
//
// What is queued for is a core, so that the servers' service time is the CPU time of a request; the whole service time, with
// what a handler waits for others, only narrows the headroom. It is taken as its mean and the wait as what is left of the
// threshold; arrivals are taken as Poisson and service times as exponential, which is cautious for the steadier service times
// of most Go handlers.
func highestUtilization(servers int, budget float64, headroom, serviceTime time.Duration) float64 {
	if headroom <= 0 || budget <= 0 {
		return 0
	}
	low, high := 0.0, 1.0
	for high-low > 0.001 {
		middle := (low + high) / 2
		if slowShare(servers, middle, headroom, serviceTime) <= budget {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}
