// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
	"goservice.dev/operator/controllers/tuner"
)

// BudgetCase is a rate limit that pods share while clients that keep their connections load them unevenly. The pods double at a
// third of the time and are halved again at two thirds; then the load spreads over those that serve.
type BudgetCase struct {
	// Pods at first, of which every other one gets Skew times the load of the others, and PerPod requests per second of the limit
	// for each at first.
	Pods   int
	PerPod float64
	Skew   float64
	// Demand as a multiple of the limit.
	Demand float64
	// Stay is for how many seconds clients stay with the pods that they know after the pods doubled.
	Stay float64
	// Lend says that pods share their queue: then they lend each other tokens, also those that leave, while nobody asks these any more.
	Lend bool
	// Way in which the limit is divided.
	Way BudgetWay
	// Disturbance in the middle of it.
	Disturbance BudgetDisturbance
}

// BudgetWay is who divides a limit.
type BudgetWay int

const (
	// ByOperator is the operator's own code, with all that it has to wait for.
	ByOperator BudgetWay = iota
	// Equally among the pods that serve, as soon as they do; where they lend, as the operator does it without measurements.
	Equally
	// Knowing is the operator's rule for somebody who knows at each moment how many requests per second each pod is asked on average,
	// and whose parts are in force at once. What is lost then is lost by chance and by the size of the buckets, not by measuring.
	Knowing
)

// BudgetDisturbance is what happens beside the changes of the number of pods.
type BudgetDisturbance int

const (
	Undisturbed BudgetDisturbance = iota
	// Quiet is a while with a tenth of the demand, which then comes back at once.
	Quiet
	// Restarted is the operator: nobody looks for five seconds, and the next one knows only what the last one has written.
	Restarted
	// StuckPod takes nothing that it is given, from before the pods double until long after: one of those with the most demand.
	StuckPod
	// LoudestLeave when the pods are halved: those that have most of the limit.
	LoudestLeave
)

func (d BudgetDisturbance) String() string {
	return [...]string{"none", "quiet phase", "operator restarts", "stuck pod", "loudest pods leave"}[d]
}

// Limit of all pods in requests per second.
func (c BudgetCase) Limit() float64 { return float64(c.Pods) * c.PerPod }

// BudgetResult is what became of it. All figures but Above, Divisions and Writes are deviations of what was admitted from the lesser
// of the limit and what arrived, as parts of that; those above are of the limit.
type BudgetResult struct {
	// Mean of all the time, and the worst in any ten seconds away from the changes of the number of pods.
	Mean, Under, Over float64
	// ChangeUnder and ChangeOver are the worst in the ten seconds that end within twenty seconds of a change, or of the return of the
	// demand after a quiet phase.
	ChangeUnder, ChangeOver float64
	// Above is the longest time in seconds for which the parts in force of the pods that serve, and of leaving ones that lend theirs, added up
	// to more than the limit.
	Above float64
	// Divisions are how often parts were sent, and Writes to how many pods.
	Divisions, Writes float64
}

const (
	budgetStep    = 0.01
	budgetSeconds = 200.0
	budgetDouble  = 60.0
	budgetHalve   = 130.0
	// budgetLeave is for how long pods that leave keep what they have; their clients have left at once.
	budgetLeave = 5.0
	// budgetStart is what a pod takes from being wanted until it serves.
	budgetStart  = 5.0
	budgetWindow = 10.0
	budgetAround = 20.0
	// A disturbance takes place from a moment until another; budgetQuietly is the part of the demand that is left in a quiet phase.
	budgetQuietFrom, budgetQuietUntil = 155.0, 172.0
	budgetQuietly                     = 0.1
	budgetLost, budgetFound           = 95.0, 100.0
	budgetStuckFrom, budgetStuckUntil = 45.0, 95.0
	// budgetMore is the part of a limit by which parts in force may differ from it by rounding and by what newcomers have beside.
	budgetMore = 0.005
	// budgetKept is the part of its bucket that a pod does not lend, as a divisor.
	budgetKept = 4
)

// budgetPod is a token bucket with the demand of its clients.
type budgetPod struct {
	name                string
	weight              float64 // of the demand
	rate, burst, tokens float64
	arrived, refused    float64 // what its metrics count
	started             float64
	serving, stuck      bool
	leaving             bool
	unnamed             bool // it has what nobody has been cut for: it lends nothing of that

	pending     []budgetNews // on its way
	confirmedAt float64      // when it is known that it has the latest
}

// budgetNews is a document on its way to a pod.
type budgetNews struct {
	at, rate, burst float64
	unnamed         bool
}

