// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package history puts what is known of the past of a GoService in the order of time: the decisions and conditions of its status, and its
// Events, as long as the cluster keeps them.
package history

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/explain"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
)

// Source of an entry.
type Source string

const (
	// Decision is a value that measurements moved.
	Decision Source = "decision"
	// Condition is the last change of a condition's status. Earlier ones are not kept.
	Condition Source = "condition"
	// Event is an Event of the cluster, which keeps them for an hour unless it is told otherwise.
	Event Source = "event"
	// Object is what happened to the GoService itself.
	Object Source = "object"
)

// Entry is something that happened. Fields are added in later versions, and neither renamed nor removed.
type Entry struct {
	At     time.Time `json:"at"`
	Source Source    `json:"source"`
	// What happened, in a few words.
	What string `json:"what"`
	// Message is a sentence.
	Message string `json:"message"`
	// Warning says that the Event is of type Warning.
	Warning bool `json:"warning,omitempty"`
	// Count of Events of a series, if there were several; At is the last one's.
	Count int32 `json:"count,omitempty"`
}

// Of a GoService, the latest entry last.
func Of(service *v1alpha1.GoService, events []corev1.Event) []Entry {
	status := &service.Status
	entries := []Entry{{At: service.CreationTimestamp.Time, Source: Object, What: "created", Message: "generation 1 of the spec"}}
	for _, d := range status.Decisions {
		entries = append(entries, Entry{At: d.At.Time, Source: Decision, What: fmt.Sprintf("%s %s → %s", d.What, d.From, d.To), Message: d.Reason})
	}
	for _, c := range status.Conditions {
		what := fmt.Sprintf("%s is %s", c.Type, c.Status)
		if c.Reason != c.Type {
			what += ", " + c.Reason
		}
		entries = append(entries, Entry{At: c.LastTransitionTime.Time, Source: Condition, What: what, Message: c.Message})
	}
	if settings := status.LiveSettings; settings != nil && settings.ChangedAt != nil {
		e := Entry{At: settings.ChangedAt.Time, Source: Object, What: "live settings", Message: "revision " + settings.Revision + " published"}
		if took, known := explain.Took(settings); known {
			e.Message += fmt.Sprintf("; %d of %d pods confirmed it after %s", settings.ConfirmedPods, settings.TotalPods, show.Seconds(took))
		}
		entries = append(entries, e)
	}
	for i := range events {
		entries = append(entries, ofEvent(&events[i]))
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return a.At.Compare(b.At) })
	return entries
}

func ofEvent(event *corev1.Event) Entry {
	at := cmp.Or(event.LastTimestamp, metav1.Time{Time: event.EventTime.Time}, event.FirstTimestamp, event.CreationTimestamp)
	e := Entry{At: at.Time, Source: Event, What: event.Reason, Message: event.Message, Warning: event.Type == corev1.EventTypeWarning, Count: event.Count}
	if event.Series != nil {
		e.At, e.Count = event.Series.LastObservedTime.Time, event.Series.Count
	}
	if e.Count <= 1 {
		e.Count = 0
	}
	return e
}

// Since leaves out what was earlier.
func Since(entries []Entry, earliest time.Time) []Entry {
	return slices.DeleteFunc(entries, func(e Entry) bool { return e.At.Before(earliest) })
}

// Write entries for a person.
func Write(out io.Writer, style show.Style, entries []Entry) {
	day := ""
	for _, e := range entries {
		if d := e.At.UTC().Format("2006-01-02, UTC"); d != day {
			if day != "" {
				fmt.Fprintln(out)
			}
			day = d
			fmt.Fprintln(out, style.Strong(day))
		}
		what := show.Plain(e.What)
		if e.Count > 0 {
			what += fmt.Sprintf(" (%d times)", e.Count)
		}
		lines := show.Wrap(show.Plain(e.Message), style.Width-23)
		if e.Warning {
			what = style.Doubtful(what)
		}
		fmt.Fprintf(out, "  %s  %s  %s\n", e.At.UTC().Format("15:04:05"), show.Pad(string(e.Source), 9), what)
		for _, line := range lines {
			fmt.Fprintln(out, strings.Repeat(" ", 23)+style.Faint(line))
		}
	}
}
