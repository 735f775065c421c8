// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package measure reads what pods count, from their own metrics or from a Prometheus, and hands it to the tuner of each
// service. It bounds what untrusted pods may answer and shares its attention among services; decisions are the tuner's.
package measure

import (
	"context"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/fair"
	"goservice.dev/operator/controllers/tuner"
)

const (
	// period between two rounds of a service while something moves, and calm while nothing does.
	period = tuner.Period
	calm   = tuner.CalmPeriod
	// idle is the period of a service without pods; the first one that appears ends it.
	idle = 30 * time.Second
	// look is between two looks at how pods use a limit that they share, while any refuses requests, settlingLook while demand moves to
	// other pods, and hurry from a look to one after pods came or became ready.
	look         = time.Second
	settlingLook = 500 * time.Millisecond
	hurry        = 200 * time.Millisecond
	// maxAsked pods of a service are asked in one round; of more, a sample that stays the same while they live, because only
	// two scrapes of one pod tell a rate. Of a service whose pods share a limit up to maxSharing are asked, and if there are more,
	// it is divided equally.
	maxAsked   = 10
	maxSharing = 50
	// scrapeTimeout of one pod.
	scrapeTimeout = time.Second
	// spoken is how often figures that always move a little, such as the error budget, are told again: a moment less often
	// than they may be written.
	spoken = tuner.DriftPeriod + period
)

// Pod that can be asked. One that did not answer is asked less and less often until anything of this changes.
type Pod struct {
	Namespace, Name, IP string
	// Restarts of its container.
	Restarts int32
	// Ready to take traffic, or Leaving and perhaps still taking some.
	Ready, Leaving bool
}

// Target is a service to follow, as the reconcile sees it. Nothing in it may be written to later.
type Target struct {
	tuner.Target
	Pods []Pod
	// Shares says that the pods share a limit of inbound requests; then the Leaving ones are asked what they still use of it.
	Shares  bool
	Leaving []Pod
	// From is where the pods tell what they count.
	From Endpoint
	// Confirmed says that all pods run the latest live settings.
	Confirmed bool
	// Learned is what was learned of the service before it was followed first.
	Learned tuner.Learned
}

// LoopOptions of a Loop; every field but Query and Moves is required.
type LoopOptions struct {
	// Slots for questions to pods, which may be shared with others who ask pods.
	Slots *fair.Scheduler
	// Scrape reads a pod's counters; without their time they count as read when it returns.
	Scrape Scraper
	// Query asks Prometheus for a service's pods, by their names; nil where the operator knows no Prometheus.
	Query Questioner
	// Changed is called when a service's Outcome changed.
	Changed func(service types.NamespacedName)
	// Moves says whether what pods make of a limit that they share, nil while nothing is known, divides it otherwise than before.
	Moves func(service types.NamespacedName, usage *tuner.Usage) bool
	// Decided is called for every figure that was moved, and not after Forget has returned. It must not call the loop.
	Decided func(service types.NamespacedName, change tuner.Change)
}

// Loop measures services and decides for them, in the background. Each service has rounds of its own: none waits for another.
type Loop struct {
	options   LoopOptions
	questions *fair.Scheduler // to Prometheus
	working   sync.WaitGroup

	mu       sync.Mutex
	ctx      context.Context // of Start, nil before it
	services map[types.NamespacedName]*followed
}

type followed struct {
	name   types.NamespacedName
	target Target // replaced, never changed

	// timer of the next round, nil before Start; measuring says that one is under way, and hurried that the next should follow
	// soon. retunedAt is when the pods last began to take new live settings.
	timer              *time.Timer
	measuring, hurried bool
	began, retunedAt   time.Time
	// hurries bounds how often the next look follows after hurry, and hastened says that the next one does.
	hurries  *rate.Limiter
	hastened bool
	// due is when the next round is: what is looked at before that is how the limit is used. Zero: now.
	due time.Time

	// of the round's goroutine alone
	source  v1alpha1.TuningSource
	counts  string // what is counted
	rounds  rounds
	silent  map[Pod]*silence
	samples map[string]Sample // of the pods that answered, by their names
	shared  sharedQueue
	awaited int // pods of which this round speaks
	tuner   *tuner.Tuner
	watch   tuner.Watch
	toldAt  time.Time

	outcome tuner.Outcome
	told    string
	// usage of the limit that the pods share, nil while nothing is known or nothing is shared.
	usage *tuner.Usage
	// sharing is what was told last of the queue that the pods share.
	sharing Sharing
}

// NewLoop makes a Loop; Start runs it.
func NewLoop(options LoopOptions) *Loop {
	if options.Moves == nil {
		options.Moves = func(types.NamespacedName, *tuner.Usage) bool { return false }
	}
	return &Loop{
		options:   options,
		questions: fair.NewScheduler(fair.Options{Slots: maxQuestions, SlotsPerGroup: maxQuestionsOfOne}),
		services:  map[types.NamespacedName]*followed{},
	}
}