type budgetRun struct {
	BudgetCase
	random   *rand.Rand
	pods     []*budgetPod
	budget   tuner.Budget
	divided  tuner.Divided // as the live settings tell it
	operator *budgetOperator
	result   BudgetResult
	above    float64 // since when parts in force are above the limit

	admitted, arrived, could []float64
}

// Budget simulates a shared limit. What the pods may admit is decided by the operator's own code.
func Budget(c BudgetCase, seed uint64) BudgetResult {
	r := &budgetRun{BudgetCase: c, random: rand.New(rand.NewPCG(seed, 0xbd))}
	r.budget = tuner.Budget{Total: c.Limit(), Wanted: c.Pods, LeaveWithin: 10 * time.Second, Measured: true, Confirmed: true}
	if c.Lend {
		r.budget.LendWithin = budgetLeave * time.Second
	}
	r.operator = newBudgetOperator(r, 0)
	r.add(c.Pods, -60)
	r.serve()
	r.operator.reconcile(0)
	r.result = BudgetResult{}
	for _, p := range r.pods { // they have served for a minute
		for _, news := range p.pending {
			p.take(news)
		}
		p.tokens, p.pending, p.confirmedAt = p.burst, nil, 0
	}
	for i := range int(budgetSeconds / budgetStep) {
		now := float64(i) * budgetStep
		r.change(i, now)
		r.disturb(i, now)
		r.deliver(now)
		r.operator.run(now)
		r.step(now)
	}
	return r.judge()
}

// add pods that have not been given anything by name.
func (r *budgetRun) add(n int, started float64) {
	for range n {
		p := &budgetPod{name: fmt.Sprintf("p%03d", len(r.pods)), weight: 1, started: started}
		if len(r.pods)%2 == 0 {
			p.weight = r.Skew
		}
		p.confirmedAt = started + budgetAnswer
		news := r.news(p.name, started)
		p.tokens = news.burst
		p.take(news)
		r.pods = append(r.pods, p)
	}
}

// change the number of pods.
func (r *budgetRun) change(i int, now float64) {
	switch i {
	case int((budgetDouble - budgetStart) / budgetStep):
		r.budget.Wanted = 2 * r.Pods
	case int((budgetDouble - budgetStart/2) / budgetStep): // the processes run and have read their live settings
		r.add(r.Pods, now)
		return
	case int(budgetDouble / budgetStep):
		r.serve()
		r.operator.hurried(now)
	case int(budgetHalve / budgetStep):
		r.budget.Wanted = r.Pods
		r.leave()
		r.serve()
		r.operator.hurried(now)
	case int((budgetHalve + budgetLeave) / budgetStep):
		r.pods = slices.DeleteFunc(r.pods, func(p *budgetPod) bool { return p.leaving })
		r.serve()
	default:
		return
	}
	r.operator.reconcile(now)
}

// disturb what goes its way.
func (r *budgetRun) disturb(i int, now float64) {
	switch {
	case r.Disturbance == Restarted && i == int(budgetLost/budgetStep):
		r.operator.lost = true
	case r.Disturbance == Restarted && i == int(budgetFound/budgetStep):
		r.operator = newBudgetOperator(r, now)
		for _, p := range r.pods { // what they confirmed, only the last one knew
			p.confirmedAt = now + budgetAnswer*r.random.Float64()
		}
		r.operator.reconcile(now)
	case r.Disturbance == StuckPod && i == int(budgetStuckFrom/budgetStep):
		r.pods[0].stuck = true
	case r.Disturbance == StuckPod && i == int(budgetStuckUntil/budgetStep):
		r.pods[0].stuck = false
	}
}

// asked is the demand on all pods at a moment, in requests per second.
func (r *budgetRun) asked(now float64) float64 {
	demand := r.Demand * r.Limit()
	if r.Disturbance == Quiet && now >= budgetQuietFrom && now < budgetQuietUntil {
		demand *= budgetQuietly
	}
	return demand
}

// serve with all pods that there are and do not leave.
func (r *budgetRun) serve() {
	r.budget.Serving, r.budget.Leaving = nil, nil
	for _, p := range r.pods {
		if p.serving = !p.leaving; p.leaving {
			r.budget.Leaving = append(r.budget.Leaving, p.name)
		} else {
			r.budget.Serving = append(r.budget.Serving, p.name)
		}
	}
}

// leave lets half of the pods begin to leave. They get no documents any more.
func (r *budgetRun) leave() {
	leaving := slices.Clone(r.pods)
	if r.Disturbance == LoudestLeave {
		slices.SortStableFunc(leaving, func(a, b *budgetPod) int { return cmp.Compare(a.weight, b.weight) })
	}
	for _, p := range leaving[r.Pods:] {
		p.leaving, p.pending = true, nil
	}
}

