// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package alerts

import (
	"bytes"
	"encoding/json"
	"flag"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

var update = flag.Bool("update", false, "write the answer of Prometheus to what the operator asks")

// measureData holds pages of pods, the query that the operator asks of Prometheus, and the answer that it is tested to read.
const measureData = "testdata/controllers/internal/measure/testdata"

// scrape puts a page of metrics into the database, with the labels that a ServiceMonitor's targets have.
func scrape(t *testing.T, appender storage.Appender, file, namespace, service, pod string, at time.Time) {
	t.Helper()
	page, err := os.Open(filepath.Join(measureData, file))
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	textParser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := textParser.TextToMetricFamilies(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		samples, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{Timestamp: model.TimeFromUnixNano(at.UnixNano())}, family)
		if err != nil {
			t.Fatal(err)
		}
		for _, sample := range append(samples, up(at)) {
			b := labels.NewBuilder(labels.FromStrings(
				"namespace", namespace, "job", service, "service", service+"-metrics", "endpoint", "metrics",
				"container", "service", "pod", pod, "instance", pod+":9100"))
			for name, text := range sample.Metric {
				b.Set(string(name), string(text))
			}
			if _, err := appender.Append(0, b.Labels(), timestamp.FromTime(at), float64(sample.Value)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// up is what Prometheus itself says of a target that answered.
func up(at time.Time) *model.Sample {
	return &model.Sample{Metric: model.Metric{model.MetricNameLabel: "up"}, Value: 1, Timestamp: model.TimeFromUnixNano(at.UnixNano())}
}

// TestOperatorsQuery runs what the operator asks of Prometheus in Prometheus' own engine, beside series that must not be in
// the answer. The operator's tests read that answer from a file, which this one keeps equal to the engine's.
func TestOperatorsQuery(t *testing.T) {
	for name, c := range map[string]struct{ query, answer, first, second string }{
		"toolkit": {"query.promql", "answer.json", "metrics.txt", "kinds.txt"},
		"gRPC":    {"query-grpc.promql", "answer-grpc.json", "middleware.txt", "otelgrpc.txt"},
	} {
		t.Run(name, func(t *testing.T) { askAsTheOperator(t, c.query, c.answer, c.first, c.second) })
	}
}

func askAsTheOperator(t *testing.T, asked, answer, first, second string) {
	t.Helper()
	query, err := os.ReadFile(filepath.Join(measureData, asked))
	if err != nil {
		t.Fatal(err)
	}
	db, err := tsdb.Open(t.TempDir(), slog.New(slog.DiscardHandler), nil, tsdb.DefaultOptions(), tsdb.NewDBStats())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	now := epoch.Add(time.Hour)
	appender := db.Appender(t.Context())
	scrape(t, appender, second, "shop", "checkout", "checkout-b", now.Add(-26250*time.Millisecond))
	scrape(t, appender, first, "shop", "checkout", "checkout-a", now.Add(-3500*time.Millisecond))
	scrape(t, appender, second, "shop", "checkout", "checkout-b", now.Add(-11250*time.Millisecond))
	for name, service := range map[string][2]string{"another service": {"shop", "billing"}, "another namespace": {"test", "checkout"}} {
		scrape(t, appender, second, service[0], service[1], strings.ReplaceAll(name, " ", "-"), now.Add(-time.Second))
	}
	gone := labels.FromStrings(model.MetricNameLabel, "goservice_service_seconds_count", "namespace", "shop", "service", "checkout-metrics", "pod", "checkout-gone")
	for _, sample := range []promql.FPoint{
		{T: timestamp.FromTime(now.Add(-20 * time.Second)), F: 7},
		{T: timestamp.FromTime(now.Add(-5 * time.Second)), F: math.Float64frombits(value.StaleNaN)},
	} {
		if _, err := appender.Append(0, gone, sample.T, sample.F); err != nil {
			t.Fatal(err)
		}
	}
	if err := appender.Commit(); err != nil {
		t.Fatal(err)
	}

	vector, err := rules.EngineQueryFunc(newEngine(parser.NewParser(parser.Options{})), db)(t.Context(), string(query), now)
	if err != nil {
		t.Fatalf("asking: %v", err)
	}
	slices.SortFunc(vector, func(a, b promql.Sample) int { return labels.Compare(a.Metric, b.Metric) })
	got, err := json.MarshalIndent(map[string]any{"status": "success", "data": map[string]any{"resultType": "vector", "result": vector}}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	compareWithFile(t, filepath.Join(measureData, answer), got)
}

func compareWithFile(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	const how = "cd hack/alerts && go test -run TestOperatorsQuery -update ."
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; write it by: %s", err, how)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("Prometheus answers otherwise than %s says; write it by: %s. Got:\n%s", path, how, got)
	}
}
