// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"goservice.dev/operator/api/v1alpha1"
)

// Severities of alerts.
const (
	// SeverityPage wakes somebody: the objective is lost soon if nobody acts.
	SeverityPage = "page"
	// SeverityTicket waits for working hours.
	SeverityTicket = "ticket"
)

// The objectives that are watched by a burn rate, as the label slo names them.
const (
	SLOAvailability = "availability"
	SLOLatency      = "latency"
)

// Alerts are the thresholds and windows that watch over the declared objectives.
type Alerts struct {
	// Window over which the objectives must hold.
	Window time.Duration
	// RateWindow is the shortest stretch over which a rate is taken, and EvaluationInterval the time between two looks.
	RateWindow, EvaluationInterval Figure[time.Duration]
	// Objectives with a budget; empty where only a load is declared.
	Objectives []Objective
	// OutageShare of failed requests over the RateWindow is an outage.
	OutageShare Figure[float64]
	// ShedShare of requests turned away for want of workers, and SaturationShare of busy workers, are too much.
	ShedShare, SaturationShare Figure[float64]
	// FewestBadRequests is how many requests must have missed an objective before an alert counts shares.
	FewestBadRequests Figure[int]
	// AbsenceSeverity of the alert that no pod is measured; empty leaves the alert out.
	AbsenceSeverity Figure[string]
	// AbsentFor is how long no pod must be measured: a scrape that fails is seen for a whole interval, and one is not enough.
	AbsentFor Figure[time.Duration]
	// OnToolkit says that the pods have the toolkit's pool and live settings, which alerts of their own watch over.
	OnToolkit bool
	// LeftOut are the alerts that could never fire, or never first.
	LeftOut []LeftOutAlert
}

// Objective is a share of requests that must be good.
type Objective struct {
	// SLO is SLOAvailability or SLOLatency.
	SLO string
	// Target is the share that must be good and Budget the rest, both 0 to 1.
	Target, Budget float64
	// Threshold within which a request is fast enough; 0 for availability.
	Threshold time.Duration
	// Bound of the bucket at which it is counted: the threshold itself, or the next one that the service's own histogram has.
	Bound time.Duration
	// Burns are the alerts on it, the quickest first.
	Burns []Burn
}

// Burn is one multi-window burn-rate alert: the share of bad requests is above Threshold in the long window, so that it
// matters, and in the short one, so that it still goes on.
type Burn struct {
	// Factor is how many times faster than sustainable the budget is spent.
	Factor float64
	// Long and Short windows; the short one is a twelfth of the long one.
	Long, Short time.Duration
	Severity    string
	// Threshold is the share of bad requests, Factor × the objective's budget.
	Threshold Figure[float64]
	// BudgetShare is the part of the whole budget that is spent when the alert fires after one long window.
	BudgetShare float64
}

// LeftOutAlert is an alert that is not made, and why.
type LeftOutAlert struct{ Name, Reason string }

// The windows and factors for an objective over 30 days (Beyer et al., The Site Reliability Workbook, 2018, chapter 5,
// "Multiwindow, Multi-Burn-Rate Alerts"). Other windows scale them: the same share of the budget is spent at the same
// factor.
var burnsOver30Days = []Burn{
	{Factor: 14.4, Long: time.Hour, Severity: SeverityPage},
	{Factor: 6, Long: 6 * time.Hour, Severity: SeverityPage},
	{Factor: 3, Long: 24 * time.Hour, Severity: SeverityTicket},
	{Factor: 1, Long: 72 * time.Hour, Severity: SeverityTicket},
}

const (
	day                    = 24 * time.Hour
	defaultSLOWindow       = 30 * day
	shortWindowPart        = 12
	defaultScrapeInterval  = 15 * time.Second
	samplesPerRate         = 4
	missedScrapes          = 2
	shortestRateWindow     = time.Minute
	shortestEvaluation     = 15 * time.Second
	longestEvaluation      = time.Minute
	fewestBadRequests      = 5
	defaultOutageShare     = 0.5
	defaultShedShare       = 0.01
	defaultSaturationShare = 0.9
)

// How long a state must last before it is an alert.
const (
	LatencyFor     = 5 * time.Minute
	SheddingFor    = 5 * time.Minute
	SaturationFor  = 5 * time.Minute
	UnconfirmedFor = 5 * time.Minute
	// shortestAbsence is short: a page must come within three minutes.
	shortestAbsence = time.Minute
	// NewServiceGrace leaves a new service time to pull its image and start, and Prometheus time to find it.
	NewServiceGrace = 15 * time.Minute
)

// MostLenient is how many times as high as the threshold a bucket may be at which a latency objective is counted.
const MostLenient = 2

