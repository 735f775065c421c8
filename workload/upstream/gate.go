// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstream

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// ErrBusy is returned for a call that would be one more than the upstream's MaxInFlight.
var ErrBusy = errors.New("upstream: as many calls as it may have are waiting for it")

// maxTurn is the longest that a call waits for another to finish. An upstream that finished none for as long is stuck or much too
// slow, and new calls fail at once: each holds a worker while it waits.
const maxTurn = 100 * time.Millisecond

// gate bounds the calls that wait for one upstream at the same time. What waits for the service's own client, because that sends or
// reads slowly, is not counted: a slow client must not use up an upstream.
type gate struct {
	mu       sync.Mutex
	max      int
	inFlight int
	line     []*turn
	moved    time.Time // when a call last got what it waited for, or the last place was taken
}

type turn struct{ granted chan struct{} }

func (g *gate) set(limit int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.max = limit
	g.grant()
}

// enter counts the call in. It waits for others to finish, but not for long.
func (g *gate) enter(ctx context.Context) error {
	g.mu.Lock()
	if g.inFlight < g.max && len(g.line) == 0 {
		if g.inFlight++; g.inFlight == g.max {
			g.moved = time.Now()
		}
		g.mu.Unlock()
		return nil
	}
	if len(g.line) >= g.max || time.Since(g.moved) > maxTurn {
		g.mu.Unlock()
		return ErrBusy
	}
	mine := &turn{granted: make(chan struct{})}
	g.line = append(g.line, mine)
	g.mu.Unlock()
	timer := time.NewTimer(maxTurn)
	defer timer.Stop()
	select {
	case <-mine.granted:
		return nil
	case <-timer.C:
		return g.giveUp(mine, ErrBusy)
	case <-ctx.Done():
		return g.giveUp(mine, ctx.Err())
	}
}

// giveUp leaves the line; a turn that came at the same moment is passed on.
func (g *gate) giveUp(mine *turn, err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if i := slices.Index(g.line, mine); i >= 0 {
		g.line = slices.Delete(g.line, i, i+1)
	} else {
		g.inFlight--
		g.grant()
	}
	return err
}

// again counts a call in that was admitted before, and must not be broken off.
func (g *gate) again() {
	g.mu.Lock()
	g.inFlight++
	g.mu.Unlock()
}

// leave counts a call out. moving says that it got what it waited for.
func (g *gate) leave(moving bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inFlight--
	if moving {
		g.moved = time.Now()
	}
	g.grant()
}

// grant hands free places to those who wait. The lock is held.
func (g *gate) grant() {
	for len(g.line) > 0 && g.inFlight < g.max {
		g.inFlight++
		close(g.line[0].granted)
		g.line = slices.Delete(g.line, 0, 1)
	}
}

func (g *gate) stats() (inFlight, limit int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.inFlight, g.max
}
