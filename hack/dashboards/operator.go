// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

func operator() (dashboard.Dashboard, error) {
	return build(about{
		uid: "goservice-operator", title: "GoService / Operator",
		description: "The GoService operator: its services at a glance, retunes, writes and reconciles.",
		variables: []cog.Builder[dashboard.VariableModel]{
			cluster("goservice_operator_retune_seconds_count"),
			variable("job", "Job", `label_values(goservice_operator_retune_seconds_count{all}, job)`),
			step(`up{operator}`),
		},
		alerts: `ALERTS{all,alertname=~"GoServiceOperator.*",alertstate="firing"}`, alertTitle: "{{alertname}}",
	}, []group{
		{title: "Services", panels: servicesPanels()},
		{title: "Operator", panels: operatorNumbers()},
		{title: "Retunes and tuning", panels: retunesPanels()},
		{title: "Reconciles", panels: reconcilesPanels()},
		{title: "Runtime", panels: operatorRuntime()},
	})
}

func servicesPanels() []cog.Builder[dashboard.Panel] {
	return []cog.Builder[dashboard.Panel]{
		bars(12, "Least error budget left", units.PercentUnit, "The objectives with the least of their error budget left.",
			q("{{namespace}}/{{service}} {{slo}} {{cluster}}", `bottomk(12, goservice:slo_error_budget:remaining{all})`),
		).Min(0).Max(1).Thresholds(steps("red", from(0.001, "orange"), from(0.25, "green"))),
		stacked(series(12, "Firing alerts of services", units.Short, "Alerts on GoServices that fire, by severity.",
			q("{{severity}}", `count by (severity) (ALERTS{all,alertname=~"GoService.*",alertstate="firing"}) `+orNone))),
		series(12, "Pods to confirm", units.Short, "Pods that have not confirmed the newest live settings, by service.",
			q("all", `sum(goservice_operator_unconfirmed_pods{operator})`),
			// With honorLabels the namespace is the service's, and without it the operator's.
			q("{{exported_namespace}} {{namespace}}/{{name}} {{cluster}}", `topk(10, goservice_operator_unconfirmed_pods{operator} > 0)`)),
		stacked(series(12, "Requests of all services", units.RequestsPerSecond, "Requests per second that count for the availability objective, by service.",
			q("{{namespace}}/{{service}} {{cluster}}", `topk(10, goservice:slo_requests:rate{all,slo="availability"})`))),
	}
}

func operatorNumbers() []cog.Builder[dashboard.Panel] {
	return []cog.Builder[dashboard.Panel]{
		number(3, "Operator pods", units.Short, "Pods of the operator that Prometheus can scrape.", q("measured", `sum(up{operator})`)).
			Thresholds(steps("red", from(1, "green"))),
		number(3, "Leader", units.Short, "Whether one of them holds the lease.", q("leads", `max(leader_election_master_status{operator})`)).
			Thresholds(steps("red", from(1, "green"))),
		number(4, "Retune, p95", units.Seconds, "Time until the last pod confirmed, for 19 of 20 retunes of the last hour.",
			q("p95", `histogram_quantile(0.95, sum by (le) (rate(goservice_operator_retune_seconds_bucket{operator}[1h])))`)).
			NoValue("none").Thresholds(steps("green", from(2, "orange"), from(5, "red"))),
		number(3, "Retunes", units.Short, "Retunes of the last hour.",
			q("retunes", `sum(increase(goservice_operator_retune_seconds_count{operator}[1h]))`)).Decimals(0),
		number(4, "Writes", units.Short, "Writes of children within the last hour. In a steady state there are none.",
			q("writes", `sum(increase(goservice_operator_applies_total{operator}[1h]))`)).Decimals(0),
		number(4, "Failed writes", units.Short, "Writes of the last hour that failed or met a foreign object.",
			q("failed", `sum(increase(goservice_operator_applies_total{operator,result=~"failed|conflict"}[1h])) or vector(0)`)).
			Decimals(0).Thresholds(steps("green", from(1, "red"))),
		number(3, "Upgrades halted", units.Short, "1 while the upgrade of one service has stalled, so that --upgrade-services starts no other.",
			q("halted", `max(goservice_operator_upgrades_halted{operator})`)).Thresholds(steps("green", from(1, "red"))),
	}
}

