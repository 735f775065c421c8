// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package budget bounds the memory that requests of unknown number take together: each takes what it needs as it comes, and
// is refused where nothing is left. Nothing that needs more than the standard library may enter.
package budget

import (
	"runtime/debug"
	"sync/atomic"
)

const (
	// unlimited is what GOMEMLIMIT is without one, or as good as that.
	unlimited = 1 << 62
	// assumed stands for the memory of a process without a limit.
	assumed = 512 << 20
	// least keeps a process with next to no memory at work.
	least = 4 << 20
)

// Memory is a number of bytes that many share. The zero value has none to give.
type Memory struct{ limit, used atomic.Int64 }

// SetLimit puts another limit in force. What has been taken stays taken.
func (m *Memory) SetLimit(bytes int64) { m.limit.Store(bytes) }

// Follow sets the limit to a part of GOMEMLIMIT as it is now: at least 4 MiB, and the part of 512 MiB without one.
func (m *Memory) Follow(part int64) {
	limit := debug.SetMemoryLimit(-1)
	if limit >= unlimited {
		limit = assumed
	}
	m.SetLimit(max(least, limit/part))
}

// Take reports whether so many bytes were left; then they must be given back.
func (m *Memory) Take(bytes int64) bool {
	if m.used.Add(bytes) > m.limit.Load() {
		m.used.Add(-bytes)
		return false
	}
	return true
}

// GiveBack returns bytes that were taken.
func (m *Memory) GiveBack(bytes int64) { m.used.Add(-bytes) }
