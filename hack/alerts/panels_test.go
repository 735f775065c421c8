// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package alerts

import (
	"cmp"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
)

// feed lets a bed scrape a real process of a service, as two pods, and what a manager serves.
type feed struct {
	*bed
	process *process
	// honored says whether the operator's ServiceMonitor keeps the namespace of what is scraped.
	honored bool
	scrapes float64
}

func newFeed(t *testing.T, folder string, interval time.Duration, honored bool) *feed {
	t.Helper()
	f := &feed{bed: newBed(t, folder, month), process: startProcess(t, "50ms"), honored: honored}
	f.interval = interval
	return f
}

func (f *feed) run(d time.Duration) {
	f.t.Helper()
	for end := f.now.Add(d); f.now.Before(end); {
		f.now = f.now.Add(time.Second)
		if f.now.Add(scrapeLag).Sub(epoch)%f.interval == 0 {
			f.process.work()
			f.scrape()
		}
		f.evaluate()
	}
}

func (f *feed) scrape() {
	f.t.Helper()
	f.scrapes++
	appender := f.db.Appender(f.t.Context())
	families := f.process.scrape()
	for _, pod := range []string{"a", "b"} {
		f.append(appender, f.target(pod, "up"), f.now, 1)
		for name, family := range families {
			f.family(appender, family, func(part string, pairs []string) labels.Labels { return f.target(pod, name+part, pairs...) })
		}
	}
	f.append(appender, f.ofOperator("up", nil), f.now, 1)
	for name, family := range families {
		if strings.HasPrefix(name, "process_") {
			f.family(appender, family, func(part string, pairs []string) labels.Labels { return f.ofOperator(name+part, pairs) })
		}
	}
	for _, metric := range managerMetrics(f.t) {
		f.family(appender, f.made(metric), func(part string, pairs []string) labels.Labels { return f.ofOperator(metric.name+part, pairs) })
	}
	f.commit(appender)
}

// family appends the samples of what is exposed; series gives the labels of a part of it.
func (f *feed) family(to storage.Appender, family *dto.MetricFamily, series func(part string, pairs []string) labels.Labels) {
	f.t.Helper()
	for _, metric := range family.Metric {
		var pairs []string
		for _, label := range metric.Label {
			pairs = append(pairs, label.GetName(), label.GetValue())
		}
		add := func(v float64, part string, more ...string) {
			f.append(to, series(part, append(append([]string{}, pairs...), more...)), f.now, v)
		}
		switch {
		case metric.Counter != nil:
			add(metric.Counter.GetValue(), "")
		case metric.Gauge != nil:
			add(metric.Gauge.GetValue(), "")
		case metric.Histogram != nil:
			for _, bucket := range metric.Histogram.Bucket {
				add(float64(bucket.GetCumulativeCount()), "_bucket", "le", labels.FormatOpenMetricsFloat(bucket.GetUpperBound()))
			}
			add(metric.Histogram.GetSampleSum(), "_sum")
			add(float64(metric.Histogram.GetSampleCount()), "_count")
		}
	}
}

// made is a metric of the manager with something in it, about the service.
func (f *feed) made(metric operatorMetric) *dto.MetricFamily {
	values := map[string]string{"namespace": "shop", "name": "checkout", "controller": "goservice", "result": "success", "kind": "Deployment"}
	one := &dto.Metric{}
	for _, name := range metric.labels {
		value := values[name]
		if value == "" {
			value = name
		}
		one.Label = append(one.Label, &dto.LabelPair{Name: &name, Value: &value})
	}
	now, count, second, infinite, gauge := f.scrapes, uint64(f.scrapes), 1.0, math.Inf(1), 1.0
	switch metric.kind {
	case "counter":
		one.Counter = &dto.Counter{Value: &now}
	case "gauge":
		one.Gauge = &dto.Gauge{Value: &gauge}
	case "histogram":
		one.Histogram = &dto.Histogram{SampleCount: &count, SampleSum: &now, Bucket: []*dto.Bucket{
			{UpperBound: &second, CumulativeCount: &count}, {UpperBound: &infinite, CumulativeCount: &count},
		}}
	default:
		f.t.Fatalf("%s is a %s", metric.name, metric.kind)
	}
	return &dto.MetricFamily{Metric: []*dto.Metric{one}}
}

// ofOperator has the labels of the operator as a target. A namespace of its own is kept, or gives way to the target's.
func (f *feed) ofOperator(metric string, pairs []string) labels.Labels {
	builder := labels.NewBuilder(labels.FromStrings(model.MetricNameLabel, metric, "namespace", "goservice-system", "job", "operator", "pod", "operator-1"))
	for i := 0; i < len(pairs); i += 2 {
		name := pairs[i]
		if name == "namespace" && !f.honored {
			name = "exported_namespace"
		}
		builder.Set(name, pairs[i+1])
	}
	return builder.Labels()
}

