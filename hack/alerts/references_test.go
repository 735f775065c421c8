// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package alerts

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"
)

// What Prometheus adds to each series of a target, or makes itself. The cluster is an external label: rules do not see it, but
// whoever asks a store of several clusters.
var (
	targetLabels = []string{"namespace", "job", "service", "pod", "instance", "endpoint", "container", "exported_namespace", "cluster"}
	ownSeries    = map[string][]string{"up": {}, "ALERTS": {"alertname", "alertstate", "severity", "slo", "window"}}
)

// operatorMetrics is what a manager serves, as a test of controllers finds it.
const operatorMetrics = "testdata/operator/metrics.txt"

// operatorMetric is a line of operatorMetrics.
type operatorMetric struct {
	name, kind string
	labels     []string
}

func managerMetrics(t *testing.T) (all []operatorMetric) {
	t.Helper()
	text, err := os.ReadFile(operatorMetrics)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		all = append(all, operatorMetric{words[0], words[1], words[2:]})
	}
	return all
}

type ruleObject struct {
	Spec struct {
		Groups []struct {
			Rules []struct {
				Alert, Record, Expr string
				Labels, Annotations map[string]string
			}
		}
	}
}

// ruleObjects are all PrometheusRules by their path.
func ruleObjects(t *testing.T) map[string]ruleObject {
	t.Helper()
	paths, err := filepath.Glob("testdata/*/prometheusrule.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no rules: %v", err)
	}
	objects := map[string]ruleObject{}
	for _, path := range append(paths, operatorRules) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var object ruleObject
		if err := yaml.Unmarshal(text, &object); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		objects[path] = object
	}
	return objects
}

// served is what a pod of the workload serves after a few requests: for each metric the names of its labels.
func served(t *testing.T, threshold string) (names map[string][]string, families map[string]*dto.MetricFamily) {
	t.Helper()
	families = startProcess(t, threshold).scrape()
	names = map[string][]string{}
	for name, family := range families {
		for _, metric := range family.Metric {
			for _, label := range metric.Label {
				names[name] = append(names[name], label.GetName())
			}
		}
		names[name] = append(names[name], "")
	}
	return names, families
}

func parse(t *testing.T, query string) parser.Expr {
	t.Helper()
	expression, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return expression
}

// selectors of a query.
func selectors(t *testing.T, query string) []*parser.VectorSelector {
	t.Helper()
	var found []*parser.VectorSelector
	parser.Inspect(parse(t, query), func(node parser.Node, _ []parser.Node) error {
		if selector, is := node.(*parser.VectorSelector); is {
			found = append(found, selector)
		}
		return nil
	})
	return found
}

// queries are all expressions by where they stand.
func queries(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for path, object := range ruleObjects(t) {
		for _, group := range object.Spec.Groups {
			for _, rule := range group.Rules {
				all[path] = append(all[path], rule.Expr)
			}
		}
	}
	for path, d := range dashboards(t) {
		all[path] = append(all[path], d.queries(t, grafana(15*time.Second))...)
	}
	return all
}

// known are the labels of every series that somebody serves or records.
func knownSeries(t *testing.T) map[string][]string {
	t.Helper()
	known, _ := served(t, "50ms")
	for _, metric := range managerMetrics(t) {
		known[metric.name] = metric.labels
	}
	// Pods that were started before live settings had a version serve these.
	known["goservice_tuning_info"] = []string{"revision"}
	known["goservice_tuning_reloads_total"] = []string{"result"}
	maps.Copy(known, ownSeries)
	for _, h := range histograms {
		result := cmp.Or(h.results, h.name)
		known[result], known[h.name] = append(known[result], h.own), append(known[h.name], h.own)
		known[result] = append(known[result], h.label)
		for i := 0; i < len(h.other); i += 2 {
			known[h.name] = append(known[h.name], h.other[i])
		}
	}
	for _, object := range ruleObjects(t) {
		for _, group := range object.Spec.Groups {
			for _, rule := range group.Rules {
				if rule.Record != "" {
					known[rule.Record] = append(known[rule.Record], slices.Collect(maps.Keys(rule.Labels))...)
					known[rule.Record] = append(known[rule.Record], "slo", "reason")
				}
			}
		}
	}
	return known
}

// namesOf what a selector reads: variables of dashboards ask for several names at once.
func namesOf(selector *parser.VectorSelector) []string {
	for _, matcher := range selector.LabelMatchers {
		if matcher.Name == model.MetricNameLabel {
			return strings.Split(matcher.Value, "|")
		}
	}
	return nil
}

// labelsOf a series, or of the histogram that it is part of.
func labelsOf(known map[string][]string, name string) (found []string, is bool) {
	if found, is = known[name]; is {
		return append(slices.Clone(targetLabels), found...), true
	}
	for _, part := range []string{"_bucket", "_count", "_sum"} {
		if family, cut := strings.CutSuffix(name, part); cut {
			if found, is = known[family]; is {
				return append(slices.Clone(targetLabels), append(found, "le")...), true
			}
		}
	}
	return nil, false
}

