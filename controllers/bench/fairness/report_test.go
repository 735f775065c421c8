// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/controllers/internal/measure"
)

// A retune that was never confirmed has no time, so that it is in no quantile: how many there were is in the last line.
func TestReport(t *testing.T) {
	const ms = time.Millisecond
	alone := result{retunes: []time.Duration{150 * ms}, rounds: []time.Duration{2000 * ms}, late: 1}
	beside := result{retunes: []time.Duration{160 * ms, 900 * ms, 155 * ms}, rounds: []time.Duration{2010 * ms, 1990 * ms}, late: 2, silent: 30}
	var out strings.Builder
	if err := report(&out, 100, 1000, alone, beside); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	want := "RESULT bench-fairness round_p99_ms=2010 retune_p99_ms=900 baseline_retune_p99_ms=150 late_retunes=3"
	if got := lines[len(lines)-1]; got != want {
		t.Errorf("last line\n%s, want\n%s", got, want)
	}
	if row := "| retune of a service, beside silent pods | 3 | 160 | 900 | 900 |"; !strings.Contains(out.String(), row) {
		t.Errorf("%q is missing in\n%s", row, out.String())
	}
	if got := quantile(nil, 0.99); got != 0 {
		t.Errorf("of nothing: %d", got)
	}
}

// The first pod of a service stands for its round, and no question to a silent pod is one.
func TestFigures(t *testing.T) {
	f := figures{last: map[string]time.Time{}}
	for _, pod := range []string{"checkout-0", "checkout-1", "checkout-0", "checkout-2", "checkout-0"} {
		f.asked(measure.Pod{Namespace: "tenant-1", Name: pod})
	}
	f.asked(measure.Pod{Namespace: "tenant-2", Name: "checkout-0"})
	f.asked(measure.Pod{Namespace: silentNamespace, Name: "1-0"})
	f.retuned(time.Second)
	f.missed()
	if got := f.reset(); len(got.rounds) != 2 || got.silent != 1 || len(got.retunes) != 1 || got.late != 1 {
		t.Errorf("%+v", got)
	}
	f.asked(measure.Pod{Namespace: "tenant-2", Name: "checkout-0"})
	if got := f.reset(); len(got.rounds) != 1 || len(got.retunes) != 0 || got.late != 0 {
		t.Errorf("after a reset: %+v", got)
	}
}