func retunesPanels() []cog.Builder[dashboard.Panel] {
	return []cog.Builder[dashboard.Panel]{
		heat(8, "Retunes", "Time from changed live settings until the last pod confirmed them.", `goservice_operator_retune_seconds_bucket{operator}`),
		series(8, "Wait of questions and nudges", units.Seconds, "99th percentile of the time that questions to pods and nudges of pods waited for their turn. It grows when many services are retuned at once.",
			q("{{kind}}", `histogram_quantile(0.99, sum by (le, kind) (rate(goservice_operator_wait_seconds_bucket{operator}[$__rate_interval])))`)),
		stacked(series(8, "Tuning decisions", units.OpsPerSecond, "Figures that measurements moved, of all services.",
			q("{{what}}", `sum by (what) (rate(goservice_operator_tuning_decisions_total{operator}[$__rate_interval]))`))),
	}
}

func reconcilesPanels() []cog.Builder[dashboard.Panel] {
	return []cog.Builder[dashboard.Panel]{
		stacked(series(8, "Reconciles", units.OpsPerSecond, "Reconciles per second by controller and result.",
			q("{{controller}} {{result}}", `sum by (controller, result) (rate(controller_runtime_reconcile_total{operator}[$__rate_interval]))`))),
		series(8, "Duration of reconciles", units.Seconds, "Percentiles by controller.",
			q("{{controller}} p50", `histogram_quantile(0.5, sum by (le, controller) (rate(controller_runtime_reconcile_time_seconds_bucket{operator}[$__rate_interval])))`),
			q("{{controller}} p99", `histogram_quantile(0.99, sum by (le, controller) (rate(controller_runtime_reconcile_time_seconds_bucket{operator}[$__rate_interval])))`)),
		series(8, "Longest running reconcile", units.Seconds, "For how long the longest reconcile has been running. They take well below a second; above two minutes there is an alert.",
			q("{{name}}", `max by (name) (workqueue_longest_running_processor_seconds{operator})`)),
		series(8, "Queue", units.Short, "GoServices that wait to be reconciled by the leader, by controller.",
			// A standby's queue holds all that it has seen, until it leads.
			q("{{name}}", `sum by (name) (workqueue_depth{operator} and on (cluster, instance) leader_election_master_status{operator} == 1)`)),
		series(8, "Wait in the queue", units.Seconds, "99th percentile of the time that a GoService waits to be reconciled.",
			q("{{name}}", `histogram_quantile(0.99, sum by (le, name) (rate(workqueue_queue_duration_seconds_bucket{operator}[$__rate_interval])))`)),
		stacked(series(8, "Writes of children", units.OpsPerSecond, "Writes per second by kind and result.",
			q("{{kind}} {{result}}", `sum by (kind, result) (rate(goservice_operator_applies_total{operator}[$__rate_interval]))`))),
	}
}

func operatorRuntime() []cog.Builder[dashboard.Panel] {
	return []cog.Builder[dashboard.Panel]{
		stacked(series(8, "Requests to the API server", units.RequestsPerSecond, "Requests per second by method and status.",
			q("{{method}} {{code}}", `sum by (method, code) (rate(rest_client_requests_total{operator}[$__rate_interval]))`))),
		series(8, "CPU", units.NoUnit, "Cores that each pod of the operator uses.",
			q("{{pod}}", `sum by (pod) (rate(process_cpu_seconds_total{operator}[$__rate_interval]))`)),
		series(8, "Memory", units.BytesIEC, "Resident memory of each pod of the operator.",
			q("{{pod}}", `process_resident_memory_bytes{operator}`)),
	}
}
