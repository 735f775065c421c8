// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package alerts

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// histogram is how a service that is not built on the toolkit counts.
type histogram struct {
	folder, name string
	// label holds the result, and good, failed, ignored are results.
	label, good, failed, ignored string
	// buckets are bounds as the pods write them: one far below the threshold, the threshold's or the next one, and one far above.
	buckets [3]string
	// other labels of every series.
	other []string
	// unit in seconds.
	unit float64
	// own is a label that tells gRPC's own services from others: what they answer does not count.
	own string
	// results is the counter that has the label, where the histogram has not.
	results string
}

var histograms = map[string]histogram{
	"OpenTelemetry": {
		"otel", "http_server_request_duration_seconds", "http_response_status_code", "200", "500", "429", [3]string{"0.005", "0.08", "10.0"}, nil, 1, "", "",
	},
	"promhttp, code":   {"promhttp", "http_request_duration_seconds", "code", "200", "503", "429", [3]string{"0.005", "0.1", "10.0"}, nil, 1, "", ""},
	"promhttp, status": {"promhttp", "http_request_duration_seconds", "status", "404", "500", "429", [3]string{"0.005", "0.1", "10.0"}, nil, 1, "", ""},
	"go-grpc-middleware": {
		"grpc", "grpc_server_handling_seconds", "grpc_code", "NotFound", "Internal", "ResourceExhausted", [3]string{"0.005", "0.1", "10.0"}, []string{"grpc_type", "unary"}, 1, "grpc_service", "grpc_server_handled_total",
	},
	"grpc-go": {"grpc", "grpc_server_call_duration_seconds", "grpc_status", "OK", "UNAVAILABLE", "RESOURCE_EXHAUSTED", [3]string{"0.005", "0.1", "10.0"}, nil, 1, "grpc_method", ""},
	"OpenTelemetry's gRPC": {
		"grpc", "rpc_server_duration_milliseconds", "rpc_grpc_status_code", "5", "13", "8", [3]string{"5.0", "100.0", "10000.0"}, nil, 0.001, "rpc_service", "",
	},
	"OpenTelemetry's gRPC, newer": {
		"grpc", "rpc_server_call_duration_seconds", "rpc_response_status_code", "OK", "UNAVAILABLE", "RESOURCE_EXHAUSTED", [3]string{"0.005", "0.1", "10.0"}, nil, 1, "rpc_method", "",
	},
	"promhttp, status_code":   {"promhttp", "http_request_duration_seconds", "status_code", "301", "502", "429", [3]string{"0.005", "0.1", "10.0"}, nil, 1, "", ""},
	"custom, in milliseconds": {"custom", "checkout_call_duration", "outcome", "ok", "timeout", "throttled", [3]string{"5.0", "1000.0", "10000.0"}, nil, 0.001, "", ""},
}

// values of the labels that every series of clients has, beside its result.
func (h histogram) values() string {
	text := strings.Join(h.other[min(1, len(h.other)):], "")
	if h.own != "" {
		text += "shop.Orders/Place"
	}
	return text
}

// counts a load as such a service does.
func (h histogram) counts(b *bed, name string, p *pod, l load) {
	for result, requests := range map[string][2]float64{h.good: {l.good, l.slow}, h.failed: {l.failed, 0}, h.ignored: {l.limited, 0}} {
		quick, slow := requests[0], requests[1]
		if quick+slow == 0 && p.counters[cmp.Or(h.results, h.name+"_count")+result+h.values()].labels.Len() == 0 {
			continue
		}
		series := append([]string{h.label, result}, h.other...)
		if h.own != "" {
			series = append(series, h.own, "shop.Orders/Place")
		}
		if h.results != "" { // and only that knows results
			b.add(name, p, quick+slow, h.results, series...)
			series = append(h.other[:len(h.other):len(h.other)], h.own, "shop.Orders/Place")
		}
		add := func(n float64, kind string, pairs ...string) {
			b.add(name, p, n, h.name+kind, append(pairs, series...)...)
		}
		add(quick+slow, "_count")
		add(quick, "_bucket", "le", h.buckets[0])
		add(quick, "_bucket", "le", h.buckets[1])
		add(quick+slow, "_bucket", "le", h.buckets[2])
		add(quick+slow, "_bucket", "le", "+Inf")
	}
	if h.own != "" { // probes ask all the time, and some keep a stream
		probe := append([]string{h.own, "grpc.health.v1.Health/Check", h.label, h.failed}, h.other...)
		b.add(name, p, 50, cmp.Or(h.results, h.name+"_count"), probe...)
		b.add(name, p, 50, h.name+"_bucket", append([]string{"le", "+Inf"}, probe...)...)
	}
}

