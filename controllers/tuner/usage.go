// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
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
	// keptFor is how long figures stay without new ones: a lost round says nothing about the demand.
	keptFor = time.Minute
)

// Usage is what pods make of a limit that they share, as it was at one moment. Nothing in it is written to.
type Usage struct {
	At time.Time
	// Demand on each pod in requests per second, refused ones included. Pods that have not served for a whole look yet, or have
	// not answered for a minute, are not in it, and nor are those that served before anybody looked until enough is known of them.
	Demand map[string]float64
	// Young pods have been followed for less than steadyOver: their figures say what they are asked, but not how steadily.
	Young map[string]bool
	// Refusing says that a pod has refused requests since the look before, and Soon that another look tells more of pods that have
	// begun to serve.
	Refusing, Soon bool
}

// Watch turns successive looks at the counters of pods into Usage. The zero value is ready. It is not safe for concurrent use.
type Watch struct {
	at       time.Time
	pods     map[string]*watchedPod
	refusing bool
	soon     bool
	first    bool // nothing has been seen before
}

type watchedPod struct {
	before  Counters
	taken   time.Time // by the pod's own answer
	seen    time.Time
	serving bool // at the look before

	// found says that the pod served at the first look: then nothing is urgent, and too little is known to differ from what is in
	// force already. followed is for how long, and count how many requests were counted meanwhile.
	found         bool
	followed      time.Duration
	count         float64
	known         bool
	steady, quick float64
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
	for name, pod := range w.pods {
		if now.Sub(pod.seen) > keptFor {
			delete(w.pods, name)
		}
	}
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
		p.quick = p.steady
		p.known = !p.found || p.followed >= steadyOver && (p.count >= steadyCount || p.followed >= steadyLongest)
		return
	}
	seconds := span.Seconds()
	rate := requests / seconds
	over := min(max(steadyCount/max(p.steady, 1), steadyOver.Seconds()), steadyLongest.Seconds())
	p.quick += (1 - math.Exp(-seconds/quickOver.Seconds())) * (rate - p.quick)
	switch {
	case !explained(rate, p.steady, seconds):
		p.steady, p.quick = rate, rate
	case !explained(p.quick, p.steady, 2*quickOver.Seconds()):
		p.steady = p.quick
	default:
		p.steady += (1 - math.Exp(-seconds/over)) * (rate - p.steady)
	}
}

// explained says whether a rate that was counted for some seconds can be that of independent arrivals at an expected one (a
// Poisson process, whose count has its mean as its variance).
func explained(rate, expected, seconds float64) bool {
	return math.Abs(rate-expected) <= chanceDeviations*math.Sqrt(max(expected, 1)/seconds)
}

// Usage as it is known.
func (w *Watch) Usage() *Usage {
	usage := &Usage{At: w.at, Demand: map[string]float64{}, Young: map[string]bool{}, Refusing: w.refusing, Soon: w.soon}
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
