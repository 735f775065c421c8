// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"sync"
	"time"
)

const (
	// stalledPause follows a reading for each thread that was read, up to stalledRest: that bounds the cost, since there is a file for each
	// of them. Reading one takes about a hundredth of the pause. The time that a reading took would say less: it may have been interrupted.
	stalledPause = 250 * time.Microsecond
	stalledRest  = time.Second
	// stalledFor is how long two readings may be apart to tell anything about the present.
	stalledFor = 2 * time.Second
)

// stalls tells how many threads of this process wait in the kernel for a processor, because other processes have them. Go does not see
// that: it takes such a thread's processor for one that works.
type stalls struct {
	waited func() (sum time.Duration, threads int)

	mu   sync.Mutex
	sum  time.Duration // at the last reading
	at   time.Time     // of the last reading; zero if that told nothing
	next time.Time     // to read, not before
	mean float64
}

// read returns how many threads waited on average between the last two readings; 0 where that is not known.
func (s *stalls) read() float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Now().Before(s.next) {
		return s.mean
	}
	sum, threads := s.waited()
	now := time.Now()
	since, waited := now.Sub(s.at), sum-s.sum
	s.sum, s.at, s.mean = sum, now, 0
	switch {
	case threads == 0:
		s.at, s.next = time.Time{}, now.Add(stalledRest)
	case since <= 0 || since > stalledFor:
		// Only where the next reading begins, which may follow at once.
	default:
		s.mean = max(waited.Seconds()/since.Seconds(), 0) // a thread that has ended takes its wait out of the sum
		s.next = now.Add(min(time.Duration(threads)*stalledPause, stalledRest))
	}
	return s.mean
}
