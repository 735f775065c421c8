// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/workload/livesettings"
)

const target = 100 * time.Millisecond

// What is called planned is what the plan says, whatever that is.
func TestThePlannedRowIsThePlan(t *testing.T) {
	before, fitted := newOperator(target).plan()
	if fitted {
		t.Error("a pool is fitted before anything was measured")
	}
	p := plan.Compute(declared(target), plan.Observed{})
	want := livesettings.Pool{Workers: int(p.Workers.Value), QueueDepth: int(p.QueueDepth.Value), QueueTimeout: livesettings.Duration(p.QueueTimeout.Value)}
	if diff := cmp.Diff(want, *documentOf(before).Pool); diff != "" {
		t.Error(diff)
	}
	if documentOf(before).RateLimit != nil {
		t.Error("the operator derives no rate limit")
	}
}

// What is called tuned is what the tuner makes of the service's own metrics: here 5.4 ms of CPU for each request, at half of
// what a core can do. Its pool leaves a request enough of the target: those at work count twice, because a request waits behind
// them before it is read as well.
func TestTheTunedRowFollowsTheMetrics(t *testing.T) {
	o, now := newOperator(target), time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	const perLook, cost = 186, 0.0054
	for look := range int(calmFor / lookEvery) {
		requests := perLook * look
		page := fmt.Sprintf(`http_server_request_duration_seconds_count{code="200"} %d
http_server_request_duration_seconds_sum{code="200"} %g
goservice_service_seconds_count{route="GET /work"} %d
goservice_service_seconds_sum{route="GET /work"} %g
process_cpu_seconds_total %g
process_start_time_seconds 1.7e9
goservice_pool_workers 64
go_sched_gomaxprocs_threads 1
`, requests, float64(requests)*1.1*cost, requests, float64(requests)*cost, 0.1+float64(requests)*cost)
		if err := o.look(now.Add(time.Duration(look)*lookEvery), []byte(page)); err != nil {
			t.Fatal(err)
		}
	}
	after, fitted := o.plan()
	pool := documentOf(after).Pool
	if !fitted || pool.Workers < 2 || pool.QueueDepth < 1 {
		t.Fatalf("fitted %t, %+v", fitted, pool)
	}
	if took := float64(2*pool.Workers+pool.QueueDepth) * cost; took > 0.9*target.Seconds() {
		t.Errorf("%+v: the last one that is admitted is answered after %.0f ms", pool, 1000*took)
	}
	if err := o.look(now.Add(time.Hour), []byte("up 1\n")); err == nil {
		t.Error("a page of something else is taken for the service's")
	}
}

func TestSetByHand(t *testing.T) {
	got := setByHand(185, target)
	want := livesettings.Document{
		Version: livesettings.Version, LogLevel: "off",
		Pool:      &livesettings.Pool{Workers: 2, QueueDepth: 10, QueueTimeout: livesettings.Duration(50 * time.Millisecond)},
		RateLimit: &livesettings.RateLimit{RequestsPerSecond: 222, Burst: 23},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, want := describe(got), "2 workers, 10 wait 50ms, 222/s"; got != want {
		t.Errorf("describe() = %q, want %q", got, want)
	}
	if got := describe(open()); got != "no bound" {
		t.Errorf("describe() = %q", got)
	}
}

// Goodput is judged by the capacity of its own round, and each row reports its own median.
func TestReport(t *testing.T) {
	rounds := make([]round, 3)
	for i := range rounds {
		rounds[i] = round{capacity: 100 + 100*float64(i), reason: "because"} // 100, 200, 300
		for row := range rowCount {
			o := &rounds[i].rows[row]
			o.goodput, o.p99, o.setting = rounds[i].capacity*float64(row+i)/10, time.Duration(10*row+i)*time.Millisecond, "as set"
		}
	}
	rounds[0].rows[off].unsent = 7
	var out strings.Builder
	s := settings{cost: 5 * time.Millisecond, target: target, factor: 4, duration: 10 * time.Second}
	if err := write(&out, s, rounds); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	want := "RESULT bench-overload capacity_rps=200.0 planned_goodput_pct=10.0 tuned_goodput_pct=20.0 tuned_lowest_pct=10.0 tuned_p99_ms=11.0 " +
		"hand_goodput_pct=30.0 hand_p99_ms=21.0 unprotected_goodput_pct=40.0 target_ms=100"
	if got := lines[len(lines)-1]; got != want {
		t.Errorf("last line\n%s, want\n%s", got, want)
	}
	for _, part := range []string{"outstanding: 7\n", "the tuner's reason: because\n", "limiter and pool off (as set)\n"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in\n%s", part, out.String())
		}
	}
}
