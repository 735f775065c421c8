// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"syscall"
	"time"
)

// threadsFolder has a folder for each thread of this process, which it may read whatever hidepid says of others.
const threadsFolder = "/proc/self/task"

// waitOfThreads is how long the threads of a process have waited for a processor in the kernel, by the second field of their schedstat
// files, and how many threads these are. There are none where that is not known: on a kernel without CONFIG_SCHED_INFO, in gVisor,
// without /proc, or where a file cannot be read. A thread that is missed once would seem to have waited all its life when it is read again.
func waitOfThreads(folder string) (sum time.Duration, threads int) {
	tasks, err := os.Open(folder)
	if err != nil {
		return 0, 0
	}
	defer tasks.Close()
	names, err := tasks.Readdirnames(-1)
	if err != nil {
		return 0, 0
	}
	for _, name := range names {
		waited, err := waitOfThread(int(tasks.Fd()), name+"/schedstat")
		if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ESRCH) {
			continue // the thread has ended
		}
		if err != nil {
			return 0, 0
		}
		sum += waited
		threads++
	}
	return sum, threads
}

// waitOfThread reads a schedstat file, which has three numbers: nanoseconds on processors, nanoseconds of waiting for them, and turns.
func waitOfThread(folder int, name string) (time.Duration, error) {
	// Plain system calls take half the time of an os.File.
	file, err := syscall.Openat(folder, name, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	var content [80]byte // numbers of at most 20 digits
	n, err := syscall.Read(file, content[:])
	_ = syscall.Close(file)
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(content[:n], []byte(" "))
	field, _, _ := bytes.Cut(rest, []byte(" "))
	waited, err := strconv.ParseInt(string(field), 10, 64)
	return time.Duration(waited), err
}
