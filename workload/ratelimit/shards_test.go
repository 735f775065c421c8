// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package ratelimit

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// checkShards makes sure that maps and slots agree, that nothing is kept beyond the bound, and that nobody holds a lock.
func checkShards(t *testing.T, k *Keyed) {
	t.Helper()
	for i := range k.shards {
		s := &k.shards[i]
		if !s.mu.TryLock() {
			t.Fatalf("shard %d is locked", i)
		}
		if len(s.places) != len(s.slots) || len(s.slots) > s.max {
			t.Fatalf("shard %d: %d keys and %d slots, at most %d are allowed", i, len(s.places), len(s.slots), s.max)
		}
		for hash, place := range s.places {
			if s.slots[place].hash != hash {
				t.Fatalf("shard %d: the place %d belongs to another key", i, place)
			}
		}
		s.mu.Unlock()
	}
}

func TestForgottenKeysLeaveNothingBehind(t *testing.T) {
	const places = 1000
	k := NewKeyed(1, 1, places)
	for i := range 200_000 {
		k.Allow(strconv.Itoa(i))
	}
	checkShards(t, k)
	if k.Len() > places {
		t.Errorf("%d keys", k.Len())
	}
	k.Set(2, 2)
	k.Set(2, 2)
	k.Limit()
	k.RetryAfter("key")
	k.GiveBack("key")
	k.GiveBack(strconv.Itoa(199_999))
	checkShards(t, k)
	if before := k.Len(); before != 0 {
		k.RetryAfter("never seen")
		k.GiveBack("never seen")
		if k.Len() != before {
			t.Error("a question made room for a key")
		}
	}
}

func TestShardsAreAsManyAsTheirBoundsAllow(t *testing.T) {
	for keys, want := range map[int]int{-1: 1, 0: 1, 1: 1, 127: 1, 128: 2, 129: 2, 255: 2, 256: 4, 4095: 32, 4096: 64, 1_000_000: 64} {
		k := NewKeyed(1, 1, keys)
		if len(k.shards) != want || k.mask != uint64(want-1) {
			t.Errorf("%d keys: %d shards with mask %x, want %d", keys, len(k.shards), k.mask, want)
		}
		for i := range k.shards {
			if got := k.shards[i].max; got != max(keys, 1)/want {
				t.Errorf("%d keys: a shard keeps %d", keys, got)
			}
		}
	}
}

// A new key has a full bucket, whatever was in the slot that it takes over.
func TestANewcomerHasAFullBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := NewKeyed(1, 3, 1)
		for i := range 5 {
			key := strconv.Itoa(i)
			for request := range 4 {
				if got := k.Allow(key); got != (request < 3) {
					t.Errorf("key %s, request %d: %t", key, request, got)
				}
			}
			checkShards(t, k)
		}
	})
}

// A token that is given back is there again, once, and only where tokens are counted.
func TestATokenIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := NewKeyed(1, 2, 10)
		k.Allow("a")
		k.Allow("a")
		if k.RetryAfter("a") != time.Second || k.RetryAfter("b") != 0 {
			t.Errorf("retry after %s and %s", k.RetryAfter("a"), k.RetryAfter("b"))
		}
		k.GiveBack("a")
		if k.RetryAfter("a") != 0 || !k.Allow("a") || k.Allow("a") {
			t.Error("not exactly one token was given back")
		}
		for _, perSecond := range []float64{0, Unlimited} {
			k.Set(perSecond, 2)
			s, hash := k.shard("a")
			before := s.slots[s.places[hash]].tat
			k.GiveBack("a")
			if s.slots[s.places[hash]].tat != before {
				t.Errorf("a limit of %v counts tokens", perSecond)
			}
		}
	})
}

// The hand passes those who asked since it came by last, once, and takes who did not.
func TestTheHandGoesAround(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := NewKeyed(0.001, 1, 3)
		for _, key := range []string{"a", "b", "c", "a", "b"} {
			k.Allow(key)
		}
		for _, c := range []struct{ newcomer, gone string }{{"d", "c"}, {"e", "a"}, {"f", "b"}} {
			k.Allow(c.newcomer)
			s, hash := k.shard(c.gone)
			if _, there := s.places[hash]; there || k.Len() != 3 {
				t.Errorf("%s came, and %s is still there", c.newcomer, c.gone)
			}
		}
		checkShards(t, k)
	})
}

// A bucket that is full again is as good as forgotten, however often its key was asked for.
func TestAFullBucketIsForgottenFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := NewKeyed(1, 1, 2)
		k.Allow("a")
		k.Allow("a")
		time.Sleep(500 * time.Millisecond)
		k.Allow("b")
		time.Sleep(500 * time.Millisecond) // a is full from this moment on
		k.Allow("c")
		s, hash := k.shard("a")
		if _, there := s.places[hash]; there {
			t.Error("b was forgotten, whose bucket is empty")
		}
	})
}
