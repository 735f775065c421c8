// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"goservice.dev/operator/workload/telemetry"
)

// recording has an own provider, which sends to the collector.
func recording(t *testing.T, to *collector, config telemetry.TracingConfig) *telemetry.Telemetry {
	t.Helper()
	config.Endpoint = to.URL + "/v1/traces"
	tel := newTelemetry(t, telemetry.Config{Service: "shop", Tracing: config})
	t.Cleanup(func() { _ = tel.Shutdown(context.Background()) })
	return tel
}

func isRecorded(tel *telemetry.Telemetry, caller string) (recorded bool) {
	serveTraced(tel, caller, func(_ http.ResponseWriter, r *http.Request) {
		recorded = trace.SpanFromContext(r.Context()).IsRecording()
	})
	return recorded
}

func TestServicesWithTheSameRatioDecideAlike(t *testing.T) {
	tel := recording(t, newCollector(t), telemetry.TracingConfig{SampleRatio: 0.25})
	var oracle telemetry.Sampler
	oracle.Set(0.25)
	for range 200 {
		serveTraced(tel, "", func(_ http.ResponseWriter, r *http.Request) {
			span := trace.SpanFromContext(r.Context())
			if want := oracle.Sample(span.SpanContext().TraceID()); span.IsRecording() != want {
				t.Errorf("trace %s is recorded: %t, want %t", span.SpanContext().TraceID(), span.IsRecording(), want)
			}
		})
	}
}

func TestCallersCannotForceMoreThanTheBound(t *testing.T) {
	collected := newCollector(t) // its goroutines wait for the network, which no bubble waits for
	synctest.Test(t, func(t *testing.T) {
		tel := recording(t, collected, telemetry.TracingConfig{MaxCallerTraces: 5})
		count := func() (recorded int) {
			for range 100 {
				if isRecorded(tel, sampledCaller) {
					recorded++
				}
			}
			return recorded
		}
		if got := count(); got != 5 {
			t.Errorf("%d of 100 in the first second, want 5", got)
		}
		time.Sleep(time.Second)
		if got := count(); got != 5 {
			t.Errorf("%d of 100 in the next second, want 5", got)
		}
	})
}

func TestCallersMayBeDistrusted(t *testing.T) {
	for name, config := range map[string]telemetry.TracingConfig{
		"no trace of callers": {MaxCallerTraces: -1}, "their decision is ignored": {IgnoreCallers: true},
	} {
		if isRecorded(recording(t, newCollector(t), config), sampledCaller) {
			t.Errorf("%s: the request was recorded", name)
		}
	}
	if !isRecorded(recording(t, newCollector(t), telemetry.TracingConfig{IgnoreCallers: true, SampleRatio: 1}), unsampledCaller) {
		t.Error("a ratio of 1 that ignores callers did not record")
	}
}

func TestNothingIsTakenFromCallersWithoutAPropagator(t *testing.T) {
	tel := newTelemetry(t, telemetry.Config{Tracing: telemetry.TracingConfig{WithoutTraceContext: true, WithoutBaggage: true}})
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.Header.Set("Traceparent", sampledCaller)
	request.Header.Set("Baggage", "a=1")
	tel.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if got := trace.SpanContextFromContext(r.Context()).TraceID().String(); got == sampledCaller[3:35] {
			t.Error("the caller's trace was taken")
		}
		if baggage.FromContext(r.Context()).Len() != 0 {
			t.Error("the caller's baggage was taken")
		}
	})).ServeHTTP(httptest.NewRecorder(), request)
}

type captured struct{ header http.Header }

func (c *captured) RoundTrip(r *http.Request) (*http.Response, error) {
	c.header = r.Header
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
}

// forward serves a request whose handler calls an upstream, and returns what that was sent.
func forward(t *testing.T, tel *telemetry.Telemetry, header http.Header) http.Header {
	t.Helper()
	wire := new(captured)
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.Header = header
	tel.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		call, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://billing/", nil)
		if err != nil {
			t.Error(err)
			return
		}
		response, err := tel.Transport("billing", wire).RoundTrip(call)
		if err != nil {
			t.Error(err)
			return
		}
		_ = response.Body.Close()
	})).ServeHTTP(httptest.NewRecorder(), request)
	return wire.header
}

func TestBaggageReachesHandlersAndUpstreams(t *testing.T) {
	tel := newTelemetry(t, telemetry.Config{})
	sent := forward(t, tel, http.Header{"Baggage": {"tenant=a", "region=eu;p=1"}})
	got, err := baggage.Parse(sent.Get("Baggage"))
	if err != nil || got.Member("tenant").Value() != "a" || got.Member("region").Value() != "eu" {
		t.Errorf("baggage %q: %v", sent.Get("Baggage"), err)
	}
	for name, bad := range map[string]string{"malformed": "tenant", "too long": "a=" + strings.Repeat("x", 9000)} {
		if sent := forward(t, tel, http.Header{"Baggage": {bad}}); sent.Get("Baggage") != "" {
			t.Errorf("%s: sent %.40q", name, sent.Get("Baggage"))
		}
	}
}

