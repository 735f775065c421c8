// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"goservice.dev/operator/api/v1alpha1"
)

// toolkitQuery is what is asked of a service on the toolkit.
func toolkitQuery(scraped string) string { return Endpoint{}.Query("shop", scraped) }

var update = flag.Bool("update", false, "write testdata/query.promql")

// TestQueryIsTheOneThatPrometheusRan ties what is asked to the files that the tests in hack/alerts run in Prometheus' engine.
func TestQueryIsTheOneThatPrometheusRan(t *testing.T) {
	for path, got := range map[string]string{
		"testdata/query.promql":      toolkitQuery("checkout-metrics"),
		"testdata/query-grpc.promql": EndpointOf(specOf(v1alpha1.IndicatorsGRPC)).Query("shop", "checkout-metrics"),
	} {
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("query (-want +got); after -update, hack/alerts must write the answer anew:\n%s", diff)
		}
	}
}

func TestQueryEscapes(t *testing.T) {
	got := Endpoint{}.Query(`a"} or up{x="`, `b\`)
	if want := `namespace="a\"} or up{x=\"",service="b\\"`; strings.Count(got, want) != 12 || strings.Count(got, "namespace=") != 12 {
		t.Errorf("a name got out of its quotes:\n%s", got)
	}
}

// page parses what a pod serves.
func page(t *testing.T, preset v1alpha1.IndicatorsPreset, file string) Sample {
	t.Helper()
	text, err := os.Open(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	counters, err := formats[preset].parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return counters
}

// TestPrometheusSaysWhatPodsSay reads Prometheus' own answer: from the same pages both sources must give the same counters.
func TestPrometheusSaysWhatPodsSay(t *testing.T) {
	for file, pages := range map[string]struct {
		preset v1alpha1.IndicatorsPreset
		a, b   string
	}{
		"answer.json":      {v1alpha1.IndicatorsToolkit, "metrics.txt", "kinds.txt"},
		"answer-grpc.json": {v1alpha1.IndicatorsGRPC, "middleware.txt", "otelgrpc.txt"},
	} {
		text, err := os.Open(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		defer text.Close()
		got, err := decode(text)
		if err != nil {
			t.Fatal(err)
		}
		asked := time.Date(2026, time.March, 1, 1, 0, 0, 0, time.UTC)
		want := map[string]Sample{
			"checkout-a": page(t, pages.preset, pages.a),
			"checkout-b": page(t, pages.preset, pages.b),
		}
		ages := map[string]time.Duration{"checkout-a": 3500 * time.Millisecond, "checkout-b": 11250 * time.Millisecond}
		for pod, sample := range want {
			sample.Age = ages[pod]
			sample.At = asked.Add(-sample.Age)
			want[pod] = sample
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateApprox(1e-12, 0), cmpopts.EquateApproxTime(time.Millisecond)); diff != "" {
			t.Errorf("%s: samples (-want +got):\n%s", file, diff)
		}
	}
}

func manyPods(n int) (elements []string) {
	for i := range n {
		elements = append(elements, fmt.Sprintf(`{"metric":{"pod":"p%d","part":"requests"},"value":[1,"2"]}`, i))
	}
	return elements
}

func manyBuckets(n int) (elements []string) {
	for i := range n {
		elements = append(elements, fmt.Sprintf(`{"metric":{"pod":"a","part":"buckets","le":"%d"},"value":[1,"2"]}`, i))
	}
	return elements
}

func TestDecodeRefuses(t *testing.T) {
	const at = `{"metric":{"__name__":"","pod":"a","instance":"x","part":"at"},"value":[1772326800,"1772326790"]}`
	vector := func(elements ...string) string {
		return `{"status":"success","data":{"resultType":"vector","result":[` + strings.Join(elements, ",") + `]}}`
	}
	for name, c := range map[string]struct{ text, want string }{
		"no JSON":          {"<html>", "reading the answer"},
		"an error":         {`{"status":"error","errorType":"bad_data","error":"x"}`, `status "error"`},
		"another type":     {`{"status":"success","data":{"resultType":"matrix","result":[]}}`, `"matrix"`},
		"series of none":   {vector(`{"metric":{"part":"requests"},"value":[1,"2"]}`), "no label pod"},
		"two scrapes":      {vector(at, strings.Replace(at, `"x"`, `"y"`, 1)), "scraped more than once"},
		"not a number":     {vector(`{"metric":{"pod":"a","part":"requests"},"value":[1,"many"]}`), "reading the answer"},
		"a bucket of all":  {vector(`{"metric":{"pod":"a","part":"buckets"},"value":[1,"2"]}`), "bound"},
		"cut off":          {vector(at)[:60], "reading the answer"},
		"no object":        {`[]`, "expected"},
		"no vector":        {`{"data":{"result":7}}`, "expected"},
		"too many pods":    {vector(manyPods(maxPods + 1)...), "more than 5000 pods"},
		"a bound of NaN":   {vector(`{"metric":{"pod":"a","part":"buckets","le":"NaN"},"value":[1,"2"]}`), "not a number"},
		"too many buckets": {vector(manyBuckets(maxBuckets + 1)...), "more than 64 buckets"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := decode(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q in it", err, c.want)
			}
		})
	}
	// What is new in an answer is not what is asked for, and pods with values that cannot be are left out.
	got, err := decode(strings.NewReader(vector(at, `{"metric":{"pod":"a","part":"new"},"value":[1,"2"]}`,
		`{"metric":{"pod":"b","part":"requests"},"value":[1,"2"]}`,
		strings.ReplaceAll(at, `"a"`, `"c"`), `{"metric":{"pod":"c","part":"requests"},"value":[1,"+Inf"]}`,
		strings.ReplaceAll(at, `"a"`, `"d"`), `{"metric":{"pod":"d","part":"buckets","le":"1"},"value":[1,"NaN"]}`,
		strings.ReplaceAll(at, `"a"`, `"e"`), `{"metric":{"pod":"e","part":"failed"},"value":[1,"-1"]}`)))
	if err != nil || len(got) != 1 || got["a"].Age != 10*time.Second {
		t.Errorf("got %+v, error %v", got, err)
	}
}

func FuzzDecode(f *testing.F) {
	text, err := os.ReadFile("testdata/answer.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"pod":"a"},"value":[]}]}}`)
	f.Fuzz(func(_ *testing.T, text string) { _, _ = decode(strings.NewReader(text)) })
}

