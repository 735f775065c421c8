// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package alerts

import (
	"context"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"
	"sigs.k8s.io/yaml"
)

// epoch is when simulated time begins; it is a multiple of every interval.
var epoch = time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC)

// operatorRules are the alerts on the operator itself. The links in testdata keep what is read within this module, where the go
// command looks for changes before it repeats an earlier result.
const operatorRules = "testdata/config/prometheus/rules.yaml"

// scrapeLag is how long before an evaluation the newest scrape was: the worst case, but for a second.
const scrapeLag = 14 * time.Second

// bed is a Prometheus with the rules of one file and simulated targets.
type bed struct {
	t      *testing.T
	db     *tsdb.DB
	query  rules.QueryFunc
	groups []*rules.Group

	service  service
	interval time.Duration
	now      time.Time
	pods     map[string]*pod
	// counts a pod's part of a load where the pods are not built on the toolkit; nil where they are.
	counts func(*bed, string, *pod, load)
	// gauges are series of other targets.
	gauges map[string]gauge
	// firstFired is when each alert fired first, by its key.
	firstFired map[string]time.Time
	firing     map[string]bool
}

// service is what the rules are about.
type service struct {
	namespace, name string
	// threshold of the latency objective in seconds as Prometheus writes the label le.
	threshold string
}

type gauge struct {
	labels labels.Labels
	value  float64
}

// load is the number of requests of one second.
type load struct {
	good, slow, failed, limited, shed float64
	// busy is the share of busy workers.
	busy float64
}

// steady is a healthy load.
func steady(perSecond float64) func(time.Time) load {
	return func(time.Time) load { return load{good: perSecond} }
}

type pod struct {
	up bool
	// earlier marks a pod that runs with another threshold and has no bucket for the present one.
	earlier bool
	// unlinked marks one that shares its queue and has no link to another pod.
	unlinked bool
	// foreign marks a pod whose image is not built on the toolkit.
	foreign  bool
	counters map[string]gauge
}

// newBed reads testdata/<folder>/prometheusrule.yaml or operatorRules.
func newBed(t *testing.T, folder string, s service) *bed {
	t.Helper()
	b := &bed{
		t: t, service: s, interval: 15 * time.Second, now: epoch,
		pods: map[string]*pod{}, gauges: map[string]gauge{}, firstFired: map[string]time.Time{}, firing: map[string]bool{},
	}
	options := tsdb.DefaultOptions()
	const longer = int64(200 * 24 * time.Hour / time.Millisecond) // than any test: nothing is compacted meanwhile
	options.MinBlockDuration, options.MaxBlockDuration, options.RetentionDuration = longer, longer, 0
	db, err := tsdb.Open(t.TempDir(), slog.New(slog.DiscardHandler), nil, options, tsdb.NewDBStats())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	b.db = db
	queries := parser.NewParser(parser.Options{})
	b.query = rules.EngineQueryFunc(newEngine(queries), db)
	manager := rules.NewManager(&rules.ManagerOptions{
		QueryFunc: b.query, Appendable: db, Queryable: db, Parser: queries, Logger: slog.New(slog.DiscardHandler),
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {},
	})
	groups, problems := manager.LoadGroups(time.Minute, labels.EmptyLabels(), "", nil, false, ruleFile(t, folder))
	if problems != nil {
		t.Fatal(problems)
	}
	// The worst order: alerts see what was recorded in the round before.
	b.groups = slices.SortedFunc(maps.Values(groups), func(x, y *rules.Group) int {
		if x.HasAlertingRules() != y.HasAlertingRules() {
			if x.HasAlertingRules() {
				return -1
			}
			return 1
		}
		return int(y.Interval() - x.Interval())
	})
	return b
}

func newEngine(p parser.Parser) *promql.Engine {
	return promql.NewEngine(promql.EngineOpts{
		Logger: slog.New(slog.DiscardHandler), MaxSamples: 50_000_000, Timeout: time.Minute, LookbackDelta: 5 * time.Minute, Parser: p,
	})
}

