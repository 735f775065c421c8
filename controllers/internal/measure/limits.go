// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"context"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/tuner"
)

// shares says whether looks at the pods tell how they use a limit that they share.
func (t *Target) shares() bool {
	return t.Shares && len(t.Pods) <= maxSharing && sourceOf(t.Spec) != v1alpha1.SourcePrometheus
}

const (
	// Whatever the pods of a service do, or say, looks after a pause of hurry are that many, and then one in hurriedEvery.
	hurriedAtOnce = 10
	hurriedEvery  = 5 * time.Second
)

// hurry is the pause before a look that is wanted soon. The caller holds the lock.
func (f *followed) hurry() time.Duration {
	if !f.target.shares() {
		return period
	}
	if f.hurries == nil {
		f.hurries = rate.NewLimiter(rate.Every(hurriedEvery), hurriedAtOnce)
	}
	if f.hastened = f.hastened || f.hurries.Allow(); f.hastened {
		return hurry
	}
	return period
}

// asked are the pods that a round speaks to.
func (t *Target) asked() []Pod {
	if t.shares() {
		pods := slices.Concat(t.Pods, t.Leaving)
		return pods[:min(len(pods), maxSharing)]
	}
	return sampleOf(t.Pods)
}

// split the reports of leaving pods, which serve nobody for long, from those of the others.
func split(reports []tuner.Report, target Target) (staying, leaving []tuner.Report) {
	isLeaving := func(report tuner.Report) bool {
		return slices.ContainsFunc(target.Leaving, func(pod Pod) bool { return pod.Name == report.Pod })
	}
	for _, report := range reports {
		if len(target.Leaving) > 0 && isLeaving(report) {
			leaving = append(leaving, report)
		} else {
			staying = append(staying, report)
		}
	}
	return staying, leaving
}

// use is how the pods use a limit that they share, after another look at them.
func (f *followed) use(target Target, reports []tuner.Report) *tuner.Usage {
	if !target.Shares || len(target.Pods) > maxSharing {
		f.watch = tuner.Watch{}
		return nil
	}
	serving := make(map[string]bool, len(target.Pods)+len(target.Leaving))
	for _, pods := range [][]Pod{target.Pods, target.Leaving} {
		for _, pod := range pods {
			serving[pod.Name] = pod.Ready || pod.Leaving
		}
	}
	f.watch.Observe(f.began, reports, serving)
	usage := f.watch.Usage()
	for pod, sample := range f.samples {
		if sample.HandOff.Peers != nil {
			usage.Linked[pod] = *sample.HandOff.Peers > 0
		}
	}
	return usage
}

// lookAt how pods use a limit that they share, between two rounds.
func (l *Loop) lookAt(ctx context.Context, f *followed, target Target) {
	reports, _ := l.scrape(ctx, f, target.asked(), target.From)
	if ctx.Err() != nil {
		return
	}
	usage := f.use(target, reports)
	l.mu.Lock()
	known := l.services[f.name] == f
	if known {
		f.usage = usage
	}
	l.mu.Unlock()
	if known && l.options.Moves(f.name, usage) {
		l.options.Changed(f.name)
	}
}
