// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package console

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/explain"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/history"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/top"
)

// Detail is what the page of one service shows.
type Detail struct {
	Report *explain.Report
	// URL is a link only with the scheme http or https.
	URL        string
	Tone       string
	Figures    []Figure
	Chart      Chart
	Ranges     []Range
	Source     string
	Timeline   []Entry
	Pods       []PodLine
	PodsFailed string
	PodsAsked  bool
	Urgent     []explain.Attention
	Waiting    []explain.Attention
	Retune     string
}

// Figure is a number with what it is compared to.
type Figure struct{ Title, Value, Beside, Tone string }

// Range of time that the chart can show.
type Range struct {
	Label, Link string
	Current     bool
}

// Entry of the time line. Number is that of its mark in the chart; 0 without one.
type Entry struct {
	Number              int
	At, Ago             string
	What, Message, Tone string
	Source              history.Source
}

// PodLine is a pod as text.
type PodLine struct {
	top.Pod
	Demand, Limit, Rejected, P99, Busy, CPU, Memory, Age string
	// Confirmed is confirmed, or the reason why the pod has not confirmed the latest live settings; empty without any.
	Confirmed, ConfirmedTone string
}

// ranges of the chart; the first one is the default.
var ranges = []struct {
	label string
	span  time.Duration
}{{"12 h", 12 * time.Hour}, {"3 h", 3 * time.Hour}, {"1 h", time.Hour}, {"15 min", 15 * time.Minute}}

// seen is what is known of a service beside the object.
type seen struct {
	samples  []Sample
	measured *Measured
	events   []corev1.Event
	pods     []top.Pod
	asked    bool
	failed   error
}

// DetailOf a service at a time. Span names one of the ranges.
func DetailOf(service *v1alpha1.GoService, s seen, span string, now time.Time) *Detail {
	r := explain.Of(service, now)
	d := &Detail{Report: r, Figures: figures(r), PodsAsked: s.asked, Source: "status; demand by the hour, everything else since the console was opened"}
	if parsed, err := url.Parse(r.URL); err == nil && (parsed.Scheme == "http" || parsed.Scheme == "https") {
		d.URL = r.URL
	}
	if s.failed != nil {
		d.PodsFailed = show.Plain(s.failed.Error())
	}
	if s.measured != nil {
		if d.Source = "Prometheus"; s.measured.Failed != "" {
			d.Source = "status, since Prometheus says nothing: " + s.measured.Failed
		}
	}
	for _, a := range r.Attention {
		if a.Waiting {
			d.Waiting = append(d.Waiting, a)
		} else {
			d.Urgent = append(d.Urgent, a)
		}
	}
	switch {
	case len(d.Urgent) > 0:
		d.Tone = bad
	case len(d.Waiting) > 0:
		d.Tone = warn
	default:
		d.Tone = good
	}
	chosen := ranges[0]
	for _, candidate := range ranges {
		if candidate.label == span {
			chosen = candidate
		}
	}
	for _, candidate := range ranges {
		d.Ranges = append(d.Ranges, Range{candidate.label, "?range=" + url.QueryEscape(candidate.label), candidate == chosen})
	}
	from := now.Add(-chosen.span)
	d.Chart = draw(quantities(service, s), from, now)
	d.timeline(history.Of(service, s.events), from, now)
	d.pods(service, s.pods)
	d.Retune = retune(r.Retune)
	return d
}

func retune(r *explain.Retune) string {
	if r == nil {
		return ""
	}
	text := strconv.Itoa(int(r.Confirmed)) + " of " + strconv.Itoa(int(r.Total)) + " pods confirmed revision " + r.Revision
	if r.Milliseconds != nil {
		text += " after " + show.Seconds(time.Duration(*r.Milliseconds)*time.Millisecond)
	}
	if r.PerPod != "" {
		text += "; each enforces " + r.PerPod
	}
	return text
}

