// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sizes in pixels.
const (
	columnWidth, rowHeight = 52.0, 30.0
	gap                    = 8.0
	titleHeight            = 24.0
	axisWidth, axisHeight  = 62.0, 18.0
	legendHeight           = 18.0
	characterWidth         = 6.1 // of the legend's letters
)

// palette are the colors of series, in the order of Grafana's classic palette.
var palette = []string{"#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0", "#37872d", "#fade2a"}

// canvas collects SVG.
type canvas struct{ strings.Builder }

func (c *canvas) add(format string, arguments ...any) { fmt.Fprintf(c, format+"\n", arguments...) }

func (c *canvas) text(x, y float64, class, text string) {
	c.add(`<text x="%.1f" y="%.1f" class="%s">%s</text>`, x, y, class, html.EscapeString(text))
}

// draw the dashboard, as far as its rows are open.
func draw(d *dashboard, v view) string {
	var c canvas
	bottom := 0.0
	for i := range d.Panels {
		p := &d.Panels[i]
		bottom = max(bottom, p.GridPos.Y+p.GridPos.H)
	}
	width, height := 24*columnWidth+gap, bottom*rowHeight+gap
	c.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" role="img" aria-label="%s">`, width, height, html.EscapeString(d.Title))
	c.add(`<style>text{font:11px system-ui,sans-serif;fill:#ccccdc}.title{font-weight:600;font-size:12px}.row{font-weight:600;font-size:14px}` +
		`.axis{fill:#8e8ea0;font-size:10px}.end{text-anchor:end}.middle{text-anchor:middle}.big{font-weight:600;text-anchor:middle}</style>`)
	c.add(`<rect width="100%%" height="100%%" fill="#111217"/>`)
	for i := range d.Panels {
		p := &d.Panels[i]
		b := box{p.GridPos.X*columnWidth + gap, p.GridPos.Y*rowHeight + gap, p.GridPos.W*columnWidth - gap, p.GridPos.H*rowHeight - gap}
		if p.Type == "row" {
			mark := "▾ "
			if p.Collapsed {
				mark = "▸ "
			}
			c.text(b.x, b.y+15, "row", mark+p.Title)
			continue
		}
		c.add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2" fill="#181b1f" stroke="#2c2f36"/>`, b.x, b.y, b.w, b.h)
		c.text(b.x+8, b.y+16, "title", p.Title)
		c.panel(p, box{b.x + 8, b.y + titleHeight, b.w - 16, b.h - titleHeight - 6}, v)
	}
	c.add(`</svg>`)
	return c.String()
}

type box struct{ x, y, w, h float64 }

func (c *canvas) panel(p *panel, b box, v view) {
	lines := p.lines()
	switch {
	case p.Type == "stat":
		c.numbers(p, lines, b)
	case len(lines) == 0:
		c.text(b.x+b.w/2, b.y+b.h/2, "axis middle", "No data")
	case p.Type == "bargauge":
		c.bars(p, lines, b)
	case p.Type == "heatmap":
		c.heat(lines, b, v)
	default:
		c.series(p, lines, b, v)
	}
}

func (c *canvas) numbers(p *panel, lines []line, b box) {
	lines = slices.DeleteFunc(lines, func(l line) bool { return math.IsNaN(l.points[len(l.points)-1].value) })
	if len(lines) == 0 {
		missing := p.FieldConfig.Defaults.NoValue
		if missing == "" {
			missing = "No data"
		}
		c.big(b.x+b.w/2, b.y+b.h/2+12, b.w, named("green"), missing)
		return
	}
	each := b.w / float64(len(lines))
	for i, l := range lines {
		value := l.points[len(l.points)-1].value
		x := b.x + (float64(i)+0.5)*each
		if len(lines) > 1 {
			c.text(x, b.y+12, "axis middle", l.name)
		}
		c.big(x, b.y+b.h/2+14, each, p.colorOf(value), p.quantity(value))
	}
}

// big writes a number as large as there is room for.
func (c *canvas) big(x, y, width float64, color, text string) {
	size := min(30, 1.5*width/float64(len([]rune(text))))
	c.add(`<text x="%.1f" y="%.1f" class="big" style="fill:%s;font-size:%.1fpx">%s</text>`, x, y, color, size, html.EscapeString(text))
}

