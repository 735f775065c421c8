// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/controllers/internal/fair"
	"goservice.dev/operator/controllers/tuner"
)

// sharing calls test beside a loop whose pods share a limit and refuse so many requests per second each.
func sharing(t *testing.T, refused *float64, test func(c *cluster, loop *Loop, usages func() []*tuner.Usage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c, began := newCluster(), time.Now()
		var usages []*tuner.Usage
		loop := NewLoop(LoopOptions{
			Slots: fair.NewScheduler(fair.Options{Slots: 96, SlotsPerGroup: 64}),
			Scrape: func(ctx context.Context, pod Pod, from Endpoint) (Sample, error) {
				counters, err := c.scrape(ctx, pod, from)
				c.set(func() {
					counters.Refused = *refused * time.Since(began).Seconds()
				})
				return counters, err
			},
			Changed: func(types.NamespacedName) {}, Decided: func(types.NamespacedName, tuner.Change) {},
			Moves: func(_ types.NamespacedName, usage *tuner.Usage) bool {
				c.set(func() { usages = append(usages, usage) })
				return false
			},
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- loop.Start(ctx) }()
		test(c, loop, func() (taken []*tuner.Usage) {
			c.set(func() { taken, usages = usages, nil })
			return taken
		})
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func sharingTarget(pods int32) Target {
	target := confirmed(pods)
	target.Shares = true
	return target
}

func TestPodsThatRefuseAreLookedAtEverySecond(t *testing.T) {
	refused := 0.0
	sharing(t, &refused, func(c *cluster, loop *Loop, usages func() []*tuner.Usage) {
		c.set(func() { c.perSecond = 100 })
		loop.Follow(serviceName, sharingTarget(3))
		pass(5 * time.Minute)
		usages()
		pass(time.Minute)
		if n := len(usages()); n > int(time.Minute/calm)+1 {
			t.Errorf("%d looks in a calm minute", n)
		}
		c.set(func() { refused = 5 })
		pass(10 * time.Second)
		usages()
		pass(time.Minute)
		looks := usages()
		if n := len(looks); n < int(time.Minute/look)-2 || n > int(time.Minute/look)+2 {
			t.Errorf("%d looks in a minute of refusals", n)
		}
		last := looks[len(looks)-1]
		if demand := last.Demand["checkout-1"]; demand < 95 || demand > 105 || !last.Refusing {
			t.Errorf("at the last look: %+v", last)
		}
		if outcome := loop.Follow(serviceName, sharingTarget(3)); outcome.Usage != last {
			t.Errorf("the reconcile sees %+v, the last look was %+v", outcome.Usage, last)
		}
	})
}

// A round is made as often as without a limit: a look in between decides nothing else.
func TestLooksAreNoRounds(t *testing.T) {
	refused := 5.0
	sharing(t, &refused, func(c *cluster, loop *Loop, _ func() []*tuner.Usage) {
		c.set(func() { c.perSecond = 100 })
		loop.Follow(serviceName, sharingTarget(3))
		pass(5 * time.Minute)
		rounds, last := 0, time.Time{}
		for range 60 {
			pass(time.Second)
			loop.mu.Lock()
			if f := loop.services[serviceName]; !f.due.Equal(last) {
				rounds, last = rounds+1, f.due
			}
			loop.mu.Unlock()
		}
		if most := int(time.Minute/calm) + 1; rounds > most {
			t.Errorf("%d rounds in a minute, want %d at most", rounds, most)
		}
	})
}

func TestWhoIsAskedHowItUsesALimit(t *testing.T) {
	for name, c := range map[string]struct {
		pods, leaving int32
		shares        bool
		asked         int
		known         bool
	}{
		"no limit is shared":          {40, 2, false, maxAsked, false},
		"pods that share one":         {20, 0, true, 20, true},
		"as many as can be":           {maxSharing, 0, true, maxSharing, true},
		"more than that":              {maxSharing + 1, 0, true, maxAsked, false},
		"leaving ones with the other": {4, 2, true, 6, true},
		"never more with them":        {maxSharing - 1, 3, true, maxSharing, true},
	} {
		t.Run(name, func(t *testing.T) {
			refused := 0.0
			sharing(t, &refused, func(cluster *cluster, loop *Loop, usages func() []*tuner.Usage) {
				target := confirmed(c.pods)
				target.Shares = c.shares
				for i := range c.leaving {
					target.Leaving = append(target.Leaving, Pod{Namespace: "shop", Name: fmt.Sprintf("leaving-%d", i), IP: "192.0.2.2", Leaving: true})
				}
				cluster.set(func() { cluster.perSecond = 100 })
				loop.Follow(serviceName, target)
				pass(time.Minute)
				asked := 0
				cluster.set(func() { asked = len(cluster.asked) })
				looks := usages()
				last := looks[len(looks)-1]
				if asked != c.asked || (last != nil) != c.known {
					t.Fatalf("%d pods asked, want %d; usage %+v", asked, c.asked, last)
				}
				if last != nil && len(last.Demand) != c.asked {
					t.Errorf("the demand on %d pods is known", len(last.Demand))
				}
				outcome := loop.Follow(serviceName, target)
				if !outcome.Measured || outcome.Cost.CPUTime == 0 {
					t.Errorf("%+v", outcome)
				}
			})
		})
	}
}

// A pod that becomes ready or leaves is looked at soon: the others wait for what it uses.
func TestPodsThatComeOrLeaveAreLookedAtSoon(t *testing.T) {
	refused := 0.0
	sharing(t, &refused, func(c *cluster, loop *Loop, usages func() []*tuner.Usage) {
		c.set(func() { c.perSecond = 100 })
		loop.Follow(serviceName, sharingTarget(3))
		pass(time.Minute)
		for _, change := range []func(*Target){
			func(target *Target) { target.Pods[2].Ready = false },
			func(target *Target) {},
			func(target *Target) {
				leaving := target.Pods[2]
				leaving.Leaving = true
				target.Pods, target.Leaving = target.Pods[:2], []Pod{leaving}
			},
		} {
			pass(time.Second)
			usages()
			target := sharingTarget(3)
			change(&target)
			loop.Follow(serviceName, target)
			pass(hurry)
			if len(usages()) == 0 {
				t.Errorf("no look within %s", hurry)
			}
		}
	})
}

// Clients find out later that pods came, and move: until then nobody refuses anything.
func TestPodsAreLookedAtWhileDemandMoves(t *testing.T) {
	refused := 0.0
	sharing(t, &refused, func(c *cluster, loop *Loop, usages func() []*tuner.Usage) {
		c.set(func() { c.perSecond = 100 })
		loop.Follow(serviceName, sharingTarget(3))
		pass(time.Minute)
		usages()
		loop.Follow(serviceName, sharingTarget(4))
		pass(4 * time.Second)
		if n, want := len(usages()), int(4*time.Second/settlingLook); n < want {
			t.Errorf("%d looks in the four seconds after a pod came, want %d", n, want)
		}
		pass(time.Minute)
		usages()
		pass(time.Minute)
		if n := len(usages()); n > int(time.Minute/calm)+1 {
			t.Errorf("%d looks in a calm minute", n)
		}
	})
}

// A leaving pod that answers nothing any more is no trouble to tell of.
func TestALeavingPodIsNoProblem(t *testing.T) {
	refused := 0.0
	sharing(t, &refused, func(c *cluster, loop *Loop, _ func() []*tuner.Usage) {
		c.set(func() { c.perSecond, c.silent = 100, "gone" })
		target := sharingTarget(3)
		target.Leaving = []Pod{{Namespace: "shop", Name: "gone", IP: "192.0.2.2", Leaving: true}}
		loop.Follow(serviceName, target)
		pass(time.Minute)
		if got := loop.Follow(serviceName, target); got.Problem != "" || !got.Measured {
			t.Errorf("problem %q, measured %t", got.Problem, got.Measured)
		}
	})
}

// A pod that says each time that it has just been started, or whose readiness flaps, hurries nobody for long.
func TestPodsThatAlwaysSeemNewAreNotAlwaysHurried(t *testing.T) {
	for name, lies := range map[string]bool{"another start at each answer": true, "readiness that flaps": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, asked, answers := newCluster(), 0, 0
				c.perSecond = 100
				loop := NewLoop(LoopOptions{
					Slots: fair.NewScheduler(fair.Options{Slots: 96, SlotsPerGroup: 64}),
					Scrape: func(ctx context.Context, pod Pod, from Endpoint) (Sample, error) {
						counters, err := c.scrape(ctx, pod, from)
						c.set(func() {
							asked++
							if lies && pod.Name == "checkout-1" {
								answers++
								counters.Counters = tuner.Counters{Requests: 1e9 - float64(answers), StartSeconds: 1 + float64(answers)}
							}
						})
						return counters, err
					},
					Changed: func(types.NamespacedName) {}, Decided: func(types.NamespacedName, tuner.Change) {},
				})
				loop.Follow(serviceName, sharingTarget(maxSharing))
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- loop.Start(ctx) }()
				minute := func() (questions int) {
					c.set(func() { asked = 0 })
					for i := range 120 {
						pass(time.Second / 2)
						if !lies {
							target := sharingTarget(maxSharing)
							target.Pods[0].Ready = i%2 == 0
							loop.Follow(serviceName, target)
						}
					}
					c.set(func() { questions = asked })
					return questions
				}
				minute()
				looks := int(time.Minute/period) + int(time.Minute/hurriedEvery) + 2
				if questions := minute(); questions > looks*maxSharing {
					t.Errorf("%d questions in a minute, want those of %d looks at most", questions, looks)
				}
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
