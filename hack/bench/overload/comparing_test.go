// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/hack/load/loadgen"
)

func TestTheComparisonIsLimitedByFlags(t *testing.T) {
	for name, c := range map[string]struct {
		ways, sizes, rivals string
		situations, others  int
		err                 string
	}{
		"all":                  {ways: "computing,mixed,slower,neighbor,crowded", sizes: fixedSizes, rivals: allRivals, situations: 5, others: 4},
		"all rivals":           {ways: "computing", sizes: "2", rivals: "all", situations: 1, others: 4},
		"one":                  {ways: "neighbor", sizes: "2", rivals: "codel", situations: 1, others: 1},
		"nothing":              {sizes: "2"},
		"an unknown situation": {ways: "crowd", sizes: "2", err: `"crowd"`},
		"an unknown rival":     {sizes: "2", rivals: "cobalt", err: `"cobalt"`},
		"no size":              {sizes: "", err: `-sizes: ""`},
		"no workers":           {sizes: "2,0", err: `-sizes: "0" must be a number from 1 to 100000`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := comparingOf(c.ways, c.sizes, c.rivals)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want one with %s", err, c.err)
				}
				return
			}
			if err != nil || len(got.situations) != c.situations || len(got.rivals) != c.others {
				t.Errorf("%d situations and %d rivals, %v", len(got.situations), len(got.rivals), err)
			}
		})
	}
}

// The best fixed pool is searched for as long as more workers may be better, and not beyond.
func TestTheSearchEndsWhereMoreIsWorse(t *testing.T) {
	goodputs := map[int]float64{1: 10, 2: 30, 3: 14, 5: 40, 8: 19, 12: 18, 18: 100}
	c := contest{bench: &bench{settings: settings{ways: comparing{sizes: []int{1, 2, 3, 5, 8, 12, 18}}}}, progress: io.Discard}
	var tried []int
	err := c.search(func(size int) (goodness, error) {
		tried = append(tried, size)
		return goodness{goodput: goodputs[size]}, nil
	})
	if diff := cmp.Diff([]int{1, 2, 3, 5, 8, 12}, tried); err != nil || diff != "" || c.bestSize != 5 {
		t.Errorf("the best has %d workers, tried (-want +got): %s, %v", c.bestSize, diff, err)
	}
	nothing := contest{bench: c.bench, progress: io.Discard}
	if err := nothing.search(func(int) (goodness, error) { return goodness{}, nil }); err == nil {
		t.Error("a search without a good answer finds a best pool")
	}
}

// The plan is judged by the best fixed pool of its own turn, and each is first in turn.
func TestThePlanAndTheBestPoolTakeTurns(t *testing.T) {
	c := contest{progress: io.Discard, comparison: comparison{situation: situations[0], capacity: 200, bestSize: 2, rivals: map[string]goodness{"codel": {goodput: 90, critical: 0.5, refused: 0.75}}}}
	var order strings.Builder
	planned, best := []float64{80, 50, 100}, []float64{100, 100, 80}
	taking := func(name string, of *[]float64, critical float64) func() (goodness, error) {
		return func() (goodness, error) {
			order.WriteString(name)
			next := (*of)[0]
			*of = (*of)[1:]
			return goodness{goodput: next, critical: critical, refused: critical / 2}, nil
		}
	}
	if err := c.takeTurns(taking("p", &planned, 0.9), taking("b", &best, 1)); err != nil {
		t.Fatal(err)
	}
	if got, want := order.String(), "pbbppb"; got != want {
		t.Errorf("turns %s, want %s", got, want)
	}
	var out strings.Builder
	if err := writeWays(&out, []comparison{c.comparison}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"80.0   80.0 %   90.00 %  45 %  as planned, sizes itself (from 50.0 to 125.0 %)\n",
		"100.0  100 %  100.00 %  50 %  the best fixed pool: 2 workers\n",
		"90.0   90.0 %   50.00 %  75 %  codel\n",
		"RESULT bench-overload-ways computing_planned_goodput_pct=80.0 computing_planned_lowest_pct=50.0 computing_critical_pct=90.00 computing_best_workers=2\n",
	} {
		if !strings.Contains(strings.Join(strings.Fields(out.String()), " "), strings.Join(strings.Fields(want), " ")) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

// What somebody must see who judges a way: what was good of all, and of what is critical, and what was turned away.
func TestAFloodIsTallied(t *testing.T) {
	var got tallied
	for _, o := range []loadgen.Outcome{
		{Status: http.StatusOK, Took: time.Second}, {Status: http.StatusOK, Took: 2 * time.Second}, {Status: http.StatusServiceUnavailable}, {Status: loadgen.NoAnswer},
	} {
		got.count(o, time.Second, false)
		got.count(o, time.Second, true)
	}
	if got.all.Load() != 8 || got.good.Load() != 2 || got.refused.Load() != 2 || got.critical.Load() != 4 || got.criticalGood.Load() != 1 {
		t.Errorf("%d of %d good, %d turned away, %d of %d critical ones good", got.good.Load(), got.all.Load(), got.refused.Load(), got.criticalGood.Load(), got.critical.Load())
	}
}

// A rival that learns gets the time that it needs.
func TestRivalsHaveTheTimeToLearn(t *testing.T) {
	for rival, want := range map[string]time.Duration{"codel": settling, "failsafe-adaptive": learning, "failsafe-priority": learning, "kratos-bbr": learning} {
		if got := settlingOf(rival); got != want {
			t.Errorf("%s settles in %s, want %s", rival, got, want)
		}
	}
}
