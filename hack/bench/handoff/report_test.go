// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestFiguresAreOfAllThatWasDue(t *testing.T) {
	var s summary
	text := `{"within": 90, "sent": 98, "accepted": 95, "unsent": 2, "lateP99Microseconds": 700, "answers": {"200": {"latencyMicroseconds": {"p50": 11000, "p99": 30000}}}}`
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	before := []map[string]float64{{seriesMoved: 5, seriesCPU: 1}, {seriesCPU: 2}}
	after := []map[string]float64{{seriesMoved: 25, seriesCPU: 1.02, seriesHop: 0.0002}, {seriesMoved: 10, seriesCPU: 2.03, seriesHop: 0.0004}}
	f := figuresOf(s, before, after)
	if f.notServed != 5 || f.p50 != 11*time.Millisecond || f.p99 != 30*time.Millisecond || f.late != 700*time.Microsecond {
		t.Errorf("%+v", f)
	}
	if f.slow < 0.0999 || f.slow > 0.1001 || f.moved != 0.3 || f.hop != 300*time.Microsecond || f.each.Round(time.Microsecond) != 500*time.Microsecond {
		t.Errorf("%+v", f)
	}
}

func TestANewPodCarriesItsPartFromTheFirstSecondOnInWhichItDoes(t *testing.T) {
	seen := []served{{0, 0}, {500 * time.Millisecond, 1}}
	if at, found := reached(seen, 10); found {
		t.Errorf("after %s, when it is not known yet", at)
	}
	seen = append(seen, served{time.Second, 3}, served{1500 * time.Millisecond, 11})
	if at, found := reached(seen, 10); !found || at != 500*time.Millisecond {
		t.Errorf("%s, %v", at, found)
	}
	if at, found := reached(seen, 11); found {
		t.Errorf("at %s, with fewer than asked for", at)
	}
}

func TestTheLastLineComparesTheHeaviestLoadAndTheFewConnections(t *testing.T) {
	one := func(p99 time.Duration, slow, moved float64, each time.Duration) []figures {
		return []figures{{p99: p99, slow: slow, moved: moved, each: each, hop: 150 * time.Microsecond, notServed: 1}}
	}
	s := settings{pods: 16, loads: []float64{0.5, 0.8}}
	rows := []row{
		{way: way{name: byChance, load: 0.5}, with: one(1, 0, 0.1, 1), without: one(2, 0, 0, 1)},
		{way: way{name: byChance, load: 0.8}, with: one(30*time.Millisecond, 0, 0.25, 120*time.Microsecond), without: one(90*time.Millisecond, 0.01, 0, 100*time.Microsecond)},
		{way: way{name: overFew, load: 0.5}, with: one(40*time.Millisecond, 0.001, 0.6, 1), without: one(time.Second, 0.99, 0, 1)},
		{way: way{name: lightly, load: 0.1}, with: one(1, 0, 0, 101*time.Microsecond), without: one(1, 0, 0, 100*time.Microsecond)},
		{way: way{name: oneSlow, load: 0.5}, with: one(50*time.Millisecond, 0.002, 0, 1), without: one(2*time.Second, 0.07, 0, 1)},
		{way: way{name: overGRPC, load: 0.5}, with: one(41*time.Millisecond, 0.003, 0, 1), without: one(3*time.Second, 0.98, 0, 1)},
	}
	rows[2].without[0].busy = 0.4
	var out strings.Builder
	if err := report(&out, s, rows, 1500*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	want := "RESULT bench-handoff p99_ms=30.0 p99_off_ms=90.0 pinned_p99_ms=40.0 pinned_slow_pct=0.10 pinned_off_p99_ms=1000.0 pinned_off_slow_pct=99.00 " +
		"handed_pct=25.0 hop_p50_ms=0.150 cpu_us_per_handed=80 idle_overhead_pct=1.0 new_pod_share_s=1.50 slow_pod_p99_ms=50.0 slow_pod_slow_pct=0.20 " +
		"slow_pod_off_p99_ms=2000.0 slow_pod_off_slow_pct=7.00 grpc_p99_ms=41.0 grpc_slow_pct=0.30 grpc_off_p99_ms=3000.0 grpc_off_slow_pct=98.00 not_served=6 machine_busy_pct="
	const full = "the machine had no processor left"
	if !strings.HasSuffix(out.String(), "\n\n"+want+"40\n") || strings.Contains(out.String(), full) {
		t.Errorf("%s\nwant %s40", out.String(), want)
	}
	out.Reset()
	rows[1].with[0].busy = 0.97
	if err := report(&out, s, rows, 0); err != nil || !strings.Contains(out.String(), full) || !strings.HasSuffix(out.String(), "machine_busy_pct=97\n") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestSettingsThatCannotBeMeasuredAreRefused(t *testing.T) {
	for _, text := range []string{"", "0", "1", "0.5,x"} {
		if _, err := loadsOf(text); err == nil || !strings.Contains(err.Error(), "-loads") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for name, s := range map[string]settings{
		"-load-image": {grpc: "b"}, "-grpc-image": {image: "a"}, "-pods": {image: "a", grpc: "b", pods: -13},
	} {
		s.pods += 16
		s.rounds, s.work, s.duration = 1, time.Millisecond, 5*time.Second
		if err := s.check(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