func figures(r *explain.Report) []Figure {
	list := []Figure{}
	if o := r.Objectives; o != nil {
		f := Figure{Title: "Error budget left", Value: top.Permille(o.ErrorBudgetLeftPermille), Beside: "of " + o.Window}
		if o.ErrorBudgetLeftPermille != nil {
			f.Tone = budgetTone(*o.ErrorBudgetLeftPermille)
		}
		state := Figure{Title: "Last minute", Value: o.State, Tone: map[string]string{"met": good, "missed": bad}[o.State]}
		list = append(list, f, state)
		if o.Availability != "" {
			list = append(list, Figure{Title: "Availability", Value: orDash(o.AvailabilityMeasured), Beside: "objective " + o.Availability + "%"})
		}
		if o.Latency != "" {
			list = append(list, Figure{Title: "p99", Value: orDash(o.P99), Beside: "objective " + o.Latency})
		}
	}
	demand := Figure{Title: "Demand", Value: top.PerSecond(r.Load.RequestsPerSecond), Beside: "req/s"}
	if peak := r.Load.PeakRequestsPerSecond; peak > 0 {
		demand.Beside += ", declared peak " + show.Count(int64(peak))
	}
	list = append(list, demand)
	if r.Load.RateLimit > 0 {
		f := Figure{Title: "Rate limit", Value: show.Count(int64(r.Load.RateLimit)), Beside: "req/s, all pods together"}
		if r.Load.RateLimitScope == v1alpha1.ScopePod {
			f.Beside = "req/s, each pod"
		}
		list = append(list, f)
	}
	pods := Figure{
		Title: "Replicas", Value: strconv.Itoa(int(r.Replicas.Ready)) + "/" + strconv.Itoa(int(r.Replicas.Wanted)),
		Beside: "ready, " + strconv.Itoa(int(r.Replicas.Min)) + " to " + strconv.Itoa(int(r.Replicas.Max)) + " allowed",
	}
	if r.Replicas.Ready < r.Replicas.Wanted {
		pods.Tone = warn
	}
	return append(list, pods)
}

func orDash(text string) string { return cmp.Or(text, "-") }

// mostEntries of the time line.
const mostEntries = 60

// timeline lists what happened, the latest first, and marks what is within the time of the chart.
func (d *Detail) timeline(entries []history.Entry, from, now time.Time) {
	slices.Reverse(entries)
	number := 0
	for _, e := range entries[:min(len(entries), mostEntries)] {
		line := Entry{
			At: e.At.UTC().Format("Jan 2 15:04:05"), Ago: show.Age(now.Sub(e.At)), What: show.Plain(e.What), Message: show.Plain(e.Message), Source: e.Source,
		}
		if e.Count > 0 {
			line.What += " (" + strconv.Itoa(int(e.Count)) + " times)"
		}
		if e.Warning {
			line.Tone = warn
		}
		if !e.At.Before(from) && !e.At.After(now) {
			number++
			line.Number = number
			d.Chart.mark(shareOf(e.At, from, now), number, string(e.Source), line.At+" "+line.What)
		}
		d.Timeline = append(d.Timeline, line)
	}
}

func (d *Detail) pods(service *v1alpha1.GoService, pods []top.Pod) {
	settings := service.Status.LiveSettings
	unconfirmed := map[string]string{}
	if settings != nil {
		for _, pod := range settings.Unconfirmed {
			unconfirmed[pod.Pod] = show.Plain(pod.Reason)
		}
	}
	for _, pod := range pods {
		line := PodLine{
			Pod: pod, Demand: top.PerSecond(pod.RequestsPerSecond), Limit: top.PerSecond(pod.LimitPerSecond), Rejected: top.PerSecond(pod.RejectedPerSecond),
			P99: top.Latency(pod.P99Microseconds), Busy: "-", CPU: top.Millicores(pod.CPUCores), Memory: top.Mebibytes(pod.MemoryBytes), Age: show.Age(time.Duration(pod.AgeSeconds) * time.Second),
		}
		if pod.BusyWorkers != nil && pod.Workers != nil {
			line.Busy = fmt.Sprintf("%.0f/%.0f", *pod.BusyWorkers, *pod.Workers)
		}
		if reason, is := unconfirmed[pod.Name]; is {
			line.Confirmed, line.ConfirmedTone = reason, bad
		} else if settings != nil && pod.Ready && (len(settings.Unconfirmed) > 0 || settings.ConfirmedPods == settings.TotalPods) {
			line.Confirmed, line.ConfirmedTone = "confirmed", good
		}
		d.Pods = append(d.Pods, line)
	}
}
