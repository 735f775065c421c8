// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The whole way from seeds to the last line, for a gentle ramp and a short step. A HorizontalPodAutoscaler plays the operator's
// part, with pods that share their queue and without, so that the file changes with the simulator only, and not with each rule of the operator.
func TestTheResultIsAsCommitted(t *testing.T) {
	ours := HPAContender(45, 60)
	ours.Name, ours.Role, ours.Sharing = OurName, Ours, true
	gentle := Shape{Name: "gentle", Seconds: warmUp + 180, Rate: func(at float64) float64 { return 300 + 300*min(max((at-warmUp-20)/120, 0), 1) }}
	alone := HPAContender(40, 60)
	alone.Name, alone.Role = OurName+", pods alone", OursAlone
	scenarios := []Scenario{
		{Name: "gentle", Service: Default(), Shape: func(uint64) Shape { return gentle }, Gradual: true},
		{Name: "short, slow starts", Service: Default().Slow(), Shape: func(uint64) Shape { return short() }},
	}
	var results []Result
	for _, s := range scenarios {
		for _, c := range []Contender{
			HPAContender(50, 300), KnativeContender(60, ActivatorByDefault, 0), KnativeContender(60, ActivatorNever, 0), ours, alone, Clairvoyant(74),
		} {
			for _, seed := range DevelopmentSeeds(2) {
				r := Run(s.Service, Pool{16, 16, 50e6}, s.Shape(seed), c, seed)
				r.Scenario = s.Name
				results = append(results, r)
			}
		}
	}
	rows := Rows(results)
	var text strings.Builder
	if err := Table(&text, rows); err != nil {
		t.Fatal(err)
	}
	verdict := Judge(rows, func(name string) bool { return name == "gentle" })
	text.WriteString("\n")
	if err := verdict.Summary(&text); err != nil {
		t.Fatal(err)
	}
	text.WriteString("\n" + verdict.String() + "\n")
	path := filepath.Join("testdata", "result.md")
	if *update {
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text.String()); diff != "" {
		t.Errorf("differs; `go test ./controllers/sim -update` writes it:\n%s", diff)
	}
}
