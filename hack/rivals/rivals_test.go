// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package rivals

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"goservice.dev/operator/controllers/sim"
	"goservice.dev/operator/controllers/sim/histories"
)

var update = flag.Bool("update", false, "write the simulator's copies of the answers")

// answers are what the simulator's own tests compare its models with.
type answers struct {
	Version string
	Wanted  [][]int
}

// check the copy that the simulator has of the answers, or write it.
func (a answers) check(t *testing.T, name string) {
	t.Helper()
	text, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.NewReplacer(`":[[`, "\":[\n[", `],[`, "],\n[", `]]`, "]\n]").Replace(string(text)) + "\n"
	path := filepath.Join("..", "..", "controllers", "sim", "testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, []byte(lines), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != lines {
		t.Errorf("%s is not what %s %s answers; make test-rivals UPDATE=true writes it", path, name, a.Version)
	}
}

// versionOf a module by go.mod: a test binary does not know what it is built of.
func versionOf(t *testing.T, module string) string {
	t.Helper()
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\t"+module+" ")
	version, _, found := strings.Cut(rest, "\n")
	if !found {
		t.Fatalf("go.mod does not require %s", module)
	}
	return version
}

func settingsOf(h *histories.HPA) *sim.HPA {
	settings := &sim.HPA{Target: float64(h.Percent) / 100, Plain: h.Plain}
	for to, from := range map[*sim.HPARules]histories.Rules{&settings.Up: h.Up, &settings.Down: h.Down} {
		*to = sim.HPARules{Window: float64(from.Window), Tolerance: float64(from.Tolerance) / 100}
		for _, p := range from.Policies {
			to.Policies = append(to.Policies, sim.HPAPolicy{Pods: p.Pods, Percent: p.Percent, Period: float64(p.Period)})
		}
	}
	return settings
}

func TestKubernetesAnswersAreWhatTheModelIsTestedWith(t *testing.T) {
	a := answers{Version: versionOf(t, "k8s.io/kubernetes")}
	for seed := range uint64(histories.Seeds) {
		history := histories.NewHPA(seed)
		c := newController(horizontalPodAutoscaler(settingsOf(history), history.Min, history.Max))
		replicas := history.Start()
		var wanted []int
		for range histories.Looks {
			current, pods := history.Look(replicas)
			replicas = c.look(current, statesOf(pods))
			wanted = append(wanted, replicas)
		}
		c.end()
		if c.server.looks != histories.Looks {
			t.Fatalf("history %d: the controller looked %d times, want %d", seed, c.server.looks, histories.Looks)
		}
		a.Wanted = append(a.Wanted, wanted)
	}
	a.check(t, "kubernetes")
}

func statesOf(pods []histories.Pod) []podState {
	states := make([]podState, 0, len(pods))
	for i, p := range pods {
		states = append(states, podState{
			name: "pod-" + strconv.Itoa(i), request: histories.RequestMillicores, ready: p.Ready, leaving: p.Leaving, age: p.Age, readyFor: p.ReadyFor,
			sampled: p.Sampled, millicores: int64(p.Millicores), sampleAge: p.SampleAge, window: p.Window,
		})
	}
	return states
}

func TestKnativeAnswersAreWhatTheModelIsTestedWith(t *testing.T) {
	a := answers{Version: versionOf(t, "knative.dev/serving")}
	for seed := range uint64(histories.Seeds) {
		history := histories.NewKnative(seed)
		k := NewKnative(&sim.KPA{Target: history.Target, Activator: sim.ActivatorByDefault})
		k.begin(history.Ready)
		ready := history.Ready
		var wanted []int
		for i := range histories.Looks {
			at := 2 * time.Duration(i) * time.Second
			for range 2 {
				at += time.Second
				k.record(at, history.Second())
			}
			result := k.decide(at, ready)
			if !result.ScaleValid {
				t.Fatalf("history %d, look %d: no decision", seed, i)
			}
			wanted = append(wanted, int(result.DesiredPodCount))
			ready = history.Pods(int(result.DesiredPodCount))
		}
		a.Wanted = append(a.Wanted, wanted)
	}
	a.check(t, "knative")
}

// noted is how many pods were wanted each second of a simulation.
func noted(c sim.Contender, seed uint64) (sim.Result, []int) {
	service := sim.Default()
	var wanted []int
	autoscaler := c.Autoscaler
	c.Autoscaler = func(s sim.Service) sim.Autoscaler { return &noting{autoscaler(s), &wanted} }
	shape := sim.Shape{Name: "steps", Seconds: 900, Rate: func(at float64) float64 {
		return []float64{300, 1200, 200, 700}[int(at/200)%4]
	}}
	return sim.Run(service, sim.Pool{Workers: 16, Depth: 16, QueueTimeout: 50 * time.Millisecond}, shape, c, seed), wanted
}

type noting struct {
	sim.Autoscaler
	wanted *[]int
}

func (n *noting) Begin(w *sim.World) {
	n.Autoscaler.Begin(w)
	w.Every(time.Second, time.Second, func() { *n.wanted = append(*n.wanted, w.Wanted()) })
}

// In whole simulations a model and the code that it is a model of come to the same: the same numbers of pods at the same moments, and
// so the same fate of each request.
func TestModelsAndTheirOriginalsDecideAlike(t *testing.T) {
	models := []sim.Contender{
		sim.HPAContender(50, 300), sim.HPAContender(70, 60),
		sim.HPARequestsContender(60, 60), sim.HPARequestsContender(64, 300), sim.HPAFloorContender(3),
		sim.KnativeContender(60, sim.ActivatorByDefault, 0), sim.KnativeContender(70, sim.ActivatorAlways, 0), sim.KnativeContender(50, sim.ActivatorNever, 0),
		sim.KnativeContender(60, sim.ActivatorNever, 300), sim.KnativeContender(55, sim.ActivatorByDefault, 61),
	}
	own := Own(models)
	for i, model := range models {
		for seed := range uint64(2) {
			want, wanted := noted(model, seed)
			got, own := noted(own[i], seed)
			for at := range wanted {
				if own[at] != wanted[at] {
					t.Errorf("%s, seed %d, %d s: its own code wants %d pods, the model %d", model.Name, seed, at, own[at], wanted[at])
					break
				}
			}
			if got.BadSeconds != want.BadSeconds || got.Lost != want.Lost || got.Slow != want.Slow || got.CoreSeconds != want.CoreSeconds || got.Actions < 1 {
				t.Errorf("%s, seed %d: %d bad seconds, %d lost, %d slow, %.1f core-seconds and %d actions; the model has %d, %d, %d, %.1f and %d", model.Name, seed,
					got.BadSeconds, got.Lost, got.Slow, got.CoreSeconds, got.Actions, want.BadSeconds, want.Lost, want.Slow, want.CoreSeconds, want.Actions)
			}
		}
	}
}

// An autoscaler that is no model of another's decides for itself.
func TestOwnLeavesOthersAlone(t *testing.T) {
	others := []sim.Contender{sim.Operator(), sim.Clairvoyant(70)}
	for i, c := range Own(others) {
		if _, own := c.Autoscaler(sim.Default()).(*Kubernetes); own || c.Name != others[i].Name {
			t.Errorf("%s decides by Kubernetes' code", c.Name)
		}
	}
	for _, c := range Own([]sim.Contender{sim.HPAContender(50, 300), sim.HPARequestsContender(60, 60), sim.KnativeContender(60, sim.ActivatorNever, 0)}) {
		switch c.Autoscaler(sim.Default()).(type) {
		case *Kubernetes, *Knative:
		default:
			t.Errorf("%s decides by the model", c.Name)
		}
	}
}
