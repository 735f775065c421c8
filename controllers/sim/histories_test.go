// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"goservice.dev/operator/controllers/sim/histories"
)

// answers of a rival's own code to the histories, as `make test-rivals UPDATE=true` writes them.
type answers struct {
	Version string
	Wanted  [][]int
}

func answersOf(t *testing.T, name string) answers {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var a answers
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatal(err)
	}
	if len(a.Wanted) != histories.Seeds || len(a.Wanted[0]) != histories.Looks {
		t.Fatalf("%d histories of %d looks", len(a.Wanted), len(a.Wanted[0]))
	}
	return a
}

func modelOf(history *histories.HPA) *HPA {
	if history.Plain {
		return StockHPA(float64(history.Percent)/100, defaultWindow)
	}
	return &HPA{Target: float64(history.Percent) / 100, Up: modelRules(history.Up), Down: modelRules(history.Down)}
}

func modelRules(from histories.Rules) HPARules {
	rules := HPARules{Window: float64(from.Window), Tolerance: float64(from.Tolerance) / 100}
	for _, p := range from.Policies {
		rules.Policies = append(rules.Policies, HPAPolicy{Pods: p.Pods, Percent: p.Percent, Period: float64(p.Period)})
	}
	return rules
}

// The model wants as many replicas as kube-controller-manager's code, at each look of random histories.
func TestTheModelIsKubernetes(t *testing.T) {
	recorded := answersOf(t, "kubernetes")
	for seed, wanted := range recorded.Wanted {
		history := histories.NewHPA(uint64(seed))
		service := Default()
		service.Cores, service.MinReplicas, service.MaxReplicas = histories.RequestMillicores/1000, history.Min, history.Max
		w := newWorld(service, Shape{Name: "none", Seconds: 1, Rate: func(float64) float64 { return 1 }}, 1)
		h, replicas := modelOf(history), history.Start()
		for i, want := range wanted {
			current, pods := history.Look(replicas)
			w.now = 1e5 + float64(i)*hpaSync.Seconds()
			h.show(w, pods)
			replicas = h.decide(w, current)
			h.note(w.now, replicas-current)
			if replicas != want {
				t.Errorf("history %d, look %d: %d of %d replicas, Kubernetes %s wants %d", seed, i, replicas, current, recorded.Version, want)
				break
			}
		}
	}
}

// show the pods of a history to the autoscaler.
func (h *HPA) show(w *World, pods []histories.Pod) {
	w.pods, h.metrics.samples = nil, map[*Pod]CPUSample{}
	for _, p := range pods {
		pod := &Pod{created: w.now - p.Age.Seconds(), readyAt: w.now - p.ReadyFor.Seconds(), ready: p.Ready, leaving: p.Leaving}
		w.pods = append(w.pods, pod)
		if p.Sampled {
			h.metrics.samples[pod] = CPUSample{At: w.Now().Add(-p.SampleAge), Window: p.Window, Cores: float64(p.Millicores) / 1000, measured: true}
		}
	}
}

// The model wants as many pods as Knative's code, at each look of random histories.
func TestTheModelIsKnative(t *testing.T) {
	recorded := answersOf(t, "knative")
	for seed, wanted := range recorded.Wanted {
		history := histories.NewKnative(uint64(seed))
		k := &KPA{Target: history.Target}
		k.start(0, history.Ready)
		ready := history.Ready
		for i, want := range wanted {
			for range 2 {
				k.observe(history.Second())
			}
			got := k.decide(float64(2*i+2), ready)
			if got != want {
				t.Errorf("history %d, look %d: %d pods with %d ready, Knative %s wants %d", seed, i, got, ready, recorded.Version, want)
				break
			}
			ready = history.Pods(got)
		}
	}
}
