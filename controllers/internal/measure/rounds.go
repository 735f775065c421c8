// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/podhttp"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/controllers/tuner"
)

const (
	// asksPerScrape: new samples are noticed within that part of the time between two scrapes.
	asksPerScrape = 3
	// maxPause between two questions however rare scrapes are.
	maxPause = 15 * time.Second
	// maxSampleAge beyond which a sample says nothing of the present. It allows for a scrape a minute, and one that failed.
	maxSampleAge = 2 * time.Minute
	// discoveryTime is what Prometheus may take, beside two scrapes, until it has found a new pod.
	discoveryTime = time.Minute
	// firstAnswer is how long nothing heard counts as not heard yet.
	firstAnswer = 30 * time.Second
	// lateScrapes is for how many scrapes pods with a new sample wait for the others, so that a round speaks of all pods.
	lateScrapes = 2
)

// rounds makes rounds of reports out of what Prometheus has. Samples come only with each scrape and at another moment for
// each pod, so that most questions find nothing new: that is no round, and least of all one without demand. The zero value
// is ready. It is not safe for concurrent use.
type rounds struct {
	began, asked, heard time.Time       // by the operator's clock
	answer              <-chan answered // that is still awaited
	newest              map[string]time.Time
	firstSeen           map[string]time.Time
	problem             string
}

// due says whether it is time to ask again.
func (r *rounds) due(now time.Time, interval time.Duration) bool {
	if r.answer != nil || !r.asked.IsZero() && now.Sub(r.asked) < min(interval/asksPerScrape, maxPause) {
		return false
	}
	if r.began.IsZero() {
		r.began = now
	}
	r.asked = now
	return true
}

// sourceOf measurements of a service.
func sourceOf(spec *v1alpha1.GoServiceSpec) v1alpha1.TuningSource {
	if spec.Tuning != nil && spec.Tuning.Source == v1alpha1.SourcePrometheus {
		return v1alpha1.SourcePrometheus
	}
	return v1alpha1.SourcePods
}

// measure makes a round of reports from the source that the service names; it is not ready while nothing new is known.
func (l *Loop) measure(ctx context.Context, f *followed, target Target) (reports []tuner.Report, problem string, ready bool) {
	now := f.began
	f.tuner.Begin(now)
	// Another clock, other counters, and perhaps other pods'.
	if source, counts := sourceOf(target.Spec), target.From.counts(); f.source != source || f.counts != counts {
		f.source, f.counts, f.rounds, f.watch = source, counts, rounds{}, tuner.Watch{}
		f.tuner.Restart()
	}
	f.awaited = len(target.Pods)
	if f.source != v1alpha1.SourcePrometheus || len(target.Pods) == 0 {
		reports, problem = l.scrape(ctx, f, target.asked(), target.From)
		return reports, problem, true
	}
	interval := plan.ScrapeInterval(target.Spec)
	if f.rounds.due(now, interval) {
		f.rounds.answer = l.query(ctx, f.name, target.From)
	}
	select {
	case answer := <-f.rounds.answer:
		f.rounds.answer, f.samples = nil, answer.samples
		reports, f.awaited, ready = f.rounds.take(now, interval, target.Pods, answer.samples, answer.err)
	default: // a slow Prometheus must not hold up the services that are measured without one
	}
	return reports, f.rounds.problem, ready
}

// query Prometheus in the background. Its time begins when it is its turn.
func (l *Loop) query(ctx context.Context, service types.NamespacedName, from Endpoint) <-chan answered {
	answer := make(chan answered, 1)
	l.working.Go(func() {
		release, _, err := l.questions.Acquire(ctx, service.Namespace)
		if err != nil {
			answer <- answered{err: err}
			return
		}
		defer release()
		samples, err := l.options.Query(ctx, service, from)
		answer <- answered{samples, err}
	})
	return answer
}

// answered is what a question brought.
type answered struct {
	samples map[string]Sample
	err     error
}

// take in an answer, or why there is none. It returns the reports of a round and how many pods it speaks of; it is not ready
// as long as waiting for more is right.
func (r *rounds) take(now time.Time, interval time.Duration, pods []Pod, samples map[string]Sample, err error) (reports []tuner.Report, total int, ready bool) {
	r.know(now, pods)
	if err != nil {
		return r.unanswered(now, pods, err)
	}
	r.problem = ""
	fresh, recent := 0, 0
	for _, pod := range pods {
		report := tuner.Report{Pod: pod.Name}
		sample, has := samples[pod.Name]
		switch {
		case has && sample.Age <= maxSampleAge:
			recent++
			if sample.At.After(r.newest[pod.Name]) {
				fresh++
				report.Counters = &sample.Counters
			}
		case now.Sub(r.firstSeen[pod.Name]) <= lateScrapes*interval+discoveryTime:
			continue // Prometheus need not know it yet: what it serves is missing, but others are not multiplied for it
		}
		reports = append(reports, report)
	}
	if float64(recent) < tuner.Quorum*float64(len(reports)) {
		r.problem = fmt.Sprintf("it has samples of the last %d minutes of %d of %d pods", int(maxSampleAge.Minutes()), recent, len(pods))
		return reports, len(reports), true
	}
	enough := float64(fresh) >= tuner.Quorum*float64(len(reports)) && now.Sub(r.heard) >= lateScrapes*interval
	if fresh == 0 || fresh < recent && !enough {
		return nil, 0, false
	}
	r.heard = now
	for _, report := range reports {
		if report.Counters != nil {
			r.newest[report.Pod] = report.Counters.At
		}
	}
	return reports, len(reports), true
}

// unanswered questions are no reason to forget what the last samples said, until those are too old.
func (r *rounds) unanswered(now time.Time, pods []Pod, err error) (reports []tuner.Report, total int, ready bool) {
	r.problem = podhttp.Clip(err.Error()) // it may quote what was answered
	patience, since := maxSampleAge, r.heard
	if since.IsZero() {
		patience, since = firstAnswer, r.began
	}
	if now.Sub(since) <= patience {
		return nil, 0, false
	}
	for _, pod := range pods {
		reports = append(reports, tuner.Report{Pod: pod.Name})
	}
	return reports, len(pods), true
}

// know when pods were seen first, and forget those that are gone.
func (r *rounds) know(now time.Time, pods []Pod) {
	seen := make(map[string]time.Time, len(pods))
	newest := make(map[string]time.Time, len(pods))
	for _, pod := range pods {
		first, known := r.firstSeen[pod.Name]
		if !known {
			first = now
		}
		seen[pod.Name] = first
		if at, has := r.newest[pod.Name]; has {
			newest[pod.Name] = at
		}
	}
	r.firstSeen, r.newest = seen, newest
}
