// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package httpapi

import (
	"strconv"
	"strings"
	"time"

	"goservice.dev/operator/workload/app"
)

// parseLoad reads cpu and sleep as durations and alloc as a size; each may be given once.
func parseLoad(raw string) (load app.Load, err error) {
	query, err := parseQuery(raw, "cpu", "sleep", "alloc")
	if err != nil {
		return load, err
	}
	for name, values := range query {
		if len(values) > 1 {
			return load, &app.Invalid{Field: name, Rule: "must be given once only"}
		}
		switch name {
		case "cpu":
			load.CPU, err = parseDuration(name, values[0])
		case "sleep":
			load.Sleep, err = parseDuration(name, values[0])
		case "alloc":
			load.AllocBytes, err = parseSize(name, values[0])
		}
		if err != nil {
			return load, err
		}
	}
	return load, load.Check()
}

func parseDuration(field, text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, &app.Invalid{Field: field, Rule: "must be a duration such as 20ms"}
	}
	return d, nil
}

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"Ki", 1 << 10}, {"Mi", 1 << 20}, {"", 1}}

// parseSize reads whole bytes, KiB or MiB. What overflows is refused like everything else that is too large.
func parseSize(field, text string) (int64, error) {
	for _, unit := range sizeUnits {
		digits, ok := strings.CutSuffix(text, unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 32)
		if err != nil {
			break
		}
		return int64(n) * unit.bytes, nil
	}
	return 0, &app.Invalid{Field: field, Rule: "must be a number of bytes such as 65536, 64KiB or 1MiB"}
}
