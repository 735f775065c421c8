// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build !linux

package loadgen

import "time"

func nap(left time.Duration) { <-time.After(left) }
