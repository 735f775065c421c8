// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package indicators says in which metrics services count their requests. It is pure: what the pods' own scraper, the questions
// to Prometheus, and the rules read follows from the same table.
package indicators

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

// Histogram is one in which a service counts the durations of its requests.
type Histogram struct {
	// Name of the metric, without _bucket, _sum, and _count.
	Name string
	// Unit of the durations; at most a second.
	Unit time.Duration
	// Labels, of which one holds the result of a request.
	Labels []string
	// Results is a counter of requests that has these labels where the histogram has none of them; empty where it has.
	Results string
	// Failed are results that are the server's fault. Ignored are those that say nothing of it, such as what a rate limit refuses: they
	// count neither as good nor as bad. Both are regular expressions (RE2) that match whole values; an empty one matches none.
	Failed, Ignored string
	// Kind is a label that tells calls from streams, and Calls the value of those with one answer, as a regular expression: how long a
	// stream lasts says nothing of its latency. Empty where there is none.
	Kind, Calls string
	// Except is a label whose values that match Excepted, as a regular expression, are no requests of clients: health checks and
	// reflection. Empty where nobody counts those.
	Except, Excepted string
}

const (
	serverErrors = "5.."
	tooMany      = "429"
	// Codes that the OpenTelemetry conventions count as the server's fault, in the three ways in which they are written, and the one of
	// a rate limit.
	failedCodes = "Unknown|DeadlineExceeded|Unimplemented|Internal|Unavailable|DataLoss|" +
		"UNKNOWN|DEADLINE_EXCEEDED|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS|2|4|12|13|14|15"
	exhausted = "ResourceExhausted|RESOURCE_EXHAUSTED|8"
	// Services of gRPC's own: probes ask them, and their streams last.
	ownServices = "/?grpc[.](health|reflection)[.].*"
)

// toolkit is the workload's, and that of every service built on the toolkit.
var toolkit = []Histogram{{
	Name: "http_server_request_duration_seconds", Unit: time.Second, Labels: []string{"http_response_status_code"}, Failed: serverErrors, Ignored: tooMany,
}}

// presets by their names in the API.
var presets = map[v1alpha1.IndicatorsPreset][]Histogram{
	v1alpha1.IndicatorsToolkit: toolkit,
	// The semantic conventions, as the SDK's exporter for Prometheus names them.
	v1alpha1.IndicatorsOpenTelemetry: toolkit,
	// What most services that use promhttp or a middleware of their own call it.
	v1alpha1.IndicatorsPrometheus: {{
		Name: "http_request_duration_seconds", Unit: time.Second, Labels: []string{"code", "status", "status_code"}, Failed: serverErrors, Ignored: tooMany,
	}},
	v1alpha1.IndicatorsGRPC: {
		// go-grpc-middleware's, grpc-go's own, and those of OpenTelemetry's instrumentation, today's and the former.
		{
			Name: "grpc_server_handling_seconds", Unit: time.Second, Results: "grpc_server_handled_total", Labels: []string{"grpc_code"},
			Failed: failedCodes, Ignored: exhausted, Kind: "grpc_type", Calls: "unary", Except: "grpc_service", Excepted: ownServices,
		},
		{Name: "grpc_server_call_duration_seconds", Unit: time.Second, Labels: []string{"grpc_status"}, Failed: failedCodes, Ignored: exhausted, Except: "grpc_method", Excepted: ownServices},
		{Name: "rpc_server_call_duration_seconds", Unit: time.Second, Labels: []string{"rpc_response_status_code"}, Failed: failedCodes, Ignored: exhausted, Except: "rpc_method", Excepted: ownServices},
		{Name: "rpc_server_duration_milliseconds", Unit: time.Millisecond, Labels: []string{"rpc_grpc_status_code"}, Failed: failedCodes, Ignored: exhausted, Except: "rpc_service", Excepted: ownServices},
	},
}

