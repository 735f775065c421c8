// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package handoff

import (
	"encoding/binary"
	"time"

	"goservice.dev/operator/workload/pool"
)

// want is what a pod says of the requests that wait in it.
type want struct {
	// Waiting is how many may move.
	Waiting int
	// Priority of the one that has just come, or where that is not why it asks, of the first.
	Priority pool.Priority
	// Expected is how long that one will wait, and Work how long requests keep a worker there.
	Expected time.Duration
	Work     time.Duration
	// Memory is how long it is good for.
	Memory time.Duration
}

// encode as numbers. What later versions add follows.
func (w want) encode() []byte {
	payload := make([]byte, 0, 32)
	for _, n := range []int64{int64(w.Waiting), int64(w.Priority), int64(w.Expected), int64(w.Work), int64(w.Memory)} {
		payload = binary.AppendVarint(payload, n)
	}
	return payload
}

// decodeWant keeps what is out of range within it.
func decodeWant(payload []byte) (want, error) {
	var n [5]int64
	for i := range n {
		value, size := binary.Varint(payload)
		if size <= 0 {
			return want{}, errMalformed
		}
		n[i], payload = value, payload[size:]
	}
	within := func(value int64) time.Duration { return time.Duration(min(max(value, 0), int64(time.Hour))) }
	return want{
		Waiting: int(min(max(n[0], 0), mostWaiting)), Priority: pool.Priority(min(max(n[1], int64(pool.Sheddable)), int64(pool.Critical))), //nolint:gosec // bounded
		Expected: within(n[2]), Work: within(n[3]), Memory: min(within(n[4]), mostMemory),
	}, nil
}
