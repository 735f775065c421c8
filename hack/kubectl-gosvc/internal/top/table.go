// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package top

import (
	"io"
	"strings"

	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
)

// Write a plain table of all rows. The namespace is only shown if there are several.
func Write(out io.Writer, rows []Row, namespaces bool) {
	shown := columns
	if !namespaces {
		shown = columns[1:]
	}
	titles, right := make([]string, len(shown)), make([]bool, len(shown))
	for i, c := range shown {
		titles[i], right[i] = c.title, c.right
	}
	cells := make([][]string, len(rows))
	for i := range rows {
		for _, c := range shown {
			cells[i] = append(cells[i], c.text(&rows[i]))
		}
	}
	show.Columns(out, titles, right, cells)
}

// fitting columns for a screen: the least important ones are left out where it is narrow, and what remains goes to the names and problems.
func fitting(width int, namespaces bool) []column {
	shown := append([]column(nil), columns...)
	drop := []string{"PEAK", "LIMIT", "SLO", "TREND 12 H", "CPU"}
	if !namespaces {
		drop = append([]string{"NAMESPACE"}, drop...)
	}
	for i, title := range drop {
		if total(shown) <= width && (namespaces || i > 0) {
			break
		}
		for j, c := range shown {
			if c.title == title {
				shown = append(shown[:j:j], shown[j+1:]...)
				break
			}
		}
	}
	for i := range shown {
		if shown[i].title == "NAME" {
			shown[i].width += min(max(width-total(shown), 0), 20)
		}
	}
	return shown
}

const gap = "  "

func total(shown []column) int {
	sum := 0
	for _, c := range shown {
		sum += c.width + len(gap)
	}
	return sum - len(gap)
}

// line of the screen.
func line(shown []column, style show.Style, cell func(column) (string, func(string) string)) string {
	var text strings.Builder
	for i, c := range shown {
		if i > 0 {
			text.WriteString(gap)
		}
		content, paint := cell(c)
		if c.right {
			content = show.PadLeft(content, c.width)
		} else {
			content = show.Pad(content, c.width)
		}
		if paint != nil {
			content = paint(content)
		}
		text.WriteString(content)
	}
	return text.String()
}

func heading(shown []column, style show.Style) string {
	return line(shown, style, func(c column) (string, func(string) string) { return c.title, style.Strong })
}

func (r *Row) line(shown []column, style show.Style) string {
	return line(shown, style, func(c column) (string, func(string) string) {
		if c.color == nil {
			return c.text(r), nil
		}
		return c.text(r), c.color(r, style)
	})
}
