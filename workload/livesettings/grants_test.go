// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package livesettings_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/workload/livesettings"
)

// granting is a document in which pod a has a total; a negative one: none.
func granting(total int64, level string) livesettings.Document {
	d := livesettings.Document{Version: 1, LogLevel: level, RateLimit: &livesettings.RateLimit{RequestsPerSecond: 10, Burst: 5}}
	if total >= 0 {
		d.RateLimit.Granted = map[string]int64{"a": total, "b": 1000}
	}
	return d
}

// A total grants what it rises by, once: whatever was read twice, late, in another order or by a process that is new.
func TestATotalGrantsWhatItRisesBy(t *testing.T) {
	for name, c := range map[string]struct {
		totals []int64
		want   []int64
	}{
		"rising":                     {[]int64{-1, 3, 10}, []int64{3, 7}},
		"a new process":              {[]int64{40, 42}, []int64{2}},
		"read again":                 {[]int64{0, 3, 3, 3}, []int64{3}},
		"an older one":               {[]int64{0, 9, 4, 9, 12}, []int64{9, 3}},
		"gone, and back":             {[]int64{0, 9, -1, 9, 10}, []int64{9, 1}},
		"gone, and begun from zero ": {[]int64{0, 9, -1, 0, 5}, []int64{9}},
	} {
		t.Run(name, func(t *testing.T) {
			registry, err := livesettings.NewRegistry(livesettings.Document{Version: livesettings.Version}, "a")
			if err != nil {
				t.Fatal(err)
			}
			var lent []int64
			registry.Lend(func(requests int64) { lent = append(lent, requests) })
			for _, total := range c.totals {
				apply(t, registry, granting(total, "info"))
			}
			if diff := cmp.Diff(c.want, lent); diff != "" {
				t.Errorf("lent (-want +got):\n%s", diff)
			}
		})
	}
}

// A grant turns no knob, changes no revision and no time, and is reported to nobody but its pod.
func TestAGrantSetsNothing(t *testing.T) {
	registry, err := livesettings.NewRegistry(livesettings.Document{Version: livesettings.Version}, "a")
	if err != nil {
		t.Fatal(err)
	}
	turned := 0
	registry.Register(func(livesettings.Document) { turned++ })
	if !apply(t, registry, granting(0, "info")) {
		t.Fatal("the first document changed nothing")
	}
	before := registry.Report()
	if apply(t, registry, granting(7, "info")) || turned != 2 {
		t.Errorf("a grant turned knobs: %d times", turned-2)
	}
	after := registry.Report()
	if before.Revision != after.Revision || !before.Since.Equal(after.Since) {
		t.Errorf("%+v became %+v", before, after)
	}
	if diff := cmp.Diff(map[string]int64{"a": 7}, after.Document.RateLimit.Granted); diff != "" {
		t.Errorf("reported (-want +got):\n%s", diff)
	}
	if applied, _ := registry.Counts(); applied != 1 {
		t.Errorf("%d documents applied, want 1", applied)
	}
	if !apply(t, registry, granting(9, "warn")) || turned != 3 {
		t.Error("another level turned no knob")
	}
}

func TestTotalsThatCannotBe(t *testing.T) {
	for _, total := range []int64{-1, livesettings.MaxGranted + 1} {
		document := granting(0, "")
		document.RateLimit.Granted["a"] = total
		if err := document.Validate(); err == nil || !strings.Contains(err.Error(), "rateLimit.granted.a") {
			t.Errorf("%d: error %v", total, err)
		}
	}
	if err := granting(livesettings.MaxGranted, "").Validate(); err != nil {
		t.Error(err)
	}
}

// Pods that do not know grants read the document, say so, and confirm the same revision.
func TestGrantsAreNoPartOfTheRevision(t *testing.T) {
	with, without := sealed(t, granting(12, "info")), sealed(t, granting(-1, "info"))
	if with.Revision != without.Revision {
		t.Errorf("revision %s with grants, %s without", with.Revision, without.Revision)
	}
	if with.RateLimit.Granted["a"] != 12 {
		t.Error("naming the document took its grants away")
	}
}
