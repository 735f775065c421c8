// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

func service() (dashboard.Dashboard, error) {
	return build(about{
		uid: "goservice-service", title: "GoService / Service",
		description: "One GoService: its objectives and error budget, demand and replicas, latency, retunes, hand-off, pool and limits, and its runtime.",
		variables: []cog.Builder[dashboard.VariableModel]{
			// Services that are not built on the toolkit have no goservice_build_info, but rules record their window.
			cluster(`{__name__=~"goservice_build_info|goservice:slo_window:seconds"}`),
			variable("namespace", "Namespace", `label_values({__name__=~"goservice_build_info|goservice:slo_window:seconds",cluster=~"$cluster"}, namespace)`),
			variable("service", "Service", `query_result(count by (service) (goservice:slo_window:seconds{all,namespace="$namespace"} or `+
				`label_replace(goservice_build_info{all,namespace="$namespace"}, "service", "$1", "job", "(.*)")))`).
				Regex(`/service="([^"]+)"/`),
			step(`up{pods}`),
		},
		alerts: `ALERTS{service,alertstate="firing"}`, alertTitle: "{{alertname}}",
	}, []group{
		{title: "Objective and budget", panels: objectivePanels()},
		{title: "Demand and replicas", panels: demandPanels()},
		{title: "Latency against the objective", panels: latencyPanels()},
		{title: "Retunes", panels: retunePanels()},
		{title: "Hand-off", panels: handOffPanels()},
		{title: "Pool and limits", panels: poolPanels()},
		{title: "Upstreams and dependencies", panels: upstreamPanels()},
		{title: "Runtime", panels: runtimePanels()},
		{title: "Streams, RPC, and background work", optional: true, panels: optionalPanels()},
	})
}

func objectivePanels() []cog.Builder[dashboard.Panel] {
	const measured = `1 - (1 - goservice:slo_error_budget:remaining{service,slo=%q}) * on (cluster, namespace, service, slo) (1 - goservice:slo_objective:ratio{service,slo=%[1]q})`
	kept := func(title, slo, description string) cog.Builder[dashboard.Panel] {
		return number(6, title, units.PercentUnit, description,
			q("measured", fmt.Sprintf(measured, slo)), q("objective", fmt.Sprintf(`goservice:slo_objective:ratio{service,slo=%q}`, slo)),
		).Decimals(3).NoValue("not declared")
	}
	missed := func(title, slo, description string) cog.Builder[dashboard.Panel] {
		return limited(series(8, title, units.PercentUnit, description,
			q("{{window}}", fmt.Sprintf(`goservice:slo_bad:ratio{service,slo=%q}`, slo)),
			q("allowed", fmt.Sprintf(`1 - goservice:slo_objective:ratio{service,slo=%q}`, slo))), "allowed")
	}
	return []cog.Builder[dashboard.Panel]{
		kept("Availability", "availability", "Share of requests that did not fail with a 5xx status, over the window of the objective. Requests above the rate limit count as neither."),
		kept("Fast enough", "latency", "Share of answered requests within the threshold of the latency objective, over its window."),
		number(6, "Error budget left", units.PercentUnit, "What is left of the requests that may miss the objective. Below zero the objective is lost.",
			q("{{slo}}", `goservice:slo_error_budget:remaining{service}`),
		).Decimals(1).NoValue("not declared").Thresholds(steps("red", from(0.001, "orange"), from(0.25, "green"))),
		number(3, "Firing alerts", units.Short, "Alerts on this service that fire now.",
			q("{{severity}}", `count by (severity) (ALERTS{service,alertstate="firing"}) `+orNone)).Thresholds(steps("green", from(1, "red"))),
		number(3, "Pods", units.Short, "Pods that Prometheus can scrape, and those that it knows.",
			q("measured", `sum(up{pods})`), q("known", `count(up{pods})`)),
		lines(signed(12, "Error budget left", units.PercentUnit, "1 is the whole budget of the objective's window; 0 means that it is spent.",
			q("{{slo}}", `goservice:slo_error_budget:remaining{service}`)).
			FillOpacity(10).Max(1), common.GraphThresholdsStyleModeLine, from(0, "red")),
		lines(series(12, "Burn rate", units.Short, "How many times faster than sustainable the budget is spent, by objective and window. Pages fire above 14.4 and 6, tickets above 3 and 1, when both windows of an alert are above.",
			q("{{slo}} {{window}}", `goservice:slo_bad:ratio{service} / on (cluster, namespace, service, slo) group_left () (1 - goservice:slo_objective:ratio{service})`)),
			common.GraphThresholdsStyleModeDashed, from(1, "yellow"), from(6, "orange"), from(14.4, "red")),
		missed("Failed requests by window", "availability", "Share of requests that failed, in each window of the burn-rate alerts, and what the objective allows."),
		missed("Slow requests by window", "latency", "Share of answered requests above the latency threshold, in each window of the burn-rate alerts, and what the objective allows."),
		series(8, "Requests that miss an objective", units.RequestsPerSecond, "Requests per second that count for each objective and miss it.",
			q("{{slo}}", `goservice:slo_bad_requests:rate{service}`)),
	}
}

