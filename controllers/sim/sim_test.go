// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// short is a step that is over soon, for tests.
func short() Shape {
	return Shape{"short", warmUp + 180, func(at float64) float64 {
		if at >= warmUp+30 {
			return 800
		}
		return 200
	}}
}

// few contenders stand for all kinds.
func few() []Contender {
	return []Contender{HPAContender(50, 300), KnativeContender(60, ActivatorByDefault), KnativeContender(60, ActivatorNever), Operator(), Clairvoyant(76)}
}

func TestTheSameSeedGivesTheSameResult(t *testing.T) {
	pool := FittedPool(Default())
	for _, c := range few() {
		first, second := Run(Default(), pool, short(), c, 7), Run(Default(), pool, short(), c, 7)
		if diff := cmp.Diff(first.seconds, second.seconds); diff != "" {
			t.Errorf("%s differs:\n%s", c.Name, diff)
		}
		if first.CoreSeconds != second.CoreSeconds || first.CoreSeconds < first.Used {
			t.Errorf("%s: %v core-seconds, then %v, of them %v used", c.Name, first.CoreSeconds, second.CoreSeconds, first.Used)
		}
	}
}

// A single core without a pool's bounds is an M/G/1 queue: its mean wait is known (Pollaczek 1930, Khinchine 1932).
func TestOneCoreIsTheTextbooksQueue(t *testing.T) {
	service := Default()
	service.Cores, service.Wait, service.Variation = 1, 0, 0.5 // short requests, so that no slice ends before its request
	shape := Shape{"steady", 3000, func(float64) float64 { return 120 }}
	w := newWorld(service, shape, 1)
	w.workers, w.queueTimeout = math.MaxInt32, math.Inf(1)
	p := w.createReady()
	w.run()
	rho := 120 * 0.005
	want := 0.005 + rho*0.005*(1+0.25)/(2*(1-rho))
	if got := p.durationSeconds / p.served; math.Abs(got-want) > 0.05*want {
		t.Errorf("mean time in the system %.5f s, the formula says %.5f s", got, want)
	}
}

func TestTrace(t *testing.T) {
	shape, err := Trace("day", strings.NewReader("seconds,requests\n0,0\n10,100\n20,400\n"))
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[float64]float64{0: 10, warmUp: 10, warmUp + 5: 40, warmUp + 100: 40} {
		if got := shape.Rate(at); got != want {
			t.Errorf("rate %v at %v s, want %v", got, at, want)
		}
	}
	for name, c := range map[string]struct{ csv, want string }{
		"no rows":         {"seconds,requests\n", "two rows"},
		"no number":       {"0,1\n5,many\n", "line 2"},
		"time goes back":  {"0,1\n5,2\n4,1\n", "line 3"},
		"a third column":  {"0,1,2\n", "wrong number of fields"},
		"a negative load": {"0,1\n5,-2\n", "line 2"},
	} {
		if _, err := Trace(name, strings.NewReader(c.csv)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

// A shared rate limit is never exceeded while pods double and clients load them 3:1, and little of it is left unused while
// parts move.
func TestBudgetIsNeverExceeded(t *testing.T) {
	for seed := range uint64(20) {
		got := Budget(1000, seed)
		if got.HighestError > 0.005 || got.LowestError < -0.02 {
			t.Errorf("seed %d: %s", seed, got)
		}
	}
}

func TestTableAndPicture(t *testing.T) {
	comparison := Comparison{
		Scenarios:  []Scenario{{Name: "short", Service: Default(), Shape: func(uint64) Shape { return short() }}},
		Contenders: few(), Seeds: []uint64{1, 2},
	}
	results := comparison.Run(nil)
	rows := Rows(results)
	if len(results) != 2*len(few()) || len(rows) != len(few()) {
		t.Fatalf("%d results, %d rows", len(results), len(rows))
	}
	var table, picture strings.Builder
	if err := Table(&table, rows); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(table.String(), "| short | **GoService** |") {
		t.Errorf("table:\n%s", table.String())
	}
	if err := Picture(&picture, Default(), results[:1]); err != nil || !strings.HasSuffix(picture.String(), "</svg>\n") {
		t.Errorf("picture ends with %q, error %v", picture.String()[max(0, picture.Len()-20):], err)
	}
	for _, r := range results {
		if r.Role != Ours {
			continue
		}
		if within, stepped := r.WantedWithin(Default()); !stepped || within > 5 {
			t.Errorf("the operator wanted enough pods %d s after the step (stepped: %v)", within, stepped)
		}
	}
}
