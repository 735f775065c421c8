// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"goservice.dev/operator/hack/load/loadgen"
)

func alternating(t *testing.T) (url string, served *atomic.Int64) {
	t.Helper()
	served = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if served.Add(1)%2 == 0 {
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, served
}

func TestRunWritesLinesAndASummary(t *testing.T) {
	url, served := alternating(t)
	var out, progress bytes.Buffer
	config := loadgen.Config{URL: url, Rate: 100, Duration: 1200 * time.Millisecond}
	if err := run(t.Context(), config, false, &out, &progress); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"admitted", "429 limited", "answer", "p99.9", "not sent, because too many were outstanding: 0"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out.String())
		}
	}
	if served.Load() == 0 || progress.Len() > 0 {
		t.Errorf("%d requests served, progress %q; want some, and none", served.Load(), progress.String())
	}
}

func TestRunWritesJSON(t *testing.T) {
	url, served := alternating(t)
	var out, progress bytes.Buffer
	config := loadgen.Config{URL: url, Rate: 100, Duration: 500 * time.Millisecond}
	if err := run(t.Context(), config, true, &out, &progress); err != nil {
		t.Fatal(err)
	}
	var summary struct{ Sent, Accepted, Refused, Failed int64 }
	if err := json.Unmarshal(out.Bytes(), &summary); err != nil {
		t.Fatal(err)
	}
	if summary.Sent != served.Load() || summary.Accepted+summary.Refused != summary.Sent || summary.Failed != 0 {
		t.Errorf("summary %+v of %d requests that were served", summary, served.Load())
	}
}

func TestRunRefuses(t *testing.T) {
	err := run(t.Context(), loadgen.Config{URL: "http://192.0.2.1/", Rate: 1, Duration: time.Second}, false, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("run() = %v, want an error about loopback", err)
	}
}
