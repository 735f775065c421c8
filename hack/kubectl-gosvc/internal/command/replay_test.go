// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/api/v1alpha1"
)

// past is a Prometheus that has scraped the service of a namespace. Its demand goes up and down once in six hours, and for half an hour
// nothing was scraped.
type past struct {
	namespace string
	// without a metric whose name contains this; empty: with all.
	without string
}

func (p past) demand(at time.Time) float64 {
	return 900 - 700*math.Cos(2*math.Pi*at.Sub(noon).Hours()/6)
}

func (p past) scraped(at time.Time) bool {
	before := noon.Sub(at)
	return before < 3*time.Hour || before >= 3*time.Hour+30*time.Minute
}

// answers to a query at a time, by the label le.
func (p past) answers(query string, at time.Time) map[string]float64 {
	demand := p.demand(at)
	buckets := map[string]float64{"0.005": 0.15, "0.01": 0.6, "0.025": 0.95, "0.05": 0.99, "0.1": 0.998, "1": 1, "+Inf": 1}
	switch {
	case p.without != "" && strings.Contains(query, p.without), !strings.Contains(query, `namespace="`+p.namespace+`",service="checkout-metrics"`):
		return nil
	case strings.Contains(query, "by (le)"):
		for bound := range buckets {
			buckets[bound] *= demand
		}
		return buckets
	case strings.Contains(query, "_bucket"):
		for bound, share := range buckets {
			if strings.Contains(query, `le="`+bound+`"`) {
				return map[string]float64{"": share * demand}
			}
		}
		return nil
	case strings.Contains(query, "process_cpu_seconds_total"):
		return map[string]float64{"": 0.005 * demand}
	case strings.Contains(query, "goservice_service_seconds_sum"):
		return map[string]float64{"": 0.01}
	case strings.HasPrefix(query, "count(up"):
		return map[string]float64{"": 1 + math.Ceil(demand*0.005/0.6)}
	case strings.Contains(query, `=~"5.."`):
		return map[string]float64{"": 0}
	case strings.Contains(query, "_count"):
		return map[string]float64{"": demand}
	}
	return nil
}

// ServeHTTP answers in the form of Prometheus's API.
func (p past) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	form := r.URL.Query()
	number := func(name string) int64 { n, _ := strconv.ParseInt(form.Get(name), 10, 64); return n }
	series := map[string][]string{}
	for at := number("start"); at <= number("end"); at += number("step") {
		if !p.scraped(time.Unix(at, 0)) {
			continue
		}
		for bound, value := range p.answers(form.Get("query"), time.Unix(at, 0)) {
			series[bound] = append(series[bound], fmt.Sprintf(`[%d,"%g"]`, at, value))
		}
	}
	var results []string
	for bound, values := range series {
		metric := "{}"
		if bound != "" {
			metric = fmt.Sprintf(`{"le":%q}`, bound)
		}
		results = append(results, `{"metric":`+metric+`,"values":[`+strings.Join(values, ",")+`]}`)
	}
	_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"matrix","result":[`+strings.Join(results, ",")+`]}}`)
}

// replayed is a service in a namespace of its own, with a Prometheus, and the arguments of a replay of it.
func replayed(t *testing.T, without string, change ...func(*v1alpha1.GoService)) (namespace string, arguments []string) {
	t.Helper()
	namespace = newNamespace(t)
	create(t, namespace, "steady", change...)
	server := httptest.NewServer(past{namespace, without})
	t.Cleanup(server.Close)
	return namespace, []string{"replay", "checkout", "--prometheus", server.URL, "--since", "12h"}
}

func TestAReplayComparesSettings(t *testing.T) {
	t.Parallel()
	namespace, arguments := replayed(t, "")
	picture := filepath.Join(t.TempDir(), "checkout.svg")
	arguments = append(arguments, "--with", "spec.autoscaling.maxReplicas=6", "--hpa", "50,80", "--svg", picture)
	isGolden(t, "replay.txt", namespace, succeeds(t, namespace, arguments...))
	svg, err := os.ReadFile(picture)
	if err != nil {
		t.Fatal(err)
	}
	isGolden(t, "replay.svg", namespace, string(svg))
}

// Numbers of a document agree with what was recorded: hours of pods, requests, and decisions in time.
func TestAReplayIsADocument(t *testing.T) {
	t.Parallel()
	namespace, arguments := replayed(t, "")
	var document struct {
		From, To           time.Time
		WithoutDataSeconds int
		Measured           struct{ Requests, CPUSecondsPerRequest, ServiceSecondsPerRequest float64 }
		Outcomes           []struct {
			Settings            string
			PodHours, CoreHours float64
			MostPods, Seconds   int
			MissedSeconds       *int
			Decisions           []v1alpha1.TuningDecision
		}
	}
	if err := json.Unmarshal([]byte(succeeds(t, namespace, append(arguments, "-o", "json")...)), &document); err != nil {
		t.Fatal(err)
	}
	d := &document
	if !d.To.Equal(noon) || noon.Sub(d.From) < 12*time.Hour || d.WithoutDataSeconds != 1800 || math.Abs(d.Measured.CPUSecondsPerRequest-0.005) > 1e-6 || math.Abs(d.Measured.ServiceSecondsPerRequest-0.01) > 1e-6 {
		t.Errorf("%+v", d)
	}
	podHours, requests := 0.0, 0.0
	for at := d.From.Add(time.Minute); !at.After(d.To); at = at.Add(time.Minute) {
		if p := (past{}); p.scraped(at) {
			podHours += (1 + math.Ceil(p.demand(at)*0.005/0.6)) / 60
			requests += 60 * p.demand(at)
		}
	}
	if ran := d.Outcomes[0]; ran.Settings != "as it ran" || math.Abs(ran.PodHours-podHours) > 1e-6 || math.Abs(d.Measured.Requests-requests) > 1 {
		t.Errorf("it ran for %v pod-hours with %v requests; the document has %v and %v", podHours, requests, ran.PodHours, d.Measured.Requests)
	}
	declared := d.Outcomes[1]
	needed := int(math.Ceil(1600 * 0.005))
	if declared.Settings != "declared" || declared.MostPods < needed || declared.MissedSeconds == nil || len(declared.Decisions) < 4 {
		t.Errorf("declared: %+v", declared)
	}
	for _, decision := range declared.Decisions {
		if decision.At.Time.Before(d.From) || decision.At.After(d.To) || decision.Reason == "" {
			t.Errorf("%+v", decision)
		}
	}
	if d.Outcomes[2].Settings != "HPA 50%, 300 s" || len(d.Outcomes[2].Decisions) > 0 {
		t.Errorf("the rival: %+v", d.Outcomes[2])
	}
}

func TestAReplayRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	namespace, arguments := replayed(t, "")
	for want, more := range map[string][]string{
		`--since 5m --step 1m: a range of 5m0s: it must be at least 30m0s`:                           {"--since", "5m"},
		`a range of 1h0m0s: it must be at least 2h30m0s`:                                             {"--since", "1h", "--step", "5m"},
		`a step of 1h0m0s: it must be at most 5m0s`:                                                  {"--step", "1h"},
		`a step of 5s: it must be at least the 15s between two scrapes`:                              {"--step", "5s"},
		`"a week" is no duration such as 7d`:                                                         {"--since", "a week"},
		`--hpa is 0, and must be between 1 and 100`:                                                  {"--hpa", "0"},
		`--with replicas=3: "replicas" is not the path of a field`:                                   {"--with", "replicas=3"},
		`--with spec.replicas: "spec.replicas" is not PATH=VALUE`:                                    {"--with", "spec.replicas"},
		`--with spec.env[0].value=x: "spec.env[0].value" is in a list`:                               {"--with", "spec.env[0].value=x"},
		`--with spec.replicas=1,spec.replicas=2: spec.replicas is set twice`:                         {"--with", "spec.replicas=1,spec.replicas=2"},
		`"localhost:9090" is not the address of a Prometheus: it must be like http://localhost:9090`: {"--prometheus", "localhost:9090"},
		`--prometheus is not set`:                                                                    {"--prometheus", ""},
	} {
		if said := fails(t, 2, namespace, append(arguments, more...)...); !strings.Contains(said, want) {
			t.Errorf("%v: %s", more, said)
		}
	}
}

