// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import "time"

const (
	// Period between two rounds of a service while something moves (Tuner.Moving) and after pods came, and CalmPeriod while nothing
	// does. A step of the load has to be seen within five seconds.
	Period     = 2 * time.Second
	CalmPeriod = 4 * time.Second
)
