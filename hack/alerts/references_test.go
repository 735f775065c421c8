// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package alerts

import (
	"cmp"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"

	workload "goservice.dev/operator/workload/service"
)

// What Prometheus adds to each series of a target, or makes itself.
var (
	targetLabels = []string{"namespace", "job", "service", "pod", "instance", "endpoint", "container", "exported_namespace"}
	ownSeries    = map[string][]string{"up": {}, "ALERTS": {"alertname", "alertstate", "severity", "slo", "window"}}
	// librarySeries are those that controller-runtime and client-go serve for the operator.
	librarySeries = map[string][]string{
		"leader_election_master_status":               {"name"},
		"controller_runtime_reconcile_total":          {"controller", "result"},
		"controller_runtime_reconcile_time_seconds":   {"controller"},
		"workqueue_depth":                             {"name", "controller", "priority"},
		"workqueue_queue_duration_seconds":            {"name", "controller"},
		"workqueue_longest_running_processor_seconds": {"name", "controller"},
		"rest_client_requests_total":                  {"method", "code", "host"},
		"goservice_operator_applies_total":            {"kind", "result"},
		"goservice_operator_unconfirmed_pods":         {"namespace", "name"},
		"goservice_operator_upgrades_halted":          {},
		"goservice_operator_replica_floor":            {"namespace", "name"},
		"goservice_operator_tuning_decisions_total":   {"namespace", "name", "what"},
		"goservice_operator_retune_seconds":           {},
	}
)

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
	service := workload.New(workload.WithLog(io.Discard), workload.WithEnvironment(map[string]string{
		"GOSERVICE_NAME": "checkout", "GOSERVICE_NAMESPACE": "shop", "GOSERVICE_POD": "checkout-1",
		"GOSERVICE_LIVE_SETTINGS_FILE": "", "GOSERVICE_LATENCY_THRESHOLD": threshold,
		"GOSERVICE_PEERS_NAMES": "checkout-metrics", "GOSERVICE_UPSTREAMS": `[{"name":"billing","url":"http://billing.shop.svc"}]`,
	}))
	service.HandleFunc("GET /status/{code}", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("code") == "500" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	for _, path := range []string{"/status/200", "/status/500"} {
		service.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	}
	response := httptest.NewRecorder()
	service.AdminHandler().ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	textParser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := textParser.TextToMetricFamilies(response.Body)
	if err != nil {
		t.Fatalf("the metrics of the workload: %v", err)
	}
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

// selectors of a query.
func selectors(t *testing.T, query string) []*parser.VectorSelector {
	t.Helper()
	expression, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	var found []*parser.VectorSelector
	parser.Inspect(expression, func(node parser.Node, _ []parser.Node) error {
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
		all[path] = append(all[path], d.queries()...)
	}
	return all
}

// Every series that a rule or a dashboard reads is one that somebody serves or records, with the labels that are matched.
func TestEverySeriesThatIsReadExists(t *testing.T) {
	known, _ := served(t, "50ms")
	// These exist from their first event on.
	known["http_client_request_duration_seconds"] = []string{"upstream", "http_request_method", "http_response_status_code"}
	known["goservice_requests_rejected_total"] = []string{"reason"}
	// Pods that were started before live settings had a version serve these.
	known["goservice_tuning_info"] = []string{"revision"}
	known["goservice_tuning_reloads_total"] = []string{"result"}
	maps.Copy(known, ownSeries)
	maps.Copy(known, librarySeries)
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
	for path, all := range queries(t) {
		for _, query := range all {
			for _, selector := range selectors(t, query) {
				name := selector.Name
				labelNames, found := known[name]
				if !found {
					name = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count"), "_sum")
					labelNames, found = known[name]
				}
				if !found {
					t.Errorf("%s reads %s, which nobody serves or records", path, selector.Name)
					continue
				}
				for _, matcher := range selector.LabelMatchers {
					if !slices.Contains(append(append([]string{model.MetricNameLabel, "le"}, targetLabels...), labelNames...), matcher.Name) {
						t.Errorf("%s matches %s, which %s does not have", path, matcher.Name, selector.Name)
					}
				}
			}
		}
	}
}

// The operator's own metrics that are read are those of its source, with their labels.
func TestOperatorMetricsExist(t *testing.T) {
	text, err := os.ReadFile("testdata/controllers/metrics.go")
	if err != nil {
		t.Fatal(err)
	}
	for name := range librarySeries {
		if strings.HasPrefix(name, "goservice_operator_") && !strings.Contains(string(text), `"`+name+`"`) {
			t.Errorf("the operator has no metric %s", name)
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