// news is what a pod finds in the live settings.
func (r *budgetRun) news(pod string, at float64) budgetNews {
	limit := &v1alpha1.GoServiceSpec{RateLimit: &v1alpha1.RateLimitSpec{RequestsPerSecond: int32(math.Round(r.budget.Total))}}
	figures := plan.Compute(limit, plan.Observed{Sharing: max(r.divided.Pods, 1), Tuned: plan.Tuned{Parts: r.divided.Parts}})
	share, named := figures.PodShares[pod]
	if !named {
		share = figures.SharePerPod.Value
	}
	return budgetNews{at, share.RequestsPerSecond, float64(share.Burst), !named && len(figures.PodShares) > 0}
}

// deliver what has reached pods.
func (r *budgetRun) deliver(now float64) {
	for _, p := range r.pods {
		for len(p.pending) > 0 && now >= p.pending[0].at && !p.stuck {
			p.take(p.pending[0])
			p.pending = p.pending[1:]
			p.confirmedAt = now + budgetAnswer*r.random.Float64()
		}
	}
}

func (p *budgetPod) take(news budgetNews) {
	p.rate, p.burst, p.unnamed = news.rate, news.burst, news.unnamed
	p.tokens = math.Min(p.tokens, p.burst)
}

func (r *budgetRun) reports() []tuner.Report {
	reports := make([]tuner.Report, 0, len(r.pods))
	for _, p := range r.pods {
		reports = append(reports, tuner.Report{Pod: p.name, Counters: &tuner.Counters{
			Requests: p.arrived, Refused: p.refused, StartSeconds: float64(simEpoch.Unix()) + p.started,
		}})
	}
	return reports
}

// step lets requests arrive, by the weights of the pods that serve.
func (r *budgetRun) step(now float64) {
	admitted, arrived, inForce := 0.0, 0.0, 0.0
	rates := r.rates(now)
	for _, p := range r.pods {
		p.tokens = math.Min(p.tokens+p.rate*budgetStep, p.burst)
	}
	for i, p := range r.pods {
		if p.serving || p.leaving && r.Lend {
			inForce += p.rate
		}
		if rates[i] == 0 {
			continue
		}
		arrivals := poisson(r.random, rates[i]*budgetStep)
		let := math.Min(arrivals, math.Floor(p.tokens))
		p.tokens -= let
		if r.Lend {
			let += r.borrow(p, arrivals-let)
		}
		p.arrived += arrivals
		p.refused += arrivals - let
		admitted += let
		arrived += arrivals
	}
	if inForce <= r.Limit()*(1+budgetMore) {
		r.above = now
	}
	r.result.Above = max(r.result.Above, now-r.above)
	r.admitted, r.arrived = append(r.admitted, admitted), append(r.arrived, arrived)
	r.could = append(r.could, min(r.Limit(), r.asked(now))*budgetStep)
}

// borrow tokens of other pods, as many as are wanted and there are above what each of them keeps: as if all were linked and nothing took
// time, which is more than pods do.
func (r *budgetRun) borrow(by *budgetPod, wanted float64) (got float64) {
	for _, p := range r.pods {
		lends := p != by && (p.serving || p.leaving) && !p.unnamed
		if given := math.Min(wanted-got, math.Floor(p.tokens-p.burst/budgetKept)); lends && given > 0 {
			p.tokens -= given
			got += given
		}
	}
	return got
}

// rates at which requests arrive at each pod, in requests per second.
func (r *budgetRun) rates(now float64) []float64 {
	stays := now >= budgetDouble && now < budgetDouble+r.Stay
	rates, weights := make([]float64, len(r.pods)), 0.0
	for i, p := range r.pods {
		if p.serving && (i < r.Pods || !stays) {
			rates[i] = p.weight
			weights += p.weight
		}
	}
	for i := range rates {
		rates[i] *= r.asked(now) / weights
	}
	return rates
}

// poisson is a number of arrivals with a mean (D. E. Knuth, The Art of Computer Programming, volume 2, section 3.4.1; for large
// means by the normal distribution that it approaches).
func poisson(random *rand.Rand, mean float64) float64 {
	const large = 30
	if mean > large {
		return math.Max(0, math.Round(mean+math.Sqrt(mean)*random.NormFloat64()))
	}
	count := 0.0
	for product, least := random.Float64(), math.Exp(-mean); product > least; product *= random.Float64() {
		count++
	}
	return count
}
