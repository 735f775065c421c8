// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package histories makes random inputs for autoscalers, by seed. The simulator's models decide by them, and so does the code that
// they are models of (hack/rivals), whose answers are kept in the simulator's testdata. The inputs must not change without these.
package histories

import (
	"math/rand/v2"
	"time"
)

const (
	// Seeds is how many histories there are of each kind, by the seeds from 0 on.
	Seeds = 400
	// Looks is how many decisions a history has.
	Looks = 60
	// Period of the looks of a HorizontalPodAutoscaler.
	Period = 15*time.Second + time.Millisecond
	// RequestMillicores is what a pod requests.
	RequestMillicores = 1000
)

// HPA is a random HorizontalPodAutoscaler, and what happens to it.
type HPA struct {
	// Percent of the request is the target.
	Percent int
	// Plain says that there is no behavior.
	Plain    bool
	Up, Down Rules
	Min, Max int

	random *rand.Rand
	load   float64 // in thousandths of a core
	pods   []pod
}

// Rules are a direction's behavior; the tolerance is in percent, windows and periods in seconds.
type Rules struct {
	Window, Tolerance int
	Policies          []Policy
}

// Policy of pods or of percent.
type Policy struct{ Pods, Percent, Period int }

// Pod at a look; durations are before it.
type Pod struct {
	Ready, Leaving bool
	Age, ReadyFor  time.Duration
	// Sampled says that there is a figure: Millicores over a Window that ended SampleAge ago.
	Sampled           bool
	Millicores        int
	SampleAge, Window time.Duration
}

// pod between looks.
type pod struct {
	age, starts time.Duration
	leaving     bool
}

// NewHPA is the history of a seed.
func NewHPA(seed uint64) *HPA {
	r := rand.New(rand.NewPCG(seed, 0x48))
	h := &HPA{Percent: 20 + r.IntN(81), Min: 1 + r.IntN(3), Max: 10 + r.IntN(60), random: r, load: 500 * float64(1+r.IntN(20))}
	if h.Plain = r.IntN(4) == 0; h.Plain {
		return h
	}
	h.Up, h.Down = rulesOf(r), rulesOf(r)
	return h
}

func rulesOf(r *rand.Rand) Rules {
	rules := Rules{Window: pick(r, 0, 0, 15, 45, 60, 120, 300), Tolerance: pick(r, 0, 5, 10, 10, 20)}
	for range 1 + r.IntN(3) {
		if period := pick(r, 1, 15, 15, 30, 60, 200); r.IntN(2) == 0 {
			rules.Policies = append(rules.Policies, Policy{Pods: 1 + r.IntN(8), Period: period})
		} else {
			rules.Policies = append(rules.Policies, Policy{Percent: pick(r, 5, 10, 50, 100, 100, 300), Period: period})
		}
	}
	return rules
}

func pick(r *rand.Rand, values ...int) int { return values[r.IntN(len(values))] }

// Start is the number of replicas at the first look.
func (h *HPA) Start() int { return h.Min + h.random.IntN(8) }

// Look is what the autoscaler finds when there are to be so many replicas: pods, those that leave among them. Somebody else sets the
// number now and then, also beyond the bounds.
func (h *HPA) Look(replicas int) (current int, pods []Pod) {
	r := h.random
	if r.IntN(15) == 0 {
		replicas = 1 + r.IntN(h.Max+4)
	}
	switch r.IntN(8) {
	case 0:
		h.load *= 3 * r.Float64()
	case 1:
		h.load = 500 * float64(1+r.IntN(60))
	default:
		h.load *= 0.9 + 0.2*r.Float64()
	}
	h.load = min(max(h.load, 50), 60_000)
	h.age(replicas)
	serving := 0
	for _, p := range h.pods {
		if p.age >= p.starts && !p.leaving {
			serving++
		}
	}
	blind := r.IntN(20) == 0 // metrics-server is away
	for _, p := range h.pods {
		pods = append(pods, h.see(p, serving, blind))
	}
	return replicas, pods
}

// age lets a period pass, and pods come and go.
func (h *HPA) age(replicas int) {
	var stay []pod
	present := 0
	for _, p := range h.pods {
		if p.leaving && h.random.IntN(2) == 0 {
			continue
		}
		p.age += Period
		if !p.leaving && present == replicas {
			p.leaving = true
		}
		if !p.leaving {
			present++
		}
		stay = append(stay, p)
	}
	for ; present < replicas; present++ {
		p := pod{age: time.Duration(h.random.IntN(15_000)) * time.Millisecond, starts: time.Duration(h.random.IntN(60_000)) * time.Millisecond}
		if len(stay) < 4 {
			p.age += 10 * time.Minute // the first ones are old
		}
		stay = append(stay, p)
	}
	h.pods = stay
}

func (h *HPA) see(p pod, serving int, blind bool) Pod {
	r := h.random
	seen := Pod{Ready: p.age >= p.starts, Leaving: p.leaving, Age: p.age}
	if seen.Ready {
		seen.ReadyFor = p.age - p.starts
	}
	seen.Window = time.Duration(14_000+r.IntN(2_000)) * time.Millisecond
	seen.SampleAge = time.Duration(5_000+r.IntN(15_000)) * time.Millisecond
	seen.Sampled = seen.Ready && !blind && r.IntN(30) > 0 && seen.ReadyFor > seen.SampleAge
	if seen.Sampled {
		seen.Millicores = min(int(h.load/float64(max(serving, 1))*(0.7+0.6*r.Float64())), 2*RequestMillicores)
	}
	return seen
}

// Knative is a random load of Knative's autoscaler: with a target and pods that are ready as late as they are.
type Knative struct {
	// Target is how many requests are to be inside each pod.
	Target float64
	// Ready is how many pods are there at first.
	Ready int

	random *rand.Rand
	load   float64
}

// NewKnative is the history of a seed.
func NewKnative(seed uint64) *Knative {
	r := rand.New(rand.NewPCG(seed, 0x4b))
	return &Knative{Target: 0.5 + 20*r.Float64(), Ready: r.IntN(12), random: r, load: 200 * r.Float64()}
}

// Second is the mean number of requests inside all pods over the next second.
func (k *Knative) Second() float64 {
	r := k.random
	switch r.IntN(60) {
	case 0:
		k.load = 400 * r.Float64()
	case 1:
		k.load *= 4 * r.Float64()
	case 2:
		k.load = 0
	}
	return k.load * (0.8 + 0.4*r.Float64())
}

// Pods is how many are ready two seconds after so many were wanted.
func (k *Knative) Pods(wanted int) int {
	switch {
	case wanted > k.Ready && k.random.IntN(3) == 0:
		k.Ready += 1 + k.random.IntN(wanted-k.Ready)
	case wanted < k.Ready:
		k.Ready = wanted
	}
	return k.Ready
}
