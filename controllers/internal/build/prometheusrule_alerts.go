// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"fmt"
	"time"

	"goservice.dev/operator/controllers/plan"
)

// Names of alerts; each has a section of the same name in docs/runbooks.md.
const (
	alertOutage           = "GoServiceOutage"
	alertAvailabilityBurn = "GoServiceAvailabilityBudgetBurn"
	alertLatencyBurn      = "GoServiceLatencyBudgetBurn"
	alertLatency          = "GoServiceLatencyAboveThreshold"
	alertShedding         = "GoServiceShedding"
	alertSaturated        = "GoServiceSaturated"
	alertUnconfirmed      = "GoServiceRetuneUnconfirmed"
	alertPeers            = "GoServicePeersUnreachable"
	alertAbsent           = "GoServiceMetricsAbsent"
)

// Values of the label slo for what endangers no single objective.
const (
	aboutLoad    = "load"
	aboutLive    = "live-settings"
	aboutMetrics = "metrics"
)

// unlinkedFor is how long a pod may be without a link to others of its service. A link takes seconds.
const unlinkedFor = 5 * time.Minute

// seenWithin is how long ago a service may have been measured for its absence to be sudden.
const seenWithin = time.Hour

func (r rules) alarms() []any {
	result := []any{r.outage()}
	for _, objective := range r.alerts.Objectives {
		for _, burn := range objective.Burns {
			result = append(result, r.burn(objective, burn))
		}
		if objective.SLO == plan.SLOLatency {
			result = append(result, r.latencyAboveThreshold(objective))
		}
	}
	if r.alerts.OnToolkit {
		result = append(result, r.shedding(), r.saturated(), r.unconfirmed())
	}
	if r.handsOff {
		result = append(result, r.peersUnreachable())
	}
	if severity := r.alerts.AbsenceSeverity.Value; severity != "" {
		result = append(result, r.absent(severity))
	}
	return result
}

// outage is quicker than any burn rate where the objective is lax: at 99% a total outage burns for nine minutes before the
// share of the last hour is high enough.
func (r rules) outage() map[string]any {
	window, share := r.alerts.RateWindow.Value, r.alerts.OutageShare.Value
	bad := fmt.Sprintf(`%s{%s,slo=%q}`, recordBad, r.recorded, plan.SLOAvailability)
	requests := fmt.Sprintf(`%s{%s,slo=%q}`, recordRequests, r.recorded, plan.SLOAvailability)
	return r.alarm(alarm{
		name: alertOutage, slo: plan.SLOAvailability, severity: plan.SeverityPage,
		expression: fmt.Sprintf("%s / (%s > 0) > %s\nand\n%s * %s >= %d",
			bad, requests, figure(share), bad, figure(window.Seconds()), r.alerts.FewestBadRequests.Value),
		// Once more, so that no single look decides.
		lasting: r.alerts.EvaluationInterval.Value,
		summary: "most requests fail",
		description: fmt.Sprintf("{{ $value | humanizePercentage }} of the requests of the last %s failed with a 5xx status; more than %s is an outage.",
			span(window), percent(share)),
	})
}

// burn is one multi-window alert: the long window says that it matters, the short one that it still goes on.
func (r rules) burn(objective plan.Objective, burn plan.Burn) map[string]any {
	threshold := figure(burn.Threshold.Value)
	long := span(burn.Long)
	name, what := alertAvailabilityBurn, "failed"
	if objective.SLO == plan.SLOLatency {
		name, what = alertLatencyBurn, "took longer than "+objective.Threshold.String()
	}
	exhausted := time.Duration(float64(r.alerts.Window) / burn.Factor).Round(time.Minute)
	return r.alarm(alarm{
		name: name, slo: objective.SLO, severity: burn.Severity,
		expression: fmt.Sprintf("%s > %s\nand ignoring (window)\n%s > %s\nand ignoring (window)\n%s{%s,slo=%q,window=%q} >= %d",
			r.badRatio(objective.SLO, burn.Long), threshold, r.badRatio(objective.SLO, burn.Short), threshold,
			recordBadIncrease, r.recorded, objective.SLO, long, r.alerts.FewestBadRequests.Value),
		summary: fmt.Sprintf("the %s error budget is burning more than %s times faster than sustainable", objective.SLO, figure(burn.Factor)),
		labels:  map[string]string{"window": long},
		description: fmt.Sprintf("{{ $value | humanizePercentage }} of the requests of the last %s %s, and they still do. The objective allows %s; above %s, %s times as much, the budget of %s is gone within %s.",
			long, what, percent(objective.Budget), percent(burn.Threshold.Value), figure(burn.Factor), span(r.alerts.Window), span(exhausted)),
	})
}

// latencyAboveThreshold is "p99 above the threshold": exact, because more than 1% of requests are above the threshold's
// own bucket, where a quantile would be interpolated.
func (r rules) latencyAboveThreshold(objective plan.Objective) map[string]any {
	window := r.alerts.RateWindow.Value
	bad := fmt.Sprintf(`%s{%s,slo=%q}`, recordBad, r.recorded, plan.SLOLatency)
	return r.alarm(alarm{
		name: alertLatency, slo: plan.SLOLatency, severity: plan.SeverityTicket,
		expression: fmt.Sprintf("%s / (%s{%s,slo=%q} > 0) > %s\nand\navg_over_time(%s[%s]) * %s >= %d",
			bad, recordRequests, r.recorded, plan.SLOLatency, figure(objective.Budget),
			bad, span(plan.LatencyFor), figure(plan.LatencyFor.Seconds()), r.alerts.FewestBadRequests.Value),
		lasting: plan.LatencyFor,
		summary: fmt.Sprintf("p%s is above %s", figure(objective.Target*100), objective.Threshold),
		description: fmt.Sprintf("For %s, more than %s of the requests of each %s took longer than %s; now {{ $value | humanizePercentage }} do.",
			span(plan.LatencyFor), percent(objective.Budget), span(window), objective.Threshold),
	})
}

