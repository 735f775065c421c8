// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"sync"
	"time"
)

const (
	// stalledCost is the largest share of the time that reading takes: there is a file for each thread. Where reading was interrupted, it
	// seems to have taken long: the next one is not more than stalledRest away.
	stalledCost = 0.01
	stalledRest = 50 * time.Millisecond
	// stalledFor is how long two readings may be apart to tell anything about the present.
	stalledFor = 2 * time.Second
)

// stalls tells how many threads of this process wait in the kernel for a processor, because other processes have them. Go does not see
// that: it takes such a thread's processor for one that works.
type stalls struct {
	mu     sync.Mutex
	waited func() time.Duration
	total  time.Duration
	at     time.Time
	next   time.Time // to read, not before
	mean   float64
}

// ofThisProcess is one for all of its pools.
var ofThisProcess = stalls{waited: func() time.Duration { return waitedFor(threadsFolder) }}

// read returns how many threads waited on average between the last two readings; 0 where that is not known.
func (s *stalls) read() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	began := time.Now()
	if began.Before(s.next) {
		return s.mean
	}
	total, now := s.waited(), time.Now()
	since := now.Sub(s.at)
	s.mean = 0
	if !s.at.IsZero() && since > 0 && since <= stalledFor {
		s.mean = max((total-s.total).Seconds()/since.Seconds(), 0) // a thread that has ended takes its wait out of the total
	}
	s.total, s.at = total, now
	s.next = now.Add(min(time.Duration(float64(now.Sub(began))/stalledCost), stalledRest))
	return s.mean
}