func (c *canvas) bars(p *panel, lines []line, b box) {
	each := min(b.h/float64(len(lines)), 40)
	highest := 1.0
	if p.FieldConfig.Defaults.Max != nil {
		highest = *p.FieldConfig.Defaults.Max
	}
	for i, l := range lines {
		y, value := b.y+float64(i)*each, l.points[len(l.points)-1].value
		full := b.w * 0.5
		c.text(b.x, y+each/2+4, "", l.name)
		c.add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="#24272d"/>`, b.x+b.w*0.36, y+3, full, each-6)
		c.add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`, b.x+b.w*0.36, y+3, full*min(1, max(0, value/highest)), each-6, p.colorOf(value))
		c.text(b.x+b.w*0.88, y+each/2+4, "", p.quantity(value))
	}
}

// heat draws the counts of a histogram's buckets, which Prometheus answers as sums up to each bound.
func (c *canvas) heat(lines []line, b box, v view) {
	bounds := func(l line) float64 {
		le, err := strconv.ParseFloat(l.name, 64)
		if err != nil {
			return math.Inf(1)
		}
		return le
	}
	slices.SortFunc(lines, func(a, b line) int { return cmp.Compare(bounds(a), bounds(b)) })
	below, highest := map[float64]float64{}, 0.0
	counts := make([]map[float64]float64, len(lines))
	for i, l := range lines {
		counts[i] = map[float64]float64{}
		for _, pt := range l.points {
			counts[i][pt.at] = max(0, pt.value-below[pt.at])
			below[pt.at] = pt.value
			highest = max(highest, counts[i][pt.at])
		}
	}
	plot := box{b.x + axisWidth, b.y, b.w - axisWidth, b.h - axisHeight}
	each, wide := plot.h/float64(len(lines)), plot.w*v.step.Seconds()/v.to.Sub(v.from).Seconds()
	for i, l := range lines {
		y := plot.y + plot.h - float64(i+1)*each
		if i%max(1, len(lines)/6) == 0 {
			bound := "above"
			if !math.IsInf(bounds(l), 1) {
				bound = duration(bounds(l))
			}
			c.text(plot.x-6, y+4, "axis end", bound)
		}
		for _, pt := range l.points {
			if n := counts[i][pt.at]; n > 0 {
				c.add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="#ff9830" fill-opacity="%.2f"/>`,
					v.x(pt.at, plot)-wide, y, wide, each-1, math.Sqrt(n/highest))
			}
		}
	}
	c.times(plot, v)
}

func (v view) x(at float64, plot box) float64 {
	return plot.x + plot.w*(at-float64(v.from.Unix()))/v.to.Sub(v.from).Seconds()
}

func (c *canvas) times(plot box, v view) {
	const ticks = 4
	for i := range ticks + 1 {
		at := v.from.Add(v.to.Sub(v.from) * time.Duration(i) / ticks)
		x := plot.x + plot.w*float64(i)/ticks
		class := "axis middle"
		if i == ticks {
			class = "axis end"
		}
		c.text(x, plot.y+plot.h+13, class, at.UTC().Format("15:04"))
	}
}

// series draws lines, or stacks them.
func (c *canvas) series(p *panel, lines []line, b box, v view) {
	defaults := p.FieldConfig.Defaults
	stacks, limit := defaults.Custom.Stacking.Mode == "normal", p.dashed()
	base := map[float64]float64{}
	lowest, highest := 0.0, 0.0
	floors := make([][]point, len(lines))
	for i := range lines {
		l := &lines[i]
		l.points = slices.DeleteFunc(l.points, func(pt point) bool { return math.IsNaN(pt.value) || math.IsInf(pt.value, 0) })
		for j, pt := range l.points {
			if stacks && l.name != limit {
				floors[i] = append(floors[i], point{pt.at, base[pt.at]})
				l.points[j].value += base[pt.at]
				base[pt.at] = l.points[j].value
			} else {
				floors[i] = append(floors[i], point{pt.at, 0})
			}
			lowest, highest = min(lowest, l.points[j].value), max(highest, l.points[j].value)
		}
	}
	if defaults.Max != nil {
		highest = *defaults.Max
	}
	if defaults.Min != nil {
		lowest = *defaults.Min
	}
	unit := spacing(highest - lowest)
	highest = math.Ceil(highest/unit-1e-9) * unit
	if highest <= lowest {
		highest = lowest + 1
		unit = 0.5
	}
	lowest = math.Floor(lowest/unit+1e-9) * unit
	plot := box{b.x + axisWidth, b.y + 4, b.w - axisWidth, b.h - axisHeight - legendHeight - 4}
	y := func(value float64) float64 { // what is beyond the axis ends at its edge
		return plot.y + plot.h*(highest-min(highest, max(lowest, value)))/(highest-lowest)
	}
	for value := lowest; value <= highest+unit/2; value += unit {
		c.add(`<path d="M%.1f %.1fh%.1f" stroke="#2c2f36"/>`, plot.x, y(value), plot.w)
		c.text(plot.x-6, y(value)+4, "axis end", p.quantity(value))
	}
	c.times(plot, v)
	for i, l := range lines {
		c.line(l, floors[i], palette[i%len(palette)], defaults.Custom.FillOpacity/100, l.name == limit && limit != "", v, plot, y)
	}
	if defaults.Custom.ThresholdsStyle.Mode == "line" || defaults.Custom.ThresholdsStyle.Mode == "dashed" {
		for _, t := range defaults.Thresholds.Steps {
			if t.Value != nil && *t.Value >= lowest && *t.Value <= highest {
				c.add(`<path d="M%.1f %.1fh%.1f" stroke="%s" stroke-dasharray="6 4"/>`, plot.x, y(*t.Value), plot.w, named(t.Color))
			}
		}
	}
	c.legend(lines, limit, box{plot.x, plot.y + plot.h + axisHeight + 4, plot.w, legendHeight})
}

func (c *canvas) line(l line, floor []point, color string, fill float64, dashed bool, v view, plot box, y func(float64) float64) {
	var d, area strings.Builder
	start := 0
	for i, pt := range l.points {
		command := "L"
		if i == 0 || pt.at-l.points[i-1].at > 2.5*v.step.Seconds() { // a gap
			command, start = "M", i
		}
		corner := fmt.Sprintf("%s%.1f %.1f", command, v.x(pt.at, plot), y(pt.value))
		d.WriteString(corner)
		area.WriteString(corner)
		if i == len(l.points)-1 || l.points[i+1].at-pt.at > 2.5*v.step.Seconds() {
			for j := i; j >= start; j-- {
				fmt.Fprintf(&area, "L%.1f %.1f", v.x(floor[j].at, plot), y(floor[j].value))
			}
			area.WriteString("Z")
		}
	}
	if fill > 0 && !dashed {
		c.add(`<path d="%s" fill="%s" fill-opacity="%.2f"/>`, area.String(), color, fill)
	}
	style := ""
	if dashed {
		color, style = named("red"), ` stroke-dasharray="8 6"`
	}
	c.add(`<path d="%s" fill="none" stroke="%s" stroke-width="1.3"%s/>`, d.String(), color, style)
}

// legend names as many series as there is room for.
func (c *canvas) legend(lines []line, limit string, b box) {
	x := b.x
	for i, l := range lines {
		wide, more := 24+characterWidth*float64(len([]rune(l.name))), 0.0
		if i < len(lines)-1 {
			more = 70
		}
		if i > 0 && x+wide+more > b.x+b.w {
			c.text(x, b.y+12, "axis", fmt.Sprintf("and %d more", len(lines)-i))
			return
		}
		color := palette[i%len(palette)]
		if l.name == limit && limit != "" {
			color = named("red")
		}
		c.add(`<rect x="%.1f" y="%.1f" width="12" height="3" fill="%s"/>`, x, b.y+7, color)
		c.text(x+16, b.y+12, "", l.name)
		x += wide
	}
}

// spacing of about four lines of a grid: 1, 2, or 5 times a power of ten.
func spacing(span float64) float64 {
	if span <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(span/4)))
	for _, times := range []float64{1, 2, 5} {
		if span/(times*power) <= 5 {
			return times * power
		}
	}
	return 10 * power
}
