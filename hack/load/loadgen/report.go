// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package loadgen

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// percents of every report.
var percents = []float64{50, 90, 99, 99.9, 100}

// Line is the counts per second in one line. What did not happen is left out.
func (c *Counts) Line(took time.Duration) string {
	per := func(count int64) int64 { return int64(float64(count)/took.Seconds() + 0.5) }
	var line strings.Builder
	fmt.Fprintf(&line, "admitted %6d", per(c.Accepted()))
	limited, unavailable := c.Status(http.StatusTooManyRequests), c.Status(http.StatusServiceUnavailable)
	for _, part := range []struct {
		label string
		count int64
	}{
		{"429 limited", limited},
		{"503 unavailable", unavailable},
		{"other answers", c.Sent() - c.Accepted() - limited - unavailable - c.Status(NoAnswer)},
		{"no answer", c.Status(NoAnswer)},
		{"not sent, too many outstanding", c.Unsent},
	} {
		if part.count > 0 {
			fmt.Fprintf(&line, "  %s %6d", part.label, per(part.count))
		}
	}
	if c.Accepted() > 0 {
		fmt.Fprintf(&line, "  p50 %s p99 %s", short(c.Latency(50)), short(c.Latency(99)))
	}
	return line.String()
}

// Summary of a run that took so long: each status code with its latencies, and what should make one doubt the figures.
func (c *Counts) Summary(out io.Writer, took time.Duration) error {
	fmt.Fprintf(out, "%d requests in %s (%.1f/s), latencies from when each was due\n\n", c.Sent(),
		took.Round(time.Millisecond), float64(c.Sent())/took.Seconds())
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "answer\tcount\tper second\t")
	for _, percent := range percents {
		fmt.Fprintf(table, "p%g\t", percent)
	}
	fmt.Fprintln(table)
	for _, status := range c.Statuses() {
		name := fmt.Sprint(status)
		if status == NoAnswer {
			name = "none"
		}
		fmt.Fprintf(table, "%s\t%d\t%.1f\t", name, c.Status(status), float64(c.Status(status))/took.Seconds())
		for _, percent := range percents {
			fmt.Fprintf(table, "%s\t", short(quantile(c.latencies[status], percent)))
		}
		fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nnot sent, because too many were outstanding: %d\n", c.Unsent)
	fmt.Fprintf(out, "sent again by the client itself: %d\n", c.Retried)
	fmt.Fprintf(out, "sent late by p50 %s, p99 %s\n", short(c.Late(50)), short(c.Late(99)))
	for _, reason := range slices.Sorted(maps.Keys(c.Reasons)) {
		fmt.Fprintf(out, "refused: %d × %s\n", c.Reasons[reason], reason)
	}
	for _, cause := range slices.Sorted(maps.Keys(c.Errors)) {
		fmt.Fprintf(out, "no answer: %d × %s\n", c.Errors[cause], cause)
	}
	return nil
}

// short has as many digits as one reads.
func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

type jsonAnswer struct {
	Count int64 `json:"count"`
	// Latencies in microseconds by percentile.
	Latencies map[string]int64 `json:"latencyMicroseconds"`
}

// MarshalJSON writes the same figures as Summary, for machines.
func (c *Counts) MarshalJSON() ([]byte, error) {
	answers := map[string]jsonAnswer{}
	for _, status := range c.Statuses() {
		latencies := map[string]int64{}
		for _, percent := range percents {
			latencies[fmt.Sprintf("p%g", percent)] = quantile(c.latencies[status], percent).Microseconds()
		}
		name := fmt.Sprint(status)
		if status == NoAnswer {
			name = "none"
		}
		answers[name] = jsonAnswer{c.Status(status), latencies}
	}
	var within *int64
	if c.Limit > 0 {
		within = new(c.Within(c.Limit))
	}
	return json.Marshal(struct {
		Within   *int64                `json:"within,omitempty"`
		Sent     int64                 `json:"sent"`
		Accepted int64                 `json:"accepted"`
		Refused  int64                 `json:"refused"`
		Failed   int64                 `json:"failed"`
		Unsent   int64                 `json:"unsent"`
		Retried  int64                 `json:"retried"`
		LateP99  int64                 `json:"lateP99Microseconds"`
		Answers  map[string]jsonAnswer `json:"answers"`
		Reasons  map[string]int64      `json:"reasons"`
		Errors   map[string]int64      `json:"errors"`
		Failures []Failure             `json:"failures"`
	}{
		within, c.Sent(), c.Accepted(), c.Refused(), c.Failed(), c.Unsent, c.Retried, c.Late(99).Microseconds(), answers, c.Reasons, c.Errors,
		append([]Failure{}, c.Failures...),
	})
}
