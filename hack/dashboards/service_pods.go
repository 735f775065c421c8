// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"
)

func handOffPanels() []cog.Builder[dashboard.Panel] {
	const all = `sum(rate(http_server_request_duration_seconds_count{pods}[$__rate_interval]))`
	return []cog.Builder[dashboard.Panel]{
		series(6, "Handed over", units.PercentUnit, "Share of all requests that ran in another pod, of those that the other pod or the link did not finish, and of those that were offered and taken by no pod in time.",
			q("handed over", `sum(rate(goservice_hand_off_requests_total{pods,result="moved"}[$__rate_interval])) / `+all),
			q("broken", `sum(rate(goservice_hand_off_requests_total{pods,result="broken"}[$__rate_interval])) / `+all),
			q("declined", `sum(rate(goservice_hand_off_requests_total{pods,result="declined"}[$__rate_interval])) / `+all)).Max(1),
		series(6, "Time of a hand-off", units.Seconds, "What moving a request costs in time, smoothed: the mean of the pods, and the slowest.",
			q("mean", `avg(goservice_hand_off_hop_seconds{pods} > 0)`), q("slowest", `max(goservice_hand_off_hop_seconds{pods})`)),
		series(6, "Links to other pods", units.Short, "With how many others of the service each pod is linked: the fewest and the most.",
			q("fewest", `min(goservice_hand_off_peers{pods})`), q("most", `max(goservice_hand_off_peers{pods})`)),
		series(6, "Tokens from other pods", units.OpsPerSecond, "Tokens of a shared rate limit that pods got from others, and how often they asked.",
			q("received", `sum(rate(goservice_hand_off_tokens_total{pods,result="received"}[$__rate_interval]))`),
			q("asked", `sum(rate(goservice_hand_off_tokens_asked_total{pods}[$__rate_interval]))`)),
	}
}

func poolPanels() []cog.Builder[dashboard.Panel] {
	return []cog.Builder[dashboard.Panel]{
		limited(series(8, "Workers", units.Short, "Workers of all pods, how many of them are busy, and how many the pools may find.",
			q("busy", `sum(goservice_pool_busy{pods})`), q("workers", `sum(goservice_pool_workers{pods})`),
			q("most", `sum(goservice_pool_max_workers{pods})`)).FillOpacity(10), "workers"),
		limited(series(8, "Queue", units.Short, "Requests that wait for a worker in all pods, and how many may.",
			q("waiting", `sum(goservice_pool_queued{pods})`), q("depth", `sum(goservice_pool_queue_depth{pods})`)).FillOpacity(10), "depth"),
		lines(series(8, "Busiest pods", units.PercentUnit, "Share of busy workers in the busiest pods. Above 90% of all pods, requests wait.",
			q("{{pod}}", `topk(5, avg_over_time(goservice_pool_busy{pods}[$__rate_interval]) / (goservice_pool_workers{pods} > 0))`)).Max(1),
			common.GraphThresholdsStyleModeDashed, from(0.9, "red")),
		series(8, "Workers of each pod", units.Short, "Each pod's workers: it shows what the pool has found within the limits of the tuning loop.",
			q("{{pod}}", `goservice_pool_workers{pods}`)),
		limited(series(8, "Rate limit", units.RequestsPerSecond, "What all pods together admit, and the requests that reach them.",
			q("limit", `sum(goservice_rate_limit_requests_per_second{pods} < Inf)`),
			q("requests", `sum(rate(http_server_request_duration_seconds_count{pods}[$__rate_interval]))`)), "limit"),
		series(8, "Share of each pod", units.RequestsPerSecond, "Each pod's part of the rate limit.",
			q("{{pod}}", `goservice_rate_limit_requests_per_second{pods} < Inf`)),
	}
}

func upstreamPanels() []cog.Builder[dashboard.Panel] {
	return []cog.Builder[dashboard.Panel]{
		series(8, "Calls to upstreams", units.RequestsPerSecond, "Calls per second by upstream and status; 0 means that no response came.",
			q("{{upstream}} {{http_response_status_code}}", `sum by (upstream, http_response_status_code) (rate(http_client_request_duration_seconds_count{pods}[$__rate_interval]))`)),
		series(8, "Duration of calls", units.Seconds, "99th percentile of single attempts by upstream.",
			q("{{upstream}}", `histogram_quantile(0.99, sum by (le, upstream) (rate(http_client_request_duration_seconds_bucket{pods}[$__rate_interval])))`)),
		series(8, "Calls in progress", units.Short, "Calls that wait for an upstream in all pods, and how many may.",
			q("{{upstream}}", `sum by (upstream) (goservice_upstream_in_flight{pods})`),
			q("{{upstream}}, most", `sum by (upstream) (goservice_upstream_max_in_flight{pods})`)),
		stacked(series(8, "Calls that were not sent", units.RequestsPerSecond, "Calls per second that failed without being sent, by reason: busy (as many as may be are in progress), rate_limit, or unavailable (the breaker is open).",
			q("{{upstream}} {{reason}}", `sum by (upstream, reason) (rate(goservice_upstream_rejected_total{pods}[$__rate_interval]))`))),
		lines(series(8, "Open breakers", units.Short, "Pods that do not call an upstream, because it did not answer.",
			q("{{upstream}}", `sum by (upstream) (goservice_upstream_breaker_open{pods})`)), common.GraphThresholdsStyleModeOff, from(1, "red")),
		series(8, "Failing dependencies", units.Short, "Pods in which the last check of a dependency failed. One that is not optional takes them out of the Service.",
			q("{{name}}", `count(goservice_dependency_up{pods}) by (name) - sum by (name) (goservice_dependency_up{pods})`)),
	}
}

