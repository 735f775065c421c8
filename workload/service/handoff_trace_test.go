// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"goservice.dev/operator/workload/service"
)

// spans are what a collector was sent, by the pod and the name.
type spans struct {
	mu sync.Mutex
	by map[string]*tracepb.Span
}

func (s *spans) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var data tracepb.TracesData
	unzipped, err := gzip.NewReader(r.Body)
	if err == nil {
		var body []byte
		if body, err = io.ReadAll(unzipped); err == nil {
			err = proto.Unmarshal(body, &data)
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for _, resource := range data.GetResourceSpans() {
		pod := ""
		for _, attribute := range resource.GetResource().GetAttributes() {
			if attribute.GetKey() == "service.instance.id" {
				pod = attribute.GetValue().GetStringValue()
			}
		}
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				s.by[pod+": "+span.GetName()] = span
			}
		}
	}
}

func TestATraceShowsThatARequestHasMoved(t *testing.T) {
	collected := &spans{by: map[string]*tracepb.Span{}}
	collector := httptest.NewServer(collected)
	defer collector.Close()
	blocked, unblock := make(chan struct{}), make(chan struct{})
	pods := sharingPodsWith(t, 2, map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL, "OTEL_TRACES_SAMPLER": "always_on",
	}, func(_ int, svc *service.Service) {
		svc.HandleFunc("GET /block", func(http.ResponseWriter, *http.Request) {
			close(blocked)
			<-unblock
		})
		svc.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
			_, span := svc.Tracer("test").Start(r.Context(), "query")
			defer span.End()
			w.WriteHeader(http.StatusAccepted)
		})
	})
	fixedPool(pods)
	go func() {
		if response, err := pods[0].client.Get(pods[0].url("/block")); err == nil {
			_ = response.Body.Close()
		}
	}()
	<-blocked
	pods[0].get(pods[0].url("/orders/7"))
	close(unblock)
	for _, pod := range pods {
		if err := pod.finish(); err != nil { // with which the last spans are sent
			t.Error(err)
		}
	}
	collected.mu.Lock()
	defer collected.mu.Unlock()
	request, hop, query := collected.by["pod-0: GET /orders/{id}"], collected.by["pod-1: hand-off GET /orders/{id}"], collected.by["pod-1: query"]
	if request == nil || hop == nil || query == nil {
		t.Fatalf("spans: %v", collected.by)
	}
	if !bytes.Equal(hop.GetTraceId(), request.GetTraceId()) || !bytes.Equal(hop.GetParentSpanId(), request.GetSpanId()) ||
		!bytes.Equal(query.GetParentSpanId(), hop.GetSpanId()) {
		t.Errorf("request %x, hand-off %x below %x, query below %x", request.GetSpanId(), hop.GetSpanId(), hop.GetParentSpanId(), query.GetParentSpanId())
	}
	if hop.GetKind() != tracepb.Span_SPAN_KIND_INTERNAL || hop.GetStartTimeUnixNano() < request.GetStartTimeUnixNano() {
		t.Errorf("%s, from %d, the request from %d", hop.GetKind(), hop.GetStartTimeUnixNano(), request.GetStartTimeUnixNano())
	}
}