// LatencyBoundFor a threshold is the bucket that was found at which its objective is counted: 0 where the threshold has a bucket of its
// own, and less than 0 where none is near. What was found for another threshold says nothing.
func LatencyBoundFor(threshold, found time.Duration) time.Duration {
	if found == -threshold || found > threshold && found <= MostLenient*threshold {
		return found
	}
	return 0
}

// declared says whether the user has said in which metrics the service counts.
func declared(spec *v1alpha1.GoServiceSpec) bool {
	o := spec.Observability
	return o != nil && o.Metrics != nil && o.Metrics.Indicators != ""
}

// ScrapeInterval is how often the pods' metrics are read.
func ScrapeInterval(spec *v1alpha1.GoServiceSpec) time.Duration {
	if o := spec.Observability; o != nil && o.Metrics != nil && o.Metrics.Interval != nil {
		return o.Metrics.Interval.Duration
	}
	return defaultScrapeInterval
}

// planAlerts leaves Alerts nil where no objective is declared.
func (p *Plan) planAlerts(spec *v1alpha1.GoServiceSpec, bound time.Duration) {
	if spec.SLO == nil || !Measurable(spec) {
		return
	}
	scrape := ScrapeInterval(spec)
	a := &Alerts{
		Window: sloWindow(spec.SLO),
		RateWindow: Figure[time.Duration]{wholeSeconds(max(samplesPerRate*scrape, shortestRateWindow)), fmt.Sprintf(
			"%d scrapes %s apart, at least %s", samplesPerRate, readable(scrape), readable(shortestRateWindow))},
		EvaluationInterval: Figure[time.Duration]{wholeSeconds(min(max(scrape, shortestEvaluation), longestEvaluation)), fmt.Sprintf(
			"once per scrape, within %s to %s", readable(shortestEvaluation), readable(longestEvaluation))},
		FewestBadRequests: Figure[int]{fewestBadRequests, "at low traffic, a single error shouldn't page anyone"},
		SaturationShare:   Figure[float64]{defaultSaturationShare, "above this, requests wait for a worker most of the time"},
		AbsenceSeverity:   absenceSeverity(spec), OnToolkit: OnToolkit(spec),
		AbsentFor: Figure[time.Duration]{wholeSeconds(max(missedScrapes*scrape, shortestAbsence)), fmt.Sprintf(
			"%d scrapes %s apart, at least %s", missedScrapes, readable(scrape), readable(shortestAbsence))},
	}
	objectives := objectivesOf(spec.SLO)
	a.planLimits(objectives)
	for _, objective := range objectives {
		if objective.SLO == SLOLatency && !a.OnToolkit {
			bound := LatencyBoundFor(objective.Threshold, bound)
			if bound < 0 {
				a.LeftOut = append(a.LeftOut, LeftOutAlert{SLOLatency, fmt.Sprintf(
					"the pods' histogram has no bucket at %s, or up to %d times as much", readable(objective.Threshold), MostLenient)})
				continue
			}
			objective.Bound = cmp.Or(bound, objective.Threshold)
		}
		a.planBurns(&objective)
		a.Objectives = append(a.Objectives, objective)
	}
	p.Alerts = a
}

// objectivesOf are those with a budget; strings that are no percentages, which the schema refuses, declare nothing.
func objectivesOf(slo *v1alpha1.SLOSpec) []Objective {
	var objectives []Objective
	if percent, err := strconv.ParseFloat(slo.Availability, 64); err == nil && percent > 0 && percent < 100 {
		objectives = append(objectives, objectiveOf(SLOAvailability, percent))
	}
	if slo.Latency != nil {
		objective := objectiveOf(SLOLatency, percentileOf(slo.Latency)*100)
		objective.Threshold = slo.Latency.Threshold.Duration
		objective.Bound = objective.Threshold
		objectives = append(objectives, objective)
	}
	return objectives
}

// objectiveOf rounds where binary fractions do not hold the percentage: 100 − 99.9 must be 0.1.
func objectiveOf(slo string, percent float64) Objective {
	const decimals = 1e6
	share := func(percent float64) float64 { return math.Round(percent*decimals) / (100 * decimals) }
	return Objective{SLO: slo, Target: share(percent), Budget: share(100 - percent)}
}

// planLimits sets what is bad enough to say at once: halfway between what the objective allows and everything.
func (a *Alerts) planLimits(objectives []Objective) {
	a.OutageShare = Figure[float64]{defaultOutageShare, "half of the requests fail"}
	a.ShedShare = Figure[float64]{defaultShedShare, "one request in a hundred is rejected because no worker is free"}
	for _, objective := range objectives {
		if objective.SLO != SLOAvailability {
			continue
		}
		a.OutageShare = Figure[float64]{(1 + objective.Budget) / 2, fmt.Sprintf(
			"halfway between the %s that may fail and all requests", percentage(objective.Budget))}
		if objective.Budget > defaultShedShare {
			a.ShedShare = Figure[float64]{objective.Budget, fmt.Sprintf("the objective allows %s to fail", percentage(objective.Budget))}
		}
	}
}

