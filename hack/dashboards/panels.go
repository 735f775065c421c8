// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// query is an expression with the selectors of expand, and what its series are called.
type query struct{ expr, legend string }

func q(legend, expr string) query { return query{expr, legend} }

// targets are the queries of a panel, named A, B, C in their order.
func targets(queries []query, change func(*prometheus.DataqueryBuilder) *prometheus.DataqueryBuilder) []cog.Builder[variants.Dataquery] {
	all := make([]cog.Builder[variants.Dataquery], len(queries))
	for i, query := range queries {
		all[i] = change(prometheus.NewDataqueryBuilder().RefId(string(rune('A' + i))).Datasource(source).
			EditorMode(prometheus.QueryEditorModeCode).Expr(expand(query.expr)).LegendFormat(query.legend).Interval("${step}s"))
	}
	return all
}

func instant(target *prometheus.DataqueryBuilder) *prometheus.DataqueryBuilder {
	return target.Instant()
}

// series draws lines over time, from zero.
func series(width uint32, title, unit, description string, queries ...query) *timeseries.PanelBuilder {
	return signed(width, title, unit, description, queries...).Min(0)
}

// signed draws lines over time that may fall below zero.
func signed(width uint32, title, unit, description string, queries ...query) *timeseries.PanelBuilder {
	return timeseries.NewPanelBuilder().Span(width).Height(8).Title(title).Unit(unit).Description(description).Datasource(source).
		Targets(targets(queries, (*prometheus.DataqueryBuilder).Range)).
		ColorScheme(color(dashboard.FieldColorModeIdPaletteClassic)).Thresholds(steps("green")).
		LineWidth(1).FillOpacity(0).ShowPoints(common.VisibilityModeNever).
		Legend(common.NewVizLegendOptionsBuilder().DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).ShowLegend(true)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
}

// stacked is for parts of a whole.
func stacked(p *timeseries.PanelBuilder) *timeseries.PanelBuilder {
	return p.FillOpacity(30).Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A"))
}

// limited dashes the series that the others must not exceed.
func limited(p *timeseries.PanelBuilder, limit string) *timeseries.PanelBuilder {
	return p.OverrideByName(limit, []dashboard.DynamicConfigValue{
		{Id: "color", Value: map[string]any{"mode": "fixed", "fixedColor": "red"}},
		{Id: "custom.lineStyle", Value: map[string]any{"fill": "dash", "dash": []int{8, 8}}},
		{Id: "custom.fillOpacity", Value: 0},
		{Id: "custom.stacking", Value: map[string]any{"mode": "none", "group": "B"}},
	})
}

// lines draws thresholds into a panel.
func lines(p *timeseries.PanelBuilder, style common.GraphThresholdsStyleMode, more ...dashboard.Threshold) *timeseries.PanelBuilder {
	return p.Thresholds(steps("transparent", more...)).
		ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(style))
}

// number shows what is now.
func number(width uint32, title, unit, description string, queries ...query) *stat.PanelBuilder {
	return stat.NewPanelBuilder().Span(width).Height(4).Title(title).Unit(unit).Description(description).Datasource(source).
		Targets(targets(queries, instant)).
		ColorScheme(color(dashboard.FieldColorModeIdThresholds)).Thresholds(steps("green")).
		ColorMode(common.BigValueColorModeValue).GraphMode(common.BigValueGraphModeNone).ReduceOptions(last())
}

// bars compare what is now.
func bars(width uint32, title, unit, description string, queries ...query) *bargauge.PanelBuilder {
	return bargauge.NewPanelBuilder().Span(width).Height(8).Title(title).Unit(unit).Description(description).Datasource(source).
		Targets(targets(queries, instant)).
		ColorScheme(color(dashboard.FieldColorModeIdThresholds)).DisplayMode(common.BarGaugeDisplayModeBasic).
		Orientation(common.VizOrientationHorizontal).ShowUnfilled(true).ReduceOptions(last())
}

// heat shows how durations are distributed over time.
func heat(width uint32, title, description, histogram string) *heatmap.PanelBuilder {
	return heatmap.NewPanelBuilder().Span(width).Height(8).Title(title).Unit("s").Description(description).Datasource(source).
		Targets(targets([]query{q("{{le}}", "sum by (le) (increase("+histogram+"[$__rate_interval]))")},
			func(target *prometheus.DataqueryBuilder) *prometheus.DataqueryBuilder {
				return target.Range().Format(prometheus.PromQueryFormatHeatmap)
			})).
		Calculate(false).YAxis(heatmap.NewYAxisConfigBuilder().Unit("s")).CellGap(1).ShowLegend().
		Color(heatmap.NewHeatmapColorOptionsBuilder().Mode(heatmap.HeatmapColorModeScheme).Scheme("Oranges").Steps(64).Exponent(0.5))
}

func color(mode dashboard.FieldColorModeId) cog.Builder[dashboard.FieldColor] {
	return dashboard.NewFieldColorBuilder().Mode(mode)
}

func last() cog.Builder[common.ReduceDataOptions] {
	return common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})
}

// steps are thresholds: the color of the least values, and the values from which on there is another.
func steps(lowest string, more ...dashboard.Threshold) cog.Builder[dashboard.ThresholdsConfig] {
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(append([]dashboard.Threshold{{Color: lowest}}, more...))
}

func from(value float64, color string) dashboard.Threshold {
	return dashboard.Threshold{Value: &value, Color: color}
}
