// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build !linux

package pool

import "time"

const threadsFolder = ""

// waitOfThreads is not known.
func waitOfThreads(string) (time.Duration, int) { return 0, 0 }
