// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"goservice.dev/operator/controllers/sim"
)

// lead is how long the load is steady in the simulator's figures before it rises; what it lets pass before that is not counted.
const lead = time.Second

// simulateAll plays what was measured with the simulator: the same load, the same pools, and as much CPU for a request and as much
// time for a pod to start as was measured.
func simulateAll(s settings, all []outcome) ([]outcome, error) {
	service, err := simulatedService(s, all)
	if err != nil {
		return nil, err
	}
	var played []outcome
	for _, shape := range s.shapes {
		load, err := sim.Trace(shape.name, strings.NewReader(shape.arrivals(s)))
		if err != nil {
			return nil, fmt.Errorf("simulating a %s: %w", shape.name, err)
		}
		for _, c := range s.contenders {
			pool := of(all, shape.name, c.pool())[0].Pool
			for seed := range s.seeds {
				o := play(s, service, load, c, pool, seed+1)
				o.Shape = shape.name
				played = append(played, o)
			}
		}
	}
	return played, nil
}

// simulatedService is the one that was measured. The simulator knows whole cores only: a pod with a share of a core is one with a core on
// which everything takes as many times longer, so that it serves as many requests per second and is used to the same degree.
func simulatedService(s settings, all []outcome) (sim.Service, error) {
	fastest, slowest, known := starts(all)
	if !known {
		return sim.Service{}, errors.New("no pod has started while the load was measured, so how long that takes is unknown")
	}
	slower := 1000 / float64(s.milliCPU)
	cost := meanOf(all, func(o outcome) float64 { return o.CPUPerRequest.Seconds() }) * slower
	return sim.Service{
		CPUTime: time.Duration(cost * float64(time.Second)), Cores: 1, Threshold: s.threshold, Percentile: s.percentile / 100,
		MinReplicas: fewest, MaxReplicas: s.most, StartupFrom: fastest, StartupTo: slowest,
	}, nil
}

// starts are the least and the most time from when a pod was wanted until it was ready.
func starts(all []outcome) (fastest, slowest time.Duration, known bool) {
	for _, o := range all {
		for pods, ready := range o.Ready {
			wanted, was := o.Wanted[pods]
			if !was || pods <= o.PodsBefore {
				continue
			}
			took := max(ready-wanted, 0)
			if !known {
				fastest, slowest, known = took, took, true
			}
			fastest, slowest = min(fastest, took), max(slowest, took)
		}
	}
	return fastest, slowest, known
}

// arrivals of the shape as a trace, second by second.
func (h shape) arrivals(s settings) string {
	var text strings.Builder
	fmt.Fprintf(&text, "0,0\n%d,%g\n", int(lead.Seconds()), s.rate*lead.Seconds())
	for second := range int(s.hold.Seconds()) {
		middle := time.Duration(second)*time.Second + time.Second/2
		fmt.Fprintf(&text, "%d,%g\n", int(lead.Seconds())+second+1, s.rate*h.times(middle, s.hold, s.factor))
	}
	return text.String()
}

// play one trial.
func play(s settings, service sim.Service, load sim.Shape, c contender, p pool, seed uint64) outcome {
	var samples []sample
	watched := c.simulated()
	scales := watched.Autoscaler
	watched.Autoscaler = func(service sim.Service) sim.Autoscaler {
		return &lookedAt{scales(service), float64(s.milliCPU) / 1000, &samples}
	}
	r := sim.Run(service, sim.PoolOf(service, int(p.Workers), p.QueueTimeout), load, watched, seed)
	o := outcome{
		Contender: c.name, CPUPerRequest: time.Duration(float64(service.CPUTime) * float64(s.milliCPU) / 1000),
		After: verdict{Requests: r.Requests, Slow: r.Slow, Lost: r.Lost, BadSeconds: r.BadSeconds, Seconds: r.Seconds},
	}
	hold := time.Duration(int(s.hold.Seconds())) * time.Second
	end := samples[0].at.Add(time.Duration(load.Seconds * float64(time.Second)))
	o.At = end.Add(-hold)
	before := slices.IndexFunc(samples, func(seen sample) bool { return !seen.at.Before(o.At) })
	o.watched(samples[before:], o.At, end)
	return o
}

// pool names the contender whose plan says what pool the pods have: those that are told the operator's have the operator's.
func (c contender) pool() string {
	if c.fitted {
		return ours
	}
	return c.name
}

// simulated is the contender in the simulator. All pods share their queue: those of rivals are services of the same toolkit, which does that
// unless it is switched off.
func (c contender) simulated() sim.Contender {
	if c.name == ours {
		return sim.Operator()
	}
	rival := sim.HPAContender(int(c.target), int(c.window.Seconds()))
	rival.Sharing = true
	return rival
}

// lookedAt is an autoscaler whose service is watched as the real one is.
type lookedAt struct {
	sim.Autoscaler
	cores float64 // of a pod
	seen  *[]sample
}

// Begin watches from the beginning on.
func (l *lookedAt) Begin(w *sim.World) {
	l.Autoscaler.Begin(w)
	w.Every(0, sampleEvery, func() {
		*l.seen = append(*l.seen, sample{w.Now(), int32(w.Wanted()), int32(w.Ready()), float64(len(w.Pods())) * l.cores})
	})
}

// agreement are simulated figures divided by measured ones.
type agreement struct{ bad, cores, ready string }

func agreementOf(measured, played []outcome, enough int32) agreement {
	a := agreement{"unknown", "unknown", "unknown"}
	if len(measured) == 0 || len(played) == 0 {
		return a
	}
	a.bad, a.cores = ratio(meanOf(played, badOf), meanOf(measured, badOf)), ratio(meanOf(played, coresOf), meanOf(measured, coresOf))
	simulated, ever := moment(played, outcome.readyAfter, enough)
	if seconds, really := moment(measured, outcome.readyAfter, enough); ever && really {
		a.ready = ratio(simulated, seconds)
	}
	return a
}

// ratio to something that was measured; of nothing there is none.
func ratio(simulated, measured float64) string {
	switch {
	case measured > 0:
		return fmt.Sprintf("%.2f", simulated/measured)
	case simulated == 0:
		return "1.00"
	}
	return "unknown"
}

// writeAgreement says for each shape and contender what was measured, what the simulator makes of it, and one by the other.
func writeAgreement(out io.Writer, s settings, enough int32, all, played []outcome) error {
	service, err := simulatedService(s, all)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nsimulated, means of %d seeds, with the measured cost of a request and pods that start in %.1f to %.1f s; measured → simulated (ratio)\n",
		s.seeds, service.StartupFrom.Seconds(), service.StartupTo.Seconds())
	for _, shape := range s.shapes {
		fmt.Fprintf(out, "\n%s\n\n", shape.name)
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintf(w, "\tbad seconds\tmissed, percent\tcore-seconds\tseconds until %d pods were ready\t\n", enough)
		for _, c := range s.contenders {
			measured, simulated := of(all, shape.name, c.name), of(played, shape.name, c.name)
			a := agreementOf(measured, simulated, enough)
			fmt.Fprintf(w, "%s\t%.1f → %.1f (%s)\t%.2f → %.2f\t%.1f → %.1f (%s)\t%s → %s (%s)\t\n", c.name,
				meanOf(measured, badOf), meanOf(simulated, badOf), a.bad, meanOf(measured, missedOf), meanOf(simulated, missedOf),
				meanOf(measured, coresOf), meanOf(simulated, coresOf), a.cores,
				moments(measured, outcome.readyAfter, enough), moments(simulated, outcome.readyAfter, enough), a.ready)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}
