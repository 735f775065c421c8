// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package child

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Processors that this process may use, in order.
func Processors() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("asking which processors may be used: %w", err)
	}
	var processors []int
	for i := range len(set) * 64 {
		if set.IsSet(i) {
			processors = append(processors, i)
		}
	}
	return processors, nil
}

// Pair are two processors: one for what is measured, one for whoever sends to it.
func Pair() (measured, clients int, err error) {
	processors, err := Processors()
	if err != nil {
		return 0, 0, err
	}
	if len(processors) < 2 {
		return 0, 0, errors.New("needs two processors: one for the servers and one for the clients")
	}
	return processors[0], processors[1], nil
}

// LoadAverage of the machine, which says how undisturbed the figures are.
func LoadAverage() string {
	content, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(content))[:3], " ")
}

// Stay keeps all of this process's threads on one processor, those that it starts later too.
func Stay(processor int) error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, task := range tasks {
		id, err := strconv.Atoi(task.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, only(processor)); err != nil {
			return fmt.Errorf("staying on processor %d: %w", processor, err)
		}
	}
	return nil
}

// startOn starts the command from a thread that may use the processor only: what it starts inherits that.
func startOn(processor int, command *exec.Cmd) error {
	if processor == AnyProcessor {
		return command.Start()
	}
	runtime.LockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, only(processor)); err != nil {
		return err
	}
	err := command.Start()
	if back := unix.SchedSetaffinity(0, &before); back != nil {
		return back // the thread stays locked, and so ends with its goroutine
	}
	runtime.UnlockOSThread()
	return err
}

func only(processor int) *unix.CPUSet {
	var set unix.CPUSet
	set.Set(processor)
	return &set
}
