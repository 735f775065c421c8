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
	before, measured := newOperator(target).plan()
	if measured {
		t.Error("something was measured before anything was looked at")
	}
	p := plan.Compute(declared(target), plan.Observed{})
	want := livesettings.Pool{Workers: int(p.Workers.Value), MaxWorkers: 4096, QueueDepth: 4096, QueueTimeout: livesettings.Duration(p.QueueTimeout.Value)}
	if diff := cmp.Diff(want, *documentOf(before, declared(target)).Pool); diff != "" {
		t.Error(diff)
	}
	if documentOf(before, declared(target)).RateLimit != nil {
		t.Error("the operator derives no rate limit")
	}
}

// What is called tuned is what the tuner makes of the service's own metrics, at half of what a core can do: for handlers that compute,
// a pool that leaves a request enough of the target (those at work count twice, because a request waits behind them before it is read as
// well); for those that wait, more workers than wait at the same time, so that the core is used.
func TestTheTunedRowFollowsTheMetrics(t *testing.T) {
	const serving = 0.0004 // seconds of CPU that a request takes besides its handler's computing
	for _, k := range kinds {
		o, now := newOperator(target), time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
		cost := k.cpu.Seconds() + serving
		perLook := int(calmShare / cost * lookEvery.Seconds())
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
`, requests, float64(requests)*(1.1*cost+k.wait.Seconds()), requests, float64(requests)*(cost+k.wait.Seconds()), 0.1+float64(requests)*cost)
			if err := o.look(now.Add(time.Duration(look)*lookEvery), []byte(page)); err != nil {
				t.Fatal(err)
			}
		}
		after, measured := o.plan()
		pool := documentOf(after, declared(target)).Pool
		if !measured || pool.Workers < 2 || pool.QueueDepth < 1 {
			t.Fatalf("%s: measured %t, %+v", k.name, measured, pool)
		}
		if waits := k.wait.Seconds() / cost; float64(pool.Workers) < waits {
			t.Errorf("%s: %+v for %.0f requests that wait when the core is fully used", k.name, pool, waits)
		}
		queue := min(float64(pool.QueueDepth)*cost, time.Duration(pool.QueueTimeout).Seconds())
		if took := float64(2*pool.Workers)*cost + queue; k.wait == 0 && took > 0.9*target.Seconds() {
			t.Errorf("%s: %+v: the last one that is admitted is answered after %.0f ms", k.name, pool, 1000*took)
		}
		if err := o.look(now.Add(time.Hour), []byte("up 1\n")); err == nil {
			t.Error("a page of something else is taken for the service's")
		}
	}
}

// Whoever sets a pool by hand knows the capacity and for how long handlers wait.
func TestSetByHand(t *testing.T) {
	got := setByHand(185, target, 0)
	want := livesettings.Document{
		Version: livesettings.Version, LogLevel: "off",
		Pool:      &livesettings.Pool{Workers: 2, MinWorkers: 2, MaxWorkers: 2, QueueDepth: 10, QueueTimeout: livesettings.Duration(50 * time.Millisecond)},
		RateLimit: &livesettings.RateLimit{RequestsPerSecond: 222, Burst: 23},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, want := describe(got), "2 workers, 10 wait 50ms, 222/s"; got != want {
		t.Errorf("describe() = %q, want %q", got, want)
	}
	if got, want := describe(setByHand(900, target, 40*time.Millisecond)), "38 workers, 27 wait 30ms, 1080/s"; got != want {
		t.Errorf("with handlers that wait: %q, want %q", got, want)
	}
	if got := describe(open()); got != "no bound" {
		t.Errorf("describe() = %q", got)
	}
}

// The clients that find out the capacity are enough to keep the processor busy while others of them wait.
func TestKinds(t *testing.T) {
	for name, clients := range map[string]int{"computing": 2, "waiting": 82, "mixed": 16} {
		found, err := kindsOf(name)
		if err != nil || len(found) != 1 || found[0].clients() != clients {
			t.Errorf("%s: %+v, %v, want %d clients", name, found, err, clients)
		}
	}
	if found, err := kindsOf("computing,idle"); err == nil {
		t.Errorf("there are idle handlers: %+v", found)
	}
}

// Goodput is judged by the capacity of its own round, and each row of each kind of handlers reports its own median.
func TestReport(t *testing.T) {
	s := settings{kinds: kinds[:2], target: target, factor: 4, duration: 10 * time.Second, rounds: 3}
	all := map[string][]round{}
	for kind, k := range s.kinds {
		rounds := make([]round, s.rounds)
		for i := range rounds {
			rounds[i] = round{capacity: float64(1+kind) * (100 + 100*float64(i)), reason: "because of " + k.name} // 100, 200, 300
			for row := range rowCount {
				o := &rounds[i].rows[row]
				o.goodput, o.p99, o.setting = rounds[i].capacity*float64(row+i)/10, time.Duration(10*row+i)*time.Millisecond, "as set"
			}
		}
		all[k.name] = rounds
	}
	all["computing"][0].rows[off].unsent, all["waiting"][1].rows[off].late = 7, 3*time.Millisecond
	var out strings.Builder
	if err := write(&out, s, all); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	want := "RESULT bench-overload capacity_rps=200.0 planned_goodput_pct=10.0 tuned_goodput_pct=20.0 tuned_lowest_pct=10.0 tuned_p99_ms=11.0 " +
		"hand_goodput_pct=30.0 hand_p99_ms=21.0 unprotected_goodput_pct=40.0 " +
		"waiting_capacity_rps=400.0 waiting_planned_goodput_pct=10.0 waiting_tuned_goodput_pct=20.0 waiting_tuned_lowest_pct=10.0 " +
		"waiting_tuned_p99_ms=11.0 waiting_hand_goodput_pct=30.0 waiting_hand_p99_ms=21.0 waiting_unprotected_goodput_pct=40.0 target_ms=100"
	if got := lines[len(lines)-1]; got != want {
		t.Errorf("last line\n%s, want\n%s", got, want)
	}
	for _, part := range []string{
		"outstanding: 7;", "at most 3.0 ms (p99)\n", "the tuner's reason: because of waiting\n", "limiter and pool off (as set)\n",
		"waiting handlers: 1ms of computing per request on one processor, 40ms of waiting: capacity 400 requests per second\n",
	} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("%q is missing in\n%s", part, out.String())
		}
	}
}
