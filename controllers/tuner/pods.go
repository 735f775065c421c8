// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"cmp"
	"fmt"
	"math"
	"time"
)

const (
	// panicFactor is the demand over capacity at which a step is answered at once (Knative's panic threshold of 200%), unless
	// less is more than the pods can do at all.
	panicFactor = 2
	// panicMargin of pods more than the step needs: what counts is how soon enough of them have started.
	panicMargin = 1.5
	// fullFrom is the busy share of all workers from which requests that are turned away mean a step.
	fullFrom = 0.9
	// shortestStep is the part of a round, as its denominator, that a step is assumed to have lasted at least: chance would
	// make much of less.
	shortestStep = 8
	// firstShare of the panic window's demand is what there was less than in the minute before, where traffic is the first
	// after nothing.
	firstShare = 0.1
	// tolerance is how far demand may be above what the floor was made for: a pod more for less would go and come with chance.
	tolerance = 0.03
)

// capacity is how many requests per second a pod can take at the utilization rho: the lowest of what its CPU, the most workers that
// it may have (utilization law, ρ = λ·S per server) and its own rate limit let through. 0 while the cost of a request is unknown.
func capacity(s Situation, rho float64) (perPod float64, reason string) {
	e := s.Estimates
	if e.CPUTime > 0 && s.Bounds.Cores > 0 {
		perPod = s.Bounds.Cores * rho / e.CPUTime.Seconds()
		reason = fmt.Sprintf("%s of CPU each on %s cores", round(e.CPUTime), short(s.Bounds.Cores))
	}
	workers := cmp.Or(e.MostWorkers, float64(s.Bounds.Workers))
	if held := e.ServiceTime.Seconds() * e.Pooled; held > 0 && workers > 0 {
		byWorkers := workers * rho / held
		if perPod == 0 || byWorkers < perPod {
			perPod, reason = byWorkers, fmt.Sprintf("%s in one of %s workers each", round(e.ServiceTime), short(workers))
			if e.Pooled < 0.995 { // else it reads as all
				reason = fmt.Sprintf("%s in one of %s workers for %s%% of them", round(e.ServiceTime), short(workers), short(100*e.Pooled))
			}
		}
	}
	if limit := s.Bounds.PodLimit * rho; limit > 0 && (perPod == 0 || limit < perPod) {
		perPod, reason = limit, fmt.Sprintf("at most %s req/s admitted by each pod", short(s.Bounds.PodLimit))
	}
	return perPod, reason
}

// podsFor a demand in requests per second.
func podsFor(demand, perPod float64) int32 {
	if perPod <= 0 || demand <= 0 {
		return 0
	}
	// A hair of demand above whole pods is no reason for one more.
	return int32(min(math.Ceil(demand/perPod-1e-6), math.MaxInt32/2))
}

// podsFor leaves the floor alone where demand is hardly above what it can take, unless it rises.
func (d *Decider) podsFor(demand, perPod float64, rising bool, s Situation) int32 {
	if pods := d.fewest(demand, perPod, s); rising || pods != d.floor+1 || d.fewest(demand/(1+tolerance), perPod, s) > d.floor {
		return pods
	}
	return d.floor
}

// fewest pods for a demand in requests per second, of which one takes perPod at the utilization in force. Few that share their queue may
// not be as busy as that.
func (d *Decider) fewest(demand, perPod float64, s Situation) int32 {
	needed := func(pods int32) int32 { return podsFor(demand, perPod*d.utilizationOf(pods, s)/d.rho.value) }
	// More pods may be busier, so that fewer of them are needed: what the fewest would need is enough.
	few := podsFor(demand, perPod)
	for enough := needed(few); few < enough; {
		if pods := few + (enough-few)/2; needed(pods) > pods {
			few = pods + 1
		} else {
			enough = pods
		}
	}
	return few
}

