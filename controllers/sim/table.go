// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// Table prints rows as Markdown: sums over all runs, and in parentheses the fewest and the most bad seconds of one run.
func Table(to io.Writer, rows []Row) error {
	var b strings.Builder
	b.WriteString("| scenario | contender | bad seconds | (of one run) | kept | requests lost | slow | core-seconds | of them used | scaling actions |\n" +
		"|---|---|---:|---:|---|---:|---:|---:|---:|---:|\n")
	for i := range rows {
		r := &rows[i]
		name, kept := r.Contender, ""
		if r.Role == Ours {
			name = "**" + name + "**"
		}
		if r.Keeps() {
			kept = "yes"
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d–%d | %s | %d | %d | %.0f | %.0f%% | %d |\n",
			r.Scenario, name, r.BadSeconds, r.BadFrom, r.BadTo, kept, r.Lost, r.Slow, r.CoreSeconds, 100*r.Used/math.Max(r.CoreSeconds, 1), r.Actions)
	}
	_, err := io.WriteString(to, b.String())
	return err
}
