// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package alerts

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// replayQuestions are what kubectl gosvc replay asks, by preset, histogram, and name.
const replayQuestions = "testdata/controllers/replay/testdata/questions.txt"

// TestReplaysQuestions puts them to Prometheus's own engine, over two pods of which one restarts, and which then are gone.
func TestReplaysQuestions(t *testing.T) {
	text, err := os.ReadFile(replayQuestions)
	if err != nil {
		t.Fatal(err)
	}
	questions := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, query, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if before, isToolkits := strings.CutPrefix(name, "Toolkit http_server_request_duration_seconds "); isToolkits {
			questions[before] = query
		} else if _, err := parser.NewParser(parser.Options{}).ParseExpr(query); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	b := newBed(t, "week", service{namespace: "shop", name: "checkout", threshold: "0.1"})
	b.addPods("a", "b")
	b.counts = func(b *bed, name string, p *pod, l load) {
		b.count(name, p, "200", l.good, l.slow)
		b.count(name, p, "500", l.failed, 0)
		b.count(name, p, "429", l.limited, 0)
		all := l.good + l.slow + l.failed + l.limited
		b.add(name, p, 0.005*all, "process_cpu_seconds_total")
		b.add(name, p, 0.010*all, "goservice_service_seconds_sum")
		b.add(name, p, all, "goservice_service_seconds_count")
	}
	traffic := func(time.Time) load { return load{good: 80, slow: 2, failed: 8, limited: 10} }
	want := map[string]float64{
		"demand": 100, "counted": 90, "failed": 8, "pods": 2, "cpu": 0.5, "service": 0.01, "bucket": 80,
	}
	check := func(when string) {
		t.Helper()
		for name, value := range want {
			if got := b.value(questions[name]); !near(got, value, 0.02) {
				t.Errorf("%s, %s is %v, want %v: %s", when, name, got, value, questions[name])
			}
		}
		vector, err := b.query(t.Context(), questions["durations"], b.now)
		if err != nil || len(vector) < 3 {
			t.Errorf("%s, durations have %d buckets, %v", when, len(vector), err)
		}
	}
	b.run(5*time.Minute, traffic)
	check("steadily")
	b.pods["a"].counters = map[string]gauge{} // a process that counts from zero
	b.run(3*time.Minute, traffic)
	check("after a restart")

	b.remove("a")
	b.remove("b")
	b.run(2*time.Minute, func(time.Time) load { return load{} })
	for _, name := range []string{"demand", "counted", "pods", "cpu", "service", "durations", "bucket"} {
		if vector, err := b.query(t.Context(), questions[name], b.now); err != nil || len(vector) > 0 {
			t.Errorf("without pods, %s is %v, %v", name, vector, err)
		}
	}
}
