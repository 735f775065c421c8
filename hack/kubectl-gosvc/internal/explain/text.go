// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package explain

import (
	"fmt"
	"io"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
)

// text is a report on its way to a reader.
type text struct {
	*Report
	show.Sheet
	now time.Time
}

// Write the report for a person.
func (r *Report) Write(out io.Writer, style show.Style, now time.Time) {
	t := &text{Report: r, Sheet: show.Sheet{Style: style, Out: out}, now: now}
	t.heading()
	t.attention("Needs attention", false)
	t.attention("In progress", true)
	t.objectives()
	t.load()
	t.pods()
	t.retune()
	t.decisions()
	if len(t.Recommended) > 0 {
		t.Section("Recommended", "spec.tuning.mode is Recommend: measurements would change this")
		t.Rows(rows(t.Recommended))
	}
}

func (t *text) heading() {
	ready := t.Style.Good("Ready")
	switch t.Ready {
	case metav1.ConditionFalse:
		ready = t.Style.Bad("Not ready")
	case metav1.ConditionUnknown:
		ready = t.Style.Doubtful("Unknown")
	case metav1.ConditionTrue:
	}
	image := t.Image
	if image == "" {
		image = "the bundled workload"
	}
	t.Section(t.Name, fmt.Sprintf("%s  namespace %s, %s", ready, t.Namespace, show.Plain(image)))
	t.Text(2, show.Plain(t.Summary))
	if t.URL != "" {
		t.Text(2, show.Plain(t.URL))
	}
}

func (t *text) attention(title string, waiting bool) {
	begun := false
	for _, a := range t.Attention {
		if a.Waiting != waiting {
			continue
		}
		if !begun {
			t.Section(title, "")
			begun = true
		}
		paint := t.Style.Bad
		if waiting {
			paint = t.Style.Doubtful
		}
		head := paint(a.Reason)
		var facts []string
		for _, c := range a.Conditions {
			facts = append(facts, fmt.Sprintf("%s is %s", c.Type, c.Status))
		}
		if !a.Since.IsZero() {
			facts = append(facts, "for "+show.Age(t.now.Sub(a.Since.Time)))
		}
		fmt.Fprintln(t.Out, "  "+head+"  "+strings.Join(facts, ", "))
		t.Text(4, show.Plain(a.Message))
		if a.Do != "" {
			for i, line := range show.Wrap(a.Do, t.Style.Width-6) {
				fmt.Fprintln(t.Out, "    "+[]string{"→ ", "  "}[min(i, 1)]+line)
			}
		}
	}
}

func (t *text) objectives() {
	o := t.Objectives
	if o == nil {
		t.Section("Objectives", "none: spec.slo is not set, so nothing is derived from objectives and nothing is measured")
		return
	}
	state := map[string]func(string) string{"met": t.Style.Good, "missed": t.Style.Bad, "unknown": t.Style.Doubtful}[o.State](o.State)
	var why string
	switch {
	case o.State != "unknown":
		why = " over the last minute"
	case o.Why != "":
		why = ": " + show.Plain(o.Why)
	}
	t.Section("Objectives", state+why)
	var list []show.Row
	row := func(label, declared, measured string) {
		if declared == "" {
			return
		}
		if measured == "" {
			measured = "not measured yet"
		}
		list = append(list, show.Row{Label: label, Value: declared, Text: measured})
	}
	row("availability", withPercent(o.Availability), prefixed("measured ", o.AvailabilityMeasured))
	fast := prefixed("measured ", o.FastEnough)
	if o.P99 != "" && fast != "" {
		fast += ", p99 " + o.P99 + " over the last minute"
	}
	row("latency", o.Latency, fast)
	if left := o.ErrorBudgetLeftPermille; left != nil {
		since := ""
		if o.MeasuredSince != nil {
			since = " since " + show.Zoned(o.MeasuredSince.Time)
		}
		if o.MeasuredRequests != nil {
			since = show.Count(*o.MeasuredRequests) + " requests" + since
		}
		list = append(list, show.Row{Label: "error budget left", Value: fmt.Sprintf("%d%%", *left/10), Text: "of " + o.Window + "; " + since})
	}
	t.Rows(list)
}

