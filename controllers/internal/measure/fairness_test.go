// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/controllers/internal/fair"
	"goservice.dev/operator/controllers/internal/podhttp"
	"goservice.dev/operator/controllers/tuner"
)

// questionsTo a pod since a moment.
func (c *cluster) questionsTo(pod string, since time.Time) (times []time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, at := range c.asked[pod] {
		if !at.Before(since) {
			times = append(times, at)
		}
	}
	return times
}

// confirmed is a target whose pods all run the latest live settings.
func confirmed(pods int32) Target {
	target := targetOf(pods)
	target.Confirmed = true
	return target
}

// One tenant with a thousand pods that do not answer changes nobody else's rounds.
func TestSilentPodsOfOthersChangeNoRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster()
		c.perSecond = 100
		loop := NewLoop(LoopOptions{
			Slots: fair.NewScheduler(fair.Options{Slots: 24, SlotsPerGroup: 8}),
			Scrape: func(ctx context.Context, pod Pod, from Endpoint) (Sample, error) {
				if pod.Namespace == "silent" {
					<-ctx.Done()
					return Sample{}, ctx.Err()
				}
				return c.scrape(ctx, pod, from)
			},
			Changed: func(types.NamespacedName) {}, Decided: func(types.NamespacedName, tuner.Change) {},
		})
		for i := range 100 {
			target := confirmed(10)
			for j := range target.Pods {
				target.Pods[j].Namespace = "silent"
				target.Pods[j].Name = fmt.Sprintf("%d-%d", i, j)
			}
			loop.Follow(types.NamespacedName{Namespace: "silent", Name: fmt.Sprint(i)}, target)
		}
		loop.Follow(serviceName, confirmed(3))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- loop.Start(ctx) }()
		began := time.Now()
		pass(2 * time.Minute)
		times := c.questionsTo("checkout-1", began)
		if len(times) < int(2*time.Minute/calm) {
			t.Errorf("asked %d times in two minutes", len(times))
		}
		for i := 1; i < len(times); i++ {
			if pause := times[i].Sub(times[i-1]); pause != period && pause != calm {
				t.Errorf("%s between two rounds, want %s or %s", pause, period, calm)
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// A timer that is set anew in the moment in which it fires fires twice.
func TestAServiceHasOneRoundAtATime(t *testing.T) {
	running(t, func(c *cluster, loop *Loop) {
		c.set(func() { c.perSecond, c.silent = 100, "checkout-1" })
		loop.Follow(serviceName, confirmed(3))
		began := time.Now()
		pass(phase(serviceName) + scrapeTimeout/2)
		loop.mu.Lock()
		f := loop.services[serviceName]
		loop.mu.Unlock()
		loop.round(f)
		if n := len(c.questionsTo("checkout-0", began)); n != 1 {
			t.Errorf("asked %d times in one round", n)
		}
	})
}

func TestASilentPodIsAskedLessAndLessOften(t *testing.T) {
	running(t, func(c *cluster, loop *Loop) {
		c.set(func() { c.perSecond, c.silent = 100, "checkout-1" })
		loop.Follow(serviceName, confirmed(3))
		began := time.Now()
		pass(time.Hour)
		if n, most := len(c.questionsTo("checkout-1", began)), int(time.Hour/fair.MaxPause)+8; n > most {
			t.Errorf("asked %d times in an hour, want %d at most", n, most)
		}
		if n := len(c.questionsTo("checkout-0", began)); n < int(time.Hour/calm)-1 {
			t.Errorf("a pod that answers was asked %d times in an hour", n)
		}
		if got := loop.Follow(serviceName, confirmed(3)).Problem; !strings.Contains(got, "checkout-1: context deadline exceeded") {
			t.Errorf("problem %q while it is not asked", got)
		}
	})
}

// What says that a pod may answer now is worth a question at once.
func TestASilentPodIsAskedAnewAfterAChange(t *testing.T) {
	for name, change := range map[string]func(*Pod){
		"another address": func(p *Pod) { p.IP = "192.0.2.9" },
		"a restart":       func(p *Pod) { p.Restarts++ },
		"readiness":       func(p *Pod) { p.Ready = !p.Ready },
	} {
		t.Run(name, func(t *testing.T) {
			running(t, func(c *cluster, loop *Loop) {
				c.set(func() { c.perSecond, c.silent = 100, "checkout-1" })
				loop.Follow(serviceName, confirmed(3))
				pass(time.Hour)
				target := confirmed(3)
				change(&target.Pods[1])
				c.set(func() { c.silent = "" })
				changed := time.Now()
				loop.Follow(serviceName, target)
				pass(period)
				if n := len(c.questionsTo("checkout-1", changed)); n == 0 {
					t.Error("not asked within a period")
				}
			})
		})
	}
}

func TestCalmServicesAreAskedHalfAsOften(t *testing.T) {
	running(t, func(c *cluster, loop *Loop) {
		c.set(func() { c.perSecond = 100 })
		loop.Follow(serviceName, confirmed(3))
		pass(5 * time.Minute)
		count := func(d time.Duration) int {
			since := time.Now()
			pass(d)
			return len(c.questionsTo("checkout-1", since))
		}
		if n := count(time.Minute); n > int(time.Minute/calm)+1 {
			t.Errorf("asked %d times in a calm minute", n)
		}
		c.set(func() { c.perSecond = 300 })
		if n := count(time.Minute); n < int(time.Minute/period)-4 {
			t.Errorf("asked %d times in the minute after a step", n)
		}
		pass(10 * time.Minute)
		target := confirmed(3)
		target.Confirmed = false
		loop.Follow(serviceName, target)
		pass(calm) // the round that is due notices the retune
		if n := count(10 * time.Second); n != int(10*time.Second/period) {
			t.Errorf("asked %d times in 10 s of a retune", n)
		}
		pass(10 * time.Minute)
		if n := count(time.Minute); n > int(time.Minute/calm)+1 {
			t.Errorf("asked %d times in a minute of a retune that never ends", n)
		}
	})
}

// Whenever in a calm service's round a step comes, it is answered within five seconds.
func TestAStepIsSeenWithinFiveSecondsWheneverItComes(t *testing.T) {
	for offset := time.Duration(0); offset < calm; offset += 500 * time.Millisecond {
		t.Run(offset.String(), func(t *testing.T) {
			running(t, func(c *cluster, loop *Loop) {
				c.set(func() { c.perSecond = 200 })
				loop.Follow(serviceName, confirmed(3))
				pass(2*time.Minute + offset)
				c.set(func() { c.perSecond = 800 })
				pass(5 * time.Second)
				if got := loop.Follow(serviceName, confirmed(3)).Tuned.ReplicaFloor; got.Value < 9 {
					t.Errorf("floor %d five seconds after a step to 2400/s: %s", got.Value, got.Reason)
				}
			})
		})
	}
}

// Services whose pods share a limit and always refuse are looked at every second, each with all of its pods: however many of them
// there are, in one namespace or in many, the rounds of others come when they are due.
func TestLoudServicesOfOthersChangeNoRound(t *testing.T) {
	const services, takes, window = 40, 50 * time.Millisecond, 20 * time.Second // 100 s of answers are wanted each second
	for name, c := range map[string]struct {
		namespaces, slots int
		late              time.Duration // one turn of the others
	}{"in one namespace": {1, 16, 0}, "each in its own": {services, 96, takes}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pods, began := newCluster(), time.Now()
				pods.perSecond = 100
				loud := 0
				loop := NewLoop(LoopOptions{
					Slots: podhttp.Slots(nil),
					Scrape: func(ctx context.Context, pod Pod, from Endpoint) (Sample, error) {
						counters, err := pods.scrape(ctx, pod, from)
						if pod.Namespace != serviceName.Namespace {
							pods.set(func() { loud++ })
							counters.Refused = 50 * time.Since(began).Seconds()
						}
						<-time.After(takes)
						return counters, err
					},
					Changed: func(types.NamespacedName) {}, Decided: func(types.NamespacedName, tuner.Change) {},
				})
				for i := range services {
					target, namespace := sharingTarget(maxSharing), fmt.Sprintf("loud-%d", i%c.namespaces)
					for j := range target.Pods {
						target.Pods[j].Namespace, target.Pods[j].Name = namespace, fmt.Sprintf("loud-%d-%d", i, j)
					}
					loop.Follow(types.NamespacedName{Namespace: namespace, Name: fmt.Sprint(i)}, target)
				}
				loop.Follow(serviceName, confirmed(3))
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- loop.Start(ctx) }()
				pass(window)
				pods.set(func() { loud = 0 })
				since := time.Now()
				pass(window)
				pods.set(func() {
					if most := c.slots * int(window/takes); loud < most*9/10 {
						t.Errorf("the loud ones were asked %d times of %d: they have slots left", loud, most)
					}
				})
				times := pods.questionsTo("checkout-1", since)
				if len(times) < int(window/calm) {
					t.Errorf("asked %d times in %s", len(times), window)
				}
				for i := 1; i < len(times); i++ {
					if pause := times[i].Sub(times[i-1]); pause > calm+c.late {
						t.Errorf("%s between two rounds, want %s at most", pause, calm+c.late)
					}
				}
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
