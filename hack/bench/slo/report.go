// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"goservice.dev/operator/hack/bench/internal/machine"
)

// report writes what was decided, a table for each shape, what the simulator says of it, and the line for machines.
func report(out io.Writer, s settings, d deployed, all []outcome) error {
	enough := enoughPods(s, all)
	first := slices.MinFunc(all, func(a, b outcome) int { return a.At.Compare(b.At) })
	last := slices.MaxFunc(all, func(a, b outcome) int { return a.At.Compare(b.At) })
	fmt.Fprintf(out, "%s, from %s to %s\n", d, first.At.Format(time.RFC3339), last.At.Format(time.RFC3339))
	fmt.Fprintf(out, "%g → %g requests per second, %s of computing each; pods of %dm CPU, p%g within %s; %d runs, means (least to most)\n",
		s.rate, s.rate*s.factor, s.work, s.milliCPU, s.percentile, s.threshold, s.runs)
	for _, shape := range s.shapes {
		fmt.Fprintf(out, "\n%s, for %s\n\n", shape.name, s.hold)
		for _, o := range of(all, shape.name, ours)[:1] {
			for _, decision := range o.Decisions {
				fmt.Fprintln(out, decision)
			}
			fmt.Fprintln(out)
		}
		if err := table(out, s, shape.name, enough, all); err != nil {
			return err
		}
		if rival, ok := cheapestThatKeeps(s, shape.name, all); ok {
			fmt.Fprintf(out, "\nthe cheapest rival that keeps the objective: %s\n", rival.name)
		} else {
			fmt.Fprintln(out, "\nno rival keeps the objective")
		}
	}
	if busiest(all) >= machine.Full {
		fmt.Fprintln(out, "\nthe machine had no processor left in a trial: what was missed there may be its fault")
	}
	if s.image != "" {
		return writeResult(out, "bench-foreign", s, enough, all, nil)
	}
	played, err := simulateAll(s, all)
	if err != nil { // what was measured stands without it
		fmt.Fprintf(out, "\nnot simulated: %v\n", err)
	} else if err := writeAgreement(out, s, enough, all, played); err != nil {
		return err
	}
	return writeResult(out, "bench-slo", s, enough, all, played)
}

// enoughPods for the highest rate, by the most cautious of all measurements of what a request takes.
func enoughPods(s settings, all []outcome) int32 {
	cost := time.Duration(0)
	for _, o := range all {
		cost = max(cost, o.CPUPerRequest)
	}
	return int32(math.Ceil(s.rate * s.factor * cost.Seconds() / (s.enough * float64(s.milliCPU) / 1000)))
}

// of a shape and a contender; an empty name is any.
func of(all []outcome, shape, contender string) []outcome {
	return slices.DeleteFunc(slices.Clone(all), func(o outcome) bool {
		return shape != "" && o.Shape != shape || o.Contender != contender
	})
}

// cheapestThatKeeps the objective, of the rivals with one shape; an empty name is all shapes together.
func cheapestThatKeeps(s settings, shape string, all []outcome) (cheapest contender, found bool) {
	least := math.Inf(1)
	for _, c := range s.contenders {
		outcomes := of(all, shape, c.name)
		if cores := meanOf(outcomes, coresOf); c.name != ours && cores < least && keeps(outcomes, s) {
			cheapest, found, least = c, true, cores
		}
	}
	return cheapest, found
}

func table(out io.Writer, s settings, shape string, enough int32, all []outcome) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, cell func([]outcome) string) {
		fmt.Fprintf(w, "%s\t", name)
		for _, c := range s.contenders {
			fmt.Fprintf(w, "%s\t", cell(of(all, shape, c.name)))
		}
		fmt.Fprintln(w)
	}
	spread := func(format string, value func(outcome) float64) func([]outcome) string {
		return func(outcomes []outcome) string { return spreadOf(format, outcomes, value) }
	}
	row("", func(o []outcome) string { return o[0].Contender })
	if s.image == "" {
		row("workers of a pod before the rise", func(o []outcome) string { return fmt.Sprint(o[0].Pool.Workers) })
	}
	row("pods before", spread("%.0f", func(o outcome) float64 { return float64(o.PodsBefore) }))
	row("bad seconds before", spread("%.0f", func(o outcome) float64 { return float64(o.Before.BadSeconds) }))
	if shape == stepName {
		row(fmt.Sprintf("seconds until %d pods were wanted", enough), func(o []outcome) string { return moments(o, outcome.wantedAfter, enough) })
		row(fmt.Sprintf("seconds until %d pods were ready", enough), func(o []outcome) string { return moments(o, outcome.readyAfter, enough) })
	}
	row("bad seconds", spread("%.0f", badOf))
	row("end of the last of them, s", spread("%.0f", func(o outcome) float64 { return o.After.LastBad.Seconds() }))
	row("requests", spread("%.0f", func(o outcome) float64 { return float64(o.After.Requests) }))
	row("refused or failed", spread("%.0f", func(o outcome) float64 { return float64(o.After.Lost) }))
	row("slow", spread("%.0f", func(o outcome) float64 { return float64(o.After.Slow) }))
	row("missed, percent", spread("%.2f", missedOf))
	row("keeps the objective", func(o []outcome) string { return yes(keeps(o, s)) })
	row("most pods", spread("%.0f", func(o outcome) float64 { return float64(o.Most) }))
	row("core-seconds", spread("%.1f", coresOf))
	row("machine busy, percent", spread("%.0f", func(o outcome) float64 { return 100 * o.MachineBusy }))
	row("CPU of a request, ms", spread("%.2f", func(o outcome) float64 { return o.CPUPerRequest.Seconds() * 1000 }))
	return w.Flush()
}

