// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"math"
	"slices"
	"testing"
	"time"
)

// podState is a pod as the replica calculator sees it. Pods request one core.
type podState struct {
	cores    float64 // used; negative: no figure
	notReady bool    // its container does not run yet
	leaving  bool
	// readySince and sampled are moments in seconds; by default the pod serves since 0 and its figure is of now.
	readySince, sampled float64
	created             float64
}

const hpaNow = 1000.0

func hpaWorld(states []podState) (*World, *HPA) {
	service := Default()
	service.Cores = 1
	w := newWorld(service, Shape{Name: "none", Seconds: 2000, Rate: func(float64) float64 { return 1 }}, 1)
	h := StockHPA(0.5, 300)
	h.metrics.samples = map[*Pod]CPUSample{}
	for _, s := range states {
		p := w.createReady()
		p.created, p.readyAt, p.ready, p.leaving = s.created, s.readySince, !s.notReady, s.leaving
		at := s.sampled
		if at == 0 {
			at = hpaNow - 1
		}
		if s.cores >= 0 {
			h.metrics.samples[p] = CPUSample{At: simTime(at), Window: 15 * time.Second, Cores: s.cores, measured: true}
		}
	}
	w.now = hpaNow
	return w, h
}

// times repeats a pod.
func times(n int, p podState) []podState { return slices.Repeat([]podState{p}, n) }

// The cases are those of upstream's replica_calculator_test.go, by what they are about.
func TestReplicaCalculator(t *testing.T) {
	const young = hpaNow - 100 // within the CPU initialization period
	missing := podState{cores: -1}
	for name, c := range map[string]struct {
		target float64
		pods   []podState
		want   int
	}{
		"on target":                                        {0.5, times(2, podState{cores: 0.5}), 2},
		"more than the target":                             {0.3, []podState{{cores: 0.3}, {cores: 0.5}, {cores: 0.7}}, 5},
		"less than the target":                             {0.5, []podState{{cores: 0.1}, {cores: 0.3}, {cores: 0.5}, {cores: 0.25}, {cores: 0.25}}, 3},
		"to a fraction, rounded up":                        {0.5, times(4, podState{cores: 0.3}), 3},
		"just within the tolerance upwards":                {0.5, times(3, podState{cores: 0.55}), 3},
		"just beyond it":                                   {0.5, times(3, podState{cores: 0.56}), 4},
		"just within the tolerance downwards":              {0.5, times(12, podState{cores: 0.45}), 12},
		"just beyond that":                                 {0.5, times(12, podState{cores: 0.44}), 11},
		"utilization is cut to whole percent":              {0.5, times(3, podState{cores: 0.559}), 3},
		"pods that are about to start count as idle":       {0.3, append(times(1, podState{cores: 0.9}), times(2, podState{cores: -1, notReady: true})...), 3},
		"more than those can take":                         {0.5, append(times(3, podState{cores: 1}), podState{cores: -1, notReady: true}), 6},
		"they cancel a scale-up when too many":             {0.5, append(times(2, podState{cores: 0.7}), times(2, podState{cores: -1, notReady: true})...), 4},
		"downwards they do not count":                      {0.5, append(times(4, podState{cores: 0.2}), times(4, podState{cores: -1, notReady: true})...), 2},
		"pods without a figure count as idle upwards":      {0.5, append(times(2, podState{cores: 1}), missing), 4},
		"and as busy by all they request downwards":        {0.5, append(times(4, podState{cores: 0.1}), missing), 3},
		"which keeps from going down":                      {0.5, append(times(3, podState{cores: 0.4}), missing), 4},
		"without a figure and about to start":              {0.5, append(times(2, podState{cores: 1}), missing, podState{cores: -1, notReady: true}), 4},
		"no figure at all":                                 {0.5, times(3, missing), 3},
		"leaving pods are not there":                       {0.5, append(times(2, podState{cores: 1}), podState{cores: 1, leaving: true}), 4},
		"a figure that began before the pod served":        {0.5, append(times(2, podState{cores: 0.5}), podState{cores: 1, created: young, readySince: hpaNow - 10}), 3},
		"a figure of its serving time":                     {0.5, append(times(2, podState{cores: 0.5}), podState{cores: 1, created: young, readySince: hpaNow - 20}), 4},
		"after the initialization period any figure does":  {0.5, append(times(2, podState{cores: 0.5}), podState{cores: 1, created: 0, readySince: hpaNow - 10}), 4},
		"a first figure would be of the start: it is none": {0.5, append(times(2, podState{cores: 0.7}), podState{cores: 1, created: young, readySince: hpaNow - 5}), 3},
	} {
		t.Run(name, func(t *testing.T) {
			w, h := hpaWorld(c.pods)
			h.Target = c.target
			current := 0
			for _, p := range c.pods {
				if !p.leaving {
					current++
				}
			}
			got, known := modelReplicas(w, h, current)
			if !known {
				got = current
			}
			if got != c.want {
				t.Errorf("%d of %d replicas, want %d", got, current, c.want)
			}
		})
	}
}

