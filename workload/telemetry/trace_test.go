// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry_test

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"goservice.dev/operator/workload/telemetry"
)

const (
	sampledCaller   = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	unsampledCaller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
)

// collector is an OTLP/HTTP endpoint.
type collector struct {
	*httptest.Server
	mu       sync.Mutex
	spans    []*tracepb.Span
	headers  http.Header
	resource map[string]string
	failures atomic.Int32
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{resource: map[string]string{}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.failures.Add(-1) >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body, err := io.ReadAll(unzipped)
		var data tracepb.TracesData
		if err != nil || proto.Unmarshal(body, &data) != nil || r.URL.Path != "/v1/traces" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.headers = r.Header
		for _, resource := range data.GetResourceSpans() {
			for _, attribute := range resource.GetResource().GetAttributes() {
				c.resource[attribute.GetKey()] = attribute.GetValue().GetStringValue()
			}
			for _, scope := range resource.GetScopeSpans() {
				c.spans = append(c.spans, scope.GetSpans()...)
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

func traced(t *testing.T, c *collector) *telemetry.Telemetry {
	t.Helper()
	tel := newTelemetry(t, telemetry.Config{
		Service: "shop", Instance: "shop-1",
		Tracing: telemetry.TracingConfig{Endpoint: c.URL + "/v1/traces", Headers: map[string]string{"X-Token": "t"}},
	})
	t.Cleanup(func() { _ = tel.Shutdown(context.Background()) })
	return tel
}

func serveTraced(tel *telemetry.Telemetry, caller string, handler http.HandlerFunc) {
	request := httptest.NewRequest(http.MethodGet, "/orders/1", nil)
	if caller != "" {
		request.Header.Set("Traceparent", caller)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", handler)
	tel.Middleware(mux).ServeHTTP(httptest.NewRecorder(), request)
}

func TestSpansAreExported(t *testing.T) {
	collected := newCollector(t)
	collected.failures.Store(1) // the first export has to be repeated
	tel := traced(t, collected)
	serveTraced(tel, sampledCaller, func(w http.ResponseWriter, r *http.Request) {
		_, span := tel.TracerProvider().Tracer("test").Start(r.Context(), "inner")
		span.End()
		w.WriteHeader(http.StatusInternalServerError)
	})
	if err := tel.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	collected.mu.Lock()
	defer collected.mu.Unlock()
	if len(collected.spans) != 2 {
		t.Fatalf("%d spans, want 2", len(collected.spans))
	}
	inner, outer := collected.spans[0], collected.spans[1]
	if outer.GetName() != "GET /orders/{id}" || hex.EncodeToString(outer.GetTraceId()) != sampledCaller[3:35] ||
		hex.EncodeToString(outer.GetParentSpanId()) != sampledCaller[36:52] || outer.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_ERROR {
		t.Errorf("span of the request: %v", outer)
	}
	if string(inner.GetParentSpanId()) != string(outer.GetSpanId()) {
		t.Error("the handler's span is not below the request's")
	}
	if collected.headers.Get("X-Token") != "t" || collected.resource["service.name"] != "shop" || collected.resource["service.instance.id"] != "shop-1" {
		t.Errorf("headers %v, resource %v", collected.headers, collected.resource)
	}
}

func TestWhatIsNotSampledIsNotRecorded(t *testing.T) {
	collected := newCollector(t)
	tel := traced(t, collected)
	tel.Sampler().Set(1)
	serveTraced(tel, unsampledCaller, func(_ http.ResponseWriter, r *http.Request) {
		if got := trace.SpanContextFromContext(r.Context()); got.TraceID().String() != unsampledCaller[3:35] || got.IsSampled() {
			t.Errorf("span context %v", got)
		}
		_, span := tel.TracerProvider().Tracer("test").Start(r.Context(), "inner")
		if span.IsRecording() {
			t.Error("a span below a request that is not recorded is")
		}
		span.End()
	})
	if err := tel.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if len(collected.spans) != 0 {
		t.Errorf("%d spans, want none", len(collected.spans))
	}
}

func TestSampleRatioIsLive(t *testing.T) {
	tel := traced(t, newCollector(t))
	recorded := func() (count int) {
		for range 200 {
			serveTraced(tel, "", func(_ http.ResponseWriter, r *http.Request) {
				if span := trace.SpanFromContext(r.Context()); span.IsRecording() {
					count++
				}
				if !trace.SpanContextFromContext(r.Context()).IsValid() {
					t.Error("a request without a trace")
				}
			})
		}
		return count
	}
	if got := recorded(); got != 0 {
		t.Errorf("ratio 0: %d of 200", got)
	}
	tel.Sampler().Set(1)
	if got := recorded(); got != 200 {
		t.Errorf("ratio 1: %d of 200", got)
	}
	tel.Sampler().Set(0.5)
	if got := recorded(); got < 50 || got > 150 { // further off than once in 10^12 runs
		t.Errorf("ratio 0.5: %d of 200", got)
	}
}

func TestSampledRequestsHaveExemplars(t *testing.T) {
	tel := traced(t, newCollector(t))
	serveTraced(tel, sampledCaller, func(http.ResponseWriter, *http.Request) {})
	for _, bucket := range family(t, tel, "http_server_request_duration_seconds").GetMetric()[0].GetHistogram().GetBucket() {
		if bucket.GetExemplar() != nil {
			if got := labelsOf(bucket.GetExemplar().GetLabel()); got["trace_id"] != sampledCaller[3:35] {
				t.Errorf("exemplar %v", got)
			}
			return
		}
	}
	t.Error("no exemplar")
}

func labelsOf[T interface {
	GetName() string
	GetValue() string
}](pairs []T) map[string]string {
	found := map[string]string{}
	for _, pair := range pairs {
		found[pair.GetName()] = pair.GetValue()
	}
	return found
}

func TestTransportSendsTheTraceAlong(t *testing.T) {
	for name, caller := range map[string]string{"recorded": sampledCaller, "not recorded": unsampledCaller} {
		t.Run(name, func(t *testing.T) {
			tel := traced(t, newCollector(t))
			var sent http.Header
			upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { sent = r.Header }))
			defer upstream.Close()
			wire := &http.Transport{}
			defer wire.CloseIdleConnections()
			transport := tel.Transport("billing", wire)
			serveTraced(tel, caller, func(_ http.ResponseWriter, r *http.Request) {
				request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, upstream.URL, nil)
				if err != nil {
					t.Error(err)
					return
				}
				response, err := transport.RoundTrip(request)
				if err != nil {
					t.Error(err)
					return
				}
				_ = response.Body.Close()
				if request.Header.Get("Traceparent") != "" {
					t.Error("the caller's request was changed")
				}
			})
			parent := sent.Get("Traceparent")
			if len(parent) != 55 || parent[:36] != caller[:36] || parent[36:52] == caller[36:52] || parent[52:] != caller[52:] {
				t.Errorf("sent %s below %s", parent, caller)
			}
			if got := labels(family(t, tel, "http_client_request_duration_seconds").GetMetric()[0]); got !=
				"http_request_method=GET http_response_status_code=200 upstream=billing" {
				t.Errorf("series %s", got)
			}
		})
	}
}

func TestTracestateIsPassedOn(t *testing.T) {
	tel := newTelemetry(t, telemetry.Config{})
	for state, want := range map[string]string{"vendor=1": "vendor=1", strings.Repeat("x", 513): ""} {
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.Header.Set("Traceparent", sampledCaller)
		request.Header.Set("Tracestate", state)
		tel.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if got := trace.SpanContextFromContext(r.Context()).TraceState().String(); got != want {
				t.Errorf("state %q, want %q", got, want)
			}
		})).ServeHTTP(httptest.NewRecorder(), request)
	}
}