func TestTracestateOfSeveralLinesIsOneList(t *testing.T) {
	sent := forward(t, newTelemetry(t, telemetry.Config{}), http.Header{
		"Traceparent": {sampledCaller}, "Tracestate": {"a=1", "b=2"},
	})
	if got := sent.Get("Tracestate"); got != "a=1,b=2" {
		t.Errorf("tracestate %q", got)
	}
}

func TestRequestsWithoutARouteAndFailedCallsAreNamedAsTheConventionsSay(t *testing.T) {
	collected := newCollector(t)
	tel := traced(t, collected)
	request := httptest.NewRequest(http.MethodGet, "/nope", nil)
	request.Header.Set("Traceparent", sampledCaller)
	tel.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		call, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "https://billing/", nil)
		if err != nil {
			t.Error(err)
			return
		}
		response, err := tel.Transport("billing", failing{}).RoundTrip(call)
		if err == nil {
			_ = response.Body.Close()
		}
	})).ServeHTTP(httptest.NewRecorder(), request)
	if err := tel.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	collected.mu.Lock()
	defer collected.mu.Unlock()
	for _, span := range collected.spans {
		attributes := map[string]string{}
		for _, a := range span.GetAttributes() {
			attributes[a.GetKey()] = a.GetValue().GetStringValue()
		}
		_, routed := attributes["http.route"]
		switch span.GetKind() {
		case tracepb.Span_SPAN_KIND_SERVER:
			if span.GetName() != "GET" || routed {
				t.Errorf("server span %q with %v", span.GetName(), attributes)
			}
		case tracepb.Span_SPAN_KIND_CLIENT:
			if attributes["error.type"] != "timeout" || span.GetStatus().GetCode() != tracepb.Status_STATUS_CODE_ERROR {
				t.Errorf("client span %v", span)
			}
		}
	}
	if len(collected.spans) != 2 {
		t.Errorf("%d spans, want 2", len(collected.spans))
	}
}

type failing struct{}

func (failing) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.Join(errors.New("dial"), context.DeadlineExceeded)
}

func TestLibrariesFindTheServicesProviderAndPropagators(t *testing.T) {
	provider, propagator := otel.GetTracerProvider(), otel.GetTextMapPropagator()
	t.Cleanup(func() {
		otel.SetTracerProvider(provider)
		otel.SetTextMapPropagator(propagator)
	})
	tel := recording(t, newCollector(t), telemetry.TracingConfig{})
	tel.SetGlobals()
	serveTraced(tel, sampledCaller, func(_ http.ResponseWriter, r *http.Request) {
		ctx, span := otel.Tracer("library").Start(r.Context(), "query")
		defer span.End()
		if !span.IsRecording() || span.SpanContext().TraceID().String() != sampledCaller[3:35] {
			t.Errorf("the library's span: %v", span.SpanContext())
		}
		carrier := propagation.MapCarrier{}
		otel.GetTextMapPropagator().Inject(ctx, carrier)
		if !strings.Contains(carrier["traceparent"], sampledCaller[3:35]) {
			t.Errorf("carried on %v", carrier)
		}
	})
}

func TestARequestsIDIsTakenFromWhoIsTrusted(t *testing.T) {
	trusted := func(r *http.Request) bool { return r.Header.Get("Via") == "lb" }
	for name, c := range map[string]struct {
		given, via string
		taken      bool
	}{
		"of a trusted peer": {"a-1", "lb", true}, "of anybody": {"a-1", "", false}, "none": {"", "lb", false},
		"with a line break": {"a\nb", "lb", false}, "too long": {strings.Repeat("a", 129), "lb", false}, "with quotes": {`a"b`, "lb", false},
	} {
		t.Run(name, func(t *testing.T) {
			tel := newTelemetry(t, telemetry.Config{RequestIDs: telemetry.RequestIDs{Enabled: true, Accept: trusted}})
			request := httptest.NewRequest(http.MethodGet, "/", nil)
			request.Header.Set("Via", c.via)
			if c.given != "" {
				request.Header.Set("X-Request-Id", c.given)
			}
			recorder := httptest.NewRecorder()
			var seen string
			tel.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				seen = telemetry.RequestID(r.Context())
			})).ServeHTTP(recorder, request)
			if seen == "" || seen != recorder.Header().Get("X-Request-Id") || (seen == c.given) != c.taken {
				t.Errorf("id %q, answered %q", seen, recorder.Header().Get("X-Request-Id"))
			}
		})
	}
	sent := forward(t, newTelemetry(t, telemetry.Config{RequestIDs: telemetry.RequestIDs{Enabled: true}}), http.Header{})
	if len(sent.Get("X-Request-Id")) != 32 {
		t.Errorf("upstreams are sent the id %q", sent.Get("X-Request-Id"))
	}
}
