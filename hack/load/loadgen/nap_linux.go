// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package loadgen

import (
	"syscall"
	"time"
)

// nap asks the kernel, which is exact to about 50 µs. A signal may end it early.
func nap(left time.Duration) {
	wish := syscall.NsecToTimespec(int64(left))
	_ = syscall.Nanosleep(&wish, nil)
}
