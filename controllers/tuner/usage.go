// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"maps"
	"math"
	"time"
)

const (
	// The demand on a pod is smoothed over steadyOver, and longer, up to steadyLongest, where steadyCount requests take longer.
	steadyOver    = 4 * time.Second
	steadyLongest = 20 * time.Second
	steadyCount   = 200
	// A change that chance explains in less than one of ten thousand looks, which is chanceDeviations standard deviations, is
	// believed at once: in one look, or in the mean of the last few, over quickOver.
	quickOver        = 2 * time.Second
	chanceDeviations = 4
	// staleCount is how many requests of new ones outweigh all that was counted on a pod before others began or ceased to serve: its
	// demand is then expected to be another one, with a standard deviation of a half of what it was, and a count has its mean as its
	// variance (R. E. Kalman 1960: the gain of an estimate is the part that its own variance has in both).
	staleCount = 4
	// settlesWithin is how soon clients move to other pods after these began to serve, or ceased to.
	settlesWithin = 5 * time.Second
	// keptFor is how long figures stay without new ones: a lost round says nothing about the demand.
	keptFor = time.Minute
)

// Usage is what pods make of a limit that they share, as it was at one moment. Nothing in it is written to.
type Usage struct {
	At time.Time
	// Demand on each pod in requests per second, refused ones included. Pods that have not served for a whole look yet, or have
	// not answered for a minute, are not in it, and nor are those that served before anybody looked until enough is known of them.
	Demand map[string]float64
	// Linked says of pods that share their queue, as far as they answered this time, whether they are linked with any other: then these can
	// borrow what they have of the limit.
	Linked map[string]bool
	// Young pods have been followed for less than steadyOver: their figures say what they are asked, but not how steadily.
	Young map[string]bool
	// Refusing says that a pod has refused requests since the look before, and Soon that another look tells more of pods that have
	// begun to serve. Settling says that pods began or ceased to serve less than settlesWithin ago: the demand moves to others.
	Refusing, Soon, Settling bool
}

// Watch turns successive looks at the counters of pods into Usage. The zero value is ready. It is not safe for concurrent use.
type Watch struct {
	at       time.Time
	pods     map[string]*watchedPod
	refusing bool
	soon     bool
	first    bool // nothing has been seen before
	serving  map[string]bool
	changed  time.Time // serving, last; zero: never
}

type watchedPod struct {
	before  Counters
	taken   time.Time // by the pod's own answer
	seen    time.Time
	serving bool // at the look before

	// found says that the pod served at the first look: then nothing is urgent, and too little is known to differ from what is in
	// force already. followed is for how long, and count how many requests were counted meanwhile.
	found    bool
	followed time.Duration
	count    float64
	known    bool
	// steady is the demand, counted since it changed last, for so long, and quick that of the last few looks.
	steady, quick float64
	counted       time.Duration
}

// Observe takes in one look: the reports of pods that were asked, of which those take traffic that are serving, or still may, as
// one that leaves.
func (w *Watch) Observe(now time.Time, reports []Report, serving map[string]bool) {
	if w.pods == nil {
		w.pods = map[string]*watchedPod{}
	}
	if !w.at.IsZero() && !now.After(w.at) {
		return
	}
	w.at, w.refusing, w.soon, w.first = now, false, false, len(w.pods) == 0
	for i := range reports {
		if report := &reports[i]; report.Counters != nil {
			w.observe(now, report, serving[report.Pod])
		}
	}
	w.settle(serving)
	for name, pod := range w.pods {
		if now.Sub(pod.seen) > keptFor {
			delete(w.pods, name)
		}
	}
}

