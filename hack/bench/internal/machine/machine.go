// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package machine says how busy the processors of this machine are: a cluster, its pods, and their clients on a machine that has no
// processor left are measured by the machine and not by what they do.
package machine

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Full is the share of the processors' time from which a machine counts as one that has none left.
const Full = 0.95

// Moment is how long the processors have been busy, and have been there, since the boot.
type Moment struct{ busy, all float64 }

// Now reads the moment from Linux.
func Now() (Moment, error) {
	page, err := os.ReadFile("/proc/stat")
	if err != nil {
		return Moment{}, err
	}
	return parse(string(page))
}

// parse the line of all processors: user, nice, system, idle, iowait, irq, softirq, and steal, which includes no guest twice. What other
// machines took (steal) was not there to be used.
func parse(page string) (m Moment, err error) {
	line, _, _ := strings.Cut(page, "\n")
	fields := strings.Fields(line)
	const named, idle, iowait, steal = 1, 4, 5, 8
	if len(fields) <= steal || fields[0] != "cpu" {
		return m, fmt.Errorf("not the time of all processors: %q", line)
	}
	for i, field := range fields[:steal+1] {
		if i < named {
			continue
		}
		ticks, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return m, fmt.Errorf("time of the processors: %w", err)
		}
		m.all += ticks
		if i != idle && i != iowait {
			m.busy += ticks
		}
	}
	return m, nil
}

// Until a later moment, the share of the processors' time that was used, from 0 to 1; 0 where no time passed.
func (m Moment) Until(later Moment) float64 {
	if later.all <= m.all {
		return 0
	}
	return min(max((later.busy-m.busy)/(later.all-m.all), 0), 1)
}
