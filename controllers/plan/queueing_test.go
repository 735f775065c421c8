// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"math"
	"testing"
	"time"
)

func TestErlangC(t *testing.T) {
	// For one and two servers the formula is simple; the others are from tables of the Erlang C formula.
	cases := map[string]struct {
		servers int
		rho     float64
		want    float64
	}{
		"no load":                 {4, 0, 0},
		"overload":                {4, 1, 1},
		"one server waits ρ":      {1, 0.7, 0.7},
		"two servers, 2ρ²/(1+ρ)":  {2, 0.5, 1.0 / 3},
		"two servers, high load":  {2, 0.9, 2 * 0.81 / 1.9},
		"4 erlangs on 5 servers":  {5, 0.8, 0.5541},
		"8 erlangs on 10 servers": {10, 0.8, 0.4092},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := erlangC(c.servers, c.rho); math.Abs(got-c.want) > 0.00005 {
				t.Errorf("C(%d, %g) = %.5f, want %.5f", c.servers, c.rho, got, c.want)
			}
		})
	}
}

// erlangCBySum is the textbook's sum, which overflows for many servers; the oracle for few.
func erlangCBySum(servers int, rho float64) float64 {
	offered, term, sum := float64(servers)*rho, 1.0, 0.0
	for k := range servers {
		sum += term
		term *= offered / float64(k+1)
	}
	waiting := term / (1 - rho)
	return waiting / (sum + waiting)
}

func TestErlangCEqualsTheSum(t *testing.T) {
	for servers := 1; servers <= 64; servers++ {
		for rho := 0.05; rho < 1; rho += 0.05 {
			want, got := erlangCBySum(servers, rho), erlangC(servers, rho)
			if math.Abs(got-want) > 1e-9 {
				t.Fatalf("C(%d, %.2f) = %g, the sum says %g", servers, rho, got, want)
			}
		}
	}
}

func TestErlangCStaysFiniteForManyServers(t *testing.T) {
	before := 0.0
	for rho := 0.01; rho < 1; rho += 0.01 {
		got := erlangC(10_000, rho)
		if math.IsNaN(got) || got < before || got > 1 {
			t.Fatalf("C(10000, %.2f) = %g after %g", rho, got, before)
		}
		before = got
	}
}

func TestHighestUtilizationKeepsTheBudget(t *testing.T) {
	const ms = time.Millisecond
	cases := map[string]struct {
		servers               int
		budget                float64
		headroom, serviceTime time.Duration
	}{
		"one server":               {1, 0.01, 45 * ms, 5 * ms},
		"eight servers":            {8, 0.01, 45 * ms, 5 * ms},
		"hardly any headroom":      {4, 0.01, ms, 50 * ms},
		"a generous budget":        {2, 0.5, 5 * ms, 5 * ms},
		"nearly nothing may be so": {16, 0.0001, 45 * ms, 5 * ms},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			rho := highestUtilization(c.servers, c.budget, c.headroom, c.serviceTime)
			if share := slowShare(c.servers, rho, c.headroom, c.serviceTime); share > c.budget {
				t.Errorf("at %g a share of %g waits too long, %g may", rho, share, c.budget)
			}
			if share := slowShare(c.servers, rho+0.002, c.headroom, c.serviceTime); share <= c.budget {
				t.Errorf("%g is not the highest: at %g a share of %g waits, %g may", rho, rho+0.002, share, c.budget)
			}
		})
	}
	for name, rho := range map[string]float64{
		"no headroom": highestUtilization(4, 0.01, 0, ms),
		"no budget":   highestUtilization(4, 0, ms, ms),
	} {
		if rho != 0 {
			t.Errorf("%s: %g, want 0", name, rho)
		}
	}
}