func demandPanels() []cog.Builder[dashboard.Panel] {
	return []cog.Builder[dashboard.Panel]{
		stacked(series(8, "Requests by status", units.RequestsPerSecond, "Requests per second by status; 429 are above the rate limit, 503 found no worker in time.",
			q("{{http_response_status_code}}", `sum by (http_response_status_code) (rate(http_server_request_duration_seconds_count{pods}[$__rate_interval]))`))),
		stacked(series(8, "Requests by route", units.RequestsPerSecond, "Requests per second by route.",
			q("{{http_request_method}} {{http_route}}", `sum by (http_request_method, http_route) (rate(http_server_request_duration_seconds_count{pods}[$__rate_interval]))`))),
		stacked(series(8, "Turned away", units.RequestsPerSecond, "Requests per second that were turned away, by reason. rate_limit is on purpose; queue_full, queue_timeout and shed mean too few workers.",
			q("{{reason}}", `sum by (reason) (rate(goservice_requests_rejected_total{pods}[$__rate_interval]))`))),
		series(8, "Pods", units.Short, "Pods that Prometheus knows, those that it could scrape, and how many the measured demand needs at least.",
			q("known", `count(up{pods})`), q("measured", `sum(up{pods})`),
			q("floor by demand", `max(`+ofService("goservice_operator_replica_floor")+`)`)),
		series(8, "CPU time of a request", units.Seconds, "CPU time of all pods for each request that they answered: the cost by which the operator finds how many pods the demand needs.",
			q("cost", `sum(rate(process_cpu_seconds_total{pods}[$__rate_interval])) / (sum(rate(http_server_request_duration_seconds_count{pods}[$__rate_interval])) > 0)`)),
		stacked(series(8, "Requests in progress", units.Short, "Requests that are being answered, in each pod, with those that wait for a worker. Streams are not among them.",
			q("{{pod}}", `http_server_active_requests{pods}`))),
		stacked(series(24, "Versions", units.Short, "Pods by the version of the service.",
			q("{{version}}", `count by (version) (goservice_build_info{pods})`))).Height(5),
	}
}

// ofService are the operator's series about this service. Without honorLabels in its ServiceMonitor the namespace has another name.
func ofService(metric string) string { return metric + `{named} or ` + metric + `{exported}` }

func latencyPanels() []cog.Builder[dashboard.Panel] {
	const durations, own = `http_server_request_duration_seconds_bucket{pods}`, `goservice_service_seconds_bucket{pods}`
	quantile := func(p, histogram string) string {
		return `histogram_quantile(` + p + `, sum by (le) (rate(` + histogram + `[$__rate_interval])))`
	}
	return []cog.Builder[dashboard.Panel]{
		limited(series(12, "Latency against the objective", units.Seconds, "The declared percentile of answered requests, and the threshold that it must keep.",
			q("quantile {{quantile}}", `goservice:latency_seconds:quantile{service}`),
			q("threshold", `goservice:slo_latency_threshold:seconds{service}`)).FillOpacity(10), "threshold"),
		heat(12, "Durations", "Requests by duration as clients see it, with the wait for a worker.", durations),
		series(8, "Duration percentiles", units.Seconds, "Percentiles of all requests, interpolated between buckets.",
			q("p50", quantile("0.5", durations)), q("p90", quantile("0.9", durations)), q("p99", quantile("0.99", durations))),
		series(8, "Service time", units.Seconds, "Time of the handlers alone, without the wait for a worker. When durations grow and this does not, requests wait.",
			q("p50", quantile("0.5", own)), q("p99", quantile("0.99", own)),
			q("mean", `sum(rate(goservice_service_seconds_sum{pods}[$__rate_interval])) / sum(rate(goservice_service_seconds_count{pods}[$__rate_interval]))`)),
		series(8, "Slowest routes", units.Seconds, "99th percentile by route.",
			q("{{http_route}}", `topk(5, histogram_quantile(0.99, sum by (le, http_route) (rate(`+durations+`[$__rate_interval]))))`)),
	}
}

func retunePanels() []cog.Builder[dashboard.Panel] {
	return []cog.Builder[dashboard.Panel]{
		stacked(series(6, "Live settings in force", units.Short, "Pods by the revision of the live settings that they run. During a retune there are two for about a second.",
			q("{{revision}}", `count by (revision) (goservice_live_settings_info{pods} or goservice_tuning_info{pods})`))),
		lines(series(6, "Pods to confirm", units.Short, "Pods that have not confirmed the newest live settings, as the operator sees it.",
			q("unconfirmed", `max(`+ofService("goservice_operator_unconfirmed_pods")+`)`)).FillOpacity(10), common.GraphThresholdsStyleModeOff, from(1, "orange")),
		series(6, "Live settings taken", units.Short, "Live settings that pods put in force or refused.",
			q("{{result}}", `sum by (result) (increase(goservice_live_settings_reloads_total{pods}[$__rate_interval]) or increase(goservice_tuning_reloads_total{pods}[$__rate_interval]))`)).FillOpacity(10),
		series(6, "Tuning decisions", units.Short, "Figures that the operator moved by its measurements.",
			q("{{what}}", `sum by (what) (increase(goservice_operator_tuning_decisions_total{named}[$__rate_interval])) or sum by (what) (increase(goservice_operator_tuning_decisions_total{exported}[$__rate_interval]))`)).FillOpacity(10),
	}
}