// recommending is an autoscaler whose calculator says what the test wants, for pods of a world that may be any number.
func recommending(h *HPA) (*World, func(at float64, current, recommended int) int) {
	service := Default()
	service.MinReplicas, service.MaxReplicas = 1, 1000
	w := newWorld(service, Shape{Name: "none", Seconds: 1, Rate: func(float64) float64 { return 1 }}, 1)
	return w, func(at float64, current, recommended int) int {
		h.replicas = func(*World, *HPA, int) (int, bool) { return recommended, true }
		w.now = at
		desired := h.decide(w, current)
		h.note(at, desired-current)
		return desired
	}
}

type look struct{ at, current, recommended, want int }

// filledIn has all that Kubernetes fills in where there is any behavior.
func filledIn() *HPA { return StockHPA(0.5, defaultWindow-1) }

func TestHPABehavior(t *testing.T) {
	plain := func(edit func(h *HPA)) *HPA {
		h := &HPA{Target: 0.5, Up: HPARules{Tolerance: 0.1}, Down: HPARules{Tolerance: 0.1}}
		edit(h)
		return h
	}
	for name, c := range map[string]struct {
		hpa   *HPA
		looks []look
	}{
		"no behavior: up to double":                                      {StockHPA(0.5, 300), []look{{0, 10, 100, 20}, {10, 20, 100, 40}}},
		"no behavior: up to four at least":                               {StockHPA(0.5, 300), []look{{0, 1, 100, 4}, {15, 3, 100, 6}}},
		"filled in: up by four where that is more":                       {filledIn(), []look{{0, 2, 100, 6}}},
		"filled in: up to double":                                        {filledIn(), []look{{0, 10, 100, 20}, {15, 20, 100, 40}}},
		"filled in: a policy counts from its period's start":             {filledIn(), []look{{0, 10, 15, 15}, {10, 15, 100, 20}, {14, 20, 100, 20}, {16, 20, 100, 30}}},
		"stock: down after 300 s at once":                                {StockHPA(0.5, 300), []look{{0, 50, 50, 50}, {15, 50, 2, 50}, {299, 50, 2, 50}, {301, 50, 2, 2}}},
		"stock: down to the highest of the window":                       {StockHPA(0.5, 300), []look{{0, 10, 10, 10}, {150, 10, 20, 20}, {160, 20, 2, 20}, {310, 20, 2, 20}, {455, 20, 2, 2}}},
		"stock: what it finds first is kept for the window":              {StockHPA(0.5, 300), []look{{0, 50, 10, 50}, {299, 50, 10, 50}, {301, 50, 10, 10}}},
		"no behavior: the highest of the window, however it was limited": {StockHPA(0.5, 300), []look{{0, 4, 12, 8}, {15, 8, 10, 12}, {30, 6, 3, 12}}},
		"a forgotten change is no change": {plain(func(h *HPA) {
			h.Up.Policies, h.Down.Policies = []HPAPolicy{{Pods: 5, Period: 15}}, []HPAPolicy{{Pods: 2, Period: 60}}
		}), []look{{0, 10, 15, 15}, {20, 15, 16, 16}, {40, 16, 1, 13}}},
		"a shorter window": {StockHPA(0.5, 60), []look{{0, 50, 50, 50}, {59, 50, 2, 50}, {61, 50, 2, 2}}},
		"a window upwards goes to the lowest of it": {plain(func(h *HPA) { h.Up.Window = 60 }),
			[]look{{0, 4, 4, 4}, {15, 4, 9, 4}, {45, 4, 7, 4}, {61, 4, 9, 7}, {106, 7, 9, 9}}},
		"both windows, and a recommendation between them": {plain(func(h *HPA) { h.Up.Window, h.Down.Window = 60, 120 }),
			[]look{{0, 5, 5, 5}, {15, 5, 9, 5}, {30, 5, 2, 5}, {75, 5, 9, 5}, {91, 5, 9, 9}, {120, 9, 3, 9}, {240, 9, 3, 3}}},
		"without policies as far as it likes": {plain(func(*HPA) {}), []look{{0, 4, 900, 900}, {15, 900, 1, 1}}},
		"by percent, rounded up": {plain(func(h *HPA) { h.Up.Policies = []HPAPolicy{{Percent: 10, Period: 60}} }),
			[]look{{0, 15, 90, 17}, {15, 17, 90, 17}, {60, 17, 90, 19}}},
		"the policy that allows most": {plain(func(h *HPA) { h.Up.Policies = []HPAPolicy{{Pods: 1, Period: 15}, {Percent: 50, Period: 15}} }),
			[]look{{0, 10, 90, 15}}},
		"down by pods within a period": {plain(func(h *HPA) { h.Down.Policies = []HPAPolicy{{Pods: 3, Period: 60}} }),
			[]look{{0, 20, 1, 17}, {30, 17, 1, 17}, {61, 17, 1, 14}}},
		"down by percent, rounded down": {plain(func(h *HPA) { h.Down.Policies = []HPAPolicy{{Percent: 30, Period: 15}} }),
			[]look{{0, 15, 1, 10}, {15, 10, 1, 7}}},
		"down by the policy that allows most": {plain(func(h *HPA) { h.Down.Policies = []HPAPolicy{{Percent: 10, Period: 15}, {Pods: 4, Period: 15}} }),
			[]look{{0, 20, 1, 16}}},
		"what was removed within the period may be added again": {plain(func(h *HPA) { h.Up.Policies = []HPAPolicy{{Pods: 2, Period: 60}} }),
			[]look{{0, 10, 7, 7}, {15, 7, 50, 12}}},
		"what was added within the period may be removed again": {plain(func(h *HPA) { h.Down.Policies = []HPAPolicy{{Pods: 2, Period: 60}} }),
			[]look{{0, 10, 13, 13}, {15, 13, 1, 8}}},
		"never above the maximum":         {plain(func(*HPA) {}), []look{{0, 10, 5000, 1000}}},
		"never below the minimum":         {plain(func(*HPA) {}), []look{{0, 10, 0, 1}}},
		"above the maximum at once":       {StockHPA(0.5, 300), []look{{0, 1200, 1200, 1000}}},
		"below a raised minimum at once":  {plain(func(h *HPA) { h.Floor = 7 }), []look{{0, 3, 3, 7}, {15, 7, 2, 7}}},
		"a raise counts for the policies": {plain(func(h *HPA) { h.Floor, h.Up.Policies = 7, []HPAPolicy{{Pods: 5, Period: 15}} }), []look{{0, 3, 3, 7}, {10, 7, 50, 8}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, decide := recommending(c.hpa)
			for _, l := range c.looks {
				if got := decide(float64(l.at), l.current, l.recommended); got != l.want {
					t.Fatalf("at %d s, %d pods and %d recommended: %d, want %d", l.at, l.current, l.recommended, got, l.want)
				}
			}
		})
	}
}

