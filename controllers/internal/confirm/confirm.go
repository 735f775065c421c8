// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package confirm makes running pods take new live settings at once and proves, pod by pod, that they did: it nudges each
// pod by an annotation, upon which the pod's kubelet refreshes the mounted document, and asks the pod which revision is in
// force until that is the wanted one. A nudge that was lost is repeated. Nothing here blocks a reconcile: a Tracker works in
// the background and tells when there is news.
package confirm

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/controllers/internal/fair"
)

// Pod is a pod that has to confirm.
type Pod struct {
	UID             types.UID
	Namespace, Name string
	// IP is empty until the pod has one.
	IP string
	// Restarts of its container: a restarted one is asked again.
	Restarts int32
	// Ready to take traffic, by the pod's condition Ready.
	Ready bool
	// Created is when the pod was made.
	Created time.Time
	// ReadyChanged is when Ready last changed; zero while the pod has no such condition.
	ReadyChanged time.Time
	// Older pods mount the older form of the live settings and answer at its path.
	Older bool
	// Annotation is the pod's present nudge.
	Annotation string
}

// Target is the revision that a service's pods should run.
type Target struct {
	Revision string
	// OlderRevision is the name that older pods have for the same live settings.
	OlderRevision string
	// Label describes the target's main value for people, such as "2500/s".
	Label string
	// Generation of the user's own values in it.
	Generation int64
	Pods       []Pod
}

// Unconfirmed is a pod that has not confirmed, with the reason.
type Unconfirmed struct {
	Pod, Reason string
	// Rejected says that the pod has the document and refuses it.
	Rejected bool
}

// Result is what is known at the moment.
type Result struct {
	Revision string
	// Label of this target, and PreviousLabel of the last one that every pod confirmed; empty if there was none.
	Label, PreviousLabel string
	Confirmed, Total     int
	// Waiting says that pods are still being asked and none has been given up on so far.
	Waiting bool
	// Unconfirmed pods in the order of their names.
	Unconfirmed []Unconfirmed
	// ChangedAt is when the revision became the target, ConfirmedAt when the last pod confirmed; zero until then.
	ChangedAt, ConfirmedAt time.Time
	// Retuned says that running pods changed from one revision to this one, as opposed to pods that started with it.
	Retuned bool
	// Edited says that the user's values changed since the last revision that every pod confirmed.
	Edited bool
	// Quiet says that neither the user's values nor the Label changed since the last revision that every pod confirmed.
	Quiet bool
}

// Options of a Tracker; every field is required.
type Options struct {
	// Ask reads the revision that a pod runs.
	Ask func(ctx context.Context, pod Pod) (Answer, error)
	// Nudge makes the pod's kubelet refresh the document.
	Nudge func(ctx context.Context, pod Pod, annotation string) error
	// Changed is called when a service's Result is worth looking at again.
	Changed func(service types.NamespacedName)
	// Settled is called when all pods of a service confirmed a changed revision, with the time that took.
	Settled func(took time.Duration)
	// Slots for questions to pods, which may be shared with others who ask pods, and NudgeSlots for nudges on their way.
	Slots, NudgeSlots *fair.Scheduler
}

const (
	// Nudges are writes of pods: those of one service and of all together are bounded by the second, after a burst that a
	// retune of most services fits into.
	nudgesPerSecond        = 200
	serviceNudgesPerSecond = 50
	serviceNudgesAtOnce    = 100
	// Nudges on their way, and of those to pods of one namespace.
	nudgesAtOnce = 32
	nudgesOfOne  = 8
)

// NudgeSlots for a Tracker; waited, if not nil, is told of each wait.
func NudgeSlots(waited func(time.Duration)) *fair.Scheduler {
	return fair.NewScheduler(fair.Options{Slots: nudgesAtOnce, SlotsPerGroup: nudgesOfOne, Waited: waited})
}

// Answer is what a pod said.
type Answer struct {
	Revision string
	// Refused is the pod's error for the newest document; empty when that is in force.
	Refused string
}

// Tracker confirms revisions of many services.
type Tracker struct {
	options Options
	nudges  *rate.Limiter // over all services

	mu       sync.Mutex
	services map[types.NamespacedName]*service
	closed   bool
	working  sync.WaitGroup
}

// service is what is known of one GoService's pods.
type service struct {
	revision, label, previousLabel string
	generation, previousGeneration int64
	changedAt, confirmedAt         time.Time
	retuned                        bool
	nudges                         *rate.Limiter
	pods                           map[types.UID]*podState
}

type podState struct {
	pod       Pod
	confirmed bool
	reason    string
	rejected  bool
	givenUp   bool
	// silent pods were given up on because they do not answer. wake asks at once.
	silent atomic.Bool
	wake   chan struct{}
	// outdated states are of an earlier revision.
	outdated bool
	cancel   context.CancelFunc
}

// NewTracker returns a Tracker; Close ends its work.
func NewTracker(options Options) *Tracker {
	return &Tracker{
		options:  options,
		nudges:   rate.NewLimiter(nudgesPerSecond, nudgesPerSecond),
		services: map[types.NamespacedName]*service{},
	}
}

