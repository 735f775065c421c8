// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"math"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/controllers/tuner"
	"goservice.dev/operator/hack/bench/internal/bed"
	"goservice.dev/operator/hack/bench/internal/exposition"
	"goservice.dev/operator/workload/livesettings"
)

// Rows of the table, in its order.
const (
	planned = iota
	tuned
	byHand
	off
	rowCount
)

var rowNames = [rowCount]string{
	planned: "planned, before anything is measured",
	tuned:   "tuned, after a calm load",
	byHand:  "limiter and pool set by hand, knowing the capacity",
	off:     "limiter and pool off",
}

// kind of handlers: each computes for a while on an idle processor, and then waits without one.
type kind struct {
	// name for people, key in the line for machines.
	name, key string
	cpu, wait time.Duration
}

var kinds = []kind{
	{name: "computing", cpu: 5 * time.Millisecond},
	{name: "waiting", key: "waiting_", cpu: time.Millisecond, wait: 40 * time.Millisecond},
	{name: "mixed", key: "mixed_", cpu: 3 * time.Millisecond, wait: 20 * time.Millisecond},
}

func kindsOf(names string) ([]kind, error) {
	return bed.Pick("handlers", names, kinds, func(one kind) string { return one.name })
}

// alone is what a request takes when there is no other.
func (k kind) alone() time.Duration { return k.cpu + k.wait }

// clients that each wait for their answer keep the processor busy: twice as many as take turns on it without a break.
func (k kind) clients() int { return 2 * int(math.Ceil(float64(k.alone())/float64(k.cpu))) }

const (
	// handWorkers keep the processor busy while one of them waits for the network.
	handWorkers = 2
	// handWaitShare of what the handler's wait leaves of the target may be spent in the queue.
	handWaitShare = 2
	// handLimit, in capacities, turns away cheaply what the pool would have to look at, and leaves the fine control to the pool.
	handLimit = 1.2
)

// declared is what the user of such a service would write: one core for each pod, and nearly all requests within the target.
func declared(target time.Duration) *v1alpha1.GoServiceSpec {
	core := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}
	return &v1alpha1.GoServiceSpec{
		SLO: &v1alpha1.SLOSpec{
			Availability: "99.9",
			Latency:      &v1alpha1.LatencyObjective{Threshold: metav1.Duration{Duration: target}, Percentile: "99"},
		},
		Resources: &v1alpha1.ResourcesSpec{Requests: core, Limits: core},
	}
}

// open is what a service runs with that nothing protects.
func open() livesettings.Document {
	return livesettings.Document{
		Version: livesettings.Version, LogLevel: "off",
		Pool: fixedPool(livesettings.MaxWorkers, livesettings.MaxQueueDepth, 0),
	}
}

// fixedPool does not size itself.
func fixedPool(workers, depth int, wait time.Duration) *livesettings.Pool {
	return &livesettings.Pool{Workers: workers, MinWorkers: workers, MaxWorkers: workers, QueueDepth: depth, QueueTimeout: livesettings.Duration(wait)}
}

// documentOf is what the operator has a pod of the plan run with, as far as overload is concerned.
func documentOf(p plan.Plan, spec *v1alpha1.GoServiceSpec) livesettings.Document {
	document := open()
	least, most := p.PoolBounds(spec)
	document.Pool = &livesettings.Pool{
		Workers: int(p.Workers.Value), MinWorkers: int(least), MaxWorkers: int(most), QueueDepth: int(p.QueueDepth.Value),
		QueueTimeout: livesettings.Duration(p.QueueTimeout.Value),
	}
	return document
}

// setByHand is what somebody would set who has measured the capacity, in requests per second, and knows for how long a handler waits
// for others: as many more workers as then wait (Little's law).
func setByHand(capacity float64, target, waits time.Duration) livesettings.Document {
	wait, limit := (target-waits)/handWaitShare, handLimit*capacity
	document := open()
	document.Pool = fixedPool(handWorkers+int(math.Ceil(capacity*waits.Seconds())), int(math.Ceil(capacity*wait.Seconds())), wait)
	document.RateLimit = &livesettings.RateLimit{RequestsPerSecond: limit, Burst: int(math.Ceil(limit / 10))}
	return document
}

// describe the document for the table.
func describe(d livesettings.Document) string {
	if d.Pool.Workers == livesettings.MaxWorkers {
		return "no bound"
	}
	text := fmt.Sprintf("%d workers, %d wait %s", d.Pool.Workers, d.Pool.QueueDepth, time.Duration(d.Pool.QueueTimeout))
	if d.Pool.MaxWorkers != d.Pool.MinWorkers {
		text = "at first " + text
	}
	if d.RateLimit != nil {
		text += fmt.Sprintf(", %.0f/s", d.RateLimit.RequestsPerSecond)
	}
	return text
}

// operator is the part of it that fits a pool: its tuner, and its plan of what that finds.
type operator struct {
	spec  *v1alpha1.GoServiceSpec
	tuner *tuner.Tuner
}

func newOperator(target time.Duration) *operator {
	return &operator{declared(target), tuner.New(tuner.Learned{})}
}

// look at the only pod's metrics, as the operator does every two seconds.
func (o *operator) look(now time.Time, page []byte) error {
	counters, err := countersOf(page)
	if err != nil {
		return err
	}
	o.tuner.Digest(now, tuner.Target{Spec: o.spec, Wanted: 1, Ready: 1, Floor: 1}, 1, []tuner.Report{{Pod: "pod", Counters: &counters}}, "")
	return nil
}

// plan by what was measured so far, if anything was. The tuner may find that the pool that was planned without is right.
func (o *operator) plan() (p plan.Plan, measured bool) {
	found := o.tuner.Outcome()
	return plan.Compute(o.spec, plan.Observed{
		WantedReplicas: 1, ServiceTime: found.Cost.ServiceTime, CPUTime: found.Cost.CPUTime, Tuned: found.Tuned,
	}), found.Cost.CPUTime > 0
}

// countersOf reads what the tuner sizes a pool by.
func countersOf(page []byte) (tuner.Counters, error) {
	var c tuner.Counters
	fields := map[string]*float64{
		"http_server_request_duration_seconds_count": &c.Requests, "http_server_request_duration_seconds_sum": &c.DurationSeconds,
		"goservice_service_seconds_count": &c.Served, "goservice_service_seconds_sum": &c.ServiceSeconds,
		"goservice_requests_rejected_total": &c.Rejected,
		"process_cpu_seconds_total":         &c.CPUSeconds, "process_start_time_seconds": &c.StartSeconds,
		"http_server_active_requests": &c.Active, "goservice_pool_busy": &c.Busy, "goservice_pool_workers": &c.Workers,
		"goservice_pool_queued": &c.Queued, "go_sched_gomaxprocs_threads": &c.Processors,
	}
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	sums, err := exposition.Sums(page, names...)
	if err != nil {
		return c, fmt.Errorf("reading the service's metrics: %w", err)
	}
	for name, field := range fields {
		*field = sums[name]
	}
	if c.Workers == 0 || c.CPUSeconds == 0 {
		return c, fmt.Errorf("the service's metrics have no goservice_pool_workers or no process_cpu_seconds_total")
	}
	return c, nil
}