// The stock behavior is what Kubernetes fills in.
func TestStockBehavior(t *testing.T) {
	h := StockHPA(0.7, 60)
	up, down := h.Up, h.Down
	if up.Window != 0 || up.Tolerance != 0.1 || !slices.Equal(up.Policies, []HPAPolicy{{Pods: 4, Period: 15}, {Percent: 100, Period: 15}}) {
		t.Errorf("up %+v", up)
	}
	if down.Window != 60 || down.Tolerance != 0.1 || !slices.Equal(down.Policies, []HPAPolicy{{Percent: 100, Period: 15}}) {
		t.Errorf("down %+v", down)
	}
	if h.Target != 0.7 || h.Plain {
		t.Errorf("target %v, plain %v", h.Target, h.Plain)
	}
	if h = StockHPA(0.7, 300); !h.Plain || h.Up.Window != 0 || h.Down.Window != 300 {
		t.Errorf("plain %v, up %+v, down %+v", h.Plain, h.Up, h.Down)
	}
}

// Figures come every 15 s, 5 s old, as means since the figure before; decisions every 15 s, 0.3 s before they take effect.
func TestHPATiming(t *testing.T) {
	service := Default()
	w := newWorld(service, Shape{Name: "none", Seconds: 100, Rate: func(float64) float64 { return 1e-9 }}, 4)
	p := w.createReady()
	p2 := w.createReady()
	w.wanted = 2
	h := StockHPA(0.5, 300)
	var looks, figures []float64
	var last time.Time
	h.replicas = func(w *World, h *HPA, current int) (int, bool) {
		looks = append(looks, w.now)
		return current + 1, true
	}
	var wanted []float64
	w.every(0, 0.05, func() {
		p.cpu += 0.05 * w.now / 100 // its use rises from nothing to a core
		p2.cpu += 0.05 * 0.25
		if s, known := h.metrics.Sample(p); known && s.At != last {
			last = s.At
			figures = append(figures, w.now)
			at := s.At.Sub(simEpoch).Seconds()
			near(t, "age of a figure", w.now-at, 5, 0.02)
			near(t, "window of a figure", s.Window.Seconds(), 15, 1e-6)
			near(t, "figure of a rising use", s.Cores, (at-7.5)/100, 0.02)
			if other, _ := h.metrics.Sample(p2); math.Abs(other.Cores-0.25) > 0.01 {
				t.Errorf("figure of a steady use of 0.25 cores: %v", other.Cores)
			}
		}
		if len(wanted) == 0 && w.wanted > 2 {
			wanted = append(wanted, w.now)
		}
	})
	h.Begin(w)
	w.run()
	for _, moments := range [][]float64{looks, figures} {
		if len(moments) < 5 || moments[0] > 35 {
			t.Fatalf("%d moments: %v", len(moments), moments)
		}
		for i := 1; i < len(moments); i++ {
			near(t, "period", moments[i]-moments[i-1], 15, 0.01)
		}
	}
	if delay := wanted[0] - looks[0]; delay < 0.29 || delay > 0.36 {
		t.Errorf("a decision took effect after %.2f s, want 0.3 s", delay)
	}
}

