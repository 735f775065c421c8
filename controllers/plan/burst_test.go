// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/workload/ratelimit"
)

// refused is the share of requests that the toolkit's own limiters turn away when independent clients send a part of a shared
// limit to pods at random, in virtual time.
func refused(share Share, pods int, perSecond float64, requests int, seed uint64) float64 {
	random := rand.New(rand.NewPCG(seed, 0xb))
	limiters := make([]*ratelimit.Limiter, pods)
	for i := range limiters {
		limiters[i] = ratelimit.New(share.RequestsPerSecond, share.Burst)
	}
	turnedAway := 0
	for range requests {
		<-time.After(time.Duration(random.ExpFloat64() / perSecond * float64(time.Second))) // the bubble's time
		if !limiters[random.IntN(pods)].Allow() {
			turnedAway++
		}
	}
	return float64(turnedAway) / float64(requests)
}

// A limit that is far from reached refuses almost nobody, however many pods share it.
func TestAtSixtyPercentOfALimitHardlyAnyRequestIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		limit int32
		pods  int32
		used  float64
		most  float64
	}{
		"20 pods at 60%":              {100, 20, 0.6, 0.001},
		"20 pods at 80%":              {100, 20, 0.8, 0.005},
		"20 pods of a large limit":    {20_000, 20, 0.6, 0.005},
		"200 pods of less than 1/s":   {100, 200, 0.6, 0.005},
		"one pod at 60%":              {10, 1, 0.6, 0.005},
		"an upstream that few ask":    {1, 2, 0.6, 0.005},
		"a limit of 1/s for 50 pods ": {1, 50, 0.6, 0.005},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				limit := &v1alpha1.RateLimitSpec{RequestsPerSecond: c.limit}
				p := Compute(&v1alpha1.GoServiceSpec{
					RateLimit: limit, Upstreams: []v1alpha1.UpstreamSpec{{Name: "u", RateLimit: limit}},
				}, Observed{Sharing: c.pods})
				for seed := range uint64(3) {
					for _, share := range []Share{p.SharePerPod.Value, p.UpstreamShares["u"]} {
						if got := refused(share, int(c.pods), c.used*float64(c.limit), 20_000, seed); got > c.most {
							t.Errorf("%.2f %% refused by buckets of %d at %.0f %% of the limit", 100*got, share.Burst, 100*c.used)
						}
					}
				}
			})
		})
	}
}

// The formula is an upper bound, and within a factor of ten of what happens.
func TestTheFormulaForBurstsHolds(t *testing.T) {
	for _, used := range []float64{0.6, 0.7, 0.8} {
		for _, allowed := range []float64{0.05, 0.02, 0.005} {
			synctest.Test(t, func(t *testing.T) {
				burst := burstFor(used, allowed)
				got := refused(Share{10, burst}, 1, 10*used, 100_000, 1)
				if got > allowed || got < allowed/10 {
					t.Errorf("at %.0f %% a bucket of %d refuses %.3f %%, the formula says at most %.3f %%", 100*used, burst, 100*got, 100*allowed)
				}
			})
		}
	}
	if leastBurst != 10 {
		t.Errorf("the least burst is %d; the API's comment and the docs say 10", leastBurst)
	}
}

func TestABurstThatIsSetByHandIsDividedAndSaidPerPod(t *testing.T) {
	for name, c := range map[string]struct {
		burst, pods int32
		want        int
		reason      string
	}{
		"more than chance asks for": {400, 20, 20, "100/s over 20 pods; of a burst of 400 each has 20"},
		"less":                      {40, 20, 2, "100/s over 20 pods; of a burst of 40 each has 2: below 10, random bursts are rejected before the limit is reached"},
		"fewer than pods":           {5, 20, 1, "100/s over 20 pods; of a burst of 5 each has 1: below 10, random bursts are rejected before the limit is reached"},
		"thirds":                    {12, 3, 4, "100/s over 3 pods; of a burst of 12 each has 4: below 10, random bursts are rejected before the limit is reached"},
	} {
		t.Run(name, func(t *testing.T) {
			p := Compute(&v1alpha1.GoServiceSpec{
				RateLimit: &v1alpha1.RateLimitSpec{RequestsPerSecond: 100, Burst: &c.burst},
			}, Observed{Sharing: c.pods})
			if got := p.SharePerPod; got.Value.Burst != c.want || got.Reason != c.reason {
				t.Errorf("%d: %s", got.Value.Burst, got.Reason)
			}
		})
	}
}

// What an operator finds in the live settings, it writes again as it is.
func TestSharesThatWereRoundedStayWhatTheyAre(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 0xf))
	limit := &v1alpha1.RateLimitSpec{RequestsPerSecond: 10_000_000}
	for range 100_000 {
		once := partOf(limit, random.ExpFloat64()*[]float64{1, 100, 1e6}[random.IntN(3)])
		if again := partOf(limit, once.RequestsPerSecond); again != once {
			t.Fatalf("%v became %v", once, again)
		}
	}
}
