// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package handoff

import "time"

// accept sends the first in line to a pod that has just said that it has a worker free. That takes two messages instead of four: the
// request, and its answer. If the worker has gone meanwhile, the request comes back. It reports false if nobody has gone.
func (b *Broker) accept(expected time.Duration) bool {
	b.mu.Lock()
	p, said := b.inviting(expected)
	if p == nil {
		b.mu.Unlock()
		return false
	}
	b.tries += 2
	id := b.tries
	b.mu.Unlock()
	moved := b.pool.Move(&Grant{InLine: true, peer: p, id: id, try: true})
	b.mu.Lock()
	defer b.mu.Unlock()
	if !moved {
		p.invited = said
		return false
	}
	b.takeOffer(nil)
	return true
}

// inviting is the pod whose invitation is the latest one, of those where the request would be better off, and takes the invitation. Pods
// of other zones count as for those who are asked. The lock is held.
func (b *Broker) inviting(expected time.Duration) (best *peer, said time.Time) {
	now, work := time.Now(), time.Duration(b.work.Load())
	near := 0
	for _, p := range b.peers {
		if p.near() {
			near++
		}
	}
	for _, p := range b.peers {
		if near > 1 && !p.near() || now.Sub(p.invited) > invitationLife || !p.available(now) || !p.withinShare() {
			continue
		}
		if p.work+b.Hop() < expected+work && (best == nil || p.invited.After(best.invited)) {
			best = p
		}
	}
	if best != nil {
		said, best.invited = best.invited, time.Time{}
	}
	return best, said
}
