// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// dashboard is what is drawn of a file of config/grafana.
type dashboard struct {
	Title  string
	Panels []panel
}

type panel struct {
	Type, Title string
	Collapsed   bool
	GridPos     struct{ H, W, X, Y float64 }
	Targets     []target
	FieldConfig struct {
		Defaults  fields
		Overrides []override
	}
}

type target struct {
	Expr, LegendFormat string
	Instant            bool

	series []series
}

type fields struct {
	Unit, NoValue string
	Decimals      *int
	Min, Max      *float64
	Thresholds    struct{ Steps []threshold }
	Custom        struct {
		FillOpacity     float64
		Stacking        struct{ Mode string }
		ThresholdsStyle struct{ Mode string }
	}
}

// threshold is a color from a value on; the first has none.
type threshold struct {
	Value *float64
	Color string
}

type override struct {
	Matcher    struct{ Options any }
	Properties []struct {
		ID    string
		Value any
	}
}

// dashed is the series that the others must not exceed, if the panel has one.
func (p *panel) dashed() string {
	for _, o := range p.FieldConfig.Overrides {
		for _, property := range o.Properties {
			if property.ID == "custom.lineStyle" {
				return fmt.Sprint(o.Matcher.Options)
			}
		}
	}
	return ""
}

// colorOf a value by the panel's thresholds.
func (p *panel) colorOf(value float64) string {
	chosen := ""
	for _, t := range p.FieldConfig.Defaults.Thresholds.Steps {
		if t.Value == nil || value >= *t.Value {
			chosen = t.Color
		}
	}
	return named(chosen)
}

// line is a series with its name.
type line struct {
	name   string
	points []point
}

var label = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

// lines are all series of the panel.
func (p *panel) lines() (all []line) {
	for _, t := range p.Targets {
		for _, s := range t.series {
			name := label.ReplaceAllStringFunc(t.LegendFormat, func(found string) string {
				return s.labels[label.FindStringSubmatch(found)[1]]
			})
			all = append(all, line{strings.TrimSpace(name), s.points})
		}
	}
	return all
}

// quantity writes a value as Grafana does in the unit.
func (p *panel) quantity(value float64) string {
	switch p.FieldConfig.Defaults.Unit {
	case "percentunit":
		return p.number(100*value) + "%"
	case "s", "dtdurations":
		return duration(value)
	case "reqps":
		return short(value) + " req/s"
	case "ops":
		return short(value) + " ops/s"
	case "bytes":
		return scaled(value, 1024, []string{" B", " KiB", " MiB", " GiB"})
	}
	if p.FieldConfig.Defaults.Decimals != nil {
		return p.number(value)
	}
	return short(value)
}

func (p *panel) number(value float64) string {
	if decimals := p.FieldConfig.Defaults.Decimals; decimals != nil {
		return strconv.FormatFloat(value, 'f', *decimals, 64)
	}
	return significant(value)
}

func duration(seconds float64) string {
	switch magnitude := math.Abs(seconds); {
	case magnitude == 0:
		return "0 s"
	case magnitude < 1e-3:
		return significant(seconds*1e6) + " µs"
	case magnitude < 1:
		return significant(seconds*1e3) + " ms"
	case magnitude < 120:
		return significant(seconds) + " s"
	case magnitude < 7200:
		return significant(seconds/60) + " min"
	case magnitude < 48*3600:
		return significant(seconds/3600) + " h"
	}
	return significant(seconds/86400) + " days"
}

func short(value float64) string { return scaled(value, 1000, []string{"", "K", "M", "G"}) }

func scaled(value, by float64, units []string) string {
	i := 0
	for ; math.Abs(value) >= by && i < len(units)-1; i++ {
		value /= by
	}
	return significant(value) + units[i]
}

// significant writes three digits, or all of a whole number, without zeros at the end.
func significant(value float64) string {
	if math.Abs(value) >= 1000 {
		return strconv.FormatFloat(value, 'f', 0, 64)
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(value, 'g', 3, 64), 64)
	if err != nil {
		rounded = value
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// named are Grafana's names of colors.
func named(color string) string {
	switch color {
	case "green":
		return "#73bf69"
	case "orange":
		return "#ff9830"
	case "red":
		return "#f2495c"
	case "transparent", "":
		return "none"
	}
	return color
}
