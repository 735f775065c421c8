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

// Sums of all series of each family that is asked for, whatever their labels. A family that the page does not have is absent.
func Sums(page []byte, families ...string) (map[string]float64, error) {
	sums, wanted := map[string]float64{}, map[string]bool{}
	for _, family := range families {
		wanted[family] = true
	}
	lines := bufio.NewScanner(bytes.NewReader(page))
	for lines.Scan() {
		series, value := split(lines.Text())
		family, _, _ := strings.Cut(series, "{")
		if !wanted[family] {
			continue
		}
		figure, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", family, err)
		}
		sums[family] += figure
	}
	return sums, lines.Err()
}

// split a line into its series and what follows. A label may hold spaces and braces.
func split(line string) (series, value string) {
	if at := strings.LastIndex(line, "} "); at >= 0 {
		return line[:at], line[at+2:]
	}
	series, value, _ = strings.Cut(line, " ")
	return series, value
}