// ruleFile unwraps a PrometheusRule into a file as Prometheus reads it.
func ruleFile(t *testing.T, folder string) string {
	t.Helper()
	path := filepath.Join("testdata", folder, "prometheusrule.yaml")
	if folder == operatorRules {
		path = filepath.FromSlash(operatorRules)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var object struct {
		Spec map[string]any `json:"spec"`
	}
	if err := yaml.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	content, err := yaml.Marshal(object.Spec)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func (b *bed) addPods(names ...string) {
	for _, name := range names {
		b.pods[name] = &pod{up: true, counters: map[string]gauge{}}
	}
}

// run lets simulated time pass, second by second.
func (b *bed) run(d time.Duration, traffic func(time.Time) load) {
	b.t.Helper()
	for end := b.now.Add(d); b.now.Before(end); {
		b.now = b.now.Add(time.Second)
		b.serve(traffic(b.now))
		if b.now.Add(scrapeLag).Sub(epoch)%b.interval == 0 {
			b.scrape()
		}
		b.evaluate()
	}
}

// serve spreads the requests of one second evenly.
func (b *bed) serve(l load) {
	up := 0
	for _, p := range b.pods {
		if p.up {
			up++
		}
	}
	for name, p := range b.pods {
		if p.up {
			share := float64(up)
			if b.counts != nil {
				b.counts(b, name, p, load{good: l.good / share, slow: l.slow / share, failed: l.failed / share, limited: l.limited / share})
				continue
			}
			b.count(name, p, "200", l.good/share, l.slow/share)
			b.count(name, p, "500", l.failed/share, 0)
			b.count(name, p, "503", l.shed/share, 0)
			b.count(name, p, "429", l.limited/share, 0)
			b.add(name, p, l.limited/share, "goservice_requests_rejected_total", "reason", "rate_limit")
			b.add(name, p, l.shed/share, "goservice_requests_rejected_total", "reason", "queue_full")
			if !p.foreign {
				b.set(name, p, 64*l.busy, "goservice_pool_busy")
				b.set(name, p, 64, "goservice_pool_workers")
				links := float64(len(b.pods) - 1)
				if p.unlinked {
					links = 0
				}
				b.set(name, p, links, "goservice_hand_off_peers")
			}
		}
	}
}

// count adds requests to the histogram: quick ones within the threshold, slow ones above it.
func (b *bed) count(name string, p *pod, code string, quick, slow float64) {
	if quick+slow == 0 && p.counters["http_server_request_duration_seconds_count"+code].labels.Len() == 0 {
		return // a series begins with its first request
	}
	const histogram = "http_server_request_duration_seconds"
	b.add(name, p, quick+slow, histogram+"_count", "http_response_status_code", code)
	b.add(name, p, quick, histogram+"_bucket", "http_response_status_code", code, "le", "0.001")
	if !p.earlier {
		b.add(name, p, quick, histogram+"_bucket", "http_response_status_code", code, "le", b.service.threshold)
	}
	b.add(name, p, quick+slow, histogram+"_bucket", "http_response_status_code", code, "le", "10.0")
	b.add(name, p, quick+slow, histogram+"_bucket", "http_response_status_code", code, "le", "+Inf")
}

func (b *bed) add(name string, p *pod, n float64, metric string, pairs ...string) {
	b.update(name, p, func(before float64) float64 { return before + n }, metric, pairs...)
}

func (b *bed) set(name string, p *pod, n float64, metric string) {
	b.update(name, p, func(float64) float64 { return n }, metric)
}

func (b *bed) update(name string, p *pod, change func(float64) float64, metric string, pairs ...string) {
	key := metric
	for i := 1; i < len(pairs); i += 2 {
		key += pairs[i]
	}
	series := p.counters[key]
	if series.labels.Len() == 0 {
		series.labels = b.target(name, metric, pairs...)
	}
	series.value = change(series.value)
	p.counters[key] = series
}

// target has the labels that the emitted ServiceMonitor leads to.
func (b *bed) target(pod, metric string, pairs ...string) labels.Labels {
	return labels.FromStrings(append([]string{
		model.MetricNameLabel, metric, "namespace", b.service.namespace, "job", b.service.name, "service", b.service.name + "-metrics",
		"endpoint", "metrics", "container", "service", "pod", pod, "instance", pod + ":9100",
	}, pairs...)...)
}

func (b *bed) scrape() {
	appender := b.db.Appender(b.t.Context())
	for name, p := range b.pods {
		up := 0.0
		if p.up {
			up = 1
			for _, series := range p.counters {
				b.append(appender, series.labels, b.now, series.value)
			}
		}
		b.append(appender, b.target(name, "up"), b.now, up)
	}
	for _, g := range b.gauges {
		b.append(appender, g.labels, b.now, g.value)
	}
	b.commit(appender)
}

// fail makes a pod answer no scrapes; remove takes it away altogether. Prometheus marks the series as ended in both cases.
func (b *bed) fail(name string) {
	p := b.pods[name]
	p.up = false
	b.end(slices.Collect(maps.Values(p.counters)))
	p.counters = map[string]gauge{}
}

func (b *bed) remove(name string) {
	b.fail(name)
	b.end([]gauge{{labels: b.target(name, "up")}})
	delete(b.pods, name)
}

func (b *bed) end(series []gauge) {
	appender := b.db.Appender(b.t.Context())
	for _, s := range series {
		b.append(appender, s.labels, b.now, math.Float64frombits(value.StaleNaN))
	}
	b.commit(appender)
}

func (b *bed) append(appender storage.Appender, l labels.Labels, at time.Time, v float64) {
	b.t.Helper()
	if _, err := appender.Append(0, l, timestamp.FromTime(at), v); err != nil {
		b.t.Fatalf("%s at %s: %v", l, at, err)
	}
}

func (b *bed) commit(appender storage.Appender) {
	b.t.Helper()
	if err := appender.Commit(); err != nil {
		b.t.Fatal(err)
	}
}

// evaluate runs the groups whose time has come and notes what fires.
func (b *bed) evaluate() {
	for _, group := range b.groups {
		if b.now.Sub(epoch)%group.Interval() != 0 {
			continue
		}
		group.Eval(b.t.Context(), b.now)
		for _, rule := range group.Rules() {
			if err := rule.LastError(); err != nil {
				b.t.Fatalf("evaluating %s: %v", rule.Name(), err)
			}
		}
		if group.HasAlertingRules() {
			b.firing = map[string]bool{}
		}
		for _, rule := range group.AlertingRules() {
			for _, alert := range rule.ActiveAlerts() {
				if alert.State != rules.StateFiring {
					continue
				}
				key := keyOf(rule.Name(), alert.Labels)
				b.firing[key] = true
				if _, known := b.firstFired[key]; !known {
					b.firstFired[key] = b.now
				}
			}
		}
	}
}

// keyOf is "severity name", with slo and window for burn rates.
func keyOf(name string, l labels.Labels) string {
	key := l.Get("severity") + " " + name
	if window := l.Get("window"); window != "" {
		key += " " + window
	}
	return key
}

// fired are the keys of all alerts that have ever fired.
func (b *bed) fired() []string { return slices.Sorted(maps.Keys(b.firstFired)) }

// value of a query that has one result.
func (b *bed) value(query string) float64 {
	b.t.Helper()
	vector, err := b.query(b.t.Context(), query, b.now)
	if err != nil {
		b.t.Fatalf("%s: %v", query, err)
	}
	if len(vector) != 1 {
		b.t.Fatalf("%s has %d results", query, len(vector))
	}
	return vector[0].F
}

func near(got, want, tolerance float64) bool {
	return math.Abs(got-want) <= tolerance*math.Max(math.Abs(want), 1e-9)
}

// promDuration reads the windows of labels, such as 1d12h.
func promDuration(t *testing.T, text string) time.Duration {
	t.Helper()
	units := map[byte]time.Duration{'d': 24 * time.Hour, 'h': time.Hour, 'm': time.Minute, 's': time.Second}
	var total time.Duration
	start := 0
	for i := range len(text) {
		if unit, is := units[text[i]]; is {
			n, err := strconv.Atoi(text[start:i])
			if err != nil {
				t.Fatalf("duration %q: %v", text, err)
			}
			total += time.Duration(n) * unit
			start = i + 1
		}
	}
	return total
}
