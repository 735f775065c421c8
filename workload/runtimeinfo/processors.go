// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package runtimeinfo

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// Processors that the process may use: GOMAXPROCS, or the CPU quota of its cgroup (version 1 or 2) if that is less. A quota may be a
// fraction, which Go rounds up, to at least 2. limited says that there is a quota below the number of the machine's processors.
func Processors() (processors float64, limited bool) {
	return processorsOf("/proc/self/cgroup", "/sys/fs/cgroup", runtime.GOMAXPROCS(0), runtime.NumCPU())
}

func processorsOf(groups, mount string, inUse, machine int) (processors float64, limited bool) {
	quota := math.Inf(1)
	eachGroup(groups, mount, "cpu", func(folder string, unified bool) {
		if one, ok := readQuota(folder, unified); ok {
			quota = math.Min(quota, one)
		}
	})
	return math.Min(float64(inUse), quota), quota < float64(machine)
}

// readQuota reads a group's CPU time for each period.
func readQuota(folder string, unified bool) (processors float64, ok bool) {
	var fields []string
	if unified {
		fields = strings.Fields(readText(folder, "cpu.max"))
	} else {
		fields = []string{readText(folder, "cpu.cfs_quota_us"), readText(folder, "cpu.cfs_period_us")}
	}
	if len(fields) != 2 {
		return 0, false
	}
	quota, err := strconv.ParseFloat(fields[0], 64) // "max" and -1 stand for none
	period, wrong := strconv.ParseFloat(fields[1], 64)
	return quota / period, err == nil && wrong == nil && quota > 0 && period > 0
}

func readText(folder, file string) string {
	content, err := os.ReadFile(filepath.Join(folder, file))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(content))
}
