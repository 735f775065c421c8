// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package tuner is the closed loop: from what pods count it estimates demand and cost (Estimator), and from those it decides
// the figures that keep the declared objectives (Decider): the floor of the number of pods, the utilization to steer for,
// the size of the pool, the garbage collector's pace and each pod's share of a rate limit.
//
// Its core is pure: times are passed in, and no client, logger or randomness may enter it, so that the simulator judges the
// same code that runs in the operator. The formulas are explained for users in docs/slo.md.
package tuner