// utilizationOf so many pods: the one in force, and where they share their queue no more than leaves room for chance.
func (d *Decider) utilizationOf(pods int32, s Situation) float64 {
	if pods == 0 || s.Bounds.AloneUtilization == 0 {
		return d.rho.value
	}
	return min(d.rho.value, s.roomForChance(pods))
}

// deviations above its mean is what comes within the latency threshold, for which pods that share their queue leave room.
const deviations = 2.5

// roomForChance is the utilization ρ at which so many pods that share their queue can still do what chance sends them within the time that
// the threshold leaves beside a request's own: (1−ρ)·C = 2.5·√(ρ·C), where C requests are what they can do in that time (the normal
// approximation of a Poisson distribution). It is never below that of a pod that is alone, and 1 where nothing is known.
func (s Situation) roomForChance(pods int32) float64 {
	e, b := s.Estimates, s.Bounds
	left, cpu := (b.Threshold - e.ServiceTime).Seconds(), e.CPUTime.Seconds()
	if left <= 0 || cpu <= 0 || b.Cores <= 0 {
		return 1
	}
	c := float64(pods) * b.Cores * left / cpu
	root := (math.Sqrt(deviations*deviations+4*c) - deviations) / (2 * math.Sqrt(c))
	return max(root*root, b.AloneUtilization)
}

// forecast is the demand to be ready for: that of the stable window, ahead by the lead where there is a rising trend, or what
// the panic window has at least. After a step only what came since then counts.
func forecast(e Estimates, lead time.Duration, inPanic bool) (demand float64, why string, rising bool) {
	demand, why = e.Demand.mean(), "over the last minute"
	if since := e.DemandSince; since.Seconds > 0 && since.Seconds < e.Demand.Seconds {
		demand, why = since.mean(), "since the last step"
	}
	switch {
	case inPanic || e.Trend == 0:
	case e.Trend > 0:
		certain := max(e.Trend-trendChance*e.TrendError, 0)
		demand += e.Trend*(e.Demand.Seconds/2+min(lead, wholeLead).Seconds()) + certain*max(lead-wholeLead, 0).Seconds()
		why, rising = fmt.Sprintf("forecast for %s ahead from the last minute's rise", readable(lead)), true
	default: // the mean lags behind a fall by half of its window
		demand = math.Max(demand+e.Trend*e.Demand.Seconds/2, 0)
		why = "forecast from the last minute's fall"
	}
	if atLeast := e.DemandPanic.AtLeast(); atLeast > demand {
		demand, why, rising = atLeast, fmt.Sprintf("over the last %s", readable(PanicWindow)), false
	}
	return demand, why, rising
}

// sudden is how many pods a demand needs that is at least panicFactor times what the present ones are meant to take, or more
// than they can do at all, and of what that number is made up; 0 without one. Full pods that turn requests away say so too,
// earlier than the count of a whole round.
func (d *Decider) sudden(s Situation, perPod float64, cost string, inPanic bool) (pods int32, why string) {
	e := s.Estimates
	meant := float64(max(s.Ready, 1)) * perPod
	can := meant / d.rho.value
	// More must come than before, and than chance makes of it in one of many rounds: handlers that hang fill the pods too, and more pods
	// would not help them; and those that are as busy as they may be turn some requests away.
	rising := e.DemandBefore.Seconds > 0 && rises(e.DemandBefore, e.DemandNow)
	full := rising && e.Saturation > fullFrom && e.Rejected > 0
	if !full && math.Max(e.DemandNow.AtLeast(), e.DemandPanic.AtLeast()) < math.Min(panicFactor*meant, can) {
		return 0, ""
	}
	if !inPanic {
		d.firstTraffic = e.earlier().PerSecond() < firstShare*e.DemandPanic.PerSecond()
	}
	if d.firstTraffic {
		// From nothing there is no level to go by: the whole round is taken for what comes, and the next one says more.
		demand := s.withinLimit(math.Max(e.DemandNow.AtLeast(), e.DemandPanic.AtLeast()))
		return podsFor(demand+e.backlogRate(), perPod), sum(fmt.Sprintf("%s req/s of first traffic%s", short(demand), e.backlogText()), cost, d.rho.value)
	}
	demand := math.Max(e.DemandNow.PerSecond(), e.DemandPanic.PerSecond())
	if !inPanic { // after that the rounds are whole
		demand = math.Max(demand, wholeStep(s, can))
	}
	demand = s.withinLimit(demand)
	pods = podsFor(panicMargin*demand+e.backlogRate(), perPod)
	why = sum(fmt.Sprintf("%s req/s after a sudden step and %s%% more%s", short(demand), short(100*(panicMargin-1)), e.backlogText()), cost, d.rho.value)
	if full && !inPanic && pods < panicFactor*s.Ready {
		pods, why = panicFactor*s.Ready, fmt.Sprintf("%d times the %d pods that are full after a sudden step", panicFactor, s.Ready)
	}
	return pods, why
}

