// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"goservice.dev/operator/controllers/internal/indicators"
	"goservice.dev/operator/controllers/plan"
)

// PrometheusRuleKind is the Prometheus Operator's; it publishes no apply configurations.
var PrometheusRuleKind = schema.GroupVersionKind{Group: "monitoring.coreos.com", Version: "v1", Kind: "PrometheusRule"}

// DefaultRunbookURL is where alerts lead when the operator was told nothing else.
const DefaultRunbookURL = "https://goservice.dev/docs/runbooks.md"

// slowInterval is how often the figures of long windows are taken. It is below the five minutes after which Prometheus
// forgets a sample.
const slowInterval = 2 * time.Minute

// prometheusRule measures the objectives and watches over them. The metrics are those that the ServiceMonitor brings; the
// recorded series have the labels namespace and service, and slo where they speak of one objective.
func prometheusRule(in input) []Child {
	alerts := in.plan.Alerts
	if alerts == nil {
		return nil
	}
	name, namespace := in.service.Name, in.service.Namespace
	r := rules{
		service: name, namespace: namespace, alerts: alerts, runbooks: in.environment.RunbookURL,
		scraped:  fmt.Sprintf("namespace=%q,job=%q", namespace, name),
		recorded: fmt.Sprintf("namespace=%q,service=%q", namespace, name), histograms: indicators.Of(&in.service.Spec),
		handsOff: SharesQueue(&in.service.Spec),
	}
	if r.runbooks == "" {
		r.runbooks = DefaultRunbookURL
	}
	return []Child{{Name: name, Configuration: map[string]any{
		"apiVersion": PrometheusRuleKind.GroupVersion().String(),
		"kind":       PrometheusRuleKind.Kind,
		"metadata": map[string]any{
			"name":      name,
			"namespace": namespace,
			"labels":    untyped(in.monitorLabels(objectLabels(name, componentMetrics))),
		},
		"spec": map[string]any{"groups": []any{
			r.group("indicators", alerts.EvaluationInterval.Value, r.indicators()),
			r.group("objectives", slowInterval, r.objectives()),
			r.group("alerts", alerts.EvaluationInterval.Value, r.alarms()),
		}},
	}}}
}

// rules writes the rules of one service.
type rules struct {
	service, namespace string
	alerts             *plan.Alerts
	runbooks           string
	// scraped selects the series of the pods, recorded those that these rules record.
	scraped, recorded string
	// histograms in which the service may count its requests.
	histograms []indicators.Histogram
	// handsOff: pods share their queue.
	handsOff bool
}

// group is named after the service too: Prometheus shows groups of all services in one list.
func (r rules) group(name string, interval time.Duration, content []any) map[string]any {
	return map[string]any{
		"name":     r.namespace + "/" + r.service + " " + name,
		"interval": span(interval),
		"rules":    content,
	}
}

// record is a recording rule; labels are pairs of name and value.
func (r rules) record(name, expression string, labels ...string) map[string]any {
	all := map[string]any{"namespace": r.namespace, "service": r.service}
	for i := 0; i+1 < len(labels); i += 2 {
		all[labels[i]] = labels[i+1]
	}
	return map[string]any{"record": name, "expr": expression, "labels": all}
}

// alarm is an alerting rule in the words of docs/runbooks.md.
type alarm struct {
	name, slo, severity string
	expression          string
	lasting             time.Duration
	labels              map[string]string // besides those that every alert has
	summary             string
	description         string
}

func (r rules) alarm(a alarm) map[string]any {
	labels := map[string]any{"severity": a.severity, "namespace": r.namespace, "service": r.service, "slo": a.slo}
	rule := map[string]any{
		"alert":  a.name,
		"expr":   a.expression,
		"labels": labels,
		"annotations": map[string]any{
			"summary":     r.namespace + "/" + r.service + ": " + a.summary,
			"description": a.description,
			"runbook_url": r.runbooks + "#" + strings.ToLower(a.name),
		},
	}
	for label, value := range a.labels {
		labels[label] = value
	}
	if a.lasting > 0 {
		rule["for"] = span(a.lasting)
	}
	return rule
}

// span writes a duration of whole seconds as people write it to Prometheus: 3d, 16h48m, 4m40s.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	var text strings.Builder
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if count := d / unit.length; count > 0 {
			fmt.Fprintf(&text, "%d%s", count, unit.name)
			d -= count * unit.length
		}
	}
	return text.String()
}

// figure writes a number without exponent and without more digits than it has.
func figure(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// percent writes a share of 1 in percent; the rounding drops the noise of binary fractions.
func percent(share float64) string {
	text := strconv.FormatFloat(share*100, 'f', 6, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + "%"
}
