// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package show

import (
	"fmt"
	"io"
	"strings"
)

// Sheet writes sections of rows with a label, a value, and a sentence.
type Sheet struct {
	Style Style
	Out   io.Writer
	begun bool
}

// labelWidth fits the longest label.
const labelWidth = 18

// Section begins a section.
func (s *Sheet) Section(title, text string) {
	if s.begun {
		fmt.Fprintln(s.Out)
	}
	s.begun = true
	fmt.Fprint(s.Out, s.Style.Strong(title))
	if text != "" {
		fmt.Fprint(s.Out, "  ", text)
	}
	fmt.Fprintln(s.Out)
}

// Rows of a section, in three columns; the third is wrapped.
type Row struct{ Label, Value, Text string }

// Rows writes rows. Values that are wider than the column push the sentence to the next line.
func (s *Sheet) Rows(rows []Row) {
	value := 0
	for _, row := range rows {
		if w := Width(row.Value); w <= 24 {
			value = max(value, w)
		}
	}
	indent := 2 + labelWidth + 1 + value + 2
	for _, row := range rows {
		line := "  " + Pad(row.Label, labelWidth) + " " + row.Value
		lines := Wrap(row.Text, max(s.Style.Width-indent, 30))
		if w := Width(row.Value); len(lines) > 0 && w <= value {
			line += strings.Repeat(" ", value-w+2) + s.Style.Faint(lines[0])
			lines = lines[1:]
		}
		fmt.Fprintln(s.Out, strings.TrimRight(line, " "))
		for _, rest := range lines {
			fmt.Fprintln(s.Out, strings.Repeat(" ", indent)+s.Style.Faint(rest))
		}
	}
}

// Text writes wrapped lines with an indent.
func (s *Sheet) Text(indent int, text string) {
	for _, line := range Wrap(text, s.Style.Width-indent) {
		fmt.Fprintln(s.Out, strings.Repeat(" ", indent)+line)
	}
}

// Columns writes a plain table: a heading and rows of cells. Numbers of columns for which right says so are aligned right.
func Columns(out io.Writer, heading []string, right []bool, rows [][]string) {
	widths := make([]int, len(heading))
	for _, row := range append([][]string{heading}, rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], Width(cell))
		}
	}
	for _, row := range append([][]string{heading}, rows...) {
		line := make([]string, len(row))
		for i, cell := range row {
			if right[i] {
				line[i] = PadLeft(cell, widths[i])
			} else {
				line[i] = Pad(cell, widths[i])
			}
		}
		fmt.Fprintln(out, strings.TrimRight(strings.Join(line, "   "), " "))
	}
}
