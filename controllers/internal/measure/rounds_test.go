// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/fair"
	"goservice.dev/operator/controllers/tuner"
)

// prometheus scrapes a cluster's pods, each at its own moment of the interval, and keeps the last samples.
type prometheus struct {
	*cluster
	interval time.Duration
	last     map[string]Sample
	// skewed is how far its clock is from the operator's.
	skewed time.Duration
	// paused scrapes nothing, unreachable answers nothing, hanging only when the question is given up.
	paused, unreachable, hanging bool
	// partial answers lack some of the series.
	partial   bool
	questions int
}

// scrapes pods of a service until ctx ends.
func (p *prometheus) scrapes(ctx context.Context, pods []Pod) {
	for i, pod := range pods {
		go func() {
			offset := time.After(p.interval * time.Duration(i) / time.Duration(len(pods)))
			select {
			case <-offset:
			case <-ctx.Done():
				return
			}
			ticker := time.NewTicker(p.interval)
			defer ticker.Stop()
			for {
				p.scrapeOnce(ctx, pod)
				select {
				case <-ticker.C:
				case <-ctx.Done():
					return
				}
			}
		}()
	}
}

func (p *prometheus) scrapeOnce(ctx context.Context, pod Pod) {
	paused := false
	p.set(func() { paused = p.paused })
	if paused {
		return
	}
	sample, err := p.scrape(ctx, pod, Endpoint{})
	p.set(func() {
		delete(p.last, pod.Name) // marked as stale
		if err == nil {
			sample.At = time.Now().Add(p.skewed)
			p.last[pod.Name] = sample
		}
	})
}

func (p *prometheus) query(ctx context.Context, _ types.NamespacedName, _ Endpoint) (map[string]Sample, error) {
	hanging := false
	p.set(func() { hanging = p.hanging })
	if hanging {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.questions++
	if p.unreachable {
		return nil, errors.New("connection refused")
	}
	answer := map[string]Sample{}
	for name, sample := range p.last {
		sample.Age = time.Now().Add(p.skewed).Sub(sample.At)
		if p.partial {
			sample.Requests, sample.Served = sample.Requests/2, sample.Served/2
		}
		answer[name] = sample
	}
	return answer, nil
}

// observed calls test beside a loop that asks a Prometheus which scrapes three pods.
func observed(t *testing.T, interval time.Duration, test func(*prometheus, *Loop)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &prometheus{cluster: newCluster(), interval: interval, last: map[string]Sample{}, skewed: -17 * time.Second}
		loop := NewLoop(LoopOptions{
			Slots: fair.NewScheduler(fair.Options{Slots: 1, SlotsPerGroup: 1}),
			Scrape: func(context.Context, Pod, Endpoint) (Sample, error) {
				return Sample{}, errors.New("pods must not be asked")
			},
			Query:   p.query,
			Changed: func(types.NamespacedName) { p.set(func() { p.changes++ }) },
			Decided: func(types.NamespacedName, tuner.Change) {},
		})
		ctx, cancel := context.WithCancel(t.Context())
		p.scrapes(ctx, targetOf(3).Pods)
		ended := make(chan error, 1)
		go func() { ended <- loop.Start(ctx) }()
		test(p, loop)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		synctest.Wait()
	})
}

// byPrometheus is a target with that source.
func byPrometheus(pods int32) Target {
	target := targetOf(pods)
	target.Spec.Tuning = &v1alpha1.TuningSpec{Source: v1alpha1.SourcePrometheus}
	return target
}

func TestPrometheusMeasuresWhatPodsWould(t *testing.T) {
	observed(t, 15*time.Second, func(p *prometheus, loop *Loop) {
		p.set(func() { p.perSecond = 200 })
		first := loop.Follow(serviceName, byPrometheus(3))
		if first.Measured || !first.Early {
			t.Errorf("at first: %+v", first)
		}
		pass(8 * time.Minute)
		settled := loop.Follow(serviceName, byPrometheus(3))
		if !settled.Measured || settled.Cost != (tuner.Cost{ServiceTime: 10 * time.Millisecond, CPUTime: 5 * time.Millisecond}) || settled.Burning {
			t.Errorf("settled: %+v", settled)
		}
		// 600/s over the five minutes after the first scrapes, and a little more until it is told again; a round that takes old
		// samples for new ones would count other sums.
		near(t, "requests", settled.Tally.Total, 600*325, 0.1)
		if p.questions > 8*60/4 {
			t.Errorf("%d questions in eight minutes of a scrape each %s", p.questions, p.interval)
		}
		p.set(func() { p.perSecond = 800 })
		pass(25 * time.Second)
		if got := loop.Follow(serviceName, byPrometheus(3)).Tuned.ReplicaFloor; got.Value < 9 {
			t.Errorf("floor %d after every pod was scraped after a step to 2400/s: %s", got.Value, got.Reason)
		}
	})
}

