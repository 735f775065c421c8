// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package console

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/golden"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/prometheus"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/top"
)

func isGolden(t *testing.T, name string, model any) {
	t.Helper()
	text, err := json.MarshalIndent(model, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, filepath.Join("testdata", name), string(text)+"\n")
}

func rowsOf(t *testing.T, n int) []top.Row {
	t.Helper()
	c := consoleOf(t, fleet(t, n)...)
	rows, _, _ := c.Board.Rows()
	return rows
}

func TestTheOverviewShowsWhatNeedsAttentionFirst(t *testing.T) {
	t.Parallel()
	isGolden(t, "overview.json", OverviewOf(rowsOf(t, 12), ReadQuery(url.Values{})))
}

func TestTheDetailHasEverythingOnOneTimeAxis(t *testing.T) {
	t.Parallel()
	value := func(v float64) *float64 { return &v }
	known := seen{asked: true, pods: []top.Pod{
		{Name: "checkout-5d7f9c6b8-x2x9k", Ready: true, RequestsPerSecond: value(127.5), LimitPerSecond: value(277.8), BusyWorkers: value(3), Workers: value(64)},
		{Name: "checkout-5d7f9c6b8-aaaaa", Ready: true}, {Name: "checkout-new", Problem: "ImagePullBackOff"},
	}, events: []corev1.Event{{Reason: "Retuned", Message: "9 of 9 pods confirmed in 0.2s", LastTimestamp: metav1.NewTime(noon.Add(-9 * time.Minute))}}}
	for i := range 4 {
		known.samples = append(known.samples, Sample{noon.Add(time.Duration(i-4) * recordPace), 1100 + 20*float32(i), 0.078, 8})
	}
	d := DetailOf(service(t, "trouble"), known, "", noon)
	d.Report = nil // has golden files of its own
	isGolden(t, "detail.json", d)
}

func TestAThousandServicesAreSearchedAndSorted(t *testing.T) {
	t.Parallel()
	rows := rowsOf(t, 1000)
	ask := func(query string) *Overview {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		return OverviewOf(rows, ReadQuery(values))
	}
	if o := ask(""); o.Total != 1000 || len(o.Rows) != perPage || o.Before != "" || o.After != "?page=2" || o.Rows[0].ProblemTone != bad {
		t.Errorf("%d of %d rows, before %q, after %q, first %+v", len(o.Rows), o.Total, o.Before, o.After, o.Rows[0])
	}
	if o := ask("page=999"); o.From != 901 || o.To != 1000 || o.After != "" {
		t.Errorf("the page after the last has %d to %d, after %q", o.From, o.To, o.After)
	}
	if o := ask("q=Team-07+CART"); o.Found != 2 || o.Rows[0].Namespace != "team-07" {
		t.Errorf("a search by two words finds %d", o.Found)
	}
	if o := ask("q=missed"); o.Found != o.Missed || o.Missed == 0 {
		t.Errorf("%d are found, %d are missed", o.Found, o.Missed)
	}
	if o := ask("q=" + url.QueryEscape(hostile)); o.Found != 0 || o.From != 0 || o.To != 0 {
		t.Errorf("%d are found, %d to %d", o.Found, o.From, o.To)
	}
	for _, sort := range []string{"budget", "-budget", "p99", "-p99", "demand", "-demand", "cpu", "-cpu", "replicas", "-replicas", "name", "-name"} {
		o := ask("sort=" + sort + "&q=c")
		key, down := strings.CutPrefix(sort, "-")
		want := "ascending"
		if down {
			want = "descending"
		}
		for _, c := range o.Columns {
			if (c.Key == key) != (c.Sorted == want) {
				t.Errorf("sort=%s: column %s is %q", sort, c.Title, c.Sorted)
			}
		}
		if o.Rows[0].Name == "" || key == "budget" && o.Rows[0].Budget == "-" {
			t.Errorf("sort=%s: the first is %+v", sort, o.Rows[0])
		}
	}
	if o := ask("sort=nothing&page=-1"); o.Query != (Query{Page: 1}) {
		t.Errorf("a query without sense is %+v", o.Query)
	}
}

