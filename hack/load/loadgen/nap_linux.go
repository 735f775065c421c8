// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package loadgen

import (
	"errors"
	"syscall"
	"time"
)

// nap asks the kernel, which is exact to about 50 µs. A signal, such as one of the runtime, does not end it early.
func nap(left time.Duration) {
	wish := syscall.NsecToTimespec(int64(left))
	for errors.Is(syscall.Nanosleep(&wish, &wish), syscall.EINTR) {
	}
}
