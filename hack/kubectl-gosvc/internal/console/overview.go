// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package console

import (
	"cmp"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"goservice.dev/operator/hack/kubectl-gosvc/internal/top"
)

// perPage is how many services a page has.
const perPage = 100

// Overview is what the first page shows.
type Overview struct {
	// Complete says that the cluster has answered once.
	Complete bool
	// Total, Missed, and Urgent count all services, and Found those that the search finds.
	Total, Missed, Urgent, Found int
	Query                        Query
	Columns                      []Column
	Rows                         []Line
	// From and To number the rows of this page, from 1. Before and After link to other pages; empty without.
	From, To      int
	Before, After string
}

// Query is what a reader asked for.
type Query struct {
	Search string
	// Sort is a column's key; a minus before it turns the order around.
	Sort string
	Page int
}

// Column of the overview. Link sorts by it.
type Column struct {
	Title, Key, Link string
	// Sorted is ascending, descending, or none, as in aria-sort.
	Sorted string
	Number bool
}

// Line is a service as text.
type Line struct {
	Namespace, Name, Link                          string
	Budget, SLO, P99, Demand, Peak, CPU, CPUTarget string
	Pods, Problem                                  string
	BudgetTone, SLOTone, PodsTone, ProblemTone     string
	// BudgetPercent and CPUPercent are lengths of bars, 0 to 100; below 0 without one.
	BudgetPercent, CPUPercent int
	// Trend is a path in a box of 100 by 24; empty without one.
	Trend string
}

// tones are classes of the style sheet.
const (
	good = "good"
	warn = "warn"
	bad  = "bad"
)

// ReadQuery from the address. What makes no sense is as if it were not there.
func ReadQuery(values url.Values) Query {
	q := Query{Search: strings.TrimSpace(values.Get("q")), Sort: values.Get("sort"), Page: 1}
	if page, err := strconv.Atoi(values.Get("page")); err == nil && page > 0 {
		q.Page = page
	}
	if len(q.Search) > 200 {
		q.Search = q.Search[:200]
	}
	if key, _ := strings.CutPrefix(q.Sort, "-"); orders[key] == nil {
		q.Sort = ""
	}
	return q
}

func (q Query) link() string {
	values := url.Values{}
	if q.Search != "" {
		values.Set("q", q.Search)
	}
	if q.Sort != "" {
		values.Set("sort", q.Sort)
	}
	if q.Page > 1 {
		values.Set("page", strconv.Itoa(q.Page))
	}
	return "?" + values.Encode()
}

// orders of services by a column's key. What is not known comes last in both directions.
var orders = map[string]func(*top.Row) float64{
	"name":     func(*top.Row) float64 { return 0 },
	"budget":   func(r *top.Row) float64 { return whole(r.ErrorBudgetLeftPermille) },
	"p99":      func(r *top.Row) float64 { return whole(r.P99Microseconds) },
	"demand":   func(r *top.Row) float64 { return orUnknown(r.RequestsPerSecond) },
	"cpu":      func(r *top.Row) float64 { return whole(r.CPUPercent) },
	"replicas": func(r *top.Row) float64 { return float64(r.ReadyReplicas) },
}

func whole[N int32 | int64](value *N) float64 {
	if value == nil {
		return math.NaN()
	}
	return float64(*value)
}

func orUnknown(value *float64) float64 {
	if value == nil {
		return math.NaN()
	}
	return *value
}

func arrange(rows []top.Row, sort string) {
	key, down := strings.CutPrefix(sort, "-")
	order := orders[key]
	if order == nil {
		return // as the board has them: the worst first
	}
	slices.SortStableFunc(rows, func(a, b top.Row) int {
		x, y := order(&a), order(&b)
		if math.IsNaN(x) != math.IsNaN(y) {
			if math.IsNaN(x) {
				return 1
			}
			return -1
		}
		names := cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Namespace, b.Namespace))
		by := cmp.Compare(x, y)
		if math.IsNaN(x) {
			by = 0
		}
		if key == "name" {
			by = names
		}
		if down {
			by = -by
		}
		return cmp.Or(by, names)
	})
}

// columns that can be sorted by, with their first direction.
var columns = []Column{
	{Title: "Service", Key: "name"}, {Title: "Budget left", Key: "-budget"}, {Title: "Objectives"}, {Title: "p99", Key: "-p99", Number: true},
	{Title: "Demand", Key: "-demand", Number: true}, {Title: "12 h"}, {Title: "CPU of target", Key: "-cpu"}, {Title: "Replicas", Key: "-replicas", Number: true},
	{Title: "Attention"},
}