func withPercent(number string) string {
	if number == "" {
		return ""
	}
	return number + "%"
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + show.Plain(text)
}

func (t *text) load() {
	l := t.Load
	var list []show.Row
	if l.RequestsPerSecond != nil {
		text := fmt.Sprintf("on average from %s to %s", l.From.UTC().Format("15:04"), l.To.UTC().Format("15:04 UTC"))
		if t.Objectives != nil && l.PeakRequestsPerSecond > 0 {
			text += fmt.Sprintf(", %.0f%% of the declared peak", 100**l.RequestsPerSecond/float64(l.PeakRequestsPerSecond))
		}
		list = append(list, show.Row{Label: "demand", Value: show.Rate(*l.RequestsPerSecond) + " req/s", Text: text})
	}
	if l.CPUPerRequest != "" {
		list = append(list, show.Row{Label: "CPU of a request", Value: l.CPUPerRequest, Text: "measured"})
	}
	if l.PeakRequestsPerSecond > 0 {
		list = append(list, show.Row{Label: "declared peak", Value: show.Count(int64(l.PeakRequestsPerSecond)) + " req/s", Text: "spec.slo.load"})
	}
	if l.RateLimit > 0 {
		scope := "for all pods together"
		if l.RateLimitScope == v1alpha1.ScopePod {
			scope = "for each pod"
		}
		list = append(list, show.Row{Label: "rate limit", Value: show.Count(int64(l.RateLimit)) + " req/s", Text: scope})
	}
	if len(list) > 0 {
		t.Section("Load", "")
		t.Rows(list)
	}
}

func rows(values []Value) []show.Row {
	list := make([]show.Row, len(values))
	for i, v := range values {
		list[i] = show.Row{Label: v.Name, Value: show.Plain(v.Value), Text: show.Plain(v.Reason)}
		if strings.HasPrefix(v.Reason, "same as cpuTarget") {
			list[i].Text = "the same, as a share of a pod's cores"
		}
	}
	return list
}

func (t *text) pods() {
	counts := fmt.Sprintf("%d of %d ready", t.Replicas.Ready, t.Replicas.Wanted)
	if t.Replicas.Max > t.Replicas.Min {
		counts += fmt.Sprintf(", %d to %d allowed", t.Replicas.Min, t.Replicas.Max)
	}
	t.Section("Pods", counts)
	t.Rows(rows(t.Replicas.Reasons))
	if len(t.PerPod) > 0 {
		t.Section("Each pod", "")
		t.Rows(rows(t.PerPod))
	}
	if q := t.SharedQueue; q != nil {
		state := t.Style.Good("yes")
		if !q.Shared {
			state = t.Style.Doubtful("no, " + q.Reason)
		}
		t.Section("Pods share their queue", state)
		t.Text(2, q.Message)
	}
}

func (t *text) retune() {
	r := t.Report.Retune
	if r == nil {
		return
	}
	text := fmt.Sprintf("%d of %d pods confirmed revision %s", r.Confirmed, r.Total, r.Revision)
	if r.Milliseconds != nil {
		text += " after " + show.Seconds(time.Duration(*r.Milliseconds)*time.Millisecond)
	}
	if r.ChangedAt != nil {
		text += ", " + show.Age(t.now.Sub(r.ChangedAt.Time)) + " ago"
	}
	if r.Total == 0 {
		text = "no pod runs yet"
	}
	t.Section("Live settings", text)
	for _, pod := range r.Unconfirmed {
		t.Text(2, pod.Pod+" "+show.Plain(pod.Reason))
	}
}

func (t *text) decisions() {
	if len(t.Decisions) == 0 {
		return
	}
	t.Section("Last decisions", "")
	list := make([]show.Row, len(t.Decisions))
	for i, d := range t.Decisions {
		list[i] = show.Row{
			Label: show.Age(t.now.Sub(d.At.Time)) + " ago", Value: show.Plain(d.What + " " + d.From + " → " + d.To), Text: show.Plain(d.Reason),
		}
	}
	t.Rows(list)
}
