// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// tag is shared by both dashboards: each links to the others that have it.
const tag = "goservice"

// columns is the width of a row of panels.
const columns = 24

// source is the data source that the reader picks; no file names one.
var source = common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("${datasource}")}

// expand completes the selectors of a query, such as {pods} and {pods,result="moved"}. The cluster matches series without that label
// as long as all clusters are selected.
var expand = strings.NewReplacer(
	"{pods", `{cluster=~"$cluster",namespace="$namespace",job="$service"`,
	"{service", `{cluster=~"$cluster",namespace="$namespace",service="$service"`,
	"{named", `{cluster=~"$cluster",namespace="$namespace",name="$service"`,
	"{exported", `{cluster=~"$cluster",exported_namespace="$namespace",name="$service"`,
	"{operator", `{cluster=~"$cluster",job="$job"`,
	"{all", `{cluster=~"$cluster"`,
).Replace

// orNone completes a count of alerts by severity: it is 0 while none fires, instead of missing.
const orNone = `or on () label_replace(vector(0), "severity", "none", "", "")`

// group is a row and its panels. An optional one is about what few services have: it starts closed.
type group struct {
	title    string
	optional bool
	panels   []cog.Builder[dashboard.Panel]
}

// placed is a panel that is built and has its place.
type placed dashboard.Panel

func (p placed) Build() (dashboard.Panel, error) { return dashboard.Panel(p), nil }

// about is what a dashboard is besides its panels.
type about struct {
	uid, title, description string
	variables               []cog.Builder[dashboard.VariableModel]
	// alerts is the query of the alerts that are drawn over all panels.
	alerts, alertTitle string
}

func build(a about, groups []group) (dashboard.Dashboard, error) {
	d := dashboard.NewDashboardBuilder(a.title).Uid(a.uid).Description(a.description).Tags([]string{tag}).
		Editable().Tooltip(dashboard.DashboardCursorSyncCrosshair).Time("now-3h", "now").Refresh("30s").
		Timezone(common.TimeZoneBrowser).
		Annotation(dashboard.NewAnnotationQueryBuilder().Name("Alerts").Datasource(source).Enable(true).Hide(false).IconColor("red").
			Expr(expand(a.alerts)).Step("30s").TitleFormat(a.alertTitle).TextFormat("{{severity}} {{slo}} {{window}}").TagKeys("severity")).
		Link(dashboard.NewDashboardLinkBuilder("GoService").Type(dashboard.DashboardLinkTypeDashboards).Tags([]string{tag}).
			Icon("dashboard").KeepTime(true))
	for _, variable := range append([]cog.Builder[dashboard.VariableModel]{
		dashboard.NewDatasourceVariableBuilder("datasource").Label("Data source").Type("prometheus"),
	}, a.variables...) {
		d.WithVariable(variable)
	}
	var id, line uint32
	next := func() uint32 { id++; return id }
	for _, g := range groups {
		row := dashboard.NewRowBuilder(g.title).Id(next()).GridPos(dashboard.GridPos{W: columns, H: 1, Y: line})
		panels, below, err := place(g.panels, line+1, next)
		if err != nil {
			return dashboard.Dashboard{}, fmt.Errorf("row %q: %w", g.title, err)
		}
		if g.optional {
			for _, p := range panels {
				row.WithPanel(p) // which closes it
			}
			d.WithRow(row)
			line++
			continue
		}
		d.WithRow(row)
		for _, p := range panels {
			d.WithPanel(p)
		}
		line = below
	}
	built, err := d.Build()
	if err != nil {
		return built, err
	}
	// The SDK would move both from the top of the dashboard into a menu.
	for i := range built.Links {
		built.Links[i].Placement = nil
	}
	for i := range built.Annotations.List {
		built.Annotations.List[i].Placement = nil
	}
	return built, nil
}

// place fills lines from left to right and returns the next free one.
func place(builders []cog.Builder[dashboard.Panel], line uint32, id func() uint32) ([]placed, uint32, error) {
	var panels []placed
	var column, height uint32
	for _, builder := range builders {
		p, err := builder.Build()
		if err != nil {
			return nil, 0, err
		}
		if column+p.GridPos.W > columns {
			line, column, height = line+height, 0, 0
		}
		p.Id, p.GridPos.X, p.GridPos.Y = cog.ToPtr(id()), column, line
		column, height = column+p.GridPos.W, max(height, p.GridPos.H)
		panels = append(panels, placed(p))
	}
	return panels, line + height, nil
}

// variable asks Prometheus for the values that a reader may pick.
func variable(name, label, query string) *dashboard.QueryVariableBuilder {
	query = expand(query)
	return dashboard.NewQueryVariableBuilder(name).Label(label).Datasource(source).Definition(query).
		Query(dashboard.StringOrMap{Map: map[string]any{"query": query, "refId": "variable"}}).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).Sort(dashboard.VariableSortAlphabeticalAsc)
}

// cluster is for a Prometheus, Thanos, or Mimir that holds the series of several: by default it matches all, also those without the label.
func cluster(of string) cog.Builder[dashboard.VariableModel] {
	all := dashboard.VariableOption{
		Selected: cog.ToPtr(true), Text: dashboard.StringOrArrayOfString{String: cog.ToPtr("All")},
		Value: dashboard.StringOrArrayOfString{String: cog.ToPtr("$__all")},
	}
	return variable("cluster", "Cluster", "label_values("+of+", cluster)").IncludeAll(true).AllValue(".*").Current(all)
}

// step is the interval at which the targets are scraped, found by counting: the minimum step of every query. Without it, $__rate_interval
// follows what the data source is set to, and rates are empty where targets are scraped less often than that.
func step(up string) cog.Builder[dashboard.VariableModel] {
	return variable("step", "Scrape interval in seconds", "query_result(ceil(600 / max(count_over_time("+up+"[10m]))) or vector(15))").
		Regex(`/ (\d+) /`).Hide(dashboard.VariableHideHideVariable)
}
