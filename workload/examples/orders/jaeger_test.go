// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build jaeger

package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"goservice.dev/operator/workload/examples/orders/internal/servers"
)

// The spans are those that the collector of the other tests gets; here a real Jaeger puts them together.
func TestATraceArrivesInJaeger(t *testing.T) {
	collector, query := servers.Jaeger(t)
	id := trace(t, newParts(t).all(t), collector)
	status, _, body := request(t, http.MethodGet, query+"/api/traces/"+id, "")
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
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
	if err := json.NewDecoder(strings.NewReader(body)).Decode(&answer); err != nil || len(answer.Data) != 1 {
		t.Fatalf("%v: %s", err, body)
	}
	found := answer.Data[0]
	var spans []span
	for _, s := range found.Spans {
		parent := ""
		for _, reference := range s.References {
			if reference.RefType == "CHILD_OF" {
				parent = reference.SpanID
			}
		}
		spans = append(spans, span{found.Processes[s.ProcessID].ServiceName, s.OperationName, s.SpanID, parent})
	}
	t.Logf("%d spans of trace %s", len(spans), id)
	checkTrace(t, spans)
}
