// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/runtimeinfo"
	"goservice.dev/operator/workload/service"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// billing is an upstream.
func billing(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/json":
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"paid":true}`)
		case "/fail":
			w.WriteHeader(http.StatusInternalServerError)
		case "/hang":
			<-r.Context().Done()
		default:
			body, _ := io.ReadAll(r.Body)
			_, _ = fmt.Fprintf(w, "%s %s %s %s", r.Method, r.URL, body, r.Header.Get("X-Forwarded-For"))
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// workload is the service as it is deployed, with an upstream that works and one that does not.
func workload(t *testing.T, builtIn livesettings.Document, extra map[string]string) *service.Service {
	t.Helper()
	environment := map[string]string{
		"GOSERVICE_NAME": "checkout", "GOSERVICE_LIVE_SETTINGS_FILE": "", "GOSERVICE_REQUEST_TIMEOUT": "2s",
		"GOSERVICE_UPSTREAMS": fmt.Sprintf(`[{"name":"billing","url":%q},{"name":"gone","url":"http://127.0.0.1:1"}]`, billing(t)),
	}
	maps.Copy(environment, extra)
	builtIn.Version = livesettings.Version
	svc := service.New(service.WithEnvironment(environment), service.WithLog(io.Discard), service.WithBuiltIn(builtIn), service.WithVersion("v1"))
	wire(svc)
	t.Cleanup(func() {
		for _, name := range svc.Upstreams() {
			client, _ := svc.Upstream(name)
			client.CloseIdle()
		}
	})
	return svc
}

func call(handler http.Handler, method, path, contentType, body string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	handler.ServeHTTP(recorder, request)
	return recorder
}

const (
	asJSON  = "application/json"
	asLines = "application/x-ndjson"
	digest  = `{"kind":"digest","input":{"text":"abc"}}`
)

func TestEndpoints(t *testing.T) {
	cases := map[string]struct {
		method, path, contentType, body string
		status                          int
		contains                        string
	}{
		"who am I":             {"GET", "/", "", "", 200, `"name":"checkout","version":"v1","revision":`},
		"work":                 {"GET", "/work?cpu=1us&sleep=1us&alloc=64KiB", "", "", 200, `"allocBytes":65536`},
		"no work":              {"GET", "/work", "", "", 200, `"cpu":"0s"`},
		"work: unknown":        {"GET", "/work?gpu=1s", "", "", 400, `"field":"gpu","rule":"is not known; known are cpu, sleep, alloc"`},
		"work: no duration":    {"GET", "/work?cpu=5", "", "", 400, `"field":"cpu","rule":"must be a duration such as 20ms"`},
		"work: absurd":         {"GET", "/work?cpu=10h", "", "", 400, `"rule":"must be 0s to 5s"`},
		"work: negative":       {"GET", "/work?sleep=-1s", "", "", 400, `"field":"sleep"`},
		"work: size":           {"GET", "/work?alloc=1e9", "", "", 400, `"field":"alloc","rule":"must be a number of bytes`},
		"work: huge":           {"GET", "/work?alloc=4000000000MiB", "", "", 400, `"field":"alloc"`},
		"work: twice":          {"GET", "/work?cpu=1s&cpu=2s", "", "", 400, `"rule":"must be given once only"`},
		"work: encoding":       {"GET", "/work?cpu=%zz", "", "", 400, `"field":"query"`},
		"work: deadline":       {"GET", "/work?sleep=30s", "", "", 504, "not done before the deadline"},
		"proxy":                {"POST", "/proxy/billing/a/b?x=1", "text/plain", "hello", 200, "POST /a/b?x=1 hello 192.0.2.1"},
		"proxy: root":          {"GET", "/proxy/billing/", "", "", 200, "GET / "},
		"proxy: encoded":       {"GET", "/proxy/billing/a%2Fb", "", "", 200, "GET /a%2Fb "},
		"proxy: unknown":       {"GET", "/proxy/shipping/", "", "", 404, `"field":"upstream","rule":"must be one of billing, gone"`},
		"proxy: out":           {"GET", "/proxy/billing/%2e%2e/x", "", "", 400, `"field":"path"`},
		"proxy: gone":          {"GET", "/proxy/gone/", "", "", 502, "upstream gone cannot be reached"},
		"proxy: slow":          {"GET", "/proxy/billing/hang", "", "", 504, "upstream billing did not answer in time"},
		"aggregate: partly":    {"GET", "/aggregate?path=/json", "", "", 200, `{"complete":false,"parts":[{"upstream":"billing","status":200,"body":{"paid":true},"took"`},
		"aggregate: one":       {"GET", "/aggregate?upstream=billing&path=/json", "", "", 200, `"complete":true`},
		"aggregate: none":      {"GET", "/aggregate?upstream=gone", "", "", 502, `"error":"upstream gone cannot be reached"`},
		"aggregate: unknown":   {"GET", "/aggregate?upstream=x", "", "", 400, `"field":"upstream"`},
		"aggregate: parameter": {"GET", "/aggregate?deep=1", "", "", 400, `"field":"deep"`},
		"jobs":                 {"POST", "/jobs", asJSON, `{"jobs":[` + digest + `,` + digest + `]}`, 200, `{"results":[{"index":0,"output":{"digest":"ba7816bf`},
		"jobs: lines":          {"POST", "/jobs", asLines, digest + "\n\n" + digest, 200, "\n" + `{"index":1,"output":{"digest":"ba7816bf`},
		"jobs: fetch":          {"POST", "/jobs", asLines, `{"id":"f","kind":"fetch","input":{"upstream":"billing","path":"/json"}}`, 200, `{"index":0,"id":"f","output":{"status":200,"body":{"paid":true}}`},
		"jobs: error":          {"POST", "/jobs", asLines, `{"kind":"fetch","input":{"upstream":"gone"}}`, 200, `"error":"upstream gone cannot be reached"`},
		"jobs: type":           {"POST", "/jobs", "text/plain", digest, 415, `"field":"Content-Type"`},
		"jobs: no type":        {"POST", "/jobs", "", digest, 415, `"rule":"must be application/json or application/x-ndjson"`},
		"jobs: empty":          {"POST", "/jobs", asLines, "\n", 400, `"field":"jobs","rule":"must hold at least one job"`},
		"jobs: too large":      {"POST", "/jobs", asLines, strings.Repeat(" ", 4<<20+1), 413, `"field":"body","rule":"must have at most 4194304 bytes"`},
		"jobs: too many":       {"POST", "/jobs", asLines, strings.Repeat("{}\n", 10_001), 400, `"rule":"must hold at most 10000 jobs"`},
		"jobs: many in JSON":   {"POST", "/jobs", asJSON, `{"jobs":[` + strings.Repeat("{},", 10_000) + `{}]}`, 400, `"rule":"must hold at most 10000 jobs"`},
		"jobs: not JSON":       {"POST", "/jobs", asJSON, `jobs`, 400, `"field":"body","rule":"must be a JSON object"`},
		"jobs: more behind":    {"POST", "/jobs", asJSON, `{"jobs":[]} {}`, 400, `more follows it`},
		"jobs: unknown field":  {"POST", "/jobs", asJSON, `{"tasks":[]}`, 400, `"field":"tasks","rule":"is not known"`},
		"jobs: wrong type":     {"POST", "/jobs", asJSON, `{"jobs":{}}`, 400, `"field":"jobs","rule":"must be an array, not a value of type object`},
		"jobs: line":           {"POST", "/jobs", asLines, digest + "\n{", 400, `"field":"jobs[1]"`},
		"jobs: field in line":  {"POST", "/jobs", asLines, `{"kind":1}`, 400, `"field":"jobs[0].kind","rule":"must be a string, not a value of type number"`},
		"jobs: kind":           {"POST", "/jobs", asLines, `{"kind":"sing"}`, 400, `"field":"jobs[0].kind","rule":"must be one of digest, fetch"`},
		"jobs: input":          {"POST", "/jobs", asLines, `{"kind":"digest","input":{"text":1}}`, 400, `"field":"jobs[0].input.text"`},
		"unknown path":         {"GET", "/nowhere", "", "", 404, ""},
		"wrong method":         {"POST", "/", "", "", 405, ""},
		"admin is elsewhere":   {"GET", "/metrics", "", "", 404, ""},
		"so is status":         {"GET", "/status/503", "", "", 404, ""},
		"and pprof":            {"GET", "/debug/pprof/", "", "", 404, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := call(workload(t, livesettings.Document{}, nil).Handler(), c.method, c.path, c.contentType, c.body)
			if got.Code != c.status || !strings.Contains(got.Body.String(), c.contains) {
				t.Errorf("%d %.300s, want %d with %s", got.Code, got.Body, c.status, c.contains)
			}
			if got.Code >= 400 && !(got.Code == 502 && strings.HasPrefix(c.path, "/aggregate")) {
				if kind := got.Header().Get("Content-Type"); kind != "application/problem+json" {
					t.Errorf("content type %s", kind)
				}
			}
		})
	}
}

