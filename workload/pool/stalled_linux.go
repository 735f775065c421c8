// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
	"time"
)

// threadsFolder has a folder for each thread of this process.
const threadsFolder = "/proc/self/task"

// waitedFor is how long the threads of a process have waited for a processor in the kernel, by the second field of their schedstat
// files. Where there are none (a kernel without CONFIG_SCHED_INFO, gVisor), it is 0.
func waitedFor(folder string) (sum time.Duration) {
	threads, err := os.Open(folder)
	if err != nil {
		return 0
	}
	defer threads.Close()
	names, err := threads.Readdirnames(-1)
	if err != nil {
		return 0
	}
	var content [80]byte // three numbers of at most 20 digits
	for _, name := range names {
		// Plain system calls take half the time of an os.File.
		file, err := syscall.Open(folder+"/"+name+"/schedstat", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			continue // it has ended
		}
		n, err := syscall.Read(file, content[:])
		_ = syscall.Close(file)
		if err == nil {
			sum += waitedIn(content[:n])
		}
	}
	return sum
}

// waitedIn reads a schedstat file: the time on processors and the wait for them, in nanoseconds, and the number of turns.
func waitedIn(content []byte) time.Duration {
	_, rest, _ := bytes.Cut(content, []byte(" "))
	field, _, _ := bytes.Cut(rest, []byte(" "))
	waited, err := strconv.ParseInt(string(field), 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(waited)
}