func badOf(o outcome) float64    { return float64(o.After.BadSeconds) }
func missedOf(o outcome) float64 { return o.After.missed() }
func coresOf(o outcome) float64  { return o.CoreSeconds }

// busiest that the machine was in a trial, as a share of its processors.
func busiest(all []outcome) (busy float64) {
	for _, o := range all {
		busy = max(busy, o.MachineBusy)
	}
	return busy
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// spreadOf is the mean, and of several outcomes the least and the most.
func spreadOf(format string, outcomes []outcome, value func(outcome) float64) string {
	values := make([]float64, 0, len(outcomes))
	for _, o := range outcomes {
		values = append(values, value(o))
	}
	text := fmt.Sprintf(format, mean(values))
	if least, most := slices.Min(values), slices.Max(values); least < most {
		text += fmt.Sprintf(" ("+format+" to "+format+")", least, most)
	}
	return text
}

func meanOf(outcomes []outcome, value func(outcome) float64) float64 {
	values := make([]float64, 0, len(outcomes))
	for _, o := range outcomes {
		values = append(values, value(o))
	}
	return mean(values)
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, value := range values {
		sum += value
	}
	return sum / float64(max(len(values), 1))
}

func (o outcome) wantedAfter(pods int32) (time.Duration, bool) {
	after, ever := o.Wanted[pods]
	return after, ever
}

func (o outcome) readyAfter(pods int32) (time.Duration, bool) {
	after, ever := o.Ready[pods]
	return after, ever
}

// moment is the mean of when there were so many pods, in seconds; false if there is an outcome in which there never were, or none.
func moment(outcomes []outcome, after func(outcome, int32) (time.Duration, bool), pods int32) (float64, bool) {
	var seconds []float64
	for _, o := range outcomes {
		d, ever := after(o, pods)
		if !ever {
			return 0, false
		}
		seconds = append(seconds, d.Seconds())
	}
	return mean(seconds), len(seconds) > 0
}

// moments is that for people: never, if it once was so.
func moments(outcomes []outcome, after func(outcome, int32) (time.Duration, bool), pods int32) string {
	if len(outcomes) == 0 {
		return "unknown"
	}
	if seconds, ever := moment(outcomes, after, pods); ever {
		return strconv.FormatFloat(seconds, 'f', 1, 64)
	}
	return "never"
}

// writeResult is the line for machines.
func writeResult(out io.Writer, name string, s settings, enough int32, all, played []outcome) error {
	step := of(all, stepName, ours)
	fmt.Fprintf(out, "\nRESULT %s runs=%d shapes=%d wanted_s=%s ready_s=%s", name, s.runs, len(s.shapes),
		moments(step, outcome.wantedAfter, enough), moments(step, outcome.readyAfter, enough))
	for _, c := range slices.Backward(s.contenders) {
		outcomes := of(all, "", c.name)
		fmt.Fprintf(out, " %[1]sbad_s=%.1[2]f %[1]smissed_pct=%.2[3]f %[1]score_s=%.0[4]f %[1]skeeps=%[5]s",
			c.key, meanOf(outcomes, badOf), meanOf(outcomes, missedOf), meanOf(outcomes, coresOf), yes(keeps(outcomes, s)))
	}
	if rival, ok := cheapestThatKeeps(s, "", all); ok {
		outcomes := of(all, "", rival.name)
		fmt.Fprintf(out, " keeping_target=%d keeping_bad_s=%.1f keeping_core_s=%.0f", rival.target, meanOf(outcomes, badOf), meanOf(outcomes, coresOf))
	} else {
		fmt.Fprint(out, " keeping_target=none keeping_bad_s=none keeping_core_s=none")
	}
	fmt.Fprintf(out, " machine_busy_pct=%.0f", 100*busiest(all))
	if s.image != "" {
		_, err := fmt.Fprintln(out)
		return err
	}
	agreed := agreementOf(of(all, "", ours), of(played, "", ours), enough)
	steps := agreementOf(step, of(played, stepName, ours), enough)
	_, err := fmt.Fprintf(out, " sim_bad_ratio=%s sim_core_ratio=%s sim_ready_ratio=%s\n", agreed.bad, agreed.cores, steps.ready)
	return err
}