func runtimePanels() []cog.Builder[dashboard.Panel] {
	return []cog.Builder[dashboard.Panel]{
		stacked(series(8, "CPU", units.NoUnit, "Cores that each pod uses.",
			q("{{pod}}", `sum by (pod) (rate(process_cpu_seconds_total{pods}[$__rate_interval]))`))),
		limited(series(8, "Memory", units.BytesIEC, "Resident memory of each pod, and the soft limit of the Go runtime (GOMEMLIMIT).",
			q("{{pod}}", `process_resident_memory_bytes{pods}`), q("GOMEMLIMIT", `min(go_gc_gomemlimit_bytes{pods})`)), "GOMEMLIMIT"),
		series(8, "Goroutines", units.Short, "Goroutines of each pod.", q("{{pod}}", `go_goroutines{pods}`)),
		series(6, "Wait for a thread", units.Seconds, "99th percentile of the time that goroutines waited until they ran, in the slowest pods. It grows where CPU is short or throttled.",
			q("{{pod}}", `topk(5, histogram_quantile(0.99, sum by (le, pod) (rate(go_sched_latencies_seconds_bucket{pods}[$__rate_interval]))))`)),
		series(6, "Garbage collections", units.OpsPerSecond, "Garbage collections per second of each pod.",
			q("{{pod}}", `sum by (pod) (rate(go_gc_cycles_total_gc_cycles_total{pods}[$__rate_interval]))`)),
		series(6, "GOGC", units.NoUnit, "How far the heap may grow between two garbage collections, in percent: the tuning loop moves it.",
			q("{{pod}}", `go_gc_gogc_percent{pods}`)),
		series(6, "Restarts", units.Short, "Containers that were started again in the same pod.",
			q("restarts", `sum(changes(process_start_time_seconds{pods}[$__rate_interval]))`)),
	}
}

func optionalPanels() []cog.Builder[dashboard.Panel] {
	const day = 24 * 60 * 60
	return []cog.Builder[dashboard.Panel]{
		stacked(series(8, "Open streams", units.Short, "Streams and connections that handlers have taken over, by route.",
			q("{{http_route}}", `sum by (http_route) (goservice_streams_active{pods})`))),
		stacked(series(8, "Ends of streams", units.OpsPerSecond, "Streams per second that ended, by how. cut means that the drain ended before they did.",
			q("{{http_route}} {{end}}", `sum by (http_route, end) (rate(goservice_stream_seconds_count{pods}[$__rate_interval]))`))),
		number(8, "Certificate expires in", units.DurationSeconds, "Time until the first certificate that a pod serves expires.",
			q("left", `min(goservice_tls_certificate_expiry_timestamp_seconds{pods}) - time()`)).Height(8).
			NoValue("no TLS").Thresholds(steps("red", from(7*day, "orange"), from(14*day, "green"))),
		stacked(series(6, "RPC calls", units.RequestsPerSecond, "gRPC and Connect calls per second by method and status.",
			q("{{rpc_method}} {{rpc_response_status_code}}", `sum by (rpc_method, rpc_response_status_code) (rate(rpc_server_call_duration_seconds_count{pods}[$__rate_interval]))`))),
		series(6, "Duration of RPC calls", units.Seconds, "99th percentile by method.",
			q("{{rpc_method}}", `histogram_quantile(0.99, sum by (le, rpc_method) (rate(rpc_server_call_duration_seconds_bucket{pods}[$__rate_interval])))`)),
		series(6, "Background work", units.Short, "Background work that runs, by name.",
			q("{{name}}", `sum by (name) (goservice_background_running{pods})`)),
		series(6, "Failures of background work", units.Short, "How often background work returned an error or panicked, by name.",
			q("{{name}}", `sum by (name) (increase(goservice_background_failures_total{pods}[$__rate_interval]))`)),
	}
}
