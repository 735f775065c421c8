// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package livesettings_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/workload/livesettings"
	v0 "goservice.dev/operator/workload/livesettings/v0"
)

var update = flag.Bool("update", false, "write the stored document and report of this version")

// stored is a document or report as a version wrote it: v0, v1 (this version) or later (made up, with fields that nobody knows).
func stored(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "skew", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return []byte(strings.TrimSpace(string(content)))
}

func sealed(t *testing.T, document livesettings.Document) livesettings.Document {
	t.Helper()
	document, err := document.WithRevision()
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func digest(t *testing.T, document livesettings.Document) string {
	t.Helper()
	text, err := document.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A pod puts documents of every version in force and confirms them by the revision that their operator expects.
func TestADocumentOfEachVersionIsConfirmed(t *testing.T) {
	older, err := v0.Parse(stored(t, "document-v0"))
	if err != nil {
		t.Fatal(err)
	}
	olderRevision, err := older.Revision()
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		revision string
		ignored  []string
	}{
		"document-v0":    {revision: olderRevision},
		"document-v1":    {revision: olderRevision}, // the same content
		"document-later": {"2031.4-later_form", []string{"breakers", "pool.priorities", "rateLimit.fairness", "rateLimit.pods.*.until", "upstreams.*.hedge"}},
	}
	want, err := livesettings.Parse(stored(t, "document-v0"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			document, err := livesettings.Parse(stored(t, name))
			if err != nil {
				t.Fatal(err)
			}
			registry, err := livesettings.NewRegistry(livesettings.Document{Version: livesettings.Version}, "checkout-1")
			if err != nil {
				t.Fatal(err)
			}
			apply(t, registry, document)
			report := registry.Report()
			if report.Revision != c.revision || report.Error != "" {
				t.Errorf("reports revision %q and error %q, want %q and none", report.Revision, report.Error, c.revision)
			}
			if diff := cmp.Diff(c.ignored, report.Ignored); diff != "" {
				t.Errorf("ignored fields (-want +got):\n%s", diff)
			}
			enforced := report.Document
			enforced.Revision = ""
			if diff := cmp.Diff(want.For("checkout-1"), enforced); diff != "" {
				t.Errorf("of what is known in all versions (-want +enforced):\n%s", diff)
			}
		})
	}
}

// What this version writes is stored, so that later versions can be tried on it. Pods of v0 would refuse it.
func TestTheStoredDocumentAndReportAreThisVersions(t *testing.T) {
	document, err := livesettings.Parse(stored(t, "document-v0"))
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := sealed(t, document).Encode()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		registry := newRegistry(t)
		apply(t, registry, sealed(t, document))
		report := registry.Report()
		if report.Toolkit == "" {
			t.Error("the report does not say the toolkit's version")
		}
		report.Toolkit = "v0.1.0" // as a program that is built from a release says
		encodedReport, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}
		for name, got := range map[string][]byte{"document-v1": encoded, "report-v1": encodedReport} {
			if *update {
				if err := os.WriteFile(filepath.Join("testdata", "skew", name+".json"), append(got, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(stored(t, name)), string(got)); diff != "" {
				t.Errorf("%s (-stored +this version's); if it should differ: go test ./workload/livesettings -update\n%s", name, diff)
			}
		}
	})
	if _, err := v0.Parse(encoded); err == nil || !strings.Contains(err.Error(), "unknown field") {
		t.Errorf("v0 reads this version's document (%v): it needs none of its own", err)
	}
}

// An operator of v0 understands what this version's pods answer.
func TestTheReportIsReadByV0(t *testing.T) {
	var report v0.Report
	if err := json.Unmarshal(stored(t, "report-v1"), &report); err != nil {
		t.Fatal(err)
	}
	document, err := livesettings.Parse(stored(t, "document-v1"))
	if err != nil {
		t.Fatal(err)
	}
	if report.Revision != document.Revision || report.Error != "" {
		t.Errorf("v0 reads revision %q and error %q, want %q and none", report.Revision, report.Error, document.Revision)
	}
}
