// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package fair shares what is scarce among tenants: slots for work are handed out tenant by tenant in turn, and who does not
// answer is asked less and less often. It knows nothing of pods or services.
package fair

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// Options of a Scheduler.
type Options struct {
	// Slots in use at once, by all groups together; at least 1.
	Slots int
	// SlotsPerGroup in use at once by one of them; at least 1.
	SlotsPerGroup int
	// Waited is told how long each wait for a slot took, also of those that found one free; nil tells nobody.
	Waited func(time.Duration)
}

// Scheduler hands out slots. Whoever waits gets one when it is the turn of its group: however many others of another group
// wait, between two slots of one group every other group that waits has had its own.
type Scheduler struct {
	options Options

	mu     sync.Mutex
	used   int
	groups map[string]*group // that have slots or wait for some
	turns  list.List         // of *group that wait and may have more slots, the next one first
}

type group struct {
	name    string
	used    int
	waiting list.List // of chan struct{}, closed when the slot is granted
	turn    *list.Element
}

// Group of a tenant, or of those of a tenant who did not answer last time, so that they delay not even their own neighbors.
func Group(tenant string, silent bool) string {
	if silent {
		return tenant + " (silent)"
	}
	return tenant
}

// NewScheduler makes a Scheduler.
func NewScheduler(options Options) *Scheduler {
	return &Scheduler{options: options, groups: map[string]*group{}}
}

// Acquire waits for a slot and says how long that took; release gives the slot back and must be called once. An error is
// that of ctx, without a slot.
func (s *Scheduler) Acquire(ctx context.Context, name string) (release func(), waited time.Duration, err error) {
	began := time.Now()
	granted := make(chan struct{})
	s.mu.Lock()
	g := s.groups[name]
	if g == nil {
		g = &group{name: name}
		s.groups[name] = g
	}
	place := g.waiting.PushBack(granted)
	s.line(g)
	s.grant()
	s.mu.Unlock()
	select {
	case <-granted:
	case <-ctx.Done():
		s.leave(g, place, granted)
		err = ctx.Err()
	}
	waited = time.Since(began)
	if err != nil {
		return nil, waited, err
	}
	if s.options.Waited != nil {
		s.options.Waited(waited)
	}
	return func() { s.release(g) }, waited, nil
}

// leave the line. A slot that was granted at the same moment is given back.
func (s *Scheduler) leave(g *group, place *list.Element, granted <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-granted:
		s.free(g)
	default:
		g.waiting.Remove(place)
		s.line(g)
	}
}

func (s *Scheduler) release(g *group) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free(g)
}

func (s *Scheduler) free(g *group) {
	s.used--
	g.used--
	s.line(g)
	s.grant()
}

// line up a group that waits and may have a slot, and take out one that does not or may not. The caller holds the lock.
func (s *Scheduler) line(g *group) {
	waits := g.waiting.Len() > 0 && g.used < s.options.SlotsPerGroup
	switch {
	case waits && g.turn == nil:
		g.turn = s.turns.PushBack(g)
	case !waits && g.turn != nil:
		s.turns.Remove(g.turn)
		g.turn = nil
	}
	if g.used == 0 && g.waiting.Len() == 0 {
		delete(s.groups, g.name)
	}
}

// grant free slots in turn. The caller holds the lock.
func (s *Scheduler) grant() {
	for s.used < s.options.Slots && s.turns.Len() > 0 {
		g := s.turns.Remove(s.turns.Front()).(*group)
		g.turn = nil
		s.used++
		g.used++
		close(g.waiting.Remove(g.waiting.Front()).(chan struct{}))
		s.line(g)
	}
}
