// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package top shows services and pods in a table, once or live.
package top

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/explain"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
)

// Row is a service. Fields are added in later versions, and neither renamed nor removed.
type Row struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// ErrorBudgetLeftPermille is absent without objectives and without measurements.
	ErrorBudgetLeftPermille *int64 `json:"errorBudgetLeftPermille,omitempty"`
	// SLO is met, missed, declared, or - without objectives.
	SLO string `json:"slo"`
	// P99Microseconds of the last minute.
	P99Microseconds *int64 `json:"p99Microseconds,omitempty"`
	// RequestsPerSecond is the mean of the latest interval that the operator counted, at most about an hour.
	RequestsPerSecond *float64 `json:"requestsPerSecond,omitempty"`
	// PeakRequestsPerSecond that is declared, and the rate limit; 0 without.
	PeakRequestsPerSecond int32 `json:"peakRequestsPerSecond,omitempty"`
	RateLimit             int32 `json:"rateLimit,omitempty"`
	// CPUPercent of the CPU requests of all ready pods, by the demand and the measured CPU time of a request. Autoscalers steer for
	// CPUTargetPercent.
	CPUPercent       *int32 `json:"cpuPercent,omitempty"`
	CPUTargetPercent *int32 `json:"cpuTargetPercent,omitempty"`
	ReadyReplicas    int32  `json:"readyReplicas"`
	WantedReplicas   int32  `json:"wantedReplicas"`
	// Trend is the demand of the last hours, in requests per second, the oldest first.
	Trend []float64 `json:"trend,omitempty"`
	// Problem is the reason of the most urgent condition that needs attention.
	Problem string `json:"problem,omitempty"`
	// waiting says that time is likely to mend the problem.
	waiting bool
}

// hours of the trend.
const hours = 12

// defaultCPU is the request of a container that declares none.
var defaultCPU = resource.MustParse("250m")

// RowOf a service, from its status alone.
func RowOf(service *v1alpha1.GoService, now time.Time) Row {
	report := explain.Of(service, now)
	r := Row{
		Namespace: service.Namespace, Name: service.Name, SLO: cmp.Or(service.Status.Summary.SLO, "-"),
		RequestsPerSecond: report.Load.RequestsPerSecond, PeakRequestsPerSecond: report.Load.PeakRequestsPerSecond, RateLimit: report.Load.RateLimit,
		ReadyReplicas: report.Replicas.Ready, WantedReplicas: report.Replicas.Wanted, Trend: trend(service.Status.Learned),
	}
	if figures := service.Status.Figures; figures != nil {
		r.ErrorBudgetLeftPermille, r.P99Microseconds, r.CPUTargetPercent = figures.ErrorBudgetLeftPermille, figures.P99Microseconds, figures.CPUTargetPercent
	}
	if learned := service.Status.Learned; learned != nil && learned.CPUNanoseconds > 0 && r.RequestsPerSecond != nil && r.ReadyReplicas > 0 {
		cores := *r.RequestsPerSecond * float64(learned.CPUNanoseconds) / 1e9
		percent := int32(100*cores/(requested(service)*float64(r.ReadyReplicas)) + 0.5)
		r.CPUPercent = &percent
	}
	for _, a := range report.Attention {
		if len(a.Conditions) == 1 && a.Conditions[0].Type == v1alpha1.ConditionMonitored {
			continue // of the cluster, not of the service
		}
		r.Problem, r.waiting = show.Plain(a.Reason), a.Waiting
		break
	}
	return r
}

// Urgent says that there is a problem that time alone is unlikely to mend.
func (r *Row) Urgent() bool { return r.Problem != "" && !r.waiting }

// requested cores of a pod.
func requested(service *v1alpha1.GoService) float64 {
	if resources := service.Spec.Resources; resources != nil {
		for _, list := range []map[string]resource.Quantity{quantities(resources.Requests), quantities(resources.Limits)} {
			if cpu, set := list["cpu"]; set && !cpu.IsZero() {
				return cpu.AsApproximateFloat64()
			}
		}
	}
	return defaultCPU.AsApproximateFloat64()
}

func quantities[K ~string](list map[K]resource.Quantity) map[string]resource.Quantity {
	named := make(map[string]resource.Quantity, len(list))
	for name, quantity := range list {
		named[string(name)] = quantity
	}
	return named
}

// trend of the intervals that the operator counts in, at most an hour each for the last day.
func trend(learned *v1alpha1.LearnedStatus) []float64 {
	if learned == nil {
		return nil
	}
	tallies := learned.Budget[max(0, len(learned.Budget)-hours):]
	var rates []float64
	for i, tally := range tallies {
		end := learned.At.Time
		if i+1 < len(tallies) {
			end = tallies[i+1].Start.Time
		}
		if took := end.Sub(tally.Start.Time); took > 0 && took <= 2*time.Hour {
			rates = append(rates, float64(tally.Total)/took.Seconds())
		}
	}
	return rates
}