// gathered is what a store of several clusters holds, each of which has all series of the bed.
func (b *bed) gathered(clusters ...string) storage.Queryable {
	b.t.Helper()
	options := tsdb.DefaultOptions()
	options.MinBlockDuration, options.MaxBlockDuration, options.RetentionDuration = 1<<40, 1<<40, 0
	store, err := tsdb.Open(b.t.TempDir(), slog.New(slog.DiscardHandler), nil, options, tsdb.NewDBStats())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = store.Close() })
	querier, err := b.db.Querier(0, b.now.UnixMilli())
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = querier.Close() }()
	appender := store.Appender(b.t.Context())
	all := querier.Select(b.t.Context(), false, nil, labels.MustNewMatcher(labels.MatchNotEqual, model.MetricNameLabel, ""))
	for all.Next() {
		series := all.At()
		for samples := series.Iterator(nil); samples.Next() != 0; {
			at, v := samples.At()
			for _, cluster := range clusters {
				if _, err := appender.Append(0, labels.NewBuilder(series.Labels()).Set("cluster", cluster).Labels(), at, v); err != nil {
					b.t.Fatal(err)
				}
			}
		}
	}
	if all.Err() != nil {
		b.t.Fatal(all.Err())
	}
	b.commit(appender)
	return store
}

// Every panel shows something of a service that uses everything, however often it is scraped, whatever the data source is set to, and
// whether or not the series have a label for the cluster.
func TestNoPanelIsWithoutData(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		folder   string
		interval time.Duration
		honored  bool
	}{
		"scraped every 15 s":                             {"month", 15 * time.Second, true},
		"scraped once a minute, and no label is honored": {"minute-scrape", time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFeed(t, c.folder, c.interval, c.honored)
			f.run(15 * time.Minute)
			engine := newEngine(parser.NewParser(parser.Options{}))
			for store, queryable := range map[string]storage.Queryable{"one cluster": f.db, "two clusters": f.gathered("east", "west")} {
				ask := rules.EngineQueryFunc(engine, queryable)
				for path, d := range dashboards(t) {
					d.shows(t, path+" on "+store, c.interval, func(query string) promql.Vector {
						vector, err := ask(t.Context(), query, f.now)
						if err != nil {
							t.Errorf("%s on %s: %s: %v", path, store, query, err)
						}
						return vector
					})
				}
			}
		})
	}
}

// shows demands that variables have values and panels have series.
func (d dashboard) shows(t *testing.T, where string, interval time.Duration, ask func(string) promql.Vector) {
	t.Helper()
	const dataSource = 15 * time.Second // what Grafana assumes unless told
	fills := map[string]func(string) string{"": grafana(dataSource)}
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		expression, label := v.expression(t)
		values := ask(grafana(dataSource)(expression))
		switch {
		case v.Name == "cluster": // may have none
		case len(values) == 0:
			t.Errorf("%s: variable %s has no value", where, v.Name)
		case v.Name == "step":
			if values[0].F != interval.Seconds() {
				t.Errorf("%s: the scrape interval %s was taken for %v s", where, interval, values[0].F)
			}
			fills["${step}s"] = grafana(time.Duration(values[0].F) * time.Second)
		case label == "" && values[0].Metric.Get(v.Name) != "checkout":
			t.Errorf("%s: variable %s is %s", where, v.Name, strconv.Quote(values[0].Metric.String()))
		}
	}
	for _, p := range d.drawn() {
		shown := false
		for _, target := range p.Targets {
			for _, sample := range ask(fills[target.Interval](target.Expr)) {
				shown = shown || !math.IsNaN(sample.F)
			}
		}
		if !shown {
			t.Errorf("%s: panel %q has no data", where, p.Title)
		}
	}
}

// A service that is not built on the toolkit can be picked, and its objectives, demand, and pods are shown.
func TestTheServiceDashboardShowsServicesThatAreNotOnTheToolkit(t *testing.T) {
	t.Parallel()
	b := foreign(t, histograms["promhttp, code"])
	b.run(10*time.Minute, func(time.Time) load { return load{good: 40, slow: 0.1, failed: 0.01} })
	d := dashboards(t)["testdata/config/grafana/service.json"]
	fill := grafana(15 * time.Second)
	ask := func(query string) promql.Vector {
		vector, err := b.query(t.Context(), fill(query), b.now)
		if err != nil {
			t.Fatal(err)
		}
		return vector
	}
	picked := map[string]string{}
	for _, v := range d.Templating.List {
		if v.Name == "namespace" || v.Name == "service" {
			expression, label := v.expression(t)
			for _, sample := range ask(expression) {
				picked[v.Name] = sample.Metric.Get(cmp.Or(label, v.Name))
			}
		}
	}
	if picked["namespace"] != "shop" || picked["service"] != "checkout" {
		t.Errorf("what can be picked is %v", picked)
	}
	for _, title := range []string{"Availability", "Fast enough", "Error budget left", "Burn rate", "Latency against the objective", "Pods"} {
		for _, p := range d.drawn() {
			if p.Title == title && len(ask(p.Targets[0].Expr)) == 0 {
				t.Errorf("panel %q has no data", title)
			}
		}
	}
}