func TestAdminEndpoints(t *testing.T) {
	cases := map[string]struct {
		method, path, body string
		status             int
		contains           string
	}{
		"live settings":      {"GET", "/live-settings", "", 200, `"revision":`},
		"metrics":            {"GET", "/metrics", "", 200, "goservice_rate_limit_requests_per_second +Inf"},
		"alive":              {"GET", "/livez", "", 200, "ok"},
		"not started":        {"GET", "/startupz", "", 503, "starting"},
		"not ready":          {"GET", "/readyz", "", 503, "starting"},
		"status":             {"GET", "/status/418", "", 418, `{"status":418}`},
		"status without one": {"GET", "/status/204", "", 204, ""},
		"status: absurd":     {"GET", "/status/1000", "", 400, `"field":"code"`},
		"status: no number":  {"GET", "/status/teapot", "", 400, `"field":"code"`},
		"faults are off":     {"GET", "/fault", "", 404, ""},
		"pprof is elsewhere": {"GET", "/debug/pprof/", "", 404, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := call(workload(t, livesettings.Document{}, nil).AdminHandler(), c.method, c.path, "", c.body)
			if got.Code != c.status || !strings.Contains(got.Body.String(), c.contains) {
				t.Errorf("%d %.300s, want %d with %s", got.Code, got.Body, c.status, c.contains)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	svc := workload(t, livesettings.Document{}, map[string]string{"GOSERVICE_FAULT_INJECTION": "true"})
	public, admin := svc.Handler(), svc.AdminHandler()
	if got := call(public, "GET", "/", "", ""); got.Code != 200 {
		t.Errorf("before: %d", got.Code)
	}
	if got := call(admin, "PUT", "/fault", "", `{"status":503,"latency":"1ms"}`); got.Code != 200 || !strings.Contains(got.Body.String(), `"until"`) {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := call(public, "GET", "/", "", ""); got.Code != 503 || !strings.Contains(got.Body.String(), "fault_injection") {
		t.Errorf("during: %d %s", got.Code, got.Body)
	}
	call(admin, "DELETE", "/fault", "", "")
	if got := call(public, "GET", "/", "", ""); got.Code != 200 {
		t.Errorf("after: %d", got.Code)
	}
	for body, field := range map[string]string{
		`{"status":200}`: "status", `{"ratio":0,"status":500}`: "ratio", `{"latency":"1h"}`: "latency", `{}`: "latency",
		`{"status":500,"for":"1h"}`: "for", `{"x":1}`: "body", `{} {}`: "body", `{`: "body", strings.Repeat(" ", 5000): "body",
	} {
		if got := call(admin, "PUT", "/fault", "", body); got.Code != 400 || !strings.Contains(got.Body.String(), fmt.Sprintf(`"field":%q`, field)) {
			t.Errorf("%.30s: %d %s, want 400 with the field %s", body, got.Code, got.Body, field)
		}
	}
	if got := call(admin, "POST", "/fault", "", ""); got.Code != 405 {
		t.Errorf("POST: %d", got.Code)
	}
}

// A batch whose jobs need every worker would wait for ever if it held one itself.
func TestABatchNeedsNoWorkerOfItsOwn(t *testing.T) {
	svc := workload(t, livesettings.Document{Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1, QueueDepth: 64}}, nil)
	got := call(svc.Handler(), "POST", "/jobs", asLines, strings.Repeat(digest+"\n", 50))
	for line := range strings.Lines(got.Body.String()) {
		var result struct{ Error string }
		if err := json.Unmarshal([]byte(line), &result); err != nil || result.Error != "" {
			t.Fatalf("%s: %v", line, err)
		}
	}
	if lines := strings.Count(got.Body.String(), "\n"); lines != 50 {
		t.Errorf("%d results, want 50", lines)
	}
}

// A batch is accepted as a whole: its jobs wait for workers at its own pace, whatever the queue.
func TestNoJobOfABatchIsTurnedAway(t *testing.T) {
	svc := workload(t, livesettings.Document{Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1, QueueDepth: 0}}, nil)
	got := call(svc.Handler(), "POST", "/jobs", asLines, strings.Repeat(digest+"\n", 50))
	if got.Code != 200 || strings.Count(got.Body.String(), `"output"`) != 50 {
		t.Errorf("%d %.300s", got.Code, got.Body)
	}
}

// Three batches of 4 MiB killed a pod of 256 MiB: what all batches take together is bounded, and so are all synthetic loads.
func TestMemoryIsBoundedOverAllRequests(t *testing.T) {
	before := runtimeinfo.Current()
	defer before.Apply()
	document := livesettings.Document{Runtime: &livesettings.Runtime{MemoryLimitBytes: 16 << 20}}
	t.Run("batches", func(t *testing.T) {
		handler := workload(t, document, nil).Handler()
		large := strings.Repeat(digest+"\n", 1) + strings.Repeat(" ", 3<<20)
		for range 2 { // what the first took is given back
			got := call(handler, "POST", "/jobs", asLines, large)
			if got.Code != 503 || got.Header().Get("Retry-After") == "" || !strings.Contains(got.Body.String(), "memory for batches") {
				t.Errorf("12 MiB of 4: %d %s", got.Code, got.Body)
			}
			if got := call(handler, "POST", "/jobs", asLines, digest+"\n"+strings.Repeat(" ", 900<<10)); got.Code != 200 {
				t.Errorf("3.6 MiB of 4: %d %s", got.Code, got.Body)
			}
		}
	})
	t.Run("loads", func(t *testing.T) {
		handler := workload(t, document, nil).Handler()
		synctest.Test(t, func(t *testing.T) {
			codes := make(chan int, 10)
			for range cap(codes) {
				go func() { codes <- call(handler, "GET", "/work?alloc=2MiB&sleep=1s", "", "").Code }()
			}
			served := 0
			for range cap(codes) {
				if <-codes == 200 {
					served++
				}
			}
			if served != 4 {
				t.Errorf("%d of 10 loads of 2 MiB ran at once; 8 MiB are allowed", served)
			}
			if got := call(handler, "GET", "/work?alloc=8MiB", "", "").Code; got != 200 {
				t.Errorf("afterwards: %d", got)
			}
		})
	})
}

// A client that goes away cancels its jobs.
func TestJobsEndWithTheirClient(t *testing.T) {
	svc := workload(t, livesettings.Document{}, nil)
	server := httptest.NewServer(svc.Handler())
	defer server.Close()
	ctx, leave := context.WithCancel(t.Context())
	body := digest + "\n" + strings.Repeat(`{"kind":"fetch","input":{"upstream":"billing","path":"/hang"}}`+"\n", 8)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/jobs", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", asLines)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	first := make([]byte, 10)
	if _, err := io.ReadFull(response.Body, first); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"index":0`, string(first)); diff != "" {
		t.Errorf("first result (-want +got):\n%s", diff)
	}
	leave()
	if err := svc.Pool().Close(t.Context()); err != nil { // waits for every job
		t.Error(err)
	}
}

// A batch has an end, in whichever form its results come: it is a request with a deadline, and no stream.
func TestABatchIsARequest(t *testing.T) {
	svc := workload(t, livesettings.Document{}, nil)
	for _, kind := range []string{asLines, asJSON} {
		body := digest
		if kind == asJSON {
			body = `{"jobs":[` + digest + `]}`
		}
		if response := call(svc.Handler(), "POST", "/jobs", kind, body); response.Code != http.StatusOK || !response.Flushed {
			t.Errorf("%s: %d, flushed %t", kind, response.Code, response.Flushed)
		}
	}
	metrics := call(svc.AdminHandler(), "GET", "/metrics", "", "").Body.String()
	if strings.Contains(metrics, `goservice_stream_seconds_count{end="completed",http_route="/jobs"}`) {
		t.Error("a batch counts as a stream")
	}
}
