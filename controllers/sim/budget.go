// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"text/tabwriter"
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
	// Equal parts are given instead of what the operator decides.
	Equal bool
}

// Limit of all pods in requests per second.
func (c BudgetCase) Limit() float64 { return float64(c.Pods) * c.PerPod }

// BudgetResult is what became of it. All figures are deviations of what was admitted from the lesser of the limit and what
// arrived, as parts of that; those above are of the limit.
type BudgetResult struct {
	// Mean of all the time, and the worst in any ten seconds away from the changes of the number of pods.
	Mean, Under, Over float64
	// ChangeUnder and ChangeOver are the worst in the ten seconds that end within twenty seconds of a change.
	ChangeUnder, ChangeOver float64
	// Divisions are how often parts were sent, and Writes to how many pods.
	Divisions, Writes float64
}

const (
	budgetStep    = 0.01
	budgetSeconds = 200.0
	budgetDouble  = 60.0
	budgetHalve   = 130.0
	// budgetStart is what a pod takes from being wanted until it serves.
	budgetStart  = 5.0
	budgetWindow = 10.0
	budgetAround = 20.0
	// What is sent to a pod reaches it after budgetLatency to budgetLatest; so does an answer.
	budgetLatency, budgetLatest = 0.08, 0.33
	// budgetLook and budgetCalm are between two looks, while somebody refuses and while nobody does, and budgetHurry where another
	// tells more of new pods.
	budgetLook, budgetCalm, budgetHurry = 1.0, 2.0, 0.2
)

// budgetPod is a token bucket with the demand of its clients.
type budgetPod struct {
	name                string
	weight              float64 // of the demand
	rate, burst, tokens float64
	arrived, refused    float64 // what its metrics count
	started             float64
	serving             bool

	pending []budgetNews // on its way
}

// budgetNews is a document on its way to a pod.
type budgetNews struct {
	at, rate, burst float64
}

type budgetRun struct {
	BudgetCase
	random  *rand.Rand
	pods    []*budgetPod
	budget  tuner.Budget
	sharing tuner.Sharing
	watch   tuner.Watch
	usage   *tuner.Usage
	divided tuner.Divided
	again   float64
	result  BudgetResult

	admitted, arrived []float64
}

// Budget simulates a shared limit. What the pods may admit is decided by the operator's own code.
func Budget(c BudgetCase, seed uint64) BudgetResult {
	r := &budgetRun{BudgetCase: c, random: rand.New(rand.NewPCG(seed, 0xbd))}
	r.budget = tuner.Budget{Total: c.Limit(), Wanted: c.Pods, LeaveWithin: 10 * time.Second, Measured: !c.Equal, Confirmed: true}
	r.add(c.Pods, -60)
	r.serve()
	r.divide(0)
	for _, p := range r.pods {
		p.take(p.pending[0])
		p.tokens, p.pending = p.burst, nil
	}
	lookAt := r.random.Float64() * budgetCalm
	for i := range int(budgetSeconds / budgetStep) {
		now := float64(i) * budgetStep
		if r.change(i, now) {
			lookAt = math.Min(lookAt, now+budgetHurry)
		}
		r.deliver(now)
		if now >= lookAt {
			serving := map[string]bool{}
			for _, pod := range r.budget.Serving {
				serving[pod] = true
			}
			r.watch.Observe(simTime(now), r.reports(), serving)
			r.usage = r.watch.Usage()
			lookAt = now + budgetCalm
			switch {
			case r.usage.Soon:
				lookAt = now + budgetHurry
			case r.usage.Refusing:
				lookAt = now + budgetLook
			}
			r.divide(now)
		}
		if r.again > 0 && now >= r.again {
			r.divide(now)
		}
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
		share := r.share(p.name)
		p.rate, p.burst, p.tokens = share.RequestsPerSecond, float64(share.Burst), float64(share.Burst)
		r.pods = append(r.pods, p)
	}
}

