// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package ratelimit limits requests per second, inbound and outbound, with limits that change while requests run.
//
// A Limiter is a token bucket: it admits bursts up to its size and a steady rate beyond. It is written as the generic cell
// rate algorithm (ITU-T I.371), whose whole state is one point in time and therefore one atomic word: Allow takes no lock,
// allocates nothing and stays exact at rates where a timer could not tick.
//
// Keyed holds one bucket per key, Middleware and Transport put limiters before handlers and clients. The package uses the
// standard library only and must not know where the limits come from.
package ratelimit
