// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package console

import (
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/hack/kubectl-gosvc/internal/top"
)

const (
	// recordPace is how often the recorder looks at the board.
	recordPace = 5 * time.Second
	// longest is how many looks are kept: an hour, which is 30 KB for each service.
	longest = 720
)

// Sample is what the status of a service said at a time. A value that it did not have is below 0.
type Sample struct {
	At                 time.Time
	Demand, P99Seconds float32
	ReadyReplicas      int32
}

// Recorder keeps what was seen of all services since the console was opened.
type Recorder struct {
	mu      sync.Mutex
	samples map[types.NamespacedName][]Sample
}

// Record what rows say now, and forget services that are no longer there.
func (r *Recorder) Record(rows []top.Row, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := make(map[types.NamespacedName][]Sample, len(rows))
	for i := range rows {
		row := &rows[i]
		s := Sample{At: now, Demand: -1, P99Seconds: -1, ReadyReplicas: row.ReadyReplicas}
		if row.RequestsPerSecond != nil {
			s.Demand = float32(*row.RequestsPerSecond)
		}
		if row.P99Microseconds != nil {
			s.P99Seconds = float32(*row.P99Microseconds) / 1e6
		}
		key := types.NamespacedName{Namespace: row.Namespace, Name: row.Name}
		before := r.samples[key]
		if len(before) >= longest {
			before = append(before[:0], before[len(before)-longest+1:]...)
		}
		kept[key] = append(before, s)
	}
	r.samples = kept
}

// Of one service, the oldest first.
func (r *Recorder) Of(key types.NamespacedName) []Sample {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.samples[key])
}