// change the number of pods, and tell whether any began or ended.
func (r *budgetRun) change(i int, now float64) bool {
	switch i {
	case int((budgetDouble - budgetStart) / budgetStep):
		r.budget.Wanted = 2 * r.Pods
		r.divide(now)
	case int((budgetDouble - budgetStart/2) / budgetStep): // the processes run and have read their live settings
		r.add(r.Pods, now)
	case int(budgetDouble / budgetStep):
		r.serve()
		r.divide(now)
		return true
	case int(budgetHalve / budgetStep):
		r.budget.Wanted = r.Pods
		for _, p := range r.pods[r.Pods:] {
			p.serving = false
		}
		r.pods = r.pods[:r.Pods]
		r.serve()
		r.divide(now)
		return true
	}
	return false
}

// serve with all pods that there are.
func (r *budgetRun) serve() {
	r.budget.Serving = nil
	for _, p := range r.pods {
		p.serving = true
		r.budget.Serving = append(r.budget.Serving, p.name)
	}
}

// share is what a pod finds in the live settings.
func (r *budgetRun) share(pod string) plan.Share {
	limit := &v1alpha1.GoServiceSpec{RateLimit: &v1alpha1.RateLimitSpec{RequestsPerSecond: int32(math.Round(r.budget.Total))}}
	figures := plan.Compute(limit, plan.Observed{Sharing: max(r.divided.Pods, 1), Tuned: plan.Tuned{Parts: r.divided.Parts}})
	if share, named := figures.PodShares[pod]; named {
		return share
	}
	return figures.SharePerPod.Value
}

// divide the limit and send what is new.
func (r *budgetRun) divide(now float64) {
	r.budget.Confirmed = !slices.ContainsFunc(r.pods, func(p *budgetPod) bool { return len(p.pending) > 0 })
	before := r.divided
	usage := r.usage
	if r.Equal {
		usage = nil
	}
	r.divided = r.sharing.Next(simTime(now), r.budget, usage)
	if r.Equal { // plain: among those that serve
		r.divided = tuner.Divided{Pods: int32(len(r.budget.Serving))}
	}
	r.again = 0
	if !r.divided.Again.IsZero() {
		r.again = r.divided.Again.Sub(simEpoch).Seconds()
	}
	moved := before.Pods != r.divided.Pods || (before.Parts == nil) != (r.divided.Parts == nil) || before.Parts != nil && before.Parts != r.divided.Parts
	if moved {
		r.result.Divisions++
	}
	if !moved {
		return
	}
	for _, p := range r.pods {
		share := r.share(p.name)
		at := now + budgetLatency + (budgetLatest-budgetLatency)*r.random.Float64()
		p.pending = append(p.pending, budgetNews{at, share.RequestsPerSecond, float64(share.Burst)})
		r.result.Writes++
	}
}

// deliver what has reached pods.
func (r *budgetRun) deliver(now float64) {
	for _, p := range r.pods {
		for len(p.pending) > 0 && now >= p.pending[0].at {
			p.take(p.pending[0])
			p.pending = p.pending[1:]
		}
	}
}

func (p *budgetPod) take(news budgetNews) {
	p.rate, p.burst = news.rate, news.burst
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
	weights, admitted, arrived := 0.0, 0.0, 0.0
	stays := now >= budgetDouble && now < budgetDouble+r.Stay
	asked := func(i int) bool { return r.pods[i].serving && (i < r.Pods || !stays) }
	for i, p := range r.pods {
		if asked(i) {
			weights += p.weight
		}
	}
	for i, p := range r.pods {
		p.tokens = math.Min(p.tokens+p.rate*budgetStep, p.burst)
		if !asked(i) {
			continue
		}
		arrivals := poisson(r.random, r.Demand*r.Limit()*p.weight/weights*budgetStep)
		let := math.Min(arrivals, math.Floor(p.tokens))
		p.tokens -= let
		p.arrived += arrivals
		p.refused += arrivals - let
		admitted += let
		arrived += arrivals
	}
	r.admitted, r.arrived = append(r.admitted, admitted), append(r.arrived, arrived)
}

