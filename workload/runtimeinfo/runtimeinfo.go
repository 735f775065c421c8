// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package runtimeinfo knows the bounds that a process runs in: the memory limit of its cgroup and the settings of Go's
// garbage collector, which it reads and sets.
package runtimeinfo

import (
	"math"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
)

const (
	// limitPercent of the container's memory may be used by Go before it collects harder; the rest is for what the runtime
	// does not count, such as the binary's pages and the kernel's buffers.
	limitPercent = 90
	// minContainerMemory is where a soft limit begins to help. Below it, most of the memory is the process's fixed part, and
	// a limit would only make the collector run all the time.
	minContainerMemory = 64 << 20
)

// MaxGOGC is the largest percentage that the runtime takes: it keeps 32 bits of it.
const MaxGOGC = math.MaxInt32

// Settings of Go's garbage collector.
type Settings struct {
	// GOGC is the heap growth in percent that starts a collection; negative: off; Automatic: as the live heap asks for.
	GOGC int
	// MemoryLimitBytes is the soft memory limit; math.MaxInt64: none.
	MemoryLimitBytes int64
}

// Current settings of this process. Reading them has no effect on the collector, so any number of goroutines may do it.
func Current() Settings {
	applying.Lock()
	defer applying.Unlock()
	settings := Settings{GOGC: percentage(), MemoryLimitBytes: debug.SetMemoryLimit(-1)}
	if automatic.on && automatic.set == settings.GOGC {
		settings.GOGC = Automatic
	}
	return settings
}

// percentage in force; -1: off.
func percentage() int {
	// debug.SetGCPercent returns the percentage as well, but only by setting another one: it would switch the collector off,
	// wait for a running collection, and leave it off where two callers meet.
	samples := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(samples)
	gogc := int64(samples[0].Value.Uint64())
	if gogc > math.MaxInt32 { // how the runtime counts "off" is its own matter
		gogc = -1
	}
	return int(max(gogc, -1))
}

// applying keeps two callers from comparing with what the other one is about to change.
var applying sync.Mutex

// Apply puts the settings in force, those that differ only: setting the percentage stops the world and waits for a running
// collection. A GOGC below 0 is off; one above MaxGOGC is that.
func (s Settings) Apply() {
	applying.Lock()
	defer applying.Unlock()
	if s.MemoryLimitBytes != debug.SetMemoryLimit(-1) {
		debug.SetMemoryLimit(s.MemoryLimitBytes)
	}
	if s.GOGC == Automatic {
		startPace()
		return
	}
	automatic.on = false
	if gogc := min(max(s.GOGC, -1), MaxGOGC); gogc != percentage() {
		debug.SetGCPercent(gogc)
	}
}

// Baseline is what a process should start with: GOGC and GOMEMLIMIT as the environment or the program has set them. Where they are not,
// GOGC is Automatic, and GOMEMLIMIT 90 % of the container's memory: Go follows the container's CPU limit by itself, its memory limit it
// does not.
func Baseline() Settings {
	settings := Current()
	if settings.GOGC == goGOGC && os.Getenv("GOGC") == "" {
		settings.GOGC = Automatic
	}
	if settings.MemoryLimitBytes != math.MaxInt64 || os.Getenv("GOMEMLIMIT") != "" {
		return settings
	}
	if limit, ok := ContainerMemory(); ok && limit >= minContainerMemory {
		settings.MemoryLimitBytes = limit / 100 * limitPercent
	}
	return settings
}

// ContainerMemory is the memory limit of this process's cgroup (version 1 or 2) in bytes; ok is false without one.
func ContainerMemory() (bytes int64, ok bool) {
	return containerMemory("/proc/self/cgroup", "/sys/fs/cgroup")
}

// containerMemory takes the lowest limit of the process's own group and all above it.
func containerMemory(groups, mount string) (bytes int64, ok bool) {
	lowest := int64(math.MaxInt64)
	eachGroup(groups, mount, "memory", func(folder string, unified bool) {
		file := "memory.limit_in_bytes"
		if unified {
			file = "memory.max"
		}
		if limit, ok := readLimit(filepath.Join(folder, file)); ok {
			lowest = min(lowest, limit)
		}
	})
	return lowest, lowest != math.MaxInt64
}

// eachGroup visits the folders of the process's own group and all above it, in the unified hierarchy (version 2) and in that of the
// controller. Inside a container the group's path often names a place that is not mounted there; the root of the mount is then the
// container's group.
func eachGroup(groups, mount, controller string, visit func(folder string, unified bool)) {
	content, err := os.ReadFile(groups)
	if err != nil {
		return
	}
	for line := range strings.Lines(string(content)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		root, unified := mount, parts[1] == ""
		if !unified {
			if !containsController(parts[1], controller) {
				continue
			}
			root = filepath.Join(mount, controller)
		}
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) {
			visit(filepath.Join(root, group), unified)
			if group == "/" {
				break
			}
		}
	}
}

func containsController(list, name string) bool {
	for controller := range strings.SplitSeq(list, ",") {
		if controller == name {
			return true
		}
	}
	return false
}

// unlimitedFrom is far above every machine and below what version 1 writes for "no limit".
const unlimitedFrom = 1 << 60

func readLimit(file string) (int64, bool) {
	content, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	limit, err := strconv.ParseInt(strings.TrimSpace(string(content)), 10, 64)
	return limit, err == nil && limit > 0 && limit < unlimitedFrom // "max" is not a number
}