func TestTracingRefusesABadEndpoint(t *testing.T) {
	for _, endpoint := range []string{"collector:4317", "ftp://collector", "http://", "http://%zz"} {
		if _, err := telemetry.New(t.Context(), telemetry.Config{Tracing: telemetry.TracingConfig{Endpoint: endpoint}}); err == nil {
			t.Errorf("endpoint %q was taken", endpoint)
		}
	}
}

// The library of the tracing project is the oracle.
func FuzzTraceparent(f *testing.F) {
	for _, seed := range []string{
		sampledCaller, unsampledCaller, "", "00-", "ff" + sampledCaller[2:], "01" + sampledCaller[2:] + "-x",
		strings.ToUpper(sampledCaller), "00-00000000000000000000000000000000-b7ad6b7169203331-01", sampledCaller + "-x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": header})
		want := trace.SpanContextFromContext(ctx)
		got, ok := telemetry.ParseTraceparent(header)
		// Flags that are not known yet make the library drop a version-00 header; the recommendation says to ignore them.
		if ok && !want.IsValid() && header[:2] == "00" && header[53:] > "03" {
			return
		}
		if ok != want.IsValid() {
			t.Fatalf("%q: read %t, want %t", header, ok, want.IsValid())
		}
		if ok && (got.TraceID != want.TraceID() || got.SpanID != want.SpanID() || got.Sampled != want.IsSampled()) {
			t.Fatalf("%q: %+v, want %+v", header, got, want)
		}
		if ok {
			if again, _ := telemetry.ParseTraceparent(telemetry.FormatTraceparent(got)); again != got {
				t.Fatalf("%q is written as %s", header, telemetry.FormatTraceparent(got))
			}
		}
	})
}

// What is wrong with the endpoint ends in logs: it may hold a password.
func TestTheTraceEndpointIsNotRepeated(t *testing.T) {
	for _, endpoint := range []string{"ftp://user:hunter2@collector", "http://user:hunter2@collector:x"} {
		_, err := telemetry.New(t.Context(), telemetry.Config{Tracing: telemetry.TracingConfig{Endpoint: endpoint}})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v, want an error without the password", err)
		}
	}
}
