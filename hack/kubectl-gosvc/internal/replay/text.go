// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package replay

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"goservice.dev/operator/controllers/replay"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/top"
)

// Write a report as text.
func (r *Report) Write(out io.Writer, style show.Style) {
	fmt.Fprintf(out, "%s  %s to %s, in steps of %s\n", style.Strong(r.Name), show.Zoned(r.From), show.Zoned(r.To), readable(time.Duration(r.StepSeconds)*time.Second))
	if r.WithoutDataSeconds > 0 {
		fmt.Fprintf(out, "  %s\n", style.Doubtful(readable(time.Duration(r.WithoutDataSeconds)*time.Second)+" without data: shown as a gap, and left out of every figure"))
	}
	m := r.Measured
	fmt.Fprintf(out, "  %s requests, %s/s on average, %s/s in the busiest step; each %s\n\n", show.Count(int64(m.Requests)),
		show.Rate(m.MeanRequestsPerSecond), show.Rate(m.MostRequestsPerSecond), r.cost())
	r.table(out, style)
	fmt.Fprintln(out)
	r.chart(out, style)
	if text := r.decisions(); text != "" {
		fmt.Fprintf(out, "\n%s\n", text)
	}
	sheet := &show.Sheet{Style: style, Out: out}
	fmt.Fprintln(out)
	sheet.Text(0, "All rows but \"as it ran\" are a model: the operator's own decisions, on pods of the simulator that start, compute, and wait as measured on average over "+
		"this time. What they would have waited for in a failing dependency, a rollout, or a full node is not in it: compare \"declared\" with \"as it ran\" before you trust the others.")
}

func (r *Report) cost() string {
	text := fmt.Sprintf("%s of CPU", short(r.Measured.CPUSecondsPerRequest))
	if took := r.Measured.ServiceSecondsPerRequest; took != nil {
		text += fmt.Sprintf(" and %s in all without waiting for a worker", short(*took))
	}
	return text
}

// short writes seconds with three digits.
func short(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	for unit := time.Duration(1); unit < time.Hour; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit).String()
		}
	}
	return d.Round(time.Second).String()
}

// readable writes whole minutes without seconds.
func readable(d time.Duration) string {
	text := d.String()
	if d >= time.Minute {
		text = strings.TrimSuffix(text, "0s")
	}
	if d >= time.Hour && strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func (r *Report) table(out io.Writer, style show.Style) {
	heading := []string{"SETTINGS", "POD-HOURS", "CORE-HOURS", "PODS", "MOST", "MISSED TIME", "MISSED REQUESTS", "UP", "DOWN"}
	right := []bool{false, true, true, true, true, true, true, true, true}
	var rows [][]string
	for i := range r.Outcomes {
		o := &r.Outcomes[i]
		seconds, requests := "-", "-"
		if o.MissedSeconds != nil {
			seconds = fmt.Sprintf("%s (%s)", readable(time.Duration(*o.MissedSeconds)*time.Second), share(float64(*o.MissedSeconds), float64(o.Seconds)))
			requests = share(*o.MissedRequests, o.Requests)
		}
		rows = append(rows, []string{
			o.Settings, hours(o.PodHours), hours(o.CoreHours), fmt.Sprintf("%.1f", o.MeanPods), show.Count(int64(o.MostPods)), seconds, requests,
			show.Count(int64(o.ScaleUps)), show.Count(int64(o.ScaleDowns)),
		})
	}
	show.Columns(out, heading, right, rows)
}

func hours(h float64) string {
	if h < 100 {
		return fmt.Sprintf("%.1f", h)
	}
	return show.Count(int64(h + 0.5))
}

// share in percent, with as many digits as mean something.
func share(part, whole float64) string {
	percent := 100 * part / max(whole, 1)
	switch {
	case part == 0:
		return "0%"
	case percent < 0.001:
		return "< 0.001%"
	case percent < 1:
		return fmt.Sprintf("%.3f%%", percent)
	}
	return fmt.Sprintf("%.1f%%", percent)
}

// chart draws demand, and of each setting the pods and when it missed the objectives.
func (r *Report) chart(out io.Writer, style show.Style) {
	label := show.Width("demand")
	for _, o := range r.Outcomes {
		label = max(label, show.Width(o.Settings))
	}
	label = min(label, 32)
	width := max(style.Width-label-24, 24)
	line := func(name, bars, text string) {
		fmt.Fprintln(out, strings.TrimRight(show.Pad(name, label)+"  "+bars+"  "+text, " "))
	}
	demand := columns(r.recording.Demand, width)
	line("demand", spark(demand, highest(demand)), show.Rate(highest(r.recording.Demand))+"/s at most")
	most := 0.0
	for _, o := range r.Outcomes {
		most = max(most, highest(o.Pods))
	}
	for _, o := range r.Outcomes {
		pods := columns(o.Pods, width)
		line(o.Settings, spark(pods, most), fmt.Sprintf("%d pods at most", o.MostPods))
		if o.MissedSeconds != nil && *o.MissedSeconds > 0 {
			line("  missed", style.Bad(missed(o, len(pods))), "")
		}
	}
	line("", show.Pad(r.From.Format("01-02 15:04"), max(len(demand)-11, 0))+r.To.Format("01-02 15:04"), "UTC")
}

// spark is a sparkline up to a value, with gaps.
func spark(values []float64, most float64) string {
	bars := []rune(top.Spark(append(slices.Clone(filled(values)), most)))
	for i, v := range values {
		if math.IsNaN(v) {
			bars[i] = ' '
		}
	}
	return string(bars[:len(values)])
}

func filled(values []float64) []float64 {
	all := make([]float64, len(values))
	for i, v := range values {
		if !math.IsNaN(v) {
			all[i] = v
		}
	}
	return all
}

// missed marks where steps were: a point for some, a cross for more than half.
func missed(o replay.Outcome, width int) string {
	marks := make([]rune, width)
	for i := range marks {
		from, to := i*len(o.Missed)/width, (i+1)*len(o.Missed)/width
		sum := 0
		for _, is := range o.Missed[from:to] {
			if is {
				sum++
			}
		}
		switch {
		case sum == 0:
			marks[i] = ' '
		case sum <= (to-from)/2:
			marks[i] = '·'
		default:
			marks[i] = '×'
		}
	}
	return string(marks)
}

// decisions of the declared settings in a sentence.
func (r *Report) decisions() string {
	for _, o := range r.Outcomes {
		if len(o.Decisions) == 0 {
			continue
		}
		counts := map[string]int{}
		for _, d := range o.Decisions {
			counts[d.What]++
		}
		kinds := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
			return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
		})
		var parts []string
		for _, kind := range kinds {
			parts = append(parts, fmt.Sprintf("%s %s", kind, show.Count(int64(counts[kind]))))
		}
		return fmt.Sprintf("%s decisions of the operator, %s: %s; -o json has each with its reason", show.Count(int64(len(o.Decisions))), o.Settings, strings.Join(parts, ", "))
	}
	return ""
}