// Follow tells the loop how a service is at present and returns the latest tuner.Outcome, at once.
func (l *Loop) Follow(name types.NamespacedName, target Target) tuner.Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.options.Query == nil && sourceOf(target.Spec) == v1alpha1.SourcePrometheus {
		l.forget(name)
		outcome := tuner.New(target.Learned).Outcome() // what was in force stays
		outcome.NoPrometheus, outcome.Early = true, false
		return outcome
	}
	f := l.services[name]
	if f == nil {
		f = &followed{name: name, tuner: tuner.New(target.Learned)}
		f.outcome = f.tuner.Outcome()
		l.services[name] = f
	}
	f.hurried = f.hurried || hasNewPods(f.target.Pods, target.Pods) || hasNewPods(f.target.Leaving, target.Leaving)
	if f.target.Confirmed && !target.Confirmed {
		f.retunedAt = time.Now()
	}
	target.Learned = tuner.Learned{} // the tuner has it
	f.target = target
	l.schedule(f)
	outcome := f.outcome
	outcome.Usage = f.usage
	return outcome
}

// Forget a service.
func (l *Loop) Forget(name types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(name)
}

func (l *Loop) forget(name types.NamespacedName) {
	if f := l.services[name]; f != nil && f.timer != nil {
		f.timer.Stop()
	}
	delete(l.services, name)
}

// Start measures until ctx ends.
func (l *Loop) Start(ctx context.Context) error {
	l.mu.Lock()
	l.ctx = ctx
	for _, f := range l.services {
		l.schedule(f)
	}
	l.mu.Unlock()
	<-ctx.Done()
	l.mu.Lock()
	for _, f := range l.services {
		if f.timer != nil {
			f.timer.Stop()
		}
	}
	l.mu.Unlock()
	l.working.Wait()
	return nil
}

// schedule the first round of a service, somewhere within a period so that not all come at once, and its next one sooner
// where it is in a hurry. The caller holds the lock.
func (l *Loop) schedule(f *followed) {
	switch {
	case l.ctx == nil || l.ctx.Err() != nil || f.measuring:
	case f.timer == nil:
		f.timer = time.AfterFunc(phase(f.name), func() { l.round(f) })
	case f.hurried && !f.began.IsZero():
		f.timer.Reset(max(time.Until(f.began.Add(f.hurry())), 0))
	}
}

// phase of a service's rounds within a period.
func phase(name types.NamespacedName) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name.String()))
	return period * time.Duration(h.Sum32()%1000) / 1000
}

// round asks the pods of a service and sets the timer of the next one.
func (l *Loop) round(f *followed) {
	l.mu.Lock()
	ctx := l.ctx
	if f.measuring || l.services[f.name] != f || ctx.Err() != nil { // it may have been hurried as its timer fired
		l.mu.Unlock()
		return
	}
	f.measuring, f.hurried, f.hastened, f.began = true, false, false, time.Now()
	target := f.target
	l.working.Add(1)
	l.mu.Unlock()
	defer l.working.Done()
	pause := l.once(ctx, f, target)
	l.mu.Lock()
	defer l.mu.Unlock()
	f.measuring = false
	if l.services[f.name] != f || ctx.Err() != nil {
		return
	}
	if f.hurried || f.usage != nil && f.usage.Soon {
		pause = min(pause, f.hurry())
	}
	f.timer.Reset(max(time.Until(f.began.Add(pause)), 0))
}

// once makes one round, or a look between two rounds, and returns the pause before the next one. A round is dated at its start:
// one slow pod must not shorten the next one for all.
func (l *Loop) once(ctx context.Context, f *followed, target Target) (pause time.Duration) {
	if target.shares() && f.began.Before(f.due) {
		l.lookAt(ctx, f, target)
	} else {
		f.due = f.began.Add(l.roundOf(ctx, f, target))
	}
	pause = max(f.due.Sub(f.began), 0)
	if f.usage != nil && target.shares() {
		if f.usage.Refusing {
			pause = min(pause, look)
		}
		if f.usage.Settling {
			pause = min(pause, settlingLook)
		}
	}
	return pause
}

// roundOf a service makes one round and returns the pause before the next one.
func (l *Loop) roundOf(ctx context.Context, f *followed, target Target) (pause time.Duration) {
	reports, problem, ready := l.measure(ctx, f, target)
	if ctx.Err() != nil || !ready {
		return period
	}
	sharing := f.shared.round(f.began, target.Pods, f.samples)
	target.Linked = f.shared.linked(target.Pods, f.samples)
	pods, leaving := split(reports, target)
	outcome, changes := f.tuner.Digest(f.began, target.Target, f.awaited, pods, problem)
	l.tell(f, changes)
	outcome.Usage = f.use(target, append(pods, leaving...))
	news, divides := l.publish(f, outcome)
	if l.share(f, sharing) || news || divides {
		l.options.Changed(f.name)
	}
	if len(target.Pods) == 0 {
		return idle
	}
	if divides || f.tuner.Moving() || l.retuning(f) || f.source == v1alpha1.SourcePrometheus {
		return period
	}
	return calm
}

// tell reports what was moved, unless the service was forgotten while the round was under way: who forgets it forgets what was
// told of it, too.
func (l *Loop) tell(f *followed, changes []tuner.Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.services[f.name] != f {
		return
	}
	for _, change := range changes {
		l.options.Decided(f.name, change)
	}
}

// retuneTime is how long pods that have not confirmed the latest live settings count as being retuned.
const retuneTime = 30 * time.Second

func (l *Loop) retuning(f *followed) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !f.target.Confirmed && time.Since(f.retunedAt) < retuneTime
}

// hasNewPods says whether there are pods that were not there before, or that may answer now.
func hasNewPods(before, now []Pod) bool {
	known := make(map[Pod]bool, len(before))
	for _, pod := range before {
		known[pod] = true
	}
	return slices.ContainsFunc(now, func(pod Pod) bool { return !known[pod] })
}
