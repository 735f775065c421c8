// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package ratelimit

import (
	"hash/maphash"
	"sync"
	"time"
)

// Keyed limits each key by itself, in memory that is bounded by the number of keys. Make one with NewKeyed.
//
// When there are more keys than places, a key whose bucket is full goes first, because forgetting it changes nothing; then one
// that has not asked lately. A key that comes back after it was forgotten starts with a full bucket, so choose maxKeys above
// the number of keys that are active within the time that a bucket needs to fill.
type Keyed struct {
	start  time.Time
	seed   maphash.Seed
	shards []shard
	mask   uint64
}

// shard is a part of the keys under a lock of its own. Keys are kept as hashes: the seed is secret, so nobody can aim at a
// collision, two keys in four billion times four billion share a bucket by chance, and a long key costs no memory.
type shard struct {
	mu sync.Mutex
	rule
	places map[uint64]int32 // by hash: the index in slots
	slots  []slot
	hand   int // of the clock that seeks whom to forget
	max    int
	_      [64]byte // keeps neighbours' locks off one cache line
}

type slot struct {
	hash  uint64
	tat   int64
	asked bool // since the hand came by
}

const (
	maxShards    = 64
	keysPerShard = 64 // fewer would make the bound of a shard bite long before the bound of all
)

// NewKeyed returns a limiter that gives each of at most maxKeys keys (at least 1) a bucket as New does.
func NewKeyed(requestsPerSecond float64, burst, maxKeys int) *Keyed {
	maxKeys = max(maxKeys, 1)
	count := 1
	for count < maxShards && maxKeys/(2*count) >= keysPerShard {
		count *= 2
	}
	k := &Keyed{start: time.Now(), seed: maphash.MakeSeed(), shards: make([]shard, count), mask: uint64(count - 1)}
	for i := range k.shards {
		k.shards[i].rule = newRule(requestsPerSecond, burst)
		k.shards[i].places = make(map[uint64]int32)
		k.shards[i].max = maxKeys / count
	}
	return k
}

// Allow takes a token of the key's bucket if there is one and never waits.
func (k *Keyed) Allow(key string) bool {
	ok, _ := k.take(key)
	return ok
}

// Set puts another rate and burst in force for all keys, as Limiter.Set does for one.
func (k *Keyed) Set(requestsPerSecond float64, burst int) {
	rule := newRule(requestsPerSecond, burst)
	for i := range k.shards {
		s := &k.shards[i]
		s.mu.Lock()
		if s.rule == rule {
			s.mu.Unlock()
			continue
		}
		now := k.now()
		for j := range s.slots {
			s.slots[j].tat = rule.adopt(&s.rule, s.slots[j].tat, now)
		}
		s.rule = rule
		s.mu.Unlock()
	}
}

// Limit returns the rate and the burst in force.
func (k *Keyed) Limit() (requestsPerSecond float64, burst int) {
	s := &k.shards[0]
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requestsPerSecond, s.burst
}

// RetryAfter is the time until the key's bucket has a token, as Limiter.RetryAfter.
func (k *Keyed) RetryAfter(key string) time.Duration {
	s, hash := k.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := k.now()
	tat := now
	if place, ok := s.places[hash]; ok {
		tat = s.slots[place].tat
	}
	return s.wait(tat, now)
}

// Len returns how many keys are remembered.
func (k *Keyed) Len() int {
	total := 0
	for i := range k.shards {
		k.shards[i].mu.Lock()
		total += len(k.shards[i].slots)
		k.shards[i].mu.Unlock()
	}
	return total
}

// take is Allow together with the time after which a refused key may come again.
func (k *Keyed) take(key string) (ok bool, retryAfter time.Duration) {
	s, hash := k.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free || s.shut {
		return s.free, s.wait(0, 0)
	}
	now := k.now()
	own := s.slot(hash, now)
	next, ok := s.spend(own.tat, now)
	if !ok {
		return false, s.wait(own.tat, now)
	}
	own.tat = next
	return true, 0
}

// GiveBack returns a token that Allow took for a request that was then refused for another reason.
func (k *Keyed) GiveBack(key string) {
	s, hash := k.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if place, ok := s.places[hash]; ok && !s.free && !s.shut {
		s.slots[place].tat -= s.interval
	}
}

func (k *Keyed) now() int64 { return ticks(time.Since(k.start)) }

func (k *Keyed) shard(key string) (*shard, uint64) {
	hash := maphash.String(k.seed, key)
	return &k.shards[hash&k.mask], hash
}

// slot finds the key's own or makes one, if need be in place of another's.
func (s *shard) slot(hash uint64, now int64) *slot {
	if place, ok := s.places[hash]; ok {
		s.slots[place].asked = true
		return &s.slots[place]
	}
	place := len(s.slots)
	if place < s.max {
		s.slots = append(s.slots, slot{})
	} else {
		place = s.victim(now)
		delete(s.places, s.slots[place].hash)
	}
	s.slots[place] = slot{hash: hash, tat: now}
	s.places[hash] = int32(place)
	return &s.slots[place]
}

// victim moves the hand to a slot that can be forgotten: within one turn a full bucket or one that nobody asked for since
// the hand came by last; after a whole turn every mark is gone, so the second turn ends at its first slot.
func (s *shard) victim(now int64) int {
	for {
		place := s.hand
		s.hand = (s.hand + 1) % len(s.slots)
		own := &s.slots[place]
		if own.tat <= now || !own.asked {
			return place
		}
		own.asked = false
	}
}
