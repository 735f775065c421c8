// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package fair

import "time"

const (
	// firstPause after the second failure in a row; each further one doubles it, up to MaxPause. A single failure is an
	// accident and asked again at once.
	firstPause = 2 * time.Second
	// MaxPause between two questions to somebody who never answers.
	MaxPause = 2 * time.Minute
)

// Backoff says when somebody is asked again who did not answer. The zero value is somebody who did. It is not safe for
// concurrent use.
type Backoff struct {
	failures int
	next     time.Time
}

// Due says whether it is time to ask.
func (b *Backoff) Due(now time.Time) bool { return !now.Before(b.next) }

// Silent says that the last question was not answered.
func (b *Backoff) Silent() bool { return b.failures > 0 }

// Answered forgets all failures.
func (b *Backoff) Answered() { *b = Backoff{} }

// Failed notes a question without an answer and returns the pause until the next one, 0 to MaxPause.
func (b *Backoff) Failed(now time.Time) time.Duration {
	b.failures++
	pause := time.Duration(0)
	if b.failures > 1 {
		pause = min(firstPause<<min(b.failures-2, 16), MaxPause)
	}
	b.next = now.Add(pause)
	return pause
}