func foreign(t *testing.T, h histogram) *bed {
	t.Helper()
	b := newBed(t, h.folder, service{"shop", "checkout", h.buckets[1]})
	b.counts = h.counts
	b.addPods("a", "b")
	// The operator may tell of pods that confirm nothing, as before an edit.
	b.gauges["checkout"] = gauge{labels.FromStrings(model.MetricNameLabel, "goservice_operator_unconfirmed_pods",
		"job", "operator", "namespace", "shop", "name", "checkout"), 2}
	return b
}

// Whatever library counts, the same is recorded.
func TestEveryPresetRecordsTheSame(t *testing.T) {
	for name, h := range histograms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := foreign(t, h)
			b.run(65*time.Minute, func(time.Time) load { return load{good: 94, slow: 4, failed: 1, limited: 7} })
			judged := 98.0 // what failed or was refused says nothing of latency,
			if h.results != "" {
				judged = 106 // where that can be told
			}
			for query, want := range map[string]float64{
				`goservice:slo_requests:rate{slo="availability"}`:                    99,
				`goservice:slo_bad_requests:rate{slo="availability"}`:                1,
				`goservice:slo_requests:rate{slo="latency"}`:                         judged,
				`goservice:slo_bad_requests:rate{slo="latency"}`:                     4,
				`goservice:slo_bad:ratio{slo="availability",window="1h"}`:            1.0 / 99,
				`goservice:slo_bad:ratio{slo="latency",window="1h"}`:                 4.0 / judged,
				`goservice:latency_seconds:quantile{quantile="0.99"} > bool 0.1`:     1,
				`goservice:latency_seconds:quantile{quantile="0.99"} < bool 10.01`:   1,
				`count({__name__=~"goservice:(pool|requests).*"}) or vector(0)`:      0,
				`count({__name__=~"goservice:.*",service!="checkout"}) or vector(0)`: 0,
			} {
				if got := b.value(query); !near(got, want, 0.02) {
					t.Errorf("%s is %v, want %v", query, got, want)
				}
			}
		})
	}
}

// A healthy service has no alert firing, with traffic and without, and an outage pages and resolves.
func TestEveryPresetIsQuietUntilRequestsFail(t *testing.T) {
	for name, h := range histograms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := foreign(t, h)
			b.run(30*time.Minute, steady(0))
			b.run(time.Hour, func(time.Time) load { return load{good: 100, limited: 50} })
			if fired := b.fired(); len(fired) > 0 {
				t.Fatalf("%v fired while all was well", fired)
			}
			began := b.now
			b.run(2*time.Minute, func(time.Time) load { return load{failed: 40} })
			if _, alert := b.firstPage(began); alert == "" {
				t.Error("no page within 2m of a total outage")
			}
			b.run(5*time.Minute, steady(40))
			if b.firing["page GoServiceOutage"] {
				t.Error("the outage still pages five minutes after it ended")
			}
		})
	}
}

// While a service changes from one name to another, it may serve both: its requests count once.
func TestTwoHistogramsCountOnce(t *testing.T) {
	t.Parallel()
	b := foreign(t, histograms["go-grpc-middleware"])
	b.counts = func(b *bed, name string, p *pod, l load) {
		histograms["go-grpc-middleware"].counts(b, name, p, l)
		histograms["OpenTelemetry's gRPC"].counts(b, name, p, l)
	}
	b.run(10*time.Minute, func(time.Time) load { return load{good: 95, slow: 5} })
	for query, want := range map[string]float64{
		`goservice:slo_requests:rate{slo="availability"}`: 100, `goservice:slo_requests:rate{slo="latency"}`: 100, `goservice:slo_bad_requests:rate{slo="latency"}`: 5,
	} {
		if got := b.value(query); !near(got, want, 0.02) {
			t.Errorf("%s is %v, want %v", query, got, want)
		}
	}
}