// Sort puts the worst first: problems that time does not mend, then what has least of its error budget left, then the rest by name.
func Sort(rows []Row) {
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.budget(), b.budget()),
			strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
}

func (r *Row) rank() int {
	if r.ReadyReplicas == 0 && r.Urgent() { // nothing serves
		return 0
	}
	return 1
}

// budget that is left; more than all of it where none is known.
func (r *Row) budget() int64 {
	switch {
	case r.ErrorBudgetLeftPermille != nil:
		return *r.ErrorBudgetLeftPermille
	case r.Urgent():
		return 1001
	}
	return 1002
}

// column of the table.
type column struct {
	title string
	width int
	right bool
	text  func(*Row) string
	// color of the text; nil has none.
	color func(*Row, show.Style) func(string) string
}

var columns = []column{
	{"NAMESPACE", 14, false, func(r *Row) string { return r.Namespace }, nil},
	{"NAME", 20, false, func(r *Row) string { return r.Name }, nil},
	{"BUDGET", 6, true, func(r *Row) string { return Permille(r.ErrorBudgetLeftPermille) }, budgetColor},
	{"SLO", 8, false, func(r *Row) string { return r.SLO }, sloColor},
	{"P99", 7, true, func(r *Row) string { return Latency(r.P99Microseconds) }, nil},
	{"REQ/S", 9, true, func(r *Row) string { return PerSecond(r.RequestsPerSecond) }, nil},
	{"PEAK", 9, true, func(r *Row) string { return Count(r.PeakRequestsPerSecond) }, nil},
	{"LIMIT", 9, true, func(r *Row) string { return Count(r.RateLimit) }, nil},
	{"CPU", 9, true, cpu, nil},
	{"PODS", 7, true, func(r *Row) string { return fmt.Sprintf("%d/%d", r.ReadyReplicas, r.WantedReplicas) }, podsColor},
	{"TREND 12 H", hours, false, func(r *Row) string { return Spark(r.Trend) }, nil},
	{"PROBLEM", 24, false, func(r *Row) string { return r.Problem }, problemColor},
}

// Permille as a percentage; - where it is not known.
func Permille(permille *int64) string {
	if permille == nil {
		return "-"
	}
	return fmt.Sprintf("%d%%", *permille/10)
}

// Latency of so many microseconds with about three digits; - where it is not known.
func Latency(microseconds *int64) string {
	if microseconds == nil {
		return "-"
	}
	d := time.Duration(*microseconds) * time.Microsecond
	switch {
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

// PerSecond is a rate with three digits; - where it is not known.
func PerSecond(perSecond *float64) string {
	return form(perSecond, show.Rate)
}

// Millicores of so many cores; - where they are not known.
func Millicores(cores *float64) string {
	return form(cores, func(v float64) string { return fmt.Sprintf("%.0fm", v*1000) })
}

// Mebibytes of so many bytes; - where they are not known.
func Mebibytes(bytes *float64) string {
	return form(bytes, func(v float64) string { return fmt.Sprintf("%.0fMi", v/(1<<20)) })
}

// form a number that may not be known.
func form(value *float64, text func(float64) string) string {
	if value == nil {
		return "-"
	}
	return text(*value)
}

// Count is a whole number; - without one.
func Count(n int32) string {
	if n == 0 {
		return "-"
	}
	return show.Count(int64(n))
}

func cpu(r *Row) string {
	if r.CPUPercent == nil {
		return "-"
	}
	text := fmt.Sprintf("%d%%", *r.CPUPercent)
	if r.CPUTargetPercent != nil {
		text += fmt.Sprintf("/%d%%", *r.CPUTargetPercent)
	}
	return text
}

// LowBudget is the part of the error budget, in permille, below which what is left of it is doubtful.
const LowBudget = 250

func budgetColor(r *Row, style show.Style) func(string) string {
	switch left := r.ErrorBudgetLeftPermille; {
	case left == nil:
		return nil
	case *left <= 0:
		return style.Bad
	case *left < LowBudget:
		return style.Doubtful
	}
	return style.Good
}

func sloColor(r *Row, style show.Style) func(string) string {
	if r.SLO == "missed" {
		return style.Bad
	}
	return nil
}

func podsColor(r *Row, style show.Style) func(string) string {
	if r.ReadyReplicas < r.WantedReplicas {
		return style.Doubtful
	}
	return nil
}

func problemColor(r *Row, style show.Style) func(string) string {
	if r.waiting {
		return style.Doubtful
	}
	return style.Bad
}

// bars of a sparkline.
var bars = []rune("▁▂▃▄▅▆▇█")

// Spark draws values from 0 to the highest of them.
func Spark(values []float64) string {
	highest := 0.0
	for _, v := range values {
		highest = max(highest, v)
	}
	line := make([]rune, len(values))
	for i, v := range values {
		line[i] = bars[0]
		if highest > 0 {
			line[i] = bars[min(int(v/highest*float64(len(bars))), len(bars)-1)]
		}
	}
	return string(line)
}