// settle on the pods that serve. Where these are others than at the look before, what was counted on each says less than before.
func (w *Watch) settle(serving map[string]bool) {
	serving = maps.Clone(serving)
	maps.DeleteFunc(serving, func(_ string, serves bool) bool { return !serves })
	if !w.first && !maps.Equal(serving, w.serving) {
		w.changed = w.at
	}
	if !w.changed.IsZero() && w.at.Sub(w.changed) < settlesWithin {
		for _, pod := range w.pods {
			if pod.followed < steadyOver {
				continue
			}
			pod.counted = min(pod.counted, time.Duration(staleCount/max(pod.steady, 1)*float64(time.Second)))
		}
	}
	w.serving = serving
}

func (w *Watch) observe(now time.Time, report *Report, serving bool) {
	counters, taken := report.Counters, now
	if !counters.At.IsZero() {
		taken = counters.At
	}
	pod := w.pods[report.Pod]
	if pod == nil {
		pod = &watchedPod{before: *counters, taken: taken, seen: now, serving: serving, found: w.first && serving}
		pod.before.Buckets = nil // a histogram for each pod is much to keep
		w.pods[report.Pod] = pod
		w.soon = w.soon || serving && !pod.found
		return
	}
	restarted := counters.restarted(&pod.before, pod.taken, later(now, taken))
	if !restarted && counters.wentBack(&pod.before) {
		return // a part of the answer is missing; the next whole one speaks for both looks
	}
	if span := taken.Sub(pod.taken); !restarted && pod.serving && span > 0 {
		d := delta(&pod.before, counters)
		pod.follow(max(d.Requests+d.Active, 0), span)
		w.refusing = w.refusing || d.Refused > 0
	}
	if restarted || !serving { // what takes no traffic any more, or none yet, has no demand that says anything
		pod.known, pod.found, pod.followed, pod.count = false, false, 0, 0
	}
	pod.before, pod.taken, pod.seen, pod.serving = *counters, taken, now, serving
	pod.before.Buckets = nil
	w.soon = w.soon || serving && !pod.known && !pod.found
}

// follow the requests of one look that took so long.
func (p *watchedPod) follow(requests float64, span time.Duration) {
	p.followed += span
	p.count += requests
	if !p.known {
		p.steady = p.count / p.followed.Seconds()
		p.quick, p.counted = p.steady, p.followed
		p.known = !p.found || p.followed >= steadyOver && (p.count >= steadyCount || p.followed >= steadyLongest)
		return
	}
	seconds := span.Seconds()
	rate := requests / seconds
	over := min(max(steadyCount/max(p.steady, 1), steadyOver.Seconds()), steadyLongest.Seconds())
	p.quick += (1 - math.Exp(-seconds/quickOver.Seconds())) * (rate - p.quick)
	switch {
	case !explained(rate, p.steady, seconds):
		p.steady, p.quick, p.counted = rate, rate, 0 // a part of this look was before the change: the next one counts alone
	case !explained(p.quick, p.steady, 2*quickOver.Seconds()):
		p.steady, p.counted = p.quick, 2*quickOver
	default: // the plain mean of what was counted, until that is as much as is smoothed over
		p.counted += span
		p.steady += max(1-math.Exp(-seconds/over), seconds/p.counted.Seconds()) * (rate - p.steady)
	}
}

// explained says whether a rate that was counted for some seconds can be that of independent arrivals at an expected one (a
// Poisson process, whose count has its mean as its variance).
func explained(rate, expected, seconds float64) bool {
	return math.Abs(rate-expected) <= chanceDeviations*math.Sqrt(max(expected, 1)/seconds)
}

// Usage as it is known.
func (w *Watch) Usage() *Usage {
	usage := &Usage{At: w.at, Demand: map[string]float64{}, Linked: map[string]bool{}, Young: map[string]bool{}, Refusing: w.refusing, Soon: w.soon}
	usage.Settling = !w.changed.IsZero() && w.at.Sub(w.changed) < settlesWithin
	for name, pod := range w.pods {
		if pod.known {
			usage.Demand[name] = pod.steady
			if pod.followed < steadyOver {
				usage.Young[name] = true
			}
		}
	}
	return usage
}
