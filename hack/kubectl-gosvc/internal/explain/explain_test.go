// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package explain

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/golden"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
)

// Each file of testdata is a GoService as an operator left it, and its neighbor is what a person reads of it at noon.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			var out bytes.Buffer
			Of(read(t, file), noon).Write(&out, show.Style{Width: 100}, noon)
			golden.Check(t, strings.TrimSuffix(file, ".yaml")+".txt", out.String())
			for line := range strings.Lines(out.String()) {
				if show.Width(line) > 130 {
					t.Errorf("a line of %d columns: %s", show.Width(line), line)
				}
			}
		})
	}
}

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func read(t *testing.T, file string) *v1alpha1.GoService {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var service v1alpha1.GoService
	if err := yaml.UnmarshalStrict(text, &service); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return &service
}

func TestWordsOfOthersCannotSteerATerminal(t *testing.T) {
	service := read(t, filepath.Join("testdata", "steady.yaml"))
	for i := range service.Status.Conditions {
		service.Status.Conditions[i].Status = "False"
		service.Status.Conditions[i].Message = "\x1b]0;owned\x07 \u009b31m"
	}
	service.Status.Decisions = []v1alpha1.TuningDecision{{What: "\x1b[2J", From: "\x1b", To: "\x1b", Reason: "\x1b[31m"}}
	service.Status.LiveSettings.Unconfirmed = []v1alpha1.UnconfirmedPod{{Pod: "a", Reason: "\x1b[31mred"}}
	var out bytes.Buffer
	Of(service, noon).Write(&out, show.Style{Width: 100}, noon)
	if strings.ContainsAny(out.String(), "\x1b\x07\u009b") {
		t.Errorf("control characters arrive: %q", out.String())
	}
}

func TestColorsAreOnlyAroundTheWords(t *testing.T) {
	service := read(t, filepath.Join("testdata", "steady.yaml"))
	var plain, colored bytes.Buffer
	Of(service, noon).Write(&plain, show.Style{Width: 100}, noon)
	Of(service, noon).Write(&colored, show.Style{Width: 100, Color: true}, noon)
	if !strings.Contains(colored.String(), "\x1b[32mReady\x1b[0m") {
		t.Errorf("no green Ready in %q", colored.String()[:200])
	}
	for _, code := range []string{"0", "1", "2", "31", "32", "33"} {
		colored = *bytes.NewBufferString(strings.ReplaceAll(colored.String(), "\x1b["+code+"m", ""))
	}
	if diff := cmp.Diff(plain.String(), colored.String()); diff != "" {
		t.Errorf("without its colors it is another text (-plain +colored):\n%s", diff)
	}
}

func TestDemandIsTheMeanOfWhatWasCountedLast(t *testing.T) {
	const service = `{at: "2026-11-29T12:00:10Z", budget: [{start: "2026-11-29T11:00:00Z", total: 7200}, {start: "2026-11-29T12:00:00Z", total: 20}], version: 1}`
	var learned v1alpha1.LearnedStatus
	if err := yaml.UnmarshalStrict([]byte(service), &learned); err != nil {
		t.Fatal(err)
	}
	got, from, to, known := Demand(&learned) // of the new hour, 10 s are counted: too little alone
	if want := 7220.0 / 3610; !known || got != want || to.Sub(from) != time.Hour+10*time.Second {
		t.Errorf("%v from %v to %v (%v), want %v", got, from, to, known, want)
	}
	learned.Budget = learned.Budget[1:]
	if _, _, _, known := Demand(&learned); known {
		t.Error("10 s are taken for a measurement")
	}
	if _, _, _, known := Demand(nil); known {
		t.Error("nothing is taken for a measurement")
	}
}
