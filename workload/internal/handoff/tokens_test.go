// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package handoff

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goservice.dev/operator/workload/ratelimit"
)

const wayOfTokens = 200 * time.Microsecond

// limited are linked pods with equal parts of a limit.
func limited(t testing.TB, pods int, perSecond float64, burst int) (all []*pod, stop func()) {
	all, link := unlinked(pods, 1)
	for _, one := range all {
		one.way = wayOfTokens
		one.limiter.Set(perSecond/float64(pods), burst)
		one.broker.ShareLimit(true, true)
	}
	return all, link(t)
}

// window of admitted requests.
const window = 100 * time.Millisecond

// flow sends requests at random times to each pod, at its own rate, and counts those that are admitted in each window.
type flow struct {
	began    time.Time
	mu       sync.Mutex
	admitted []int
	waited   time.Duration // the longest
	requests sync.WaitGroup
}

func (f *flow) send(ctx context.Context, at *pod, perSecond float64, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 7))
	for next := time.Now(); ctx.Err() == nil; {
		next = next.Add(time.Duration(random.ExpFloat64() / perSecond * float64(time.Second)))
		time.Sleep(time.Until(next))
		if at.limiter.Allow() {
			f.count()
			continue
		}
		f.requests.Go(func() {
			asked := time.Now()
			if at.broker.Borrow() {
				f.count()
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			f.waited = max(f.waited, time.Since(asked))
		})
	}
}

func (f *flow) count() {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := int(time.Since(f.began) / window)
	for len(f.admitted) <= i {
		f.admitted = append(f.admitted, 0)
	}
	f.admitted[i]++
}

// between two times, per second.
func (f *flow) between(from, to time.Duration) float64 {
	total := 0
	for _, n := range f.admitted[from/window : to/window] {
		total += n
	}
	return float64(total) / (to - from).Seconds()
}

// extreme are the least and the most per second of any such time.
func (f *flow) extreme(from, to, of time.Duration) (least, most float64) {
	var all []float64
	for at := from; at+of <= to; at += window {
		all = append(all, f.between(at, at+of))
	}
	return slices.Min(all), slices.Max(all)
}

// run sends for the time, pod i with its part of perSecond, and stops.
func (f *flow) run(t testing.TB, all []*pod, perSecond float64, parts []float64, end time.Duration) {
	sum := 0.0
	for _, part := range parts {
		sum += part
	}
	ctx, cancel := context.WithCancel(t.Context())
	f.began = time.Now()
	var senders sync.WaitGroup
	for i, one := range all {
		senders.Go(func() { f.send(ctx, one, perSecond*parts[i]/sum, uint64(i)) })
	}
	time.Sleep(end)
	cancel()
	senders.Wait()
	f.requests.Wait()
}

// parts of the demand: a few pods have ten times as much as each other.
func parts(pods, hot int) []float64 {
	all := make([]float64, pods)
	for i := range all {
		all[i] = 1
		if i < hot {
			all[i] = 10
		}
	}
	return all
}

func TestASharedLimitIsWhatItSaysWhereverRequestsComeIn(t *testing.T) {
	const pods = 10
	for name, test := range map[string]struct {
		limit       float64
		burst, hot  int
		demand      float64
		least, most float64 // of the limit, in any ten seconds
	}{
		"one pod has most, hardly too much":    {1000, 10, 1, 1.05, 0.99, 1.01},
		"one pod has most, too much":           {1000, 10, 1, 1.5, 0.99, 1.01},
		"one pod has most, far too much":       {1000, 10, 1, 3, 0.99, 1.01},
		"half of them have, hardly too much":   {1000, 10, 5, 1.05, 0.98, 1.01},
		"half of them have, too much":          {1000, 10, 5, 1.5, 0.99, 1.01},
		"half of them have, far too much":      {1000, 10, 5, 3, 0.99, 1.01},
		"a large limit":                        {20000, 200, 1, 1.05, 0.99, 1.01},
		"a small limit":                        {100, 10, 1, 1.2, 0.96, 1.1}, // with what the buckets hold
		"a small burst, which pods divide too": {1000, 2, 1, 1.2, 0.86, 1.02},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				all, stop := limited(t, pods, test.limit, test.burst)
				const warm, end = 2 * time.Second, 22 * time.Second
				f := &flow{}
				f.run(t, all, test.limit*test.demand, parts(pods, test.hot), end)
				least, most := f.extreme(warm, end, 10*time.Second)
				t.Logf("%.3f to %.3f of the limit in any ten seconds, %.1f asks a second of each pod, waits of up to %s",
					least/test.limit, most/test.limit, float64(counted(all).AskedTokens)/pods/end.Seconds(), f.waited)
				if least < test.least*test.limit || most > test.most*test.limit {
					t.Errorf("%.3f to %.3f of the limit in any ten seconds", least/test.limit, most/test.limit)
				}
				total := f.between(0, end) * end.Seconds()
				if bound := test.limit*end.Seconds() + float64(pods*test.burst); total > bound {
					t.Errorf("%.0f admitted, of at most %.0f with all bursts", total, bound)
				}
				stop()
			})
		})
	}
}

// counted is what the brokers of all pods counted.
func counted(all []*pod) (sum Counters) {
	for _, one := range all {
		n := one.broker.Counters()
		sum.Received, sum.Given, sum.AskedTokens = sum.Received+n.Received, sum.Given+n.Given, sum.AskedTokens+n.AskedTokens
	}
	return sum
}

