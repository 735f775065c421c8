// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build unix

package pool

import (
	"syscall"
	"testing"
	"time"
)

// CPU time is that in the program and in the kernel.
func TestCPUTimeIsOfProgramAndKernel(t *testing.T) {
	var usage syscall.Rusage
	for usage.Stime.Nano() == 0 || usage.Utime.Nano() == 0 {
		for range 1000 {
			if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	if got := cpuTime(); got < before || got > before+time.Minute {
		t.Errorf("%s, after %s", got, before)
	}
}
