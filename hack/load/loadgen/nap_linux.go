// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package loadgen

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// nap asks the kernel, which is exact to about 50 µs. A signal, such as one of the runtime, neither ends it early nor makes it longer: it
// ends at a time, not after what a wait that was interrupted had left.
func nap(left time.Duration) {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) != nil {
		return
	}
	end := unix.NsecToTimespec(now.Nano() + int64(left))
	for errors.Is(unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &end, nil), unix.EINTR) {
	}
}