// TestNoNewSamplesAreNoMissingDemand lets nothing move between two scrapes a minute apart, and nothing be lost; also where
// the spec says that there are more.
func TestNoNewSamplesAreNoMissingDemand(t *testing.T) {
	for name, declared := range map[string]*metav1.Duration{"as declared": {Duration: time.Minute}, "rarer than declared": nil} {
		t.Run(name, func(t *testing.T) {
			observed(t, time.Minute, func(p *prometheus, loop *Loop) {
				target := byPrometheus(3)
				target.Spec.Observability = &v1alpha1.ObservabilitySpec{Metrics: &v1alpha1.MetricsSpec{Interval: declared}}
				p.set(func() { p.perSecond = 800 })
				loop.Follow(serviceName, target)
				pass(4 * time.Minute)
				before := loop.Follow(serviceName, target)
				if !before.Measured {
					t.Fatalf("not measured: %+v", before)
				}
				for range 60 {
					pass(5 * time.Second)
					got := loop.Follow(serviceName, target)
					if !got.Measured || got.Tuned.ReplicaFloor.Value != before.Tuned.ReplicaFloor.Value {
						t.Fatalf("between two scrapes: measured %t, floor %+v, was %+v", got.Measured, got.Tuned.ReplicaFloor, before.Tuned.ReplicaFloor)
					}
				}
			})
		})
	}
}

func TestLostSamplesFreezeTheFloor(t *testing.T) {
	for name, c := range map[string]struct {
		lose    func(*prometheus)
		problem string
	}{
		"no answer":         {func(p *prometheus) { p.unreachable = true }, "connection refused"},
		"no scrapes":        {func(p *prometheus) { p.paused = true }, "of 3 pods"},
		"no pods any more":  {func(p *prometheus) { p.down = true }, "of 3 pods"},
		"an answer of none": {func(p *prometheus) { p.paused = true; clear(p.last) }, "of 3 pods"},
	} {
		t.Run(name, func(t *testing.T) {
			observed(t, 15*time.Second, func(p *prometheus, loop *Loop) {
				p.set(func() { p.perSecond = 800 })
				loop.Follow(serviceName, byPrometheus(3))
				pass(5 * time.Minute)
				before := loop.Follow(serviceName, byPrometheus(3))
				if !before.Measured {
					t.Fatalf("not measured: %+v", before)
				}
				p.set(func() { c.lose(p) })
				pass(30 * time.Minute)
				got := loop.Follow(serviceName, byPrometheus(3))
				if got.Measured || got.Tuned.ReplicaFloor.Value < before.Tuned.ReplicaFloor.Value || got.Frozen == "" || !strings.Contains(got.Problem, c.problem) {
					t.Errorf("measured %t, floor %+v (was %+v), frozen %q, problem %q", got.Measured, got.Tuned.ReplicaFloor, before.Tuned.ReplicaFloor, got.Frozen, got.Problem)
				}
				p.set(func() { p.unreachable, p.paused, p.down = false, false, false })
				pass(3 * time.Minute)
				if got := loop.Follow(serviceName, byPrometheus(3)); !got.Measured {
					t.Errorf("not measured again: %+v", got)
				}
			})
		})
	}
}

func TestPrometheusThatNeverAnswers(t *testing.T) {
	observed(t, 15*time.Second, func(p *prometheus, loop *Loop) {
		p.set(func() { p.unreachable = true })
		loop.Follow(serviceName, byPrometheus(3))
		pass(time.Minute)
		got := loop.Follow(serviceName, byPrometheus(3))
		if got.Measured || got.Early || !strings.Contains(got.Problem, "connection refused") {
			t.Errorf("after a minute: %+v", got)
		}
	})
}