// planBurns scales the alerts to the window of the objective and leaves out those that could never fire, or never first.
func (a *Alerts) planBurns(objective *Objective) {
	for _, burn := range burnsOver30Days {
		burn.Long = time.Duration(float64(burn.Long) * float64(a.Window) / float64(defaultSLOWindow)).Round(time.Second)
		burn.Short = burn.Long / shortWindowPart
		if burn.Short < a.RateWindow.Value {
			burn.Short = a.RateWindow.Value
			burn.Long = shortWindowPart * burn.Short
		}
		burn.BudgetShare = burn.Factor * burn.Long.Seconds() / a.Window.Seconds()
		threshold := rounded(burn.Factor * objective.Budget)
		burn.Threshold = Figure[float64]{threshold, fmt.Sprintf("%s × the %s that may be bad; spends %s of the budget of %s within %s",
			shortest(burn.Factor), percentage(objective.Budget), percentage(burn.BudgetShare), days(a.Window), readable(burn.Long))}
		if threshold >= 1 {
			a.LeftOut = append(a.LeftOut, LeftOutAlert{burn.name(objective.SLO), fmt.Sprintf(
				"%s × the %s that may be bad is %s of all requests, which can never be exceeded",
				shortest(burn.Factor), percentage(objective.Budget), percentage(threshold))})
			continue
		}
		// Where short windows cannot be measured, two alerts may end up with the same ones: the lower factor fires first.
		if n := len(objective.Burns); n > 0 && objective.Burns[n-1].Long == burn.Long && objective.Burns[n-1].Severity == burn.Severity {
			a.LeftOut = append(a.LeftOut, LeftOutAlert{
				objective.Burns[n-1].name(objective.SLO),
				fmt.Sprintf("%s × over the same windows, the shortest that can be measured, fires first", shortest(burn.Factor)),
			})
			objective.Burns = objective.Burns[:n-1]
		}
		objective.Burns = append(objective.Burns, burn)
	}
}

func (b Burn) name(slo string) string {
	return fmt.Sprintf("%s × %s over %s", slo, shortest(b.Factor), readable(b.Long))
}

// absenceSeverity decides what it means that no pod can be measured.
func absenceSeverity(spec *v1alpha1.GoServiceSpec) Figure[string] {
	switch {
	case spec.Replicas != nil && *spec.Replicas == 0:
		return Figure[string]{"", "spec.replicas is 0: no pod is supposed to run"}
	case AnswersElsewhere(spec.Probes) && !declared(spec):
		return Figure[string]{"", "spec.probes asks another port than admin, and observability.metrics.indicators is not set: the image may not serve metrics"}
	}
	return Figure[string]{SeverityPage, "without metrics, nobody knows whether the service still answers"}
}

// AnswersElsewhere reports whether probes have handlers of their own, none of which asks the toolkit's port: then nothing says
// that the image is built on the toolkit.
func AnswersElsewhere(probes *v1alpha1.ProbesSpec) bool {
	if probes == nil {
		return false
	}
	own := false
	for _, p := range []*v1alpha1.Probe{probes.Startup, probes.Liveness, probes.Readiness} {
		if !HasHandler(p) {
			continue
		}
		own = true
		if p.HTTPGet != nil && p.HTTPGet.Port != nil && (p.HTTPGet.Port.String() == "admin" || p.HTTPGet.Port.String() == "9100") {
			return false
		}
	}
	return own
}

// HasHandler reports whether a probe has a handler of its own.
func HasHandler(p *v1alpha1.Probe) bool {
	return p != nil && (p.HTTPGet != nil || p.GRPC != nil || p.TCPSocket != nil || p.Exec != nil)
}

func sloWindow(slo *v1alpha1.SLOSpec) time.Duration {
	count, err := strconv.Atoi(strings.TrimSuffix(slo.Window, "d"))
	if err != nil || count < 1 {
		return defaultSLOWindow
	}
	return time.Duration(count) * day
}

func days(d time.Duration) string { return strconv.Itoa(int(d/day)) + "d" }

// rounded drops the noise of binary fractions, so that 14.4 × 0.001 is 0.0144.
func rounded(f float64) float64 {
	const decimals = 1e9
	return math.Round(f*decimals) / decimals
}

// percentage writes a share of 1 with as many decimals as it needs: 0.1%, 1.44%.
func percentage(share float64) string {
	return strconv.FormatFloat(rounded(share*100), 'f', -1, 64) + "%"
}
