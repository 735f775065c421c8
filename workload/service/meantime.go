// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"sync/atomic"
	"time"
)

const (
	// longTime is what a handler may hold a processor for without anybody noticing: as long as some ten requests need beside it.
	longTime = 100 * time.Microsecond
	// meanOf is how many of the last times make the mean, roughly.
	meanOf = 16
)

// meanTime is a moving mean. It is long until it is known better. Its zero value is ready, and it may be used by several goroutines
// at a time, where one time may take the place of another.
type meanTime struct {
	// less is how much the mean is below what it begins with, meanOf times longTime, in nanoseconds.
	less atomic.Int64
}

func (m *meanTime) mean() time.Duration { return meanOf*longTime - time.Duration(m.less.Load()) }

func (m *meanTime) add(took time.Duration) {
	m.less.Store(m.less.Load() + int64(m.mean()-took)/meanOf)
}

func (m *meanTime) long() bool { return m.mean() > longTime }
