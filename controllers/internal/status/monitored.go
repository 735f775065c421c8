// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/plan"
)

// planned says whether the declared objectives can be met.
var planned = chain{
	{no, unachievable},
	{yes, undeclared},
	{yes, always(v1alpha1.ReasonDerived, "the declared objectives are achievable")},
}

func unachievable(s Situation) (string, string, bool) {
	if len(s.Plan.Findings) == 0 {
		return "", "", false
	}
	messages := make([]string, len(s.Plan.Findings))
	for i, finding := range s.Plan.Findings {
		messages[i] = finding.Message
	}
	return s.Plan.Findings[0].Reason, strings.Join(messages, ". "), true
}

func undeclared(s Situation) (string, string, bool) {
	return v1alpha1.ReasonDerived, "spec.slo is not set", s.Service.Spec.SLO == nil
}

// monitored covers what tells Prometheus to scrape the service and, where objectives are declared, to watch them.
var monitored = chain{
	{yes, monitoringIsOff},
	{no, absent(build.ServiceMonitorKind, v1alpha1.ReasonKindAbsent,
		"ServiceMonitor is not installed in this cluster; install the Prometheus Operator to have this service scraped")},
	{no, unapplied(build.ServiceMonitorKind)},
	{no, ifWatched(absent(build.PrometheusRuleKind, v1alpha1.ReasonRuleKindAbsent,
		"a ServiceMonitor is applied, but PrometheusRule is not installed in this cluster; install it with the Prometheus Operator to get alerts on the objectives"))},
	{no, ifWatched(unapplied(build.PrometheusRuleKind))},
	{yes, ifWatched(always(v1alpha1.ReasonScraped,
		"a ServiceMonitor and a PrometheusRule are applied; they take effect if a Prometheus selects them"))},
	{yes, always(v1alpha1.ReasonScraped, "a ServiceMonitor is applied; it takes effect if a Prometheus selects it")},
}

func monitoringIsOff(s Situation) (string, string, bool) {
	return v1alpha1.ReasonMetricsOff, "observability.metrics.enabled is false: nothing is scraped, measured or watched", !plan.Measurable(&s.Service.Spec)
}

func absent(kind schema.GroupVersionKind, reason, message string) predicate {
	return func(s Situation) (string, string, bool) { return reason, message, !s.Optional[kind] }
}

func unapplied(kind schema.GroupVersionKind) predicate {
	return func(s Situation) (string, string, bool) {
		_, exists := s.Observed.Children[apply.Key{Kind: kind, Name: s.Service.Name}]
		return v1alpha1.ReasonApplyFailed, "the " + kind.Kind + " is not applied; the condition Applied says why", !exists && s.ApplyErr != nil
	}
}

// ifWatched applies only where there are alerts on objectives.
func ifWatched(p predicate) predicate {
	return func(s Situation) (string, string, bool) {
		reason, message, applies := p(s)
		return reason, message, applies && s.Plan.Alerts != nil
	}
}
