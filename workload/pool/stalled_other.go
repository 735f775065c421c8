// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build !linux

package pool

import "time"

const threadsFolder = ""

// waitedFor is not known.
func waitedFor(string) time.Duration { return 0 }
