// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	defaultCheckInterval = 5 * time.Second
	defaultCheckTimeout  = 2 * time.Second
	// recheckFailed is how soon a dependency that failed is asked again, if its interval is longer.
	recheckFailed = time.Second
	// maxCheckError bounds what /readyz repeats of an error.
	maxCheckError = 500
	// lasting is from when on others may know of a failure: two probes of the kubelet fail, five seconds apart, before a pod is not ready.
	lasting = 5 * time.Second
)

var (
	errNotChecked = errors.New("not checked yet")
	errNoAnswer   = errors.New("no answer in time")
)

// CheckOption changes how a dependency is checked.
type CheckOption func(*dependency)

// Optional dependencies are shown on /readyz and in the metrics, but the service is ready without them.
func Optional() CheckOption { return func(d *dependency) { d.optional = true } }

// CheckEvery sets the pause between two checks; 5 s where it is not set. A dependency that failed is asked again after a
// second, or after the interval if that is shorter. Values of 0 and below leave the default.
func CheckEvery(interval time.Duration) CheckOption {
	return func(d *dependency) {
		if interval > 0 {
			d.interval = interval
		}
	}
}

// CheckTimeout bounds one check; 2 s where it is not set. Values of 0 and below leave the default.
func CheckTimeout(timeout time.Duration) CheckOption {
	return func(d *dependency) {
		if timeout > 0 {
			d.timeout = timeout
		}
	}
}

// ReadyWhen adds a dependency: the service gets no traffic while the check of one that is not Optional fails. Checks run in the
// background from the end of the OnStart hooks to the beginning of the drain, never two of a dependency at once; /readyz
// answers with the last results and never runs one. A check that does not heed its context fails after its timeout all the
// same, and is not called again before it has returned. ReadyWhen must be called before Serve.
//
// The check of something that all instances share, such as a database, takes all of them out at once: make it Optional
// where the service can answer without it, if only with an error.
func (s *Service) ReadyWhen(name string, check func(context.Context) error, options ...CheckOption) {
	d := &dependency{
		name: name, check: check, interval: defaultCheckInterval, timeout: defaultCheckTimeout,
		err: errNotChecked, since: time.Now(), noted: s.takeWhileReady,
	}
	for _, option := range options {
		option(d)
	}
	if slices.ContainsFunc(s.dependencies, func(other *dependency) bool { return other.name == name }) {
		s.fail(fmt.Errorf("ReadyWhen: %q is the name of two dependencies", name))
		return
	}
	s.dependencies = append(s.dependencies, d)
}

// dependency is something that the service needs, and what is known of it.
type dependency struct {
	name              string
	check             func(context.Context) error
	optional          bool
	interval, timeout time.Duration
	noted             func() // after each check

	mu    sync.Mutex
	err   error
	since time.Time // since when it is like that
	was   bool      // ever well
}

// watch checks until ctx ends.
func (d *dependency) watch(ctx context.Context) {
	for {
		late := d.begin(ctx)
		if ctx.Err() != nil {
			return
		}
		if late != nil { // it is not asked twice at once
			select {
			case <-late:
			case <-ctx.Done():
				return
			}
		}
		pause := d.interval
		if d.failing() {
			pause = min(pause, recheckFailed)
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// begin runs one check and notes its result. late is closed when a check that outlives its time returns; nil if it has.
func (d *dependency) begin(ctx context.Context) (late <-chan struct{}) {
	limited, cancel := context.WithTimeout(ctx, d.timeout)
	result, returned := make(chan error, 1), make(chan struct{})
	go contain(func() error { return d.check(limited) }, func(err error) {
		result <- err
		close(returned)
	})
	select {
	case err := <-result:
		cancel()
		if ctx.Err() == nil { // else the check failed because the service stops
			d.note(err)
		}
		return nil
	case <-limited.Done():
		cancel()
	}
	if ctx.Err() == nil {
		d.note(fmt.Errorf("%w (%s)", errNoAnswer, d.timeout))
	}
	return returned
}

func (d *dependency) note(err error) {
	d.mu.Lock()
	if (err == nil) != (d.err == nil) || errors.Is(d.err, errNotChecked) {
		d.since = time.Now()
	}
	d.err, d.was = err, d.was || err == nil
	d.mu.Unlock()
	d.noted()
}

func (d *dependency) failing() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err != nil
}

// lastingly says whether it has failed for long, or has always.
func (d *dependency) lastingly() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err != nil && (!d.was || time.Since(d.since) >= lasting)
}

// line of /readyz.
func (d *dependency) line() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	kind := ""
	if d.optional {
		kind = " (optional)"
	}
	lasted := time.Since(d.since).Round(time.Second)
	if d.err == nil {
		return fmt.Sprintf("%s%s: ok for %s", d.name, kind, lasted)
	}
	text := strings.Join(strings.Fields(d.err.Error()), " ") // one line each
	if len(text) > maxCheckError {
		text = strings.ToValidUTF8(text[:maxCheckError], "") + "…"
	}
	return fmt.Sprintf("%s%s: failing for %s: %s", d.name, kind, lasted, text)
}

// readiness is the answer of /readyz: its first line is the service's state, the others are the dependencies'.
func (s *Service) readiness() (ready bool, text string) {
	switch s.state.Load() {
	case stateStarting:
		return false, "starting\n"
	case stateDraining:
		return false, "draining\n"
	}
	var lines strings.Builder
	ready = true
	for _, d := range s.dependencies {
		ready = ready && (d.optional || !d.failing())
		fmt.Fprintln(&lines, d.line())
	}
	if !ready {
		return false, "not ready\n" + lines.String()
	}
	return true, "ok\n" + lines.String()
}

var dependencyUp = prometheus.NewDesc("goservice_dependency_up",
	"1 when the last check of the dependency succeeded; optional ones do not change the readiness.", []string{"name", "optional"}, nil)

// dependencyCollector shows the last results.
type dependencyCollector struct{ service *Service }

// Describe makes it a prometheus.Collector.
func (dependencyCollector) Describe(to chan<- *prometheus.Desc) { to <- dependencyUp }

// Collect reads the dependencies when it is scraped.
func (c dependencyCollector) Collect(to chan<- prometheus.Metric) {
	for _, d := range c.service.dependencies {
		up, optional := 1.0, "false"
		if d.failing() {
			up = 0
		}
		if d.optional {
			optional = "true"
		}
		to <- prometheus.MustNewConstMetric(dependencyUp, prometheus.GaugeValue, up, d.name, optional)
	}
}
