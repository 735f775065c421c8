// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/controllers/sim"
)

// still is a contender of another module that leaves the pods as they are.
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
		for i := range others {
			if others[i].Name == "HPA on requests 60%, 60 s" {
				others[i] = sim.Contender{Name: "still", Role: sim.Rival, Autoscaler: func(sim.Service) sim.Autoscaler { return still{} }}
			}
		}
		return others
	}
	var out bytes.Buffer
	if err := run(&out, io.Discard, o, further); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	last := regexp.MustCompile(`^RESULT sim shapes=1 seeds=2 worst_bad_ratio=\S+ worst_lost_ratio=\S+ core_seconds_ratio_best=\S+ ` +
		`core_seconds_ratio_knative=\S+ core_seconds_ratio_cpu50=\d\.\d\d core_seconds_ratio_cpu50_minute=\d\.\d\d core_seconds_ratio_alone=\d\.\d\d core_seconds_ratio_clairvoyant=\d\.\d\d ` +
		`core_seconds_ratio_best_alone=\S+ core_seconds_ratio_knative_alone=\S+ core_seconds_ratio_cpu50_alone=\d\.\d\d core_seconds_ratio_cpu50_minute_alone=\d\.\d\d core_seconds_shapes=\d core_seconds_ratio_minreplicas=\S+ kept_both=\d kept_ours=\d kept_rival=\d kept_none=\d kept_minreplicas=\d more_bad=\d more_lost=\d heldout=true$`)
	if !last.MatchString(lines[len(lines)-1]) {
		t.Errorf("last line %s", lines[len(lines)-1])
	}
	for _, want := range []string{"2 seeds held out as number 7", "| small | **GoService** |", "| small | still |", "| small | clairvoyant |", "\n| small | "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
	var limits bytes.Buffer
	if err := run(&limits, io.Discard, options{limits: true, heldOut: "7", seeds: 1}, nil); err != nil || !strings.HasPrefix(limits.String(), "Ten pods that share a limit; 1 seeds held out as number 7") ||
		strings.Contains(limits.String(), sim.OurName) {
		t.Errorf("only limits: %v\n%s", err, limits.String())
	}
	var clock bytes.Buffer
	quiet := sim.ClockCase{Name: "never", Days: 1, Begins: func(int, *rand.Rand) float64 { return -1 }}
	if err := byTheClock(&clock, options{heldOut: "7", seeds: 1}, []sim.ClockCase{quiet}); err != nil || !strings.HasPrefix(clock.String(), "1 cases of loads by the clock, pods that take 20 to 40 s to start; 1 seeds held out as number 7") ||
		!strings.Contains(clock.String(), "\nRESULT sim-clock cases=1 seeds=1 ") {
		t.Errorf("only the clock: %v\n%s", err, clock.String())
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
		"no deciding code": {options{sources: empty}, "sim: file does not exist"},
	} {
		if err := run(io.Discard, io.Discard, c.options, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

// What decides is what the simulated operator reaches, wherever it is; rivals, the world, alerts, and the division of a limit are not.
func TestPublishedSeedsFollowFromTheDecidingCode(t *testing.T) {
	for name, c := range map[string]struct {
		part          decisions
		counts, not   []string
		least, atMost int
	}{
		"scaling": {scaling, []string{
			"controllers/plan.Compute", "controllers/plan.Plan.planScaling", "controllers/plan.demandOf", "controllers/plan.defaultCPURequest",
			"controllers/tuner.Tuner.Digest", "controllers/tuner.Tuner.Moving", "controllers/tuner.CalmPeriod", "controllers/tuner.Decider.resizePool", "controllers/tuner.workShare",
			"controllers/tuner.Estimator.Observe", "controllers/tuner.minUtilization", "controllers/sim.operator.tick", "controllers/sim.operator.await", "controllers/sim.specOf",
			"controllers/sim.HPA.decide", "controllers/sim.modelReplicas", "controllers/sim.hpaTolerance", "controllers/sim.CPUMetrics.collect", "controllers/sim.kubeletDelay",
		}, []string{
			"controllers/sim.KPA.decide", "controllers/plan.Plan.planShares", "controllers/plan.Plan.planHistogram", "controllers/sim.World.arrive", "controllers/sim.Judge", "controllers/sim.Budget", "controllers/plan.Plan.planAlerts",
			"controllers/tuner.Sharing.Next", "controllers/tuner.Watch.Observe",
		}, 150, 500},
		"sharing": {sharing, []string{"controllers/sim.Budget", "controllers/sim.budgetOperator.reconcile", "controllers/tuner.Sharing.Next", "controllers/tuner.Watch.Observe", "controllers/sim.budgetLook", "controllers/plan.partOf"}, []string{
			"controllers/tuner.Decider.resizePool", "controllers/plan.Plan.planScaling", "controllers/sim.HPA.decide", "controllers/sim.BudgetTable",
		}, 40, 250},
	} {
		code, err := decidingCode("../../..", c.part)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range c.counts {
			if len(code[want]) == 0 {
				t.Errorf("%s: %s does not count", name, want)
			}
		}
		for _, not := range c.not {
			if _, counts := code[not]; counts {
				t.Errorf("%s: %s counts", name, not)
			}
		}
		if len(code) < c.least || len(code) > c.atMost {
			t.Errorf("%s: %d declarations count, want %d to %d", name, len(code), c.least, c.atMost)
		}
	}
	first, from, err := seedsOf(options{sources: "../../..", seeds: 3}, scaling)
	if err != nil || len(first) != 3 || !regexp.MustCompile("^3 seeds of the deciding code [0-9a-f]{16}, simulator [0-9a-f]{16}$").MatchString(from) {
		t.Errorf("seeds %v %q, error %v", first, from, err)
	}
	other, _, err := seedsOf(options{sources: "../../..", seeds: 3}, sharing)
	if err != nil || slices.Equal(first, other) {
		t.Errorf("what divides a limit has the seeds of what scales, error %v", err)
	}
	development, _, err := seedsOf(options{development: true, seeds: 3}, scaling)
	if err != nil || !slices.Equal(development, sim.DevelopmentSeeds(3)) {
		t.Errorf("seeds for development %v, error %v", development, err)
	}
}

// writeSource writes a file of a module, by its path from the module's root.
func writeSource(t *testing.T, root, name, text string) {
	t.Helper()
	file := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// The world, rivals, and the judge belong to the simulator; comments, tests, and other packages do not.
func TestTheSimulatorHasADigest(t *testing.T) {
	root := t.TempDir()
	digest := func(texts ...string) string {
		t.Helper()
		for i := 0; i < len(texts); i += 2 {
			writeSource(t, root, texts[i], texts[i+1])
		}
		got, err := digestOfSimulator(options{sources: root})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%x", got)
	}
	first := digest("controllers/sim/kpa.go", "package sim\nconst hop = 180\n", "controllers/sim/world.go", "package sim\n")
	same := digest("controllers/sim/kpa.go", "package sim\n\n// A hop.\nconst hop = 180\n", "controllers/sim/kpa_test.go", "package sim\nconst x = 1\n", "controllers/tuner/a.go", "package tuner\n")
	if same != first {
		t.Error("a comment, a test, or another package counts")
	}
	if digest("controllers/sim/kpa.go", "package sim\nconst hop = 70\n") == first {
		t.Error("what a rival is charged does not count")
	}
	if second := digest("controllers/sim/kpa.go", "package sim\nconst hop = 180\n"); second != first || digest("controllers/sim/new.go", "package sim\nvar x int\n") == first {
		t.Error("a new file does not count")
	}
	if _, err := digestOfSimulator(options{sources: t.TempDir()}); err == nil {
		t.Error("no simulator has a digest")
	}
}

// A module in which little decides: what is reached counts, however it is called, and nothing else.
func TestWhatIsReachedDecides(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		writeSource(t, root, name, text)
	}
	write("controllers/sim/operator.go", `package sim
import "goservice.dev/operator/controllers/plan"
type operator struct { d plan.Decider }
func (o *operator) Begin() { o.d.Decide(helper()); world() }
func helper() int { return 1 }
`)
	write("controllers/sim/world.go", "package sim\nfunc world() { other() }\nfunc other() {}\n")
	write("controllers/plan/plan.go", `package plan
import "example.com/unknown"
const ( first = iota; second )
const share, unused = 0.5, 7
type Decider struct { figures unknown.List; window window }
type window [12]float64
type Plan struct{}
func (p *Plan) planAlerts() {}
func (p *Plan) findUnreachable() {}
func (d *Decider) Decide(n int) float64 { for _, f := range d.figures { f.round(second) }; return generic[int](n) * share }
type figure struct{}
func (f figure) round(int) {}
func generic[T any](T) float64 { return 1 }
func nobody() { note("x") }
func note(string) {}
`)
	write("controllers/plan/plan_test.go", "package plan\nfunc broken( {\n")
	code, err := decidingCode(root, decisions{"operator.Begin", []string{"operator.go"}, []string{"Plan.planAlerts"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"controllers/plan.Decider.Decide", "controllers/plan.figure.round", "controllers/plan.generic", "controllers/plan.second",
		"controllers/plan.share", "controllers/plan.window", "controllers/sim.helper", "controllers/sim.operator.Begin",
	}
	names := slices.Sorted(maps.Keys(code))
	for _, name := range want {
		if !slices.Contains(names, name) {
			t.Errorf("%s does not count", name)
		}
	}
	for _, not := range []string{"controllers/sim.world", "controllers/sim.other", "controllers/plan.nobody", "controllers/plan.note", "controllers/plan.Decider"} {
		if slices.Contains(names, not) {
			t.Errorf("%s counts", not)
		}
	}
	if !bytes.Contains(code["controllers/plan.second"], []byte("iota")) {
		t.Errorf("a constant without what it counts from: %s", code["controllers/plan.second"])
	}
	if _, err := decidingCode(root, decisions{"operator.End", nil, nil}); err == nil || !strings.Contains(err.Error(), "operator.End") {
		t.Errorf("error %v", err)
	}
	write("controllers/plan/plan.go", "package plan\ntype Decider struct{}\nfunc (d *Decider) Decide(int) {}\n")
	if _, err := decidingCode(root, scaling); err == nil || !strings.Contains(err.Error(), "planAlerts") {
		t.Errorf("error %v without what is said to decide nothing", err)
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
	o.base = 600
	// Traces count by what is in them, not by where they are.
	trace := func(folder, text string) string {
		if err := os.WriteFile(filepath.Join(folder, "day.csv"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return folder
	}
	for _, c := range []struct {
		folder string
		known  bool
	}{{trace(t.TempDir(), "0,0\n9,9\n"), false}, {trace(t.TempDir(), "0,0\n9,9\n"), true}, {trace(t.TempDir(), "0,0\n9,8\n"), false}} {
		o.traces = c.folder
		s := open(o)
		if _, known := s.find("step", "x", one.Seed); known != c.known {
			t.Errorf("known %v, want %v", known, c.known)
		}
		s.keep(one)
		s.close()
	}
	o.traces = ""
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