func scrapedName(service string) string { return service + "-scraped" }

func TestQueryPrometheus(t *testing.T) {
	answer, err := os.ReadFile("testdata/answer.json")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") }))
	defer elsewhere.Close()
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		want  string // in the error; empty for an answer
	}{
		"an answer": {func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodPost || r.URL.Path != "/prometheus/api/v1/query" || r.FormValue("query") != toolkitQuery("checkout-scraped") || r.FormValue("timeout") != "5s" {
				t.Errorf("%s %s: %v", r.Method, r.URL, r.Form)
			}
			_, _ = w.Write(answer)
		}, ""},
		"an error that is explained": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = w.Write([]byte(`{"status":"error","errorType":"execution","error":"too many\nsamples"}`))
		}, "HTTP status 422: too many samples"},
		"an error of another": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte("<html>secret"))
		}, "HTTP status 403"},
		"a long explanation": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"error":%q}`, strings.Repeat("é", 4000))
		}, "…"},
		"another place": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) }, "HTTP status 302"},
		"an answer without end": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"vector","result":[],"x":"`))
			filler := []byte(strings.Repeat("x", 1<<20))
			for range 2 {
				if _, err := w.Write(filler); err != nil {
					return
				}
			}
		}, "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.serve)
			defer server.Close()
			address, err := ParsePrometheusAddress(server.URL + "/prometheus/")
			if err != nil {
				t.Fatal(err)
			}
			query, err := Prometheus{Address: address, answerBytes: 1 << 20}.Query(scrapedName)
			if err != nil {
				t.Fatal(err)
			}
			got, err := query(t.Context(), serviceName, Endpoint{})
			switch {
			case c.want == "" && (err != nil || len(got) != 2):
				t.Errorf("got %+v, error %v", got, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 500 || strings.Contains(err.Error(), "secret")):
				t.Errorf("error is %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestParsePrometheusAddress(t *testing.T) {
	for text, good := range map[string]bool{
		"http://prometheus.monitoring:9090": true, "https://metrics.example/prometheus": true, "http://[::1]:9090": true,
		"": false, "prometheus:9090": false, "ftp://prometheus": false, "http://": false, "http://:9090": false, "http://user:secret@prometheus": false,
		"http://prometheus?x=y": false, "http://prometheus#x": false, "file:///etc/passwd": false, "http://a b": false,
	} {
		address, err := ParsePrometheusAddress(text)
		if (err == nil) != good {
			t.Errorf("%q: %v, %v", text, address, err)
		}
		if good && address.String() != text {
			t.Errorf("%q became %q", text, address.String())
		}
	}
}
