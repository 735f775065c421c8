// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package tuner

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// bounded adds to a reason where the bounds allow another number of pods than are needed.
func bounded(reason string, needed int32, b Bounds) string {
	switch {
	case needed > b.MaxReplicas:
		return fmt.Sprintf("%s: needs %d pods, at most %d are allowed", reason, needed, b.MaxReplicas)
	case needed < b.MinReplicas:
		return fmt.Sprintf("%s: needs %d pods, at least %d are kept", reason, needed, b.MinReplicas)
	}
	return reason
}

// sum says what a number of pods follows from: demand × cost ÷ (cores × utilization).
func sum(demand, cost string, utilization float64) string {
	return fmt.Sprintf("%s, %s, at %s%% utilization", demand, cost, short(100*utilization))
}

func integer(n int32) string { return strconv.Itoa(int(n)) }

// short writes a figure with about three digits.
func short(f float64) string {
	if f >= 100 || f == math.Trunc(f) {
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	return strconv.FormatFloat(f, 'g', 3, 64)
}

// round leaves a duration the digits that mean something.
func round(d time.Duration) string {
	switch {
	case d >= 100*time.Millisecond:
		return d.Round(time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(time.Microsecond).String()
}

func readable(d time.Duration) string {
	if d >= time.Minute && d%time.Minute == 0 {
		return fmt.Sprintf("%dm", int(d.Minutes()))
	}
	return d.String()
}
