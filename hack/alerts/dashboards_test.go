// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package alerts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// dashboard is the part of Grafana's model that the tests look at.
type dashboard struct {
	UID, Title  string
	Panels      []panel
	Annotations struct {
		List []struct{ Name, Expr string }
	}
	Templating struct{ List []variable }
}

type panel struct {
	ID          int
	Type, Title string
	Description string
	GridPos     struct{ X, Y, W, H int }
	Targets     []target
	FieldConfig struct{ Defaults struct{ Unit string } }
	// Panels of a row that is closed.
	Panels []panel
}

type target struct{ Expr, RefID, Interval, LegendFormat string }

type variable struct {
	Name, Type, AllValue, Regex string
	Definition                  string
}

func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	all := map[string]dashboard{}
	for path, text := range dashboardFiles(t) {
		var d dashboard
		decoder := json.NewDecoder(bytes.NewReader(text))
		if err := decoder.Decode(&d); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if decoder.More() {
			t.Errorf("%s holds more than one document", path)
		}
		all[path] = d
	}
	return all
}

func dashboardFiles(t *testing.T) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob("testdata/config/grafana/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		if files[path], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// grafana fills in what Grafana does before it asks Prometheus about targets that are scraped so often, on a screen wide enough for every scrape.
func grafana(scraped time.Duration) func(string) string {
	rate := max(scraped+scraped, 4*scraped)
	return strings.NewReplacer("$__rate_interval", rate.String(), "${step}s", scraped.String(),
		"$cluster", ".*", "$namespace", "shop", "$service", "checkout", "$job", "operator").Replace
}

// drawn are the panels that are no rows.
func (d dashboard) drawn() (all []panel) {
	for _, p := range d.Panels {
		if p.Type != "row" {
			all = append(all, p)
		}
		all = append(all, p.Panels...)
	}
	return all
}

// expression of a query variable, and the label whose values it takes, if it takes those.
func (v variable) expression(t *testing.T) (expression, label string) {
	t.Helper()
	if match := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`).FindStringSubmatch(v.Definition); match != nil {
		return match[1], match[2]
	}
	match := regexp.MustCompile(`^query_result\((.+)\)$`).FindStringSubmatch(v.Definition)
	if match == nil {
		t.Fatalf("variable %s asks for %q, which is neither label_values nor query_result", v.Name, v.Definition)
	}
	return match[1], ""
}

// queries are all expressions, those of variables and annotations too, as Grafana sends them.
func (d dashboard) queries(t *testing.T, fill func(string) string) []string {
	t.Helper()
	var all []string
	for _, p := range d.drawn() {
		for _, target := range p.Targets {
			all = append(all, fill(target.Expr))
		}
	}
	for _, annotation := range d.Annotations.List {
		if annotation.Expr != "" {
			all = append(all, fill(annotation.Expr))
		}
	}
	for _, v := range d.Templating.List {
		if v.Type == "query" {
			expression, _ := v.expression(t)
			all = append(all, fill(expression))
		}
	}
	return all
}

func TestDashboards(t *testing.T) {
	uids := map[string]string{}
	for path, d := range dashboards(t) {
		if d.UID == "" || d.Title == "" || uids[d.UID] != "" {
			t.Errorf("%s has the uid %q, as %q, and the title %q", path, d.UID, uids[d.UID], d.Title)
		}
		uids[d.UID] = path
		ids, cells := map[int]bool{}, map[[2]int]string{}
		place := func(p panel, cells map[[2]int]string) {
			if p.Title == "" || ids[p.ID] {
				t.Errorf("%s: panel %d %q has no title, or its id is another's", path, p.ID, p.Title)
			}
			ids[p.ID] = true
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := cells[[2]int{x, y}]; other != "" || x > 23 {
						t.Fatalf("%s: panel %q lies over %q or beyond the edge", path, p.Title, other)
					}
					cells[[2]int{x, y}] = p.Title
				}
			}
		}
		for _, p := range d.Panels {
			place(p, cells)
			closed := map[[2]int]string{} // lies over what comes next, until the row is opened
			for _, inner := range p.Panels {
				place(inner, closed)
			}
		}
		for _, p := range d.drawn() {
			complete(t, path, p)
		}
	}
}

func complete(t *testing.T, path string, p panel) {
	t.Helper()
	if p.Description == "" || p.FieldConfig.Defaults.Unit == "" || len(p.Targets) == 0 {
		t.Errorf("%s: panel %q has the description %q, the unit %q, and %d queries", path, p.Title, p.Description, p.FieldConfig.Defaults.Unit, len(p.Targets))
	}
	for _, target := range p.Targets {
		if left := grafana(15 * time.Second)(target.Expr); strings.Contains(left, "$") {
			t.Errorf("%s: panel %q uses an unknown variable: %s", path, p.Title, left)
		}
		if target.Interval != "${step}s" {
			t.Errorf("%s: panel %q has the minimum step %q, so its rates do not follow the scrape interval", path, p.Title, target.Interval)
		}
	}
}

// A dashboard works in every Grafana: it names no data source, and asks for none when it is imported.
func TestDashboardsNameNoDataSource(t *testing.T) {
	for path, text := range dashboardFiles(t) {
		if bytes.Contains(text, []byte("__inputs")) || bytes.Contains(text, []byte("DS_")) {
			t.Errorf("%s asks for a data source when it is imported", path)
		}
		var content any
		if err := json.Unmarshal(text, &content); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		sources := 0
		walk(content, func(key string, value any) {
			if key != "datasource" {
				return
			}
			sources++
			if got := fmt.Sprint(value); got != "map[type:prometheus uid:${datasource}]" {
				t.Errorf("%s names the data source %s", path, got)
			}
		})
		panels := len(dashboards(t)[path].drawn())
		if sources < 2*panels {
			t.Errorf("%s: %d data sources for %d panels and their queries", path, sources, panels)
		}
	}
}

// walk visits every member of every object.
func walk(content any, visit func(key string, value any)) {
	switch content := content.(type) {
	case map[string]any:
		for key, value := range content {
			visit(key, value)
			walk(value, visit)
		}
	case []any:
		for _, value := range content {
			walk(value, visit)
		}
	}
}

// A legend names labels that its series can have.
func TestLegendsNameLabelsOfTheirSeries(t *testing.T) {
	known := knownSeries(t)
	named := regexp.MustCompile(`{{(\w+)}}`)
	for path, d := range dashboards(t) {
		for _, p := range d.drawn() {
			for _, target := range p.Targets {
				var has []string
				for _, selector := range selectors(t, grafana(15*time.Second)(target.Expr)) {
					labels, _ := labelsOf(known, selector.Name)
					has = append(has, labels...)
				}
				for _, match := range named.FindAllStringSubmatch(target.LegendFormat, -1) {
					if !slices.Contains(has, match[1]) {
						t.Errorf("%s: the legend %q of panel %q names a label that no series of %s has", path, target.LegendFormat, p.Title, target.Expr)
					}
				}
			}
		}
	}
}
