// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package exposition reads the few figures that benchmarks need from a page of Prometheus' text format.
package exposition

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Sums of all series of each family that is asked for, whatever their labels, or of one series that is asked for with its labels as
// the page has them. What the page does not have is absent.
func Sums(page []byte, names ...string) (map[string]float64, error) {
	sums, wanted := map[string]float64{}, map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	lines := bufio.NewScanner(bytes.NewReader(page))
	for lines.Scan() {
		series, value := split(lines.Text())
		name, _, labeled := strings.Cut(series, "{")
		if labeled && wanted[series] {
			name = series
		}
		if !wanted[name] {
			continue
		}
		figure, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		sums[name] += figure
	}
	return sums, lines.Err()
}

// split a line into its series and what follows. A label may hold spaces and braces.
func split(line string) (series, value string) {
	if at := strings.LastIndex(line, "} "); at >= 0 {
		return line[:at+1], line[at+2:]
	}
	series, value, _ = strings.Cut(line, " ")
	return series, value
}
