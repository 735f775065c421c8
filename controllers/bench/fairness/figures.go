// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"strings"
	"sync"
	"time"

	"goservice.dev/operator/controllers/internal/measure"
)

// result of a while.
type result struct {
	// rounds are the times between two rounds of a well-behaved service, retunes from a changed revision until all of its
	// pods had confirmed it.
	rounds, retunes []time.Duration
	// late retunes were not confirmed when the next one came; silent are questions to pods that never answer.
	late, silent int
}

// figures collect results.
type figures struct {
	mu     sync.Mutex
	last   map[string]time.Time
	result result
}

// asked notes a question for metrics; the first pod of a service stands for its round.
func (f *figures) asked(pod measure.Pod) {
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if pod.Namespace == silentNamespace {
		f.result.silent++
		return
	}
	if !strings.HasSuffix(pod.Name, "-0") {
		return
	}
	if last, known := f.last[pod.Namespace]; known {
		f.result.rounds = append(f.result.rounds, now.Sub(last))
	}
	f.last[pod.Namespace] = now
}

func (f *figures) retuned(took time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.result.retunes = append(f.result.retunes, took)
}

func (f *figures) missed() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.result.late++
}

// reset returns what was collected and begins anew.
func (f *figures) reset() result {
	f.mu.Lock()
	defer f.mu.Unlock()
	collected := f.result
	f.result = result{}
	return collected
}