// TestNewPodsAreNotMultipliedFor lets the demand of a service that grows not be taken for that of its old pods times more.
func TestNewPodsAreNotMultipliedFor(t *testing.T) {
	observed(t, 15*time.Second, func(p *prometheus, loop *Loop) {
		p.set(func() { p.perSecond = 400 })
		loop.Follow(serviceName, byPrometheus(3))
		pass(5 * time.Minute)
		before := loop.Follow(serviceName, byPrometheus(3)).Tuned.ReplicaFloor.Value
		for range 12 {
			pass(5 * time.Second)
			if got := loop.Follow(serviceName, byPrometheus(30)); !got.Measured || got.Tuned.ReplicaFloor.Value > before+1 {
				t.Fatalf("measured %t, floor %+v for the demand of three pods, was %d", got.Measured, got.Tuned.ReplicaFloor, before)
			}
		}
	})
}

// TestSlowPrometheusHoldsUpNobody measures another service by its pods meanwhile.
func TestSlowPrometheusHoldsUpNobody(t *testing.T) {
	running(t, func(c *cluster, loop *Loop) {
		p := &prometheus{cluster: c, hanging: true}
		loop.options.Query = p.query
		c.set(func() { c.perSecond = 200 })
		loop.Follow(types.NamespacedName{Namespace: "shop", Name: "slow"}, byPrometheus(3))
		loop.Follow(serviceName, targetOf(3))
		pass(20 * time.Second)
		if got := loop.Follow(serviceName, targetOf(3)); !got.Measured {
			t.Errorf("a service beside one whose Prometheus hangs: %+v", got)
		}
	})
}

func TestNoPrometheusIsSaidAtOnce(t *testing.T) {
	running(t, func(_ *cluster, loop *Loop) {
		if got := loop.Follow(serviceName, byPrometheus(3)); !got.NoPrometheus || got.Measured || got.Tuned.ReplicaFloor != nil {
			t.Errorf("%+v", got)
		}
		if got := loop.Follow(serviceName, targetOf(3)); got.NoPrometheus {
			t.Errorf("measured by its pods: %+v", got)
		}
	})
}

// TestSwitchingTheSource starts to count anew: the clocks of both are not the same.
func TestSwitchingTheSource(t *testing.T) {
	observed(t, 15*time.Second, func(p *prometheus, loop *Loop) {
		loop.options.Scrape = p.scrape
		p.set(func() { p.perSecond, p.slow = 400, 0.002 })
		loop.Follow(serviceName, targetOf(3))
		pass(3 * time.Minute)
		for i, target := range []Target{byPrometheus(3), targetOf(3), byPrometheus(3)} {
			before := loop.Follow(serviceName, target)
			pass(3 * time.Minute)
			got := loop.Follow(serviceName, target)
			if !got.Measured || got.Tuned.ReplicaFloor.Value != before.Tuned.ReplicaFloor.Value {
				t.Errorf("%s: measured %t, floor %+v, was %+v", fmt.Sprint("switch ", i), got.Measured, got.Tuned.ReplicaFloor, before.Tuned.ReplicaFloor)
			}
		}
	})
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance*math.Abs(want)+1e-9 {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// What is missing in one answer must not count as demand when it comes back.
func TestAPartialAnswerIsNoDemand(t *testing.T) {
	observed(t, 5*time.Second, func(p *prometheus, loop *Loop) {
		p.set(func() { p.perSecond = 200 })
		target := targetOf(3)
		target.Spec.Tuning = &v1alpha1.TuningSpec{Source: v1alpha1.SourcePrometheus}
		target.Spec.Observability = &v1alpha1.ObservabilitySpec{Metrics: &v1alpha1.MetricsSpec{Interval: &metav1.Duration{Duration: 5 * time.Second}}}
		loop.Follow(serviceName, target)
		pass(10 * time.Minute)
		before := loop.Follow(serviceName, target).Tuned.ReplicaFloor.Value
		for range 5 {
			p.set(func() { p.partial = true })
			pass(7 * time.Second)
			p.set(func() { p.partial = false })
			pass(33 * time.Second)
			if got := loop.Follow(serviceName, target).Tuned.ReplicaFloor; got.Value > before {
				t.Fatalf("the floor went from %d to %d: %s", before, got.Value, got.Reason)
			}
		}
	})
}