// The API server checks alternatives, by the schema and by its rules, and stores none.
func TestAnAlternativeIsCheckedAsAChangeWouldBe(t *testing.T) {
	t.Parallel()
	namespace, arguments := replayed(t, "")
	for alternative, wants := range map[string][]string{
		"spec.slo.latency.threshold=0s":                                 {"spec.slo.latency.threshold", "0s"},
		"spec.autoscaling.minReplicas=-1":                               {"spec.autoscaling.minReplicas", "-1", "greater than or equal to"},
		"spec.slo.availability=often":                                   {"spec.slo.availability", "often"},
		"spec.slo.objective=1":                                          {`unknown field "spec.slo.objective"`},
		"spec.autoscaling.minReplicas=9,spec.autoscaling.maxReplicas=3": {"spec.autoscaling", "minReplicas"},
	} {
		said := fails(t, 1, namespace, append(arguments, "--with", alternative)...)
		for _, want := range wants {
			if !strings.Contains(said, want) {
				t.Errorf("%s does not say %q: %s", alternative, want, said)
			}
		}
	}
	// A percentage is text to the API, and a number to people.
	if out := succeeds(t, namespace, append(arguments, "--with", "spec.slo.latency.percentile=95")...); !strings.Contains(out, "\nslo.latency.percentile=95 ") {
		t.Error(out)
	}
	service, err := (&cluster{WithWatch: api, namespace: namespace}).service(t.Context(), "checkout")
	if err != nil || service.Generation != 1 || service.Spec.SLO.Latency.Percentile != "99" {
		t.Errorf("the stored service was changed: %+v, %v", service, err)
	}
}

func TestAReplayWithoutDataSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for without, want := range map[string]string{
		"http_server_request_duration_seconds": `no http_server_request_duration_seconds{namespace="NAMESPACE",service="checkout-metrics"} in this time`,
		"process_cpu_seconds_total":            `no process_cpu_seconds_total{namespace="NAMESPACE",service="checkout-metrics"}`,
		"count(up":                             `there is no up{namespace="NAMESPACE",service="checkout-metrics"}`,
	} {
		namespace, arguments := replayed(t, without)
		if said := fails(t, 1, namespace, arguments...); !strings.Contains(strings.ReplaceAll(said, namespace, "NAMESPACE"), want) {
			t.Errorf("without %s: %s", without, said)
		}
	}
	namespace, arguments := replayed(t, "", func(service *v1alpha1.GoService) {
		service.Spec.Autoscaling = &v1alpha1.AutoscalingSpec{Mode: v1alpha1.AutoscalingExternal}
	})
	if said := fails(t, 1, namespace, arguments...); !strings.Contains(said, "spec.autoscaling.mode is External") {
		t.Error(said)
	}
	nobody := httptest.NewServer(nil)
	nobody.Close()
	if said := fails(t, 1, namespace, "replay", "checkout", "--prometheus", nobody.URL); !strings.Contains(said, "asking the Prometheus at "+nobody.URL) || strings.Contains(said, "cluster") {
		t.Error(said)
	}
}
