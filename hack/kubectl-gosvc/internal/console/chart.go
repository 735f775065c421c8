// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package console

import (
	"fmt"
	"math"
	"strings"
	"time"

	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
)

// Point of a line.
type Point struct {
	At    time.Time
	Value float64
}

// Series is a line of a panel.
type Series struct {
	Name string
	// Class of the style sheet: a, b, or limit.
	Class  string
	Points []Point
	// Steps holds each value until the next one.
	Steps bool
}

// Chart is a stack of panels over one time axis, in the terms of SVG.
type Chart struct {
	Panels []Panel
	Ticks  []Tick
	Marks  []Mark
	// Height of everything, and MarksY of the strip of marks, in pixels.
	Height, MarksY, TicksY int
	From, To               string
}

// Panel is one quantity.
type Panel struct {
	Title  string
	Y      int
	Top    string
	Lines  []Path
	Legend []Series
	// Latest value in words; the text of the chart for those who do not see it.
	Latest string
}

// Path of a line in a box of 1000 by 100.
type Path struct{ Class, D string }

// Tick of the time axis.
type Tick struct{ X, Label string }

// Mark is something that happened, or several things that are too close to each other to be told apart, the latest first. Number is that
// of the first one's line in the list below.
type Mark struct {
	X      string
	Number int
	Label  string
	// Width of the mark, and half of it to the left of X, in pixels.
	Width, Left int
	Class       string
	Title       string

	share float64
}

// closest that two marks come, as a share of the width.
const closest = 0.045

// mark something. Marks come in order, the latest first.
func (c *Chart) mark(share float64, number int, class, title string) {
	if n := len(c.Marks); n > 0 && c.Marks[n-1].share-share < closest {
		last := &c.Marks[n-1]
		last.Label, last.Width, last.Left = fmt.Sprintf("%d–%d", last.Number, number), 38, -19
		last.Title += "\n" + title
		if last.Class != class {
			last.Class = "several"
		}
		return
	}
	c.Marks = append(c.Marks, Mark{
		X: percentOf(share), Number: number, Label: fmt.Sprint(number), Width: 20, Left: -10, Class: class, Title: title, share: share,
	})
}

const (
	panelStep  = 136
	firstPanel = 26
)

// quantity of a panel.
type quantity struct {
	title  string
	series []Series
	format func(float64) string
}

// draw quantities between two times.
func draw(quantities []quantity, from, to time.Time) Chart {
	c := Chart{From: show.Zoned(from), To: show.Zoned(to)}
	for i, q := range quantities {
		highest := 0.0
		for _, s := range q.series {
			for _, p := range visible(s, from) {
				highest = max(highest, p.Value)
			}
		}
		highest = ceiling(1.08 * highest)
		panel := Panel{Title: q.title, Y: firstPanel + i*panelStep, Top: q.format(highest)}
		var latest []string
		for _, s := range q.series {
			if d := path(s, from, to, highest); d != "" {
				panel.Lines = append(panel.Lines, Path{s.Class, d})
				s.Name += " " + q.format(s.Points[len(s.Points)-1].Value)
				panel.Legend = append(panel.Legend, s)
				latest = append(latest, s.Name)
			}
		}
		if panel.Latest = strings.Join(latest, ", "); panel.Latest == "" {
			panel.Latest, panel.Top = "nothing is known yet", ""
		}
		c.Panels = append(c.Panels, panel)
	}
	c.MarksY = firstPanel + len(quantities)*panelStep - 24
	c.TicksY = c.MarksY + 34
	c.Height = c.TicksY + 8
	c.Ticks = ticks(from, to)
	return c
}

// visible points: those within the time, and the one before it.
func visible(s Series, from time.Time) []Point {
	first := 0
	for i, p := range s.Points {
		if !p.At.After(from) {
			first = i
		}
	}
	return s.Points[first:]
}

// path of a series. A value that is not known, which is below 0, leaves a gap.
func path(s Series, from, to time.Time, highest float64) string {
	var d strings.Builder
	open, lastY := false, 0.0
	span := to.Sub(from).Seconds()
	for _, p := range visible(s, from) {
		x := min(max(p.At.Sub(from).Seconds()/span, 0), 1) * 1000
		if p.Value < 0 || math.IsNaN(p.Value) || p.At.After(to) {
			open = false
			continue
		}
		y := 100 - 100*p.Value/highest
		if open && s.Steps {
			d.WriteString(step(false, x, lastY))
		}
		d.WriteString(step(!open, x, y))
		open, lastY = true, y
	}
	if open && s.Steps {
		d.WriteString(step(false, 1000, lastY))
	} else if strings.Count(d.String(), "L") == 0 && d.Len() > 0 {
		d.WriteString("h0.1") // a dot
	}
	return d.String()
}

// ceiling is a round number that is not less than a value.
func ceiling(value float64) float64 {
	if value <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(value)))
	for _, factor := range []float64{1, 1.5, 2, 3, 4, 5, 6, 8} {
		if value <= factor*unit {
			return factor * unit
		}
	}
	return 10 * unit
}

// ticks at round times, in UTC: at most seven.
func ticks(from, to time.Time) []Tick {
	span := to.Sub(from)
	every := 4 * time.Hour
	for _, candidate := range []time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, time.Hour, 2 * time.Hour} {
		if span <= 6*candidate {
			every = candidate
			break
		}
	}
	var list []Tick
	for at := from.Truncate(every).Add(every); at.Before(to); at = at.Add(every) {
		list = append(list, Tick{X: percentOf(shareOf(at, from, to)), Label: at.UTC().Format("15:04")})
	}
	return list
}

// shareOf a time between two others, a little away from both ends.
func shareOf(at, from, to time.Time) float64 {
	return min(max(at.Sub(from).Seconds()/to.Sub(from).Seconds(), 0.02), 0.98)
}

func percentOf(share float64) string { return fmt.Sprintf("%.2f%%", 100*share) }