func TestAFigureOfAPodThatIsGoneIsForgotten(t *testing.T) {
	w := newWorld(Default(), Shape{Name: "none", Seconds: 100, Rate: func(float64) float64 { return 1e-9 }}, 4)
	p := w.createReady()
	h := StockHPA(0.5, 300)
	h.Begin(w)
	w.after(50, func() {
		if _, known := h.metrics.Sample(p); !known {
			t.Error("no figure after 50 s")
		}
		w.leave(p)
	})
	w.run()
	if _, known := h.metrics.samples[p]; known || len(h.metrics.samples) == 0 {
		t.Errorf("the pod that is gone has a figure: %v; the others have %d", known, len(h.metrics.samples))
	}
}

// What was done at a look is a period ago at the next one, whatever the phase: a policy of a period lets the number double each time.
func TestAPeriodIsOverAtTheNextLook(t *testing.T) {
	service := Default()
	service.MinReplicas, service.MaxReplicas = 5, 10_000
	for seed := range uint64(200) {
		w := newWorld(service, Shape{Name: "none", Seconds: 120, Rate: func(float64) float64 { return 1e-9 }}, seed)
		w.wanted = 5
		h, looks := filledIn(), 0
		h.replicas = func(w *World, _ *HPA, current int) (int, bool) {
			if w.now+decisionDelay < w.shape.Seconds {
				looks++
			}
			return 100 * current, true
		}
		h.Begin(w)
		w.run()
		if want := min(5<<looks, service.MaxReplicas); w.wanted != want {
			t.Fatalf("seed %d: %d replicas after %d looks, want %d", seed, w.wanted, looks, want)
		}
	}
}
