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

// Sums of all series of each family that is asked for, whatever their labels, or of those that have the labels with which it is asked for, in
// the page's order and one after another. What the page does not have is absent.
func Sums(page []byte, names ...string) (map[string]float64, error) {
	sums := map[string]float64{}
	lines := bufio.NewScanner(bytes.NewReader(page))
	for lines.Scan() {
		series, value := split(lines.Text())
		for _, name := range names {
			if !matches(series, name) {
				continue
			}
			figure, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			sums[name] += figure
		}
	}
	return sums, lines.Err()
}

// matches reports whether a series is of a family, and has its labels where those are given.
func matches(series, wanted string) bool {
	family, labels, _ := strings.Cut(series, "{")
	wantedFamily, wantedLabels, labeled := strings.Cut(strings.TrimSuffix(wanted, "}"), "{")
	if family != wantedFamily || !labeled {
		return family == wantedFamily
	}
	labels = "," + strings.TrimSuffix(labels, "}") + ","
	return strings.Contains(labels, ","+wantedLabels+",")
}

// split a line into its series and what follows. A label may hold spaces and braces.
func split(line string) (series, value string) {
	if at := strings.LastIndex(line, "} "); at >= 0 {
		return line[:at+1], line[at+2:]
	}
	series, value, _ = strings.Cut(line, " ")
	return series, value
}