func TestAFloodOfAllPodsCostsFewAsksAndHardlyAnyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pods, end = 10, 20 * time.Second
		all, stop := limited(t, pods, 1000, 10)
		f := &flow{}
		f.run(t, all, 3000, parts(pods, 0), end)
		if asks := float64(counted(all).AskedTokens) / pods / end.Seconds(); asks > 10 {
			t.Errorf("%.1f asks a second of each pod", asks)
		}
		if f.waited > tokenWait {
			t.Errorf("a request waited for %s", f.waited)
		}
		stop()
	})
}

func TestPodsThatComeAndGoLeaveASharedLimitAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, end = 1000.0, 24 * time.Second
		all, link := unlinked(10, 1)
		some := all[:5]
		divide := func(among []*pod) {
			for _, one := range among {
				one.limiter.Set(limit/float64(len(among)), 20)
				one.broker.ShareLimit(true, true)
			}
		}
		divide(some)
		stops := make(chan func(), 1) // of the links that there are
		stops <- linkAll(t, some)
		time.AfterFunc(end/3, func() { // the number doubles
			(<-stops)()
			divide(all)
			stops <- link(t)
			time.AfterFunc(end/3, func() { // and is halved
				(<-stops)()
				for _, gone := range all[5:] {
					gone.limiter.Set(0, 1)
				}
				divide(some)
				stops <- linkAll(t, some)
			})
		})
		f := &flow{}
		f.run(t, some, 1.5*limit, parts(5, 1), end)
		if least, most := f.extreme(time.Second, end, 5*time.Second); least < 0.97*limit || most > 1.05*limit {
			t.Errorf("%.3f to %.3f of the limit", least/limit, most/limit)
		}
		(<-stops)()
	})
}

// whose answers are the test's.
func asker(t *testing.T, burst int) (one *pod, other *answers) {
	t.Helper()
	one = newPod("asker", 1)
	one.limiter.Set(0.001, burst)
	for range burst {
		_ = one.limiter.Allow()
	}
	one.broker.ShareLimit(true, true)
	other = meet(t, one)
	other.say(frameTakes, 1)
	return one, other
}

func TestTokensThatNobodyAskedForAreNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, other := asker(t, 8)
		other.say(frameTokens, 100, 0)
		if one.limiter.Allow() {
			t.Error("a token that nobody asked for")
		}
		other.on(frameAsk, func([]byte) { other.send(frameTokens, 1<<40, 1<<60) })
		if !one.broker.Borrow() {
			t.Fatal("refused")
		}
		left := 0
		for one.limiter.Allow() {
			left++
		}
		if left > 8/keptShare {
			t.Errorf("%d tokens more than were asked for", left)
		}
		other.end()
	})
}

// Who does not take is not asked, and who begins to is asked at once.
func TestOnlyPodsThatTakeAreAskedForTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, other := asker(t, 8)
		asked := 0
		other.on(frameAsk, func([]byte) {
			asked++
			other.send(frameTokens, 1, 0)
		})
		other.say(frameTakes, 0)
		if one.broker.Borrow() || asked > 0 {
			t.Errorf("asked %d times", asked)
		}
		other.say(frameTakes, 1)
		if !one.broker.Borrow() || asked != 1 {
			t.Errorf("asked %d times since it takes", asked)
		}
		other.end()
	})
}

func TestATokenThatComesLateIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, other := asker(t, 8)
		asked := make(chan []byte, 10)
		other.on(frameAsk, func(payload []byte) { asked <- payload })
		began := time.Now()
		if one.broker.Borrow() || time.Since(began) != tokenWait {
			t.Errorf("waited for %s", time.Since(began))
		}
		began = time.Now()
		for range 100 { // who owes an answer is not asked again, and nobody waits for it
			if one.broker.Borrow() || time.Since(began) != 0 {
				t.Errorf("waited for %s", time.Since(began))
			}
		}
		other.say(frameTokens, 1, 0)
		if len(asked) != 1 || !one.limiter.Allow() || one.limiter.Allow() {
			t.Errorf("asked %d times", len(asked))
		}
		other.end()
	})
}

func TestWhoeverWaitsForTheTokensOfALinkThatBreaksIsTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, other := asker(t, 8)
		other.on(frameAsk, func([]byte) { other.link.Close() })
		began := time.Now()
		if one.broker.Borrow() || time.Since(began) != 0 {
			t.Errorf("waited for %s", time.Since(began))
		}
		other.end()
	})
}

// Of a limit that is not shared, and where others have, or are about to be given, what a pod does not use itself.
func TestTokensThatAreNotToLendStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, spoil := range map[string]func(giver *pod){
			"each pod has the whole limit": func(giver *pod) { giver.broker.ShareLimit(false, false) },
			"others have its part":         func(giver *pod) { giver.broker.ShareLimit(true, false) },
			"it does not serve":            func(giver *pod) { giver.broker.Take(false) },
			"no limit":                     func(giver *pod) { giver.limiter.Set(ratelimit.Unlimited, 1) },
			"a limit of zero":              func(giver *pod) { giver.limiter.Set(0, 10) },
		} {
			all, stop := limited(t, 2, 20, 10)
			for range 10 {
				_ = all[0].limiter.Allow()
			}
			spoil(all[1])
			if all[0].broker.Borrow() {
				t.Errorf("%s: borrowed", name)
			}
			stop()
		}
	})
}