func (r rules) shedding() map[string]any {
	turnedAway := fmt.Sprintf(`sum by (namespace, service) (%s{%s,reason=~"queue_full|queue_timeout|shed"})`, recordRejected, r.recorded)
	return r.alarm(alarm{
		name: alertShedding, slo: plan.SLOAvailability, severity: plan.SeverityTicket,
		expression: fmt.Sprintf("%s\n/ on (namespace, service)\n(%s{%s,slo=%q} > 0) > %s\nand on (namespace, service)\n%s * %s >= %d",
			turnedAway, recordRequests, r.recorded, plan.SLOAvailability, figure(r.alerts.ShedShare.Value),
			turnedAway, figure(r.alerts.RateWindow.Value.Seconds()), r.alerts.FewestBadRequests.Value),
		lasting: plan.SheddingFor,
		summary: "requests are rejected because no worker is free",
		description: fmt.Sprintf("For %s, {{ $value | humanizePercentage }} of the requests were answered with 503 because no worker was free in time; above %s is too much. "+
			"Requests above the rate limit are not among them.", span(plan.SheddingFor), percent(r.alerts.ShedShare.Value)),
	})
}

func (r rules) saturated() map[string]any {
	return r.alarm(alarm{
		name: alertSaturated, slo: aboutLoad, severity: plan.SeverityTicket,
		expression: fmt.Sprintf("%s{%s} > %s", recordSaturation, r.recorded, figure(r.alerts.SaturationShare.Value)),
		lasting:    plan.SaturationFor,
		summary:    "almost all workers are busy",
		description: fmt.Sprintf("For %s, {{ $value | humanizePercentage }} of the workers of all pods were busy; above %s, requests wait.",
			span(plan.SaturationFor), percent(r.alerts.SaturationShare.Value)),
	})
}

// unconfirmed reads the operator's own metric, whose label namespace a scraper without honorLabels renames. Images that are not
// built on the toolkit take no live settings and cannot confirm any: it fires only where a pod of the service was lately seen
// to have the toolkit's pool.
func (r rules) unconfirmed() map[string]any {
	const metric = "goservice_operator_unconfirmed_pods"
	return r.alarm(alarm{
		name: alertUnconfirmed, slo: aboutLive, severity: plan.SeverityTicket,
		expression: fmt.Sprintf("max(%[1]s{namespace=%[2]q,name=%[3]q} or %[1]s{exported_namespace=%[2]q,name=%[3]q}) > 0\nand on ()\npresent_over_time(%[4]s{%[5]s}[%[6]s])",
			metric, r.namespace, r.service, recordSaturation, r.recorded, span(seenWithin)),
		lasting: plan.UnconfirmedFor,
		summary: "pods do not run the latest live settings",
		description: fmt.Sprintf("For %s, {{ $value }} pods have not confirmed the latest live settings; a retune takes about a second. "+
			"The status names them: kubectl -n %s describe gosvc %s.", span(plan.UnconfirmedFor), r.namespace, r.service),
	})
}

// peersUnreachable speaks of pods that are to share their queue and have nobody to share it with, though there are others. Pods that know
// nothing of it, such as those of an older toolkit, are in neither count.
func (r rules) peersUnreachable() map[string]any {
	const metric = "goservice_hand_off_peers"
	return r.alarm(alarm{
		name: alertPeers, slo: aboutLoad, severity: plan.SeverityTicket,
		expression: fmt.Sprintf("count(%[1]s{%[2]s} == 0) > 0\nand on ()\ncount(%[1]s{%[2]s}) >= 2", metric, r.scraped),
		lasting:    unlinkedFor,
		summary:    "pods are not linked with the others of their service",
		description: fmt.Sprintf("For %s, {{ $value }} pods have had no link to another pod of the service: a request that waits there cannot run in another pod that is free. "+
			"Until this is fixed, each of these pods has a queue of its own.", span(unlinkedFor)),
	})
}

// absent fires quickly for a service that was measured within the last hour or that has been there for a while. A new one
// may pull its image and start before anybody is woken.
func (r rules) absent(severity string) map[string]any {
	const missable = 2 // looks that Prometheus may have missed
	samples := int(plan.NewServiceGrace/slowInterval) + 1
	return r.alarm(alarm{
		name: alertAbsent, slo: aboutMetrics, severity: severity,
		expression: fmt.Sprintf("absent(up{%s} == 1)\nand on ()\n(max(max_over_time(up{%s}[%s])) == 1 or sum(count_over_time(%s{%s}[%s])) >= %d)",
			r.scraped, r.scraped, span(seenWithin),
			recordWindow, r.recorded, span(time.Duration(samples+missable)*slowInterval), samples),
		lasting: r.alerts.AbsentFor.Value,
		summary: "no metrics from any pod",
		description: fmt.Sprintf("For %s, Prometheus read no metrics of any pod: either the service is down or its metrics are unreachable. "+
			"Until this is fixed, no other alert on its objectives can fire.", span(r.alerts.AbsentFor.Value)),
	})
}
