// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"math"
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/controllers/sim"
)

// The simulator gets the measured cost of a request, on a whole core, and the measured times in which pods start.
func TestTheSimulatedServiceIsTheMeasuredOne(t *testing.T) {
	all := []outcome{
		{CPUPerRequest: 6 * time.Millisecond, PodsBefore: 2, Wanted: map[int32]time.Duration{2: 0, 3: time.Second, 4: time.Second, 5: 9 * time.Second},
			Ready: map[int32]time.Duration{2: 0, 3: 4 * time.Second, 4: 6 * time.Second}},
		{CPUPerRequest: 8 * time.Millisecond, PodsBefore: 3, Wanted: map[int32]time.Duration{3: 0}, Ready: map[int32]time.Duration{3: 30 * time.Second}},
	}
	got, err := simulatedService(usual, all)
	want := sim.Service{
		CPUTime: 70 * time.Millisecond, Cores: 1, Threshold: 500 * time.Millisecond, Percentile: 0.99, MinReplicas: 2, MaxReplicas: 8,
		StartupFrom: 3 * time.Second, StartupTo: 5 * time.Second,
	}
	if err != nil || got != want {
		t.Errorf("simulatedService() = %+v, %v, want %+v", got, err, want)
	}
	if _, err := simulatedService(usual, all[1:]); err == nil {
		t.Error("how long a pod takes to start is known although none did")
	}
}

// The simulated load is the measured shape, after a second of the rate before it.
func TestTheSimulatedLoadIsTheMeasuredOne(t *testing.T) {
	for _, shape := range shapes {
		load, err := sim.Trace(shape.name, strings.NewReader(shape.arrivals(usual)))
		if err != nil {
			t.Fatal(err)
		}
		rise := load.Seconds - usual.hold.Seconds()
		for second := range int(usual.hold.Seconds()) {
			middle := time.Duration(second)*time.Second + time.Second/2
			if got, want := load.Rate(rise+middle.Seconds()), usual.rate*shape.times(middle, usual.hold, usual.factor); math.Abs(got-want) > 1e-9 {
				t.Fatalf("%s, %s after it began to rise: %g/s, want %g", shape.name, middle, got, want)
			}
		}
		if first, last := load.Rate(0), load.Rate(rise-0.01); first != usual.rate || last != usual.rate {
			t.Errorf("%s: %g/s at first and %g before it rises", shape.name, first, last)
		}
	}
}

// Each contender is played by the simulator's own, and judged from when the load rises: after a step the operator wants enough pods
// within seconds, a rival by its metrics only later; pods are ready no sooner than they start; the same seed gives the same.
func TestPlay(t *testing.T) {
	service := sim.Service{
		CPUTime: 70 * time.Millisecond, Cores: 1, Threshold: usual.threshold, Percentile: 0.99, MinReplicas: 2, MaxReplicas: 8,
		StartupFrom: 3 * time.Second, StartupTo: 4 * time.Second,
	}
	load, err := sim.Trace(stepName, strings.NewReader(shapes[0].arrivals(usual)))
	if err != nil {
		t.Fatal(err)
	}
	p := pool{3, 250 * time.Millisecond}
	soon := map[string]time.Duration{}
	for _, c := range usual.contenders {
		o := play(usual, service, load, c, p, 1)
		if wanted, was := o.wantedAfter(6); was {
			soon[c.name] = wanted
			if ready, is := o.readyAfter(6); is && o.PodsBefore < 6 && ready-wanted < service.StartupFrom-sampleEvery {
				t.Errorf("%s: six pods wanted after %s and ready after %s", c.name, wanted, ready)
			}
		}
		// The load is 64 requests a second for two minutes after one of 16; two to eight pods of a tenth of a core serve it.
		if o.After.Requests < 7000 || o.After.Requests > 8500 || o.CoreSeconds < 0.2*120 || o.CoreSeconds > 0.9*120 || o.Most > 8 {
			t.Errorf("%s: %+v", c.name, o)
		}
		if again := play(usual, service, load, c, p, 1); again.After != o.After || again.CoreSeconds != o.CoreSeconds {
			t.Errorf("%s: %+v, again %+v", c.name, o.After, again.After)
		}
	}
	if own, stock := soon[ours], soon[usual.contenders[0].name]; own > 6*time.Second || stock < 10*time.Second {
		t.Errorf("six pods were wanted after %s, by the stock autoscaler after %s", own, stock)
	}
}

// The pods of every contender share their queue on the cluster, since none switches that off, so they do in the simulator.
func TestWhoSharesIsPlayedAsSharing(t *testing.T) {
	for _, c := range usual.contenders {
		if spec := c.service(usual, &pool{Workers: 2}).Spec; spec.HandOff != "" || !c.simulated().Sharing {
			t.Errorf("%s: hand-off %q on the cluster, played as sharing: %t", c.name, spec.HandOff, c.simulated().Sharing)
		}
	}
}

// Rivals that are told the operator's workers are played with its pool: a queue that follows from the workers alone is the plan's, and not
// the one in force.
func TestRivalsArePlayedWithThePoolThatTheyWereTold(t *testing.T) {
	for _, c := range usual.contenders {
		want := c.name
		if c.fitted {
			want = ours
		}
		if got := c.pool(); got != want {
			t.Errorf("%s is played with the pool of %s, want that of %s", c.name, got, want)
		}
	}
}

func TestAgreement(t *testing.T) {
	of := func(bad int, cores float64, ready time.Duration) []outcome {
		return []outcome{{After: verdict{BadSeconds: bad}, CoreSeconds: cores, Ready: map[int32]time.Duration{6: ready}}}
	}
	for name, c := range map[string]struct {
		measured, played []outcome
		want             agreement
	}{
		"both":              {of(10, 50, 4*time.Second), of(5, 60, 5*time.Second), agreement{"0.50", "1.20", "1.25"}},
		"neither is bad":    {of(0, 50, 4*time.Second), of(0, 50, 4*time.Second), agreement{"1.00", "1.00", "1.00"}},
		"one is bad":        {of(0, 50, 4*time.Second), of(3, 50, 4*time.Second), agreement{"unknown", "1.00", "1.00"}},
		"nothing simulated": {of(10, 50, 4*time.Second), nil, agreement{"unknown", "unknown", "unknown"}},
	} {
		if got := agreementOf(c.measured, c.played, 6); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	if got := agreementOf(of(1, 1, time.Second), of(1, 1, time.Second), 7); got.ready != "unknown" {
		t.Errorf("seven pods were never ready: %+v", got)
	}
}