func TestTheRecorderKeepsAnHourOfServicesThatExist(t *testing.T) {
	t.Parallel()
	var r Recorder
	rows := []top.Row{{Namespace: "shop", Name: "a"}, {Namespace: "shop", Name: "b"}}
	for i := range longest + 10 {
		r.Record(rows, noon.Add(time.Duration(i)*recordPace))
	}
	a := r.Of(types.NamespacedName{Namespace: "shop", Name: "a"})
	if len(a) != longest || !a[0].At.Equal(noon.Add(10*recordPace)) || a[0].Demand != -1 {
		t.Errorf("%d samples, the first %+v", len(a), a[0])
	}
	r.Record(rows[1:], noon)
	if gone := r.Of(types.NamespacedName{Namespace: "shop", Name: "a"}); len(gone) != 0 {
		t.Errorf("a service that is gone has %d samples", len(gone))
	}
}

func TestThePastIsReadFromPrometheus(t *testing.T) {
	t.Parallel()
	const otherHistogram = "http_server_request_duration_seconds_count"
	var asked []string
	known := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query().Get("query")
		asked = append(asked, r.Method+" "+r.URL.Path+" "+query)
		result := `{"metric":{},"values":[[1795952400,"5"],[1795952460,"NaN"],[1795952520,"7"],[1795953600,"8"]]}`
		// Pods are scraped, whatever their metrics are called.
		if !strings.Contains(query, known) && !strings.Contains(query, "up{") {
			result = ""
		}
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"matrix","result":[`+result+`]}}`)
	}))
	defer server.Close()
	p, err := NewPrometheus(prometheus.Options{Address: server.URL + "/prom"})
	if err != nil {
		t.Fatal(err)
	}
	m := p.Ask(t.Context(), service(t, "steady"), noon)
	if m.Failed != "" || len(m.Demand) != 4 || m.Demand[2].Value != -1 || len(m.P99) != 4 || len(m.Pods) != 4 || len(asked) != 4 {
		t.Errorf("it asks %q and has %+v", asked, m)
	}
	for _, query := range asked {
		// Pods of checkout-db have the name's beginning, too; the Service that is scraped is nobody else's.
		if !strings.HasPrefix(query, "GET /prom/api/v1/query_range ") || !strings.Contains(query, `namespace="shop",service="checkout-metrics"`) {
			t.Error(query)
		}
	}
	// What Prometheus does not know, the status does: a service with other metrics, or one that nobody scrapes.
	known, asked = "nothing", nil
	if m := p.Ask(t.Context(), service(t, "steady"), noon); !strings.Contains(m.Failed, "it has no http_server_request_duration_seconds{") || m.Pods != nil {
		t.Errorf("without its histogram: %+v", m)
	}
	own := service(t, "steady")
	own.Spec.Observability = &v1alpha1.ObservabilitySpec{Metrics: &v1alpha1.MetricsSpec{Indicators: v1alpha1.IndicatorsCustom, Custom: &v1alpha1.CustomIndicators{Histogram: "own_milliseconds", Unit: v1alpha1.UnitMilliseconds}}}
	known, asked = "own_milliseconds", nil
	if m := p.Ask(t.Context(), own, noon); m.Failed != "" || len(m.Demand) != 4 || strings.Contains(strings.Join(asked, " "), otherHistogram) ||
		!strings.Contains(strings.Join(asked, " "), "0.001 * histogram_quantile(0.99,") {
		t.Errorf("with its own histogram, it asks %q and has %+v", asked, m)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if m := p.Ask(ctx, service(t, "steady"), noon); m.Failed == "" {
		t.Error("no answer is no failure")
	}
	for _, address := range []string{"", "localhost:9090", "ftp://a", "http://"} {
		if _, err := NewPrometheus(prometheus.Options{Address: address}); err == nil || !strings.Contains(err.Error(), "must be like") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