// judge every ten seconds; the first estimates of pods that served before anybody looked take up to twenty.
func (r *budgetRun) judge() BudgetResult {
	window := int(budgetWindow / budgetStep)
	admitted, arrived, let, could := 0.0, 0.0, 0.0, 0.0
	for i := range r.admitted {
		admitted += r.admitted[i]
		arrived += r.arrived[i]
		if i >= window {
			admitted -= r.admitted[i-window]
			arrived -= r.arrived[i-window]
		}
		if i < 4*window {
			continue
		}
		limit := r.Limit() * budgetWindow
		let += admitted
		could += min(limit, arrived)
		under, over := admitted/min(limit, arrived)-1, admitted/limit-1
		at := float64(i) * budgetStep
		if at >= budgetDouble && at < budgetDouble+budgetAround || at >= budgetHalve && at < budgetHalve+budgetAround {
			r.result.ChangeUnder, r.result.ChangeOver = min(r.result.ChangeUnder, under), max(r.result.ChangeOver, over)
		} else {
			r.result.Under, r.result.Over = min(r.result.Under, under), max(r.result.Over, over)
		}
	}
	r.result.Mean = let/could - 1
	return r.result
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

// WorstBudget holds the mean of the means and the counts, and the worst of everything else, of all seeds.
func WorstBudget(c BudgetCase, seeds []uint64) BudgetResult {
	var worst BudgetResult
	n := float64(len(seeds))
	for _, seed := range seeds {
		r := Budget(c, seed)
		worst.Mean += r.Mean / n
		worst.Divisions += r.Divisions / n
		worst.Writes += r.Writes / n
		worst.Under, worst.Over = min(worst.Under, r.Under), max(worst.Over, r.Over)
		worst.ChangeUnder, worst.ChangeOver = min(worst.ChangeUnder, r.ChangeUnder), max(worst.ChangeOver, r.ChangeOver)
	}
	return worst
}

// BudgetCases are those that the table shows: ten pods with 100 requests per second of the limit each and with 10, which become
// twenty and ten again.
func BudgetCases() []BudgetCase {
	var cases []BudgetCase
	for _, perPod := range []float64{200, 20} { // 100 and 10 while there are twice as many
		for _, skew := range []float64{3, 10} {
			for _, demand := range []float64{1.05, 1.2, 1.5, 2, 3} {
				cases = append(cases, BudgetCase{Pods: 10, PerPod: perPod, Skew: skew, Demand: demand})
			}
		}
	}
	return cases
}

// BudgetTable simulates all cases, beside plain equal division.
func BudgetTable(to io.Writer, seeds []uint64) error {
	table := tabwriter.NewWriter(to, 0, 0, 1, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "limit\tskew\tdemand\tmean\tunder\tover\tchange under\tchange over\tdivisions\twrites per pod\tequal: mean\tunder\tchange under\tchange over\t")
	for _, c := range BudgetCases() {
		ours := WorstBudget(c, seeds)
		equal := c
		equal.Equal = true
		rival := WorstBudget(equal, seeds)
		fmt.Fprintf(table, "%.0f/s\t%.0f:1\t%.2f\t%s\t%.0f\t%.0f\t%s\t\n", c.Limit(), c.Skew, c.Demand,
			percents(ours.Mean, ours.Under, ours.Over, ours.ChangeUnder, ours.ChangeOver), ours.Divisions, ours.Writes/float64(c.Pods),
			percents(rival.Mean, rival.Under, rival.ChangeUnder, rival.ChangeOver))
	}
	return table.Flush()
}

// percents of parts, one column each.
func percents(parts ...float64) string {
	texts := make([]string, len(parts))
	for i, part := range parts {
		texts[i] = fmt.Sprintf("%+.1f", cmp.Or(100*part, 0))
	}
	return strings.Join(texts, "\t")
}
