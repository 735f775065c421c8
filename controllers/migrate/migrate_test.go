// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
)

var update = flag.Bool("update", false, "write testdata/*/want.yaml, testdata/*/notes.txt, and the tables of docs/migrate.md")

func read(t *testing.T, text string) *Manifests {
	t.Helper()
	var m Manifests
	if err := m.Read([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return &m
}

// converted is what becomes of manifests without failures. The API server must accept all of it.
func converted(t *testing.T, m *Manifests) Output {
	t.Helper()
	output, err := Convert(m, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range output.Results {
		accepted(t, result.Service)
	}
	return output
}

// everyCase runs a test on each folder of testdata.
func everyCase(t *testing.T, test func(t *testing.T, folder string, m *Manifests)) {
	t.Helper()
	folders, err := filepath.Glob("testdata/*")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no cases in testdata: %v", err)
	}
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(folder, "input.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			test(t, folder, read(t, string(text)))
		})
	}
}

func TestGolden(t *testing.T) {
	everyCase(t, func(t *testing.T, folder string, m *Manifests) {
		output := converted(t, m)
		var services, notes bytes.Buffer
		for i, result := range output.Results {
			text, err := YAML(result.Service)
			if err != nil {
				t.Fatal(err)
			}
			if i > 0 {
				services.WriteString("---\n")
			}
			services.Write(text)
		}
		output.Report(&notes)
		sameAsFile(t, filepath.Join(folder, "want.yaml"), services.Bytes())
		sameAsFile(t, filepath.Join(folder, "notes.txt"), notes.Bytes())
	})
}

func sameAsFile(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; write it by: go test ./controllers/migrate -update", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got); if it should: go test ./controllers/migrate -update\n%s", file, diff)
	}
}

// What is written is what was converted, whatever a reader of YAML 1.1 takes for a number or a boolean.
func TestYAMLHoldsTheSameService(t *testing.T) {
	everyCase(t, func(t *testing.T, _ string, m *Manifests) {
		for _, result := range converted(t, m).Results {
			sameAfterWriting(t, result.Service)
		}
	})
	var odd v1alpha1.GoService
	odd.Name = "odd"
	for _, value := range []string{"on", "no", "1e3", "0x1f", "012", "1_000", "null", "~", "", " a", "a: b", "a #b", "{a}", "[a]", "a, b", "- a", "2026-01-01", "a\nb\n", "a\n\n b", "=", "<<", "%a", "1:30"} {
		odd.Spec.Env = append(odd.Spec.Env, v1alpha1.EnvVar{Name: v1alpha1.EnvName("V" + value), Value: value})
		odd.Spec.Args = append(odd.Spec.Args, value)
	}
	sameAfterWriting(t, &odd)
}

func sameAfterWriting(t *testing.T, service *v1alpha1.GoService) {
	t.Helper()
	text, err := YAML(service)
	if err != nil {
		t.Fatal(err)
	}
	var again v1alpha1.GoService
	if err := yaml.UnmarshalStrict(text, &again); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	if diff := cmp.Diff(plain(service), plain(&again)); diff != "" {
		t.Errorf("(-converted +read)\n%s\n%s", diff, text)
	}
}
