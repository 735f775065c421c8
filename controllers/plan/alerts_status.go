// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package plan

import (
	"fmt"

	"goservice.dev/operator/api/v1alpha1"
)

// status renders the alerts as a person reads them, with those that are left out.
func (a *Alerts) status() []v1alpha1.PlannedAlert {
	rate := readable(a.RateWindow.Value)
	lines := []v1alpha1.PlannedAlert{{
		Name:   "outage",
		Value:  fmt.Sprintf("%s when more than %s fail over %s", SeverityPage, percentage(a.OutageShare.Value), rate),
		Reason: a.OutageShare.Reason,
	}, {
		Name:   "rates",
		Value:  "over " + rate,
		Reason: a.RateWindow.Reason,
	}, {
		Name:   "evaluation",
		Value:  "every " + readable(a.EvaluationInterval.Value),
		Reason: a.EvaluationInterval.Reason,
	}, {
		Name:   "minimum traffic",
		Value:  fmt.Sprintf("%d bad requests", a.FewestBadRequests.Value),
		Reason: a.FewestBadRequests.Reason,
	}}
	for _, objective := range a.Objectives {
		for _, burn := range objective.Burns {
			lines = append(lines, v1alpha1.PlannedAlert{
				Name: burn.name(objective.SLO),
				Value: fmt.Sprintf("%s above %s in the last %s and the last %s", burn.Severity,
					percentage(burn.Threshold.Value), readable(burn.Long), readable(burn.Short)),
				Reason: burn.Threshold.Reason,
			})
		}
		if objective.SLO == SLOLatency {
			lines = append(lines, v1alpha1.PlannedAlert{
				Name:   "latency above threshold",
				Value:  fmt.Sprintf("%s when more than %s take longer than %s for %s", SeverityTicket, percentage(objective.Budget), readable(objective.Threshold), readable(LatencyFor)),
				Reason: fmt.Sprintf("the same as p%s above %s, %s", shortest(objective.Target*100), readable(objective.Threshold), objective.counted()),
			})
		}
	}
	if a.OnToolkit {
		lines = append(lines, a.toolkitStatus()...)
	}
	absence := v1alpha1.PlannedAlert{Name: "metrics absent", Value: leftOut, Reason: a.AbsenceSeverity.Reason}
	if severity := a.AbsenceSeverity.Value; severity != "" {
		absence.Value = fmt.Sprintf("%s when no pod was measured for %s", severity, readable(a.AbsentFor.Value))
	}
	lines = append(lines, absence)
	for _, alert := range a.LeftOut {
		lines = append(lines, v1alpha1.PlannedAlert{Name: alert.Name, Value: leftOut, Reason: alert.Reason})
	}
	return lines
}

const leftOut = "left out"

// counted says at which bucket.
func (o Objective) counted() string {
	if o.Bound == o.Threshold {
		return "counted in an exact bucket"
	}
	return fmt.Sprintf("counted at %s, the next bucket that the service has", readable(o.Bound))
}

// toolkitStatus are the alerts on what only the toolkit has.
func (a *Alerts) toolkitStatus() []v1alpha1.PlannedAlert {
	return []v1alpha1.PlannedAlert{
		{
			Name:   "shedding",
			Value:  fmt.Sprintf("%s when more than %s are rejected for %s", SeverityTicket, percentage(a.ShedShare.Value), readable(SheddingFor)),
			Reason: a.ShedShare.Reason,
		},
		{
			Name:   "saturation",
			Value:  fmt.Sprintf("%s when more than %s of the workers are busy for %s", SeverityTicket, percentage(a.SaturationShare.Value), readable(SaturationFor)),
			Reason: a.SaturationShare.Reason,
		},
		{
			Name:   "retune unconfirmed",
			Value:  fmt.Sprintf("%s when a pod has not confirmed for %s", SeverityTicket, readable(UnconfirmedFor)),
			Reason: "a retune takes about a second",
		},
	}
}