// Every series that a rule or a dashboard reads is one that somebody serves or records, with the labels that are matched and kept.
func TestEverySeriesThatIsReadExists(t *testing.T) {
	known := knownSeries(t)
	for path, all := range queries(t) {
		for _, query := range all {
			for _, selector := range selectors(t, query) {
				for _, name := range namesOf(selector) {
					labels, found := labelsOf(known, name)
					if !found {
						t.Errorf("%s reads %s, which nobody serves or records", path, name)
						continue
					}
					for _, matcher := range selector.LabelMatchers {
						if matcher.Name != model.MetricNameLabel && !slices.Contains(labels, matcher.Name) {
							t.Errorf("%s matches %s, which %s does not have", path, matcher.Name, name)
						}
					}
				}
			}
			for _, missing := range keptInVain(t, known, query) {
				t.Errorf("%s groups by %s, which no series of that expression has: %s", path, missing, query)
			}
		}
	}
}

// keptInVain are the labels that an aggregation of a query keeps although none of its series has them.
func keptInVain(t *testing.T, known map[string][]string, query string) (missing []string) {
	t.Helper()
	expression := parse(t, query)
	parser.Inspect(expression, func(node parser.Node, _ []parser.Node) error {
		aggregation, is := node.(*parser.AggregateExpr)
		if !is || aggregation.Without {
			return nil
		}
		var has []string
		parser.Inspect(aggregation.Expr, func(inner parser.Node, _ []parser.Node) error {
			switch inner := inner.(type) {
			case *parser.VectorSelector:
				found, _ := labelsOf(known, inner.Name)
				has = append(has, found...)
			case *parser.Call:
				if inner.Func.Name == "label_replace" {
					has = append(has, inner.Args[1].(*parser.StringLiteral).Val)
				}
			}
			return nil
		})
		for _, label := range aggregation.Grouping {
			if !slices.Contains(has, label) {
				missing = append(missing, label)
			}
		}
		return nil
	})
	return missing
}

// A counter says nothing by itself: what it counted before the last restart is lost, and what it counts now is since then.
func TestCountersAreReadAsRates(t *testing.T) {
	counter := regexp.MustCompile(`_(total|bucket|count|sum)$`)
	over := []string{"rate", "increase", "irate", "count_over_time", "present_over_time"}
	for path, all := range queries(t) {
		for _, query := range all {
			parser.Inspect(parse(t, query), func(node parser.Node, within []parser.Node) error {
				selector, is := node.(*parser.VectorSelector)
				if !is || !counter.MatchString(selector.Name) || slices.ContainsFunc(within, func(outer parser.Node) bool {
					call, is := outer.(*parser.Call)
					return is && slices.Contains(over, call.Func.Name)
				}) {
					return nil
				}
				if !strings.HasPrefix(query, selector.String()) { // a variable asks for label values only
					t.Errorf("%s reads the counter %s as it is: %s", path, selector.Name, query)
				}
				return nil
			})
		}
	}
}

// The bucket of the threshold that the rules count is one that the workload has, as Prometheus writes its boundary.
func TestTheThresholdIsABucketOfTheWorkload(t *testing.T) {
	for folder, threshold := range map[string]string{"month": "50ms", "week": "120ms", "lax": "2s"} {
		t.Run(folder, func(t *testing.T) {
			_, families := served(t, threshold)
			var boundaries []string
			for _, bucket := range families["http_server_request_duration_seconds"].Metric[0].Histogram.Bucket {
				boundary := labels.FormatOpenMetricsFloat(bucket.GetUpperBound())
				boundaries = append(boundaries, boundary, strings.TrimSuffix(boundary, ".0"))
			}
			object := ruleObjects(t)[filepath.Join("testdata", folder, "prometheusrule.yaml")]
			matched := 0
			for _, group := range object.Spec.Groups {
				for _, rule := range group.Rules {
					for _, selector := range selectors(t, rule.Expr) {
						for _, matcher := range selector.LabelMatchers {
							if matcher.Name == "le" && !matcher.Matches("+Inf") {
								matched++
								if !slices.ContainsFunc(boundaries, matcher.Matches) {
									t.Errorf("%s matches none of the boundaries %v", matcher, boundaries)
								}
							}
						}
					}
				}
			}
			if matched == 0 {
				t.Error("no rule reads a bucket of the threshold")
			}
		})
	}
}

// Every alert leads to its own section of the runbooks, and every section is about an alert.
func TestEveryAlertHasARunbook(t *testing.T) {
	text, err := os.ReadFile("testdata/docs/runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]bool{}
	for _, match := range regexp.MustCompile(`(?m)^#+ (GoService\w+)$`).FindAllStringSubmatch(string(text), -1) {
		sections[match[1]] = true
	}
	seen := map[string]bool{}
	for path, object := range ruleObjects(t) {
		for _, group := range object.Spec.Groups {
			for _, rule := range group.Rules {
				if rule.Alert == "" {
					continue
				}
				seen[rule.Alert] = true
				if !sections[rule.Alert] {
					t.Errorf("docs/runbooks.md has no section %s", rule.Alert)
				}
				if !strings.HasSuffix(rule.Annotations["runbook_url"], "#"+strings.ToLower(rule.Alert)) {
					t.Errorf("%s: %s leads to %s", path, rule.Alert, rule.Annotations["runbook_url"])
				}
				if rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
					t.Errorf("%s: %s has the labels %v and annotations %v", path, rule.Alert, rule.Labels, rule.Annotations)
				}
			}
		}
	}
	for section := range sections {
		if !seen[section] {
			t.Errorf("docs/runbooks.md has a section %s, but there is no such alert", section)
		}
	}
}