// Of a spec are the histograms that may hold its requests: the first one that a pod serves counts.
func Of(spec *v1alpha1.GoServiceSpec) []Histogram {
	preset := plan.Indicators(spec)
	if preset != v1alpha1.IndicatorsCustom {
		return presets[preset]
	}
	custom := spec.Observability.Metrics.Custom
	if custom == nil {
		return nil
	}
	h := Histogram{Name: custom.Histogram, Unit: time.Second, Failed: cmp.Or(custom.Failed, serverErrors), Ignored: custom.Ignored}
	if custom.Unit == v1alpha1.UnitMilliseconds {
		h.Unit = time.Millisecond
	}
	if custom.ResultLabel != "" {
		h.Labels = []string{custom.ResultLabel}
	} else {
		h.Failed, h.Ignored = "", ""
	}
	return []Histogram{h}
}

// Good are matchers, each after a comma, for the series of requests that neither failed nor are ignored, and whose duration counts.
func (h Histogram) Good() string {
	var text strings.Builder
	for _, label := range h.Labels {
		if h.Results != "" {
			break // what failed cannot be told from the rest
		}
		if bad := strings.Trim(h.Ignored+"|"+h.Failed, "|"); bad != "" {
			fmt.Fprintf(&text, ",%s!~%q", label, bad)
		}
	}
	if h.Kind != "" {
		fmt.Fprintf(&text, ",%s=~%q", h.Kind, h.Calls)
	}
	return text.String() + h.Clients()
}

// Clients is a matcher after a comma, or nothing, for the series of requests of clients.
func (h Histogram) Clients() string {
	if h.Except == "" {
		return ""
	}
	return fmt.Sprintf(",%s!~%q", h.Except, h.Excepted)
}

// Counter of the requests, by their result.
func (h Histogram) Counter() string { return cmp.Or(h.Results, h.Name+"_count") }

// ToolkitPort is where the toolkit serves its metrics, probes, and report of live settings.
const ToolkitPort = 9100

// Location of the metrics of a pod.
type Location struct {
	Scheme corev1.URIScheme
	Port   int32
	Path   string
}

const (
	defaultPort = 8080
	// DefaultPath of metrics.
	DefaultPath = "/metrics"
)

// At is where the pods of a service serve their metrics.
func At(spec *v1alpha1.GoServiceSpec) Location {
	at := Location{corev1.URISchemeHTTP, ToolkitPort, DefaultPath}
	if plan.OnToolkit(spec) {
		return at
	}
	metrics := spec.Observability.Metrics
	at.Port = cmp.Or(spec.Port, defaultPort)
	if metrics.Port != nil {
		at.Port = *metrics.Port
	}
	at.Path, at.Scheme = cmp.Or(metrics.Path, at.Path), cmp.Or(metrics.Scheme, at.Scheme)
	return at
}

// Elsewhere are the ports on which a service of the team's own image may serve its metrics, should they not be where it says.
func Elsewhere(spec *v1alpha1.GoServiceSpec) []int32 {
	if spec.Image == "" {
		return nil
	}
	var ports []int32
	for i := range spec.Ports {
		if name := string(spec.Ports[i].Name); strings.Contains(name, "metrics") || strings.Contains(name, "prom") {
			ports = append(ports, spec.Ports[i].Port)
		}
	}
	ports = append(ports, cmp.Or(spec.Port, defaultPort))
	return slices.DeleteFunc(ports, func(port int32) bool { return port == At(spec).Port })
}

// Names of the histograms of all presets.
func Names() []string {
	var names []string
	for _, preset := range suggestions {
		for _, h := range presets[preset] {
			names = append(names, h.Name)
		}
	}
	return names
}

// suggestions are the presets for services that are not built on the toolkit.
var suggestions = []v1alpha1.IndicatorsPreset{v1alpha1.IndicatorsOpenTelemetry, v1alpha1.IndicatorsPrometheus, v1alpha1.IndicatorsGRPC}

// Suggest is the preset whose histogram has a name, and whether there is one.
func Suggest(histogram string) (v1alpha1.IndicatorsPreset, bool) {
	for _, preset := range suggestions {
		for _, h := range presets[preset] {
			if h.Name == histogram {
				return preset, true
			}
		}
	}
	return "", false
}