// rises says whether a rate is higher than one before by more than noiseDeviations standard deviations of independent events.
func rises(before, now Rate) bool {
	return now.PerSecond()-before.PerSecond() > noiseDeviations*deviation(before, now)
}

// deviation is the standard deviation of the difference of two rates of independent events, per second: that of a count is its square root.
func deviation(a, b Rate) float64 {
	return math.Sqrt(a.PerSecond()/a.Seconds + b.PerSecond()/b.Seconds)
}

// earlier is the demand over the stable window without the panic window.
func (e *Estimates) earlier() Rate {
	return Rate{e.Demand.Events - e.DemandPanic.Events, e.Demand.Seconds - e.DemandPanic.Seconds}
}

// backlogRate is what has to be done beside what comes in, in requests per second, so that what waits is worked off within the
// panic window. It is there once, however much more comes than was counted, so that no margin is due on it.
func (e *Estimates) backlogRate() float64 { return e.Backlog / PanicWindow.Seconds() }

func (e *Estimates) backlogText() string {
	if e.Backlog < 1 {
		return ""
	}
	return fmt.Sprintf(", and %s waiting requests within %s", short(math.Round(e.Backlog)), readable(PanicWindow))
}

// withinLimit is what of a demand a shared rate limit lets in.
func (s Situation) withinLimit(demand float64) float64 {
	if limit := s.Bounds.SharedLimit; limit > 0 {
		return math.Min(demand, limit)
	}
	return demand
}

// wholeStep is the demand after a step of which the last round shows only a part, because it began within the round: what came in
// addition, over the time since then. It began in the middle of the round on average, with a variance of a twelfth of the round squared. Pods
// that were full tell more, by how much they did in addition over what they could have done; both are weighed by their certainty, since few
// requests, or pods that had hardly any room, say next to nothing.
func wholeStep(s Situation, can float64) float64 {
	e := s.Estimates
	before, round := e.DemandBefore.PerSecond(), e.DemandNow.Seconds
	if e.DemandBefore.Seconds == 0 || e.DemandNow.AtLeast() <= before {
		return 0
	}
	since := round / 2
	did := e.DoneBefore.PerSecond() // what is always turned away, by limits, is in neither
	// Requests that take half of a round say too late when more of them began.
	if room := can - did; e.Rejected > 0 && room > 0 && e.ServiceTime.Seconds() < round/2 {
		measured := (e.Done.Events-did*round)/room + e.ServiceTime.Seconds() // what began last is not done yet
		// The variance of a count is the count; nothing counted is no certainty.
		certain := room * room / (e.Done.Events + did*round*round/e.DoneBefore.Seconds + 1)
		assumed := 12 / (round * round)
		since = (since*assumed + math.Min(math.Max(measured, 0), round)*certain) / (assumed + certain)
	}
	return before + (e.DemandNow.Events-before*round)/math.Max(since, round/shortestStep)
}
