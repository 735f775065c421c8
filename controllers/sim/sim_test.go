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

func TestTheSameSeedGivesTheSameResult(t *testing.T) {
	for _, algorithm := range Algorithms {
		first, second := Run(Default(), short(), algorithm, 7), Run(Default(), short(), algorithm, 7)
		if diff := cmp.Diff(first.seconds, second.seconds); diff != "" {
			t.Errorf("%s differs:\n%s", algorithm, diff)
		}
		if first.CoreSeconds != second.CoreSeconds || first.CoreSeconds < first.Used {
			t.Errorf("%s: %v core-seconds, then %v, of them %v used", algorithm, first.CoreSeconds, second.CoreSeconds, first.Used)
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
	w.wanted = 1
	p := w.create()
	p.ready, w.serving, w.events = true, []*pod{p}, nil
	w.run()
	rho := 120 * 0.005
	want := 0.005 + rho*0.005*(1+0.25)/(2*(1-rho))
	if got := p.durationSeconds / p.served; math.Abs(got-want) > 0.05*want {
		t.Errorf("mean time in the system %.5f s, the formula says %.5f s", got, want)
	}
}

// hpaCase is a world with pods that use a share of their CPU.
func hpaWorld(current int, use []float64, startingPods int) (*world, *hpa) {
	w := newWorld(Default(), Shape{"none", 1000, func(float64) float64 { return 1 }}, 1)
	w.now = 500
	h := &hpa{target: 0.5, samples: map[*pod]cpuSample{}}
	for _, share := range use {
		p := w.create()
		p.created, p.ready = 0, true
		h.samples[p] = cpuSample{at: 490, use: share * float64(p.cores), valid: true}
	}
	for range startingPods {
		w.create()
	}
	w.wanted = current
	return w, h
}

func TestHPAReplicas(t *testing.T) {
	for name, c := range map[string]struct {
		current  int
		use      []float64
		starting int
		want     int
	}{
		"on target":                            {2, []float64{0.5, 0.5}, 0, 2},
		"within the tolerance":                 {2, []float64{0.54, 0.54}, 0, 2},
		"above it":                             {2, []float64{0.9, 0.9}, 0, 4},
		"below it":                             {4, []float64{0.2, 0.2, 0.2, 0.2}, 0, 2},
		"starting pods count as idle upwards":  {4, []float64{0.9, 0.9}, 2, 4},
		"more than the starting pods can take": {3, []float64{1, 1}, 1, 4},
	} {
		t.Run(name, func(t *testing.T) {
			w, h := hpaWorld(c.current, c.use, c.starting)
			if got := h.replicas(w, c.current); got != c.want {
				t.Errorf("%d replicas, want %d", got, c.want)
			}
		})
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
	results := RunAll(Default(), func(uint64) []Shape { return []Shape{short()} }, []uint64{1, 2})
	sums := Sum(results)
	if len(results) != 2*len(Algorithms) || len(sums) != len(Algorithms) {
		t.Fatalf("%d results, %d sums", len(results), len(sums))
	}
	var table, picture strings.Builder
	if err := Table(&table, sums); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(table.String(), "| short | **GoService** |") {
		t.Errorf("table:\n%s", table.String())
	}
	if err := Picture(&picture, Default(), results[:1]); err != nil || !strings.HasSuffix(picture.String(), "</svg>\n") {
		t.Errorf("picture ends with %q, error %v", picture.String()[max(0, picture.Len()-20):], err)
	}
	if line := Verdict(sums); !strings.HasPrefix(line, "RESULT sim shapes=1 worst_bad_ratio=") {
		t.Error(line)
	}
	if within, stepped := results[len(results)-1].WantedWithin(Default()); !stepped || within > 5 {
		t.Errorf("the operator wanted enough pods %d s after the step (stepped: %v)", within, stepped)
	}
}
