// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the files that tests compare with")

func TestOwnTracesAreAsGenerated(t *testing.T) {
	committed, err := filepath.Glob("traces/*.csv")
	if err != nil {
		t.Fatal(err)
	}
	if len(committed) != len(madeTraces) && !*update {
		t.Errorf("%d files in traces, %d generators", len(committed), len(madeTraces))
	}
	for name := range madeTraces {
		path := filepath.Join("traces", name+".csv")
		if *update {
			if err := os.WriteFile(path, []byte(MadeTrace(name)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != MadeTrace(name) {
			t.Errorf("%s is not what its generator makes; `go test ./controllers/sim -update` writes it", path)
		}
	}
}

func TestOwnTracesAreScenarios(t *testing.T) {
	scenarios, err := Scenarios(Default(), 600, false)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, s := range scenarios {
		names[s.Name] = true
	}
	for _, want := range []string{"step", "day, slow starts", "dependency", "trace clock", "trace crowds", "trace shop"} {
		if !names[want] {
			t.Errorf("no scenario %q", want)
		}
	}
	if len(names) != 14 || len(scenarios) != 14 {
		t.Errorf("%d scenarios with %d names, want 14", len(scenarios), len(names))
	}
}

func TestTrace(t *testing.T) {
	shape, err := Trace("day", strings.NewReader("seconds,requests\n0,0\n10,100\n20,400\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := float64(warmUp + 20); shape.Seconds != want {
		t.Errorf("%v s long, want %v", shape.Seconds, want)
	}
	for at, want := range map[float64]float64{0: 10, warmUp: 10, warmUp + 5: 10, warmUp + 9.9: 10, warmUp + 10.1: 40, warmUp + 19: 40, warmUp + 100: 40} {
		if got := shape.Rate(at); got != want {
			t.Errorf("rate %v at %v s, want %v", got, at, want)
		}
	}
	for name, c := range map[string]struct{ csv, want string }{
		"no rows":         {"seconds,requests\n", "two rows"},
		"no number":       {"0,1\n5,many\n", "line 2"},
		"time goes back":  {"0,1\n5,2\n4,1\n", "line 3"},
		"time stands":     {"0,1\n5,2\n5,1\n", "line 3"},
		"a third column":  {"0,1,2\n", "wrong number of fields"},
		"a negative load": {"0,1\n5,-2\n", "line 2"},
		"an endless load": {"0,1\n5,Inf\n", "line 2"},
		"no time":         {"0,1\nNaN,1\n", "line 2"},
	} {
		if _, err := Trace(name, strings.NewReader(c.csv)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func TestATraceThatNeedsMorePodsMayHaveThem(t *testing.T) {
	shape := func(rate float64) Shape {
		return Shape{Name: "flat", Seconds: 400, Rate: func(float64) float64 { return rate }}
	}
	if got := TraceScenario(Default(), shape(1000)).Service.MaxReplicas; got != 40 {
		t.Errorf("at most %d pods for 1,000 requests per second, want 40", got)
	}
	// 40,000 requests per second of 5 ms need 100 pods of two cores.
	if got := TraceScenario(Default(), shape(40_000)).Service.MaxReplicas; math.Abs(float64(got)-200) > 2 {
		t.Errorf("at most %d pods for 40,000 requests per second, want 200", got)
	}
}
