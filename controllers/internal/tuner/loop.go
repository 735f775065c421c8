// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/plan"
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
	// grace is how long after a start nothing measured counts as not measured yet.
	grace = 30 * time.Second
	// spoken is how often figures that always move a little, such as the error budget, are told again.
	spoken = time.Minute
)

// Pod that can be asked.
type Pod struct{ Namespace, Name, IP string }

// Target is a service to follow, as the reconcile sees it. Nothing in it may be written to later.
type Target struct {
	Spec *v1alpha1.GoServiceSpec
	Pods []Pod
	// Wanted and Ready pods, and the floor that is in force.
	Wanted, Ready, Floor int32
	// Budget that the pods share.
	Budget Budget
}

// Outcome is what the loop knows and wants at the moment. It changes only when something worth telling did.
type Outcome struct {
	// Cost of a request and Tuned figures, for the plan.
	Cost  Cost
	Tuned plan.Tuned
	// Measured says whether enough pods answer, and Problem what one said that does not. Early is true while it is too soon
	// to tell.
	Measured, Early bool
	Problem         string
	// NoPrometheus says that the service is to be measured by Prometheus and that the operator knows none.
	NoPrometheus bool
	// Frozen says why nothing is scaled in, empty when nothing is frozen.
	Frozen string
	// Since when Tally and P99 were counted, and BudgetLeft of both objectives' budgets, 1 to below 0.
	Since      time.Time
	Tally      Tally
	P99        time.Duration
	BudgetLeft float64
	// Burning says that over the last minute more was slow or failed than may be.
	Burning bool
	// History holds the last changes, the newest last.
	History []Change

	// demand on each pod, nil while too little is known.
	demand map[string]float64
}

// LoopOptions of a Loop; every field but Query is required.
type LoopOptions struct {
	// Scrape reads a pod's counters.
	Scrape func(ctx context.Context, pod Pod) (Counters, error)
	// Query asks Prometheus for a service's pods, by their names; nil where the operator knows no Prometheus.
	Query func(ctx context.Context, service types.NamespacedName) (map[string]Sample, error)
	// Changed is called when a service's Outcome changed.
	Changed func(service types.NamespacedName)
	// Decided is called for every figure that was moved.
	Decided func(service types.NamespacedName, change Change)
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
	source    v1alpha1.TuningSource
	rounds    rounds
	awaited   int // pods of which this round speaks
	estimator Estimator
	decider   Decider
	cost      Cost
	ledger    ledger
	started   time.Time
	everKnown bool
	toldAt    time.Time

	outcome Outcome
	told    string
	// demand on each pod in requests per second, nil while too little is known, and how that divides a shared limit.
	demand   map[string]float64
	division division
}

// NewLoop makes a Loop; Start runs it.
func NewLoop(options LoopOptions) *Loop {
	return &Loop{options: options, slots: make(chan struct{}, maxInFlight), services: map[types.NamespacedName]*followed{}}
}

// Follow tells the loop how a service is at present and returns the latest Outcome, at once.
func (l *Loop) Follow(name types.NamespacedName, target Target) Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.options.Query == nil && sourceOf(target.Spec) == v1alpha1.SourcePrometheus {
		delete(l.services, name)
		return Outcome{NoPrometheus: true, BudgetLeft: 1}
	}
	f := l.services[name]
	if f == nil {
		// Whatever floor an operator before this one set stays until measurements say more.
		floor := plan.Figure[int32]{Value: target.Floor, Reason: "as before the operator started; nothing is measured yet"}
		f = &followed{name: name, outcome: Outcome{Early: true, BudgetLeft: 1, Tuned: plan.Tuned{ReplicaFloor: &floor}}}
		l.services[name] = f
	}
	f.target = target
	outcome := f.outcome
	outcome.Tuned.Parts = f.division.next(target.Budget, f.demand)
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
			reports, problem, ready := l.measure(ctx, f, targets[i])
			if !ready || ctx.Err() != nil {
				return
			}
			outcome, changes := f.digest(time.Now(), targets[i], reports, problem)
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
func (l *Loop) scrape(ctx context.Context, pods []Pod) (reports []Report, problem string) {
	pods = sampleOf(pods)
	reports = make([]Report, len(pods))
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
				problems[i] = "pod " + pod.Name + ": " + err.Error()
				return
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

// digest turns a round's reports into an outcome, and says which figures it moved.
func (f *followed) digest(now time.Time, target Target, reports []Report, problem string) (Outcome, []Change) {
	if f.started.IsZero() {
		f.started = now
	}
	untuned := f.untuned(target)
	steering := plan.SteeringOf(target.Spec, untuned)
	f.estimator.Observe(now, f.awaited, reports)
	estimates := f.estimator.Estimate(steering.Threshold)
	f.everKnown = f.everKnown || estimates.Known
	f.ledger.add(now, plan.SLOWindow(target.Spec), f.estimator.LastTally(steering.Threshold))
	outcome := Outcome{
		Measured: estimates.Known, Early: !f.everKnown && now.Sub(f.started) < grace, Problem: problem,
		Since: f.ledger.since, Tally: f.ledger.sum(), P99: estimates.P99,
	}
	outcome.BudgetLeft = budgetLeft(outcome.Tally, steering.FailedBudget, steering.SlowBudget)
	recent := estimates.Objectives
	outcome.Burning = recent.Total > 0 && budgetLeft(recent, steering.FailedBudget, steering.SlowBudget) < 0
	if !f.everKnown { // nothing was ever measured: the plan alone holds, after a while without an earlier floor
		if outcome.Early {
			outcome.Tuned = f.outcome.Tuned
		}
		return outcome, nil
	}
	if cost := f.cost.Settle(estimates); cost != f.cost {
		// Decided by what is known now: an assumed cost could ask for pods that are then held for a while.
		f.cost = cost
		untuned = f.untuned(target)
	}
	workers := untuned.Workers.Value
	if tuned := f.outcome.Tuned.Workers; tuned != nil {
		workers = tuned.Value
	}
	decision := f.decider.Decide(now, Situation{
		Bounds: BoundsOf(target.Spec, untuned, workers), Estimates: estimates,
		Wanted: max(target.Wanted, target.Floor), Ready: target.Ready,
	})
	if estimates.Known && len(target.Pods) <= maxAsked {
		outcome.demand = maps.Clone(estimates.PodDemand)
	}
	outcome.Cost, outcome.Tuned, outcome.Frozen = f.cost, decision.Tuned(), decision.Frozen
	outcome.History = f.decider.History()
	return outcome, decision.Changes
}

// untuned is the plan by the cost in use, before any figure is moved.
func (f *followed) untuned(target Target) plan.Plan {
	return plan.Compute(target.Spec, plan.Observed{
		WantedReplicas: target.Wanted, ServiceTime: f.cost.ServiceTime, CPUTime: f.cost.CPUTime,
	})
}
