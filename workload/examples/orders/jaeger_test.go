// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build jaeger

package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"goservice.dev/operator/workload/examples/orders/internal/servers"
)

// The spans are those that the collector of the other tests gets; here a real Jaeger puts them together.
func TestATraceArrivesInJaeger(t *testing.T) {
	collector, query := servers.Jaeger(t)
	id := trace(t, newParts(t).all(t), collector)
	var spans []span
	// Jaeger stores what it has got in batches.
	for !slices.ContainsFunc(spans, func(s span) bool { return s.service == "orders" }) {
		spans = stored(t, query, id)
	}
	t.Logf("%d spans of trace %s", len(spans), id)
	checkTrace(t, spans)
}

// stored are the spans that Jaeger has of a trace.
func stored(t *testing.T, query, id string) (spans []span) {
	t.Helper()
	status, _, body := request(t, http.MethodGet, query+"/api/traces/"+id, "")
	if status == http.StatusNotFound {
		return nil
	}
	var answer struct {
		Data []struct {
			Spans []struct {
				SpanID, OperationName, ProcessID string
				References                       []struct{ RefType, SpanID string }
			}
			Processes map[string]struct{ ServiceName string }
		}
	}
	if err := json.NewDecoder(strings.NewReader(body)).Decode(&answer); status != http.StatusOK || err != nil || len(answer.Data) != 1 {
		t.Fatalf("%d, %v: %s", status, err, body)
	}
	found := answer.Data[0]
	for _, s := range found.Spans {
		parent := ""
		for _, reference := range s.References {
			if reference.RefType == "CHILD_OF" {
				parent = reference.SpanID
			}
		}
		spans = append(spans, span{found.Processes[s.ProcessID].ServiceName, s.OperationName, s.SpanID, parent})
	}
	return spans
}
