// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package handoff

import (
	"math/rand/v2"
	"slices"
	"time"

	"goservice.dev/operator/workload/pool"
)

// Waits is told by the pool that somebody joined its queue who may move.
func (b *Broker) Waits(expected time.Duration, priority pool.Priority) {
	waiting, _, oldest := b.pool.Movable()
	if expected == 0 { // the queue has just begun: those at work are about half done
		each := time.Duration(b.work.Load()) / time.Duration(b.pool.Workers())
		expected = max(1, time.Duration(2*waiting-1)) * each / 2
		if each == 0 { // for the first time
			expected = leastMemory
		}
	}
	if expected <= max(patientHops*b.Hop(), time.Duration(b.work.Load())*3/4) { // unless it takes longer than expected
		b.mu.Lock()
		b.arm()
		b.mu.Unlock()
		return
	}
	if b.accept(expected) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ask(askedAtOnce, waiting, max(expected, oldest), priority)
}

// wanted is what other pods are told: of those in line, and of those for whom there is no room, who are better off anywhere else. The lock
// is held.
func (b *Broker) wanted(inLine int, expected time.Duration, priority pool.Priority) want {
	work := time.Duration(b.work.Load())
	if len(b.offers.waiting) > 0 {
		expected = max(expected+work, leastMemory)
	}
	return want{
		Waiting: inLine + len(b.offers.waiting), Priority: priority, Expected: expected, Work: work,
		Memory: min(max(expected, leastMemory), mostMemory),
	}
}

// ask tells so many more pods how many wait in line. The lock is held.
func (b *Broker) ask(pods, inLine int, expected time.Duration, priority pool.Priority) {
	now, w := time.Now(), b.wanted(inLine, expected, priority)
	left := pods
	for _, p := range b.byChance() {
		if !p.mayBeAsked(now) || !p.withinShare() {
			continue
		}
		b.tell(p, w, now)
		if left--; left == 0 {
			break
		}
	}
	b.arm()
}

// byChance are the pods in an order of chance, those of the same zone first if there is more than one: traffic between zones takes longer, and
// may cost money, but a single pod is no choice. The lock is held.
func (b *Broker) byChance() []*peer {
	all := slices.Clone(b.peers)
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	if b.zone == "" {
		return all
	}
	near := 0
	for i, p := range all {
		if p.near() {
			all[near], all[i] = all[i], all[near]
			near++
		}
	}
	if near == 1 {
		i := rand.IntN(len(all))
		all[0], all[i] = all[i], all[0]
	}
	return all
}

// tell a pod what is wanted. The lock is held.
func (b *Broker) tell(p *peer, w want, now time.Time) {
	if p.share < 1 { // one at a time, so that its share is looked at each time
		w.Waiting = min(w.Waiting, 1)
	}
	p.asked, p.told = now.Add(w.Memory), w.Waiting
	b.counters.Asked++
	_ = p.link.Send(frameWant, w.encode())
}

// arm has those who still wait asked for soon. The lock is held.
func (b *Broker) arm() {
	if !b.armed.Load() && len(b.peers) > 0 {
		b.armed.Store(true)
		b.again.Reset(min(max(time.Duration(b.work.Load()), soonestAgain), latestAgain))
	}
}

// disarm has the timer not wake the process for nobody: most of those who wait have their worker long before.
func (b *Broker) disarm() {
	if b.pool.Queued() {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.armed.Load() && !b.pool.Queued() && len(b.offers.waiting) == 0 { // whoever joins the queue from now on arms it
		b.again.Stop()
		b.armed.Store(false)
	}
}

// waitAfter is how long one in line has still to wait, where the oldest has waited for so long: as long again, and as long as work takes at
// least.
func (b *Broker) waitAfter(oldest time.Duration) time.Duration {
	return max(time.Duration(b.work.Load()), oldest)
}

// askMore asks for those who still wait.
func (b *Broker) askMore() {
	waiting, priority, oldest := b.pool.Movable()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.armed.Store(false)
	if waiting+len(b.offers.waiting) > 0 {
		b.ask(askedAtOnce, waiting, b.waitAfter(oldest), priority)
	}
}