// OverviewOf rows, which are in the board's order: the worst first.
func OverviewOf(rows []top.Row, q Query) *Overview {
	o := &Overview{Total: len(rows), Query: q}
	found := make([]top.Row, 0, len(rows))
	for i := range rows {
		if rows[i].SLO == "missed" {
			o.Missed++
		}
		if rows[i].Urgent() {
			o.Urgent++
		}
		if matches(&rows[i], q.Search) {
			found = append(found, rows[i])
		}
	}
	arrange(found, q.Sort)
	o.Found = len(found)
	pages := max((len(found)+perPage-1)/perPage, 1)
	q.Page = min(q.Page, pages)
	o.Query = q
	first, last := (q.Page-1)*perPage, min(q.Page*perPage, len(found))
	o.From, o.To = min(first+1, last), last
	for i := range found[first:last] {
		o.Rows = append(o.Rows, lineOf(&found[first+i]))
	}
	turn := func(page int) string {
		other := q
		other.Page = page
		return other.link()
	}
	if q.Page > 1 {
		o.Before = turn(q.Page - 1)
	}
	if q.Page < pages {
		o.After = turn(q.Page + 1)
	}
	o.Columns = headings(q)
	return o
}

func headings(q Query) []Column {
	headings := slices.Clone(columns)
	for i := range headings {
		c := &headings[i]
		if c.Key == "" {
			continue
		}
		key, _ := strings.CutPrefix(c.Key, "-")
		by := c.Key
		if key == "budget" { // the least first
			by = "budget"
		}
		switch q.Sort {
		case key:
			c.Sorted, by = "ascending", "-"+key
		case "-" + key:
			c.Sorted, by = "descending", key
		}
		c.Key, c.Link = key, Query{Search: q.Search, Sort: by}.link()
	}
	return headings
}

// matches says whether all words of a search are in a row's namespace, name, problem, or state.
func matches(r *top.Row, search string) bool {
	text := strings.ToLower(r.Namespace + "/" + r.Name + " " + r.Problem + " " + r.SLO)
	for word := range strings.FieldsSeq(strings.ToLower(search)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

func lineOf(r *top.Row) Line {
	l := Line{
		Namespace: r.Namespace, Name: r.Name, Link: "s/" + url.PathEscape(r.Namespace) + "/" + url.PathEscape(r.Name),
		Budget: top.Permille(r.ErrorBudgetLeftPermille), SLO: r.SLO, P99: top.Latency(r.P99Microseconds), Demand: top.PerSecond(r.RequestsPerSecond),
		Peak: top.Count(r.PeakRequestsPerSecond), Problem: r.Problem, BudgetPercent: -1, CPUPercent: -1,
		Pods: strconv.Itoa(int(r.ReadyReplicas)) + "/" + strconv.Itoa(int(r.WantedReplicas)),
	}
	if left := r.ErrorBudgetLeftPermille; left != nil {
		l.BudgetPercent, l.BudgetTone = int(min(max(*left/10, 0), 100)), budgetTone(*left)
	}
	switch r.SLO {
	case "missed":
		l.SLOTone = bad
	case "met":
		l.SLOTone = good
	}
	if r.ReadyReplicas < r.WantedReplicas {
		l.PodsTone = warn
	}
	if r.Problem != "" {
		if l.ProblemTone = warn; r.Urgent() {
			l.ProblemTone = bad
		}
	}
	if r.CPUPercent != nil {
		l.CPU, l.CPUPercent = strconv.Itoa(int(*r.CPUPercent))+"%", int(min(max(*r.CPUPercent, 0), 100))
	}
	if r.CPUTargetPercent != nil {
		l.CPUTarget = strconv.Itoa(int(*r.CPUTargetPercent)) + "%"
	}
	l.Trend = spark(r.Trend)
	return l
}

func budgetTone(permille int64) string {
	switch {
	case permille <= 0:
		return bad
	case permille < top.LowBudget:
		return warn
	}
	return good
}

// spark is a path through values, from 0 to the highest of them, in a box of 100 by 24.
func spark(values []float64) string {
	highest := 0.0
	for _, v := range values {
		highest = max(highest, v)
	}
	if len(values) < 2 || highest == 0 {
		return ""
	}
	var path strings.Builder
	for i, v := range values {
		path.WriteString(step(i == 0, float64(i)*100/float64(len(values)-1), 23-22*v/highest))
	}
	return path.String()
}

// step of a path.
func step(first bool, x, y float64) string {
	command := "L"
	if first {
		command = "M"
	}
	return command + strconv.FormatFloat(x, 'f', 1, 64) + " " + strconv.FormatFloat(y, 'f', 1, 64)
}
