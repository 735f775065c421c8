// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"strings"
	"testing"
)

func TestPicture(t *testing.T) {
	r := Result{
		Scenario: "three", Contender: OurName, BadSeconds: 2, CoreSeconds: 42, Percentile: 0.99,
		seconds: threeSeconds(), rate: func(float64) float64 { return 400 },
	}
	for i := range r.seconds {
		r.seconds[i].Ready = 2 + i%2
	}
	var picture strings.Builder
	if err := Picture(&picture, Default(), []Result{r}); err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string]struct {
		text  string
		count int
	}{
		"title":       {"three: pods over time", 1},
		"label":       {OurName + ": 2 bad seconds, 42 core-seconds", 1},
		"bad seconds": {`fill="#d62728"`, 2},
		"lines":       {"<polyline", 2},
		"ready pods":  {`<polyline points="56.0,80.0 309.3,80.0 309.3,40.0 562.7,40.0 562.7,80.0 816.0,80.0"`, 1},
		"highest":     {`text-anchor="end">3</text>`, 1},
		"end":         {"</svg>\n", 1},
	} {
		if got := strings.Count(picture.String(), want.text); got != want.count {
			t.Errorf("%s: %q is there %d times, want %d", what, want.text, got, want.count)
		}
	}
	if err := Picture(&picture, Default(), nil); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]bool{OurName: true, StockName: true, StockMinuteName: true, "other": false} {
		if IsPictured(name) != want {
			t.Errorf("%s is pictured: %v", name, !want)
		}
	}
}
