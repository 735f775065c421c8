// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

// ruleCases are the GoServices whose rules hack/alerts tries out in Prometheus's own engine; it reads the same golden files.
const ruleCases = "../../../hack/alerts/testdata/*/goservice.yaml"

func TestGoldenPrometheusRule(t *testing.T) {
	inputs, err := filepath.Glob(ruleCases)
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no cases in %s: %v", ruleCases, err)
	}
	for _, input := range inputs {
		folder := filepath.Dir(input)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			text, err := os.ReadFile(input)
			if err != nil {
				t.Fatal(err)
			}
			var service v1alpha1.GoService
			if err := yaml.UnmarshalStrict(text, &service); err != nil {
				t.Fatal(err)
			}
			got, err := yaml.Marshal(ruleOf(t, &service, Environment{}))
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join(folder, "prometheusrule.yaml")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v; write it by: go test ./controllers/internal/build -update", err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("what is built differs from %s (-want +got); if it should: go test ./controllers/internal/build -update\n%s", golden, diff)
			}
		})
	}
}

// ruleOf is the PrometheusRule that is built for a service, nil where there is none.
func ruleOf(t *testing.T, service *v1alpha1.GoService, environment Environment) map[string]any {
	t.Helper()
	environment.OptionalKinds = map[schema.GroupVersionKind]bool{PrometheusRuleKind: true}
	desired, err := Build(service, plan.Compute(&service.Spec, plan.Observed{}), environment)
	if err != nil {
		t.Fatal(err)
	}
	for _, child := range desired.Children {
		if child.Kind == PrometheusRuleKind {
			object, err := child.Unstructured()
			if err != nil {
				t.Fatal(err)
			}
			return object
		}
	}
	return nil
}

// alertsOf are the alerting rules of a PrometheusRule.
func alertsOf(rule map[string]any) []map[string]any {
	var alerts []map[string]any
	for _, group := range rule["spec"].(map[string]any)["groups"].([]any) {
		for _, one := range group.(map[string]any)["rules"].([]any) {
			if one := one.(map[string]any); one["alert"] != nil {
				alerts = append(alerts, one)
			}
		}
	}
	return alerts
}

func declared(name string) *v1alpha1.GoService {
	var service v1alpha1.GoService
	service.Name, service.Namespace = name, "shop"
	service.Spec.SLO = &v1alpha1.SLOSpec{Availability: "99.9"}
	return &service
}

func TestNoPrometheusRuleWithoutAnObjective(t *testing.T) {
	service := declared("checkout")
	service.Spec.SLO = nil
	if rule := ruleOf(t, service, Environment{}); rule != nil {
		t.Errorf("built %v for a service without slo", rule)
	}
}

func TestNoPrometheusRuleWhereTheKindIsUnknown(t *testing.T) {
	service := declared("checkout")
	desired, err := Build(service, plan.Compute(&service.Spec, plan.Observed{}), Environment{})
	if err != nil {
		t.Fatal(err)
	}
	for _, child := range desired.Children {
		if child.Kind == PrometheusRuleKind {
			t.Error("a PrometheusRule is built for a cluster that does not know the kind")
		}
	}
}

// Every alert says who is meant, how bad it is, what is measured and where to read on.
func TestWhatEveryAlertCarries(t *testing.T) {
	for name, test := range map[string]struct {
		environment Environment
		runbooks    string
	}{
		"default runbooks": {Environment{}, DefaultRunbookURL},
		"own runbooks":     {Environment{RunbookURL: "https://wiki.example/goservice"}, "https://wiki.example/goservice"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, alert := range alertsOf(ruleOf(t, declared("checkout"), test.environment)) {
				labels, annotations := alert["labels"].(map[string]any), alert["annotations"].(map[string]any)
				if labels["service"] != "checkout" || labels["namespace"] != "shop" || labels["slo"] == "" {
					t.Errorf("%s has the labels %v", alert["alert"], labels)
				}
				if s := labels["severity"]; s != plan.SeverityPage && s != plan.SeverityTicket {
					t.Errorf("%s has the severity %v", alert["alert"], s)
				}
				if annotations["summary"] == "" || annotations["description"] == "" {
					t.Errorf("%s has the annotations %v", alert["alert"], annotations)
				}
				if want := test.runbooks + "#" + strings.ToLower(alert["alert"].(string)); annotations["runbook_url"] != want {
					t.Errorf("%s leads to %s, want %s", alert["alert"], annotations["runbook_url"], want)
				}
			}
		})
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Second: "1s", 70 * time.Second: "1m10s", 280 * time.Second: "4m40s", 5 * time.Minute: "5m", time.Hour: "1h",
		36 * time.Hour: "1d12h", 72 * time.Hour: "3d", 16*time.Hour + 48*time.Minute: "16h48m",
	} {
		if got := span(d); got != want {
			t.Errorf("span(%s) = %s, want %s", d, got, want)
		}
	}
}

func TestPercent(t *testing.T) {
	for share, want := range map[float64]string{0.001: "0.1%", 0.0144: "1.44%", 0.5005: "50.05%", 0.000001: "0.0001%", 1: "100%"} {
		if got := percent(share); got != want {
			t.Errorf("percent(%v) = %s, want %s", share, got, want)
		}
	}
}

// Whatever a program writes for a bucket that rounds to the bound is taken, and nothing else.
func TestBoundsAreFoundAsTheyAreWritten(t *testing.T) {
	for _, c := range []struct {
		bound, unit time.Duration
		taken, left []string
	}{
		{300 * time.Millisecond, time.Second, []string{"0.3", "0.30000000000000004", "0.29999999999999999"}, []string{"0.31", "0.3001", "1.3", "0.29", "3"}},
		{256289063, time.Second, []string{"0.256289063", "0.25628906250000005"}, []string{"0.256289062", "0.25628906449"}},
		{time.Second, time.Second, []string{"1", "1.0"}, []string{"10", "1.5", "11"}},
		{43 * time.Millisecond, time.Millisecond, []string{"43", "43.0", "42.99999999999999"}, []string{"430", "43.5", "0.043"}},
		{1500 * time.Microsecond, time.Millisecond, []string{"1.5"}, []string{"1", "1.55", "15"}},
	} {
		expression := regexp.MustCompile("^(?:" + strings.ReplaceAll(rules{alerts: &plan.Alerts{}}.spellings(c.bound, c.unit), ".", `\.`) + ")$")
		for _, text := range c.taken {
			if !expression.MatchString(text) {
				t.Errorf("%s in %s: %s is not taken by %s", c.bound, c.unit, text, expression)
			}
		}
		for _, text := range c.left {
			if expression.MatchString(text) {
				t.Errorf("%s in %s: %s is taken by %s", c.bound, c.unit, text, expression)
			}
		}
	}
}
