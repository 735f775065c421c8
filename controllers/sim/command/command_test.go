// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/controllers/sim"
)

// still is a further contender that leaves the pods as they are.
type still struct{}

func (still) Begin(*sim.World) {}

func TestAFolderOfTraces(t *testing.T) {
	traces, images := t.TempDir(), filepath.Join(t.TempDir(), "images")
	if err := os.WriteFile(filepath.Join(traces, "small.csv"), []byte("seconds,requests\n0,0\n20,400\n40,1000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	service := sim.Default()
	service.CPUTime = 50 * time.Millisecond // few requests
	service.Threshold = time.Second
	o := options{traces: traces, images: images, heldOut: "7", seeds: 2, service: service}
	further := func(others []sim.Contender) []sim.Contender {
		return append(others, sim.Contender{Name: "still", Role: sim.Rival, Autoscaler: func(sim.Service) sim.Autoscaler { return still{} }})
	}
	var out bytes.Buffer
	if err := run(&out, io.Discard, o, further); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	last := regexp.MustCompile(`^RESULT sim shapes=1 seeds=2 worst_bad_ratio=\S+ worst_lost_ratio=\S+ core_seconds_ratio_best=\S+ ` +
		`core_seconds_ratio_knative=\S+ core_seconds_ratio_cpu50=\d\.\d\d core_seconds_ratio_clairvoyant=\d\.\d\d heldout=true$`)
	if !last.MatchString(lines[len(lines)-1]) {
		t.Errorf("last line %s", lines[len(lines)-1])
	}
	for _, want := range []string{"2 seeds held out as number 7", "| small | **GoService** |", "| small | still |", "| small | clairvoyant |", "\n| small | "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
	if picture, err := os.ReadFile(filepath.Join(images, "sim-small.svg")); err != nil || !bytes.HasSuffix(picture, []byte("</svg>\n")) || !bytes.Contains(picture, []byte(sim.OurName)) {
		t.Errorf("picture of %d bytes, error %v", len(picture), err)
	}
}

func TestWrongFolders(t *testing.T) {
	empty, broken := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "x.csv"), []byte("a,b\nc,d\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		options options
		want    string
	}{
		"no trace":         {options{traces: empty, heldOut: "1"}, "no *.csv"},
		"a broken trace":   {options{traces: broken, heldOut: "1"}, "x.csv"},
		"no number":        {options{heldOut: "many"}, "HELDOUT"},
		"both":             {options{heldOut: "1", development: true}, "either"},
		"no deciding code": {options{sources: empty}, "plan/*.go"},
	} {
		if err := run(io.Discard, io.Discard, c.options, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func TestPublishedSeedsFollowFromTheDecidingCode(t *testing.T) {
	files, err := decidingCode("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"plan/plan.go", "plan/queueing.go", "tuner/decider.go", "tuner/pods.go", "sim/operator.go"} {
		if len(files[want]) == 0 {
			t.Errorf("%s does not count", want)
		}
	}
	for name := range files {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "sim/") && name != "sim/operator.go" {
			t.Errorf("%s counts", name)
		}
	}
	first, from, err := seedsOf(options{sources: "../..", seeds: 3})
	if err != nil || len(first) != 3 || !strings.HasPrefix(from, "3 seeds of the deciding code ") {
		t.Errorf("seeds %v %q, error %v", first, from, err)
	}
	development, _, err := seedsOf(options{development: true, seeds: 3})
	if err != nil || !slices.Equal(development, sim.DevelopmentSeeds(3)) {
		t.Errorf("seeds for development %v, error %v", development, err)
	}
}

// What was cut off goes on: results are taken from the file, also after half a line, and no others than this program's.
func TestTheStateGoesOn(t *testing.T) {
	o := options{state: filepath.Join(t.TempDir(), "state"), service: sim.Default(), base: 600}
	open := func(o options) *state {
		s, err := openState(o)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	one := sim.Result{Scenario: "step", Contender: "x", Seed: 1<<63 + 1, BadSeconds: 7, CoreSeconds: 1.5, Percentile: 0.99}
	first := open(o)
	first.keep(one)
	first.keep(one) // once is enough
	first.close()
	if err := first.err(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(o.state)
	if err != nil || bytes.Count(text, []byte("\n")) != 1 {
		t.Fatalf("%q, error %v", text, err)
	}
	if err := os.WriteFile(o.state, append(text, `{"Program":"cut o`...), 0o600); err != nil {
		t.Fatal(err)
	}
	second := open(o)
	got, known := second.find("step", "x", 1<<63+1)
	if !known || got.BadSeconds != 7 || got.CoreSeconds != 1.5 || got.Percentile != 0.99 {
		t.Errorf("%+v, %v", got, known)
	}
	for _, other := range []place{{"step", "x", 1}, {"step", "y", one.Seed}, {"ramp", "x", one.Seed}} {
		if _, known := second.find(other.scenario, other.contender, other.seed); known {
			t.Errorf("%+v is known", other)
		}
	}
	two := one
	two.Scenario = "ramp"
	second.keep(two)
	second.close()
	third := open(o)
	if len(third.done) != 2 {
		t.Errorf("%d results, want 2", len(third.done))
	}
	third.close()
	o.base = 300
	if others := open(o); len(others.done) != 0 {
		t.Error("results of another load count")
	}
	if err := os.WriteFile(o.state, []byte("no json\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openState(o); err == nil {
		t.Error("a file that is none of its own is taken")
	}
	none := open(options{})
	none.keep(one)
	if _, known := none.find("step", "x", one.Seed); known {
		t.Error("something is kept nowhere")
	}
}
