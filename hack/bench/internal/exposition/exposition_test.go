// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package exposition

import (
	"maps"
	"testing"
)

func TestSums(t *testing.T) {
	page := []byte(`# HELP requests_total of all: requests_total 99
# TYPE requests_total counter
requests_total{route="GET /{$}",code="200"} 3
requests_total{route="a } b",code="503"} 1.5
requests_total_created 7
cpu_seconds 2.25
other nonsense
`)
	got, err := Sums(page, "requests_total", "cpu_seconds", "absent")
	if want := map[string]float64{"requests_total": 4.5, "cpu_seconds": 2.25}; err != nil || !maps.Equal(got, want) {
		t.Errorf("Sums() = %v, %v, want %v", got, err, want)
	}
	got, err = Sums(page, `requests_total{route="a } b",code="503"}`, "requests_total_created")
	if want := map[string]float64{`requests_total{route="a } b",code="503"}`: 1.5, "requests_total_created": 7}; err != nil || !maps.Equal(got, want) {
		t.Errorf("Sums() = %v, %v, want %v", got, err, want)
	}
	got, err = Sums(page, `requests_total{code="503"}`, `requests_total{code="50"}`)
	if want := map[string]float64{`requests_total{code="503"}`: 1.5}; err != nil || !maps.Equal(got, want) {
		t.Errorf("Sums() = %v, %v, want %v", got, err, want)
	}
	if got, err := Sums(page, "other"); err == nil {
		t.Errorf("a series without a figure gives %v", got)
	}
}