// Ensure sets the target of a service and reports what is known. It returns at once.
func (t *Tracker) Ensure(name types.NamespacedName, target Target) Result {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return Result{Revision: target.Revision, Total: len(target.Pods), Waiting: len(target.Pods) > 0}
	}
	s := t.services[name]
	switch {
	case s == nil:
		s = &service{
			revision: target.Revision, label: target.Label, generation: target.Generation, changedAt: time.Now(),
			nudges: rate.NewLimiter(serviceNudgesPerSecond, serviceNudgesAtOnce), pods: map[types.UID]*podState{},
		}
		t.services[name] = s
	case s.revision != target.Revision:
		if !s.confirmedAt.IsZero() {
			s.previousLabel, s.previousGeneration = s.label, s.generation
		}
		s.label, s.generation = target.Label, target.Generation
		s.revision, s.changedAt, s.confirmedAt = target.Revision, time.Now(), time.Time{}
		s.retuned = len(s.pods) > 0
		for _, state := range s.pods {
			state.cancel()
			state.outdated = true
		}
	default:
		s.generation = target.Generation // what changed is nothing that pods take while they run
	}
	t.align(name, s, target)
	return s.result()
}

// Confirmed says whether every pod of a service runs what was its target last, and else which do not; no pods confirm nothing. Pods
// that take no traffic are not waited for once they have been given up on.
func (t *Tracker) Confirmed(name types.NamespacedName) (all bool, unconfirmed []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.services[name]
	if s == nil || len(s.pods) == 0 {
		return false, nil
	}
	for _, state := range s.pods {
		if !state.confirmed && (state.pod.Ready || !state.givenUp) {
			unconfirmed = append(unconfirmed, state.pod.Name)
		}
	}
	slices.Sort(unconfirmed)
	return len(unconfirmed) == 0, unconfirmed
}

// align starts asking pods that are new or were restarted and forgets those that are gone.
func (t *Tracker) align(name types.NamespacedName, s *service, target Target) {
	present := make(map[types.UID]bool, len(target.Pods))
	for _, pod := range target.Pods {
		present[pod.UID] = true
		state := s.pods[pod.UID]
		same := state != nil && state.pod.Restarts == pod.Restarts && state.pod.IP == pod.IP
		readied := same && pod.Ready && !state.pod.Ready
		if same && !state.outdated {
			state.pod.Ready = pod.Ready
			if readied {
				state.hurry()
			}
			continue
		}
		if state != nil {
			state.cancel()
		}
		silent := same && state.silent.Load() && !readied
		ctx, cancel := context.WithCancel(context.Background())
		state = &podState{pod: pod, wake: make(chan struct{}, 1), cancel: cancel}
		state.silent.Store(silent)
		s.pods[pod.UID] = state
		revision := target.Revision
		if pod.Older {
			revision = target.OlderRevision
		}
		t.working.Add(1)
		go func() {
			defer t.working.Done()
			defer cancel()
			t.pursue(ctx, pursuit{name: name, service: s, state: state, pod: pod, revision: revision})
		}()
	}
	for uid, state := range s.pods {
		if !present[uid] {
			state.cancel()
			delete(s.pods, uid)
		}
	}
	t.settle(s)
}

// hurry lets the pod be asked at once.
func (s *podState) hurry() {
	s.silent.Store(false)
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Forget drops a service that is gone.
func (t *Tracker) Forget(name types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.services[name]; s != nil {
		for _, state := range s.pods {
			state.cancel()
		}
		delete(t.services, name)
	}
}

// Close ends all work and waits for its end.
func (t *Tracker) Close() {
	t.mu.Lock()
	t.closed = true
	for _, s := range t.services {
		for _, state := range s.pods {
			state.cancel()
		}
	}
	t.mu.Unlock()
	t.working.Wait()
}

// settle notes the time when the last pod confirms. The caller holds the lock.
func (t *Tracker) settle(s *service) {
	if !s.confirmedAt.IsZero() || len(s.pods) == 0 {
		return
	}
	for _, state := range s.pods {
		if !state.confirmed {
			return
		}
	}
	s.confirmedAt = time.Now()
	if s.retuned && t.options.Settled != nil {
		t.options.Settled(s.confirmedAt.Sub(s.changedAt))
	}
}

func (s *service) result() Result {
	result := Result{
		Revision: s.revision, Label: s.label, PreviousLabel: s.previousLabel,
		Total: len(s.pods), ChangedAt: s.changedAt, ConfirmedAt: s.confirmedAt, Retuned: s.retuned,
		Edited: s.generation != s.previousGeneration,
		Quiet:  s.label == s.previousLabel && s.generation == s.previousGeneration,
	}
	givenUp := false
	for _, state := range s.pods {
		if state.confirmed {
			result.Confirmed++
			continue
		}
		givenUp = givenUp || state.givenUp
		reason := state.reason
		if reason == "" {
			reason = "has not answered yet"
		}
		result.Unconfirmed = append(result.Unconfirmed, Unconfirmed{Pod: state.pod.Name, Reason: reason, Rejected: state.rejected})
	}
	result.Waiting = len(result.Unconfirmed) > 0 && !givenUp
	slices.SortFunc(result.Unconfirmed, func(a, b Unconfirmed) int { return strings.Compare(a.Pod, b.Pod) })
	return result
}
