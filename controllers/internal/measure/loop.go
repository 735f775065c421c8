// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package measure reads what pods count, from their own metrics or from a Prometheus, and hands it to the tuner of each
// service. It bounds what untrusted pods may answer and shares its attention among services; decisions are the tuner's.
package measure

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/podhttp"
	"goservice.dev/operator/controllers/tuner"
)

const (
	// period between two rounds of every service.
	period = 2 * time.Second
	// maxAsked pods of a service are asked in one round; of more, a sample that stays the same while they live, because only
	// two scrapes of one pod tell a rate.
	maxAsked = 10
	// maxInFlight scrapes at once, over all services.
	maxInFlight = 32
	// scrapeTimeout of one pod.
	scrapeTimeout = time.Second
	// spoken is how often figures that always move a little, such as the error budget, are told again.
	spoken = time.Minute
)

// Pod that can be asked.
type Pod struct{ Namespace, Name, IP string }

// Target is a service to follow, as the reconcile sees it. Nothing in it may be written to later.
type Target struct {
	tuner.Target
	Pods []Pod
}

// LoopOptions of a Loop; every field but Query and Moves is required.
type LoopOptions struct {
	// Scrape reads a pod's counters; without their time they count as read when it returns.
	Scrape func(ctx context.Context, pod Pod) (tuner.Counters, error)
	// Query asks Prometheus for a service's pods, by their names; nil where the operator knows no Prometheus.
	Query func(ctx context.Context, service types.NamespacedName) (map[string]Sample, error)
	// Changed is called when a service's Outcome changed.
	Changed func(service types.NamespacedName)
	// Moves says whether the demand on each pod, nil while too little is known, divides a shared limit otherwise than before;
	// nil where nothing is shared.
	Moves func(service types.NamespacedName, demand map[string]float64) bool
	// Decided is called for every figure that was moved.
	Decided func(service types.NamespacedName, change tuner.Change)
}

// Loop measures services and decides for them, in the background.
type Loop struct {
	options LoopOptions
	slots   chan struct{}

	mu       sync.Mutex
	services map[types.NamespacedName]*followed
}

type followed struct {
	name   types.NamespacedName
	target Target // replaced, never changed

	// of the round's goroutine alone
	source  v1alpha1.TuningSource
	rounds  rounds
	awaited int // pods of which this round speaks
	tuner   *tuner.Tuner
	toldAt  time.Time

	outcome tuner.Outcome
	told    string
	// demand on each pod in requests per second, nil while too little is known.
	demand map[string]float64
}

// NewLoop makes a Loop; Start runs it.
func NewLoop(options LoopOptions) *Loop {
	if options.Moves == nil {
		options.Moves = func(types.NamespacedName, map[string]float64) bool { return false }
	}
	return &Loop{options: options, slots: make(chan struct{}, maxInFlight), services: map[types.NamespacedName]*followed{}}
}

// Follow tells the loop how a service is at present and returns the latest tuner.Outcome, at once.
func (l *Loop) Follow(name types.NamespacedName, target Target) tuner.Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.options.Query == nil && sourceOf(target.Spec) == v1alpha1.SourcePrometheus {
		delete(l.services, name)
		return tuner.Outcome{NoPrometheus: true, BudgetLeft: 1}
	}
	f := l.services[name]
	if f == nil {
		f = &followed{name: name, tuner: tuner.New(target.Floor)}
		f.outcome = f.tuner.Outcome()
		l.services[name] = f
	}
	target.Divides = len(target.Pods) <= maxAsked
	f.target = target
	outcome := f.outcome
	outcome.Demand = f.demand
	return outcome
}

// Forget a service.
func (l *Loop) Forget(name types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.services, name)
}

// Start measures until ctx ends.
func (l *Loop) Start(ctx context.Context) error {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			l.round(ctx)
		}
	}
}

// round asks the pods of every service, services side by side.
func (l *Loop) round(ctx context.Context) {
	l.mu.Lock()
	all := make([]*followed, 0, len(l.services))
	targets := make([]Target, 0, len(l.services))
	for _, f := range l.services {
		all, targets = append(all, f), append(targets, f.target)
	}
	l.mu.Unlock()
	var working sync.WaitGroup
	for i, f := range all {
		working.Go(func() {
			began := time.Now() // not the end: one slow pod must not shorten the next round for all
			reports, problem, ready := l.measure(ctx, began, f, targets[i])
			if !ready || ctx.Err() != nil {
				return
			}
			outcome, changes := f.tuner.Digest(began, targets[i].Target, f.awaited, reports, problem)
			for _, change := range changes {
				l.options.Decided(f.name, change)
			}
			if l.publish(f, outcome) {
				l.options.Changed(f.name)
			}
		})
	}
	working.Wait()
}

// scrape asks some pods, each within its time.
func (l *Loop) scrape(ctx context.Context, pods []Pod) (reports []tuner.Report, problem string) {
	pods = sampleOf(pods)
	reports = make([]tuner.Report, len(pods))
	problems := make([]string, len(pods))
	var working sync.WaitGroup
	for i, pod := range pods {
		reports[i].Pod = pod.Name
		l.slots <- struct{}{}
		working.Go(func() {
			defer func() { <-l.slots }()
			ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
			defer cancel()
			counters, err := l.options.Scrape(ctx, pod)
			if err != nil {
				problems[i] = "pod " + pod.Name + ": " + podhttp.Clip(err.Error()) // it may quote what the pod answered
				return
			}
			if counters.At.IsZero() {
				counters.At = time.Now()
			}
			reports[i].Counters = &counters
		})
	}
	working.Wait()
	for _, text := range problems {
		if text != "" {
			return reports, text
		}
	}
	return reports, ""
}

// sampleOf picks pods by a hash of their names, so that each round asks the same ones.
func sampleOf(pods []Pod) []Pod {
	if len(pods) <= maxAsked {
		return pods
	}
	rank := func(pod Pod) uint64 {
		seed := [32]byte{}
		copy(seed[:], pod.Name[max(0, len(pod.Name)-len(seed)):])
		return rand.NewChaCha8(seed).Uint64()
	}
	sorted := slices.Clone(pods)
	slices.SortFunc(sorted, func(a, b Pod) int {
		if rank(a) < rank(b) {
			return -1
		}
		return 1
	})
	return sorted[:maxAsked]
}
