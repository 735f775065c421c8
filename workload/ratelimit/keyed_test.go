// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package ratelimit_test

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goservice.dev/operator/workload/ratelimit"
)

// Each key must behave as a limiter of its own, through changes of the rule as well.
func TestKeyedIsOneLimiterPerKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const keys = 50
		random := rand.New(rand.NewPCG(1, 2))
		keyed := ratelimit.NewKeyed(10, 5, keys*keys)
		single := make([]*ratelimit.Limiter, keys)
		for i := range single {
			single[i] = ratelimit.New(10, 5)
		}
		for step := range 5000 {
			time.Sleep(time.Duration(random.IntN(int(5 * ms))))
			i := random.IntN(keys)
			key := strings.Repeat("k", i)
			if step%500 == 499 {
				perSecond, burst := randomRule(random)
				keyed.Set(perSecond, burst)
				for _, l := range single {
					l.Set(perSecond, burst)
				}
				if r, b := keyed.Limit(); r != perSecond || b != burst {
					t.Fatalf("Limit %v, %d; want %v, %d", r, b, perSecond, burst)
				}
			}
			if got, want := keyed.Allow(key), single[i].Allow(); got != want {
				t.Fatalf("step %d, key %d: %v, a limiter of its own says %v", step, i, got, want)
			}
			if got, want := keyed.RetryAfter(key), single[i].RetryAfter(); (got - want).Abs() > 1 {
				t.Fatalf("step %d, key %d: RetryAfter %v, a limiter of its own says %v", step, i, got, want)
			}
		}
	})
}

func TestKeyedForgetsInTheRightOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const places = 10
		k := ratelimit.NewKeyed(1, 1, places)
		for i := range places {
			k.Allow(strconv.Itoa(i))
		}
		// One bucket is full again, and it is neither the first that came nor the one that asked longest ago.
		time.Sleep(500 * ms)
		for i := range places {
			if i != 4 {
				k.Allow(strconv.Itoa(i))
			}
		}
		time.Sleep(600 * ms)
		k.Allow("0")
		k.Allow("1")
		k.Allow("newcomer")
		for _, key := range []string{"0", "1", "newcomer"} {
			if k.Allow(key) {
				t.Errorf("key %q was forgotten while its bucket was empty and others were full", key)
			}
		}
		if got := k.Len(); got != places {
			t.Errorf("%d keys, want %d", got, places)
		}
	})
}

func TestKeyedMemoryIsBounded(t *testing.T) {
	for _, places := range []int{-1, 1, 7, 64, 1000, 5000} {
		k := ratelimit.NewKeyed(1, 1, places)
		for i := range 20_000 {
			k.Allow(strconv.Itoa(i))
		}
		if got, most := k.Len(), max(places, 1); got > most || got < most*9/10 {
			t.Errorf("%d keys are kept, want at most and nearly %d", got, most)
		}
	}
}

func TestKeyedDoesNotAllocateForKnownKeys(t *testing.T) {
	k := ratelimit.NewKeyed(10, 5, 100)
	k.Allow("key")
	if n := testing.AllocsPerRun(100, func() { k.Allow("key") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestKeyedConcurrentUse(t *testing.T) {
	k := ratelimit.NewKeyed(1000, 10, 100)
	var users sync.WaitGroup
	for i := range 8 {
		users.Go(func() {
			for j := range 5000 {
				key := strconv.Itoa(i * j % 300)
				k.Allow(key)
				if j%1000 == 0 {
					k.Set(float64(1000+j), 10+i)
					k.Limit()
					k.RetryAfter(key)
				}
			}
		})
	}
	users.Wait()
	if k.Len() > 100 {
		t.Errorf("%d keys, at most 100 are allowed", k.Len())
	}
}

func TestRemoteIP(t *testing.T) {
	cases := map[string]struct{ remote, want string }{
		"IPv4":               {"192.0.2.7:4711", "192.0.2.7"},
		"IPv4 inside IPv6":   {"[::ffff:192.0.2.7]:4711", "192.0.2.7"},
		"IPv6":               {"[2001:db8:1:2:3:4:5:6]:4711", "2001:db8:1:2::/64"},
		"IPv6 with zone":     {"[fe80::1%eth0]:4711", "fe80::/64"},
		"a socket's address": {"@", "@"},
		"nothing":            {"", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := ratelimit.RemoteIP(&http.Request{RemoteAddr: c.remote}); got != c.want {
				t.Errorf("key %q, want %q", got, c.want)
			}
		})
	}
}

func FuzzRemoteIP(f *testing.F) {
	for _, seed := range []string{"192.0.2.7:1", "[2001:db8::1]:1", "[fe80::1%eth0]:1", ":1", "[", "a:b:c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, remote string) {
		key := ratelimit.RemoteIP(&http.Request{RemoteAddr: remote})
		if (key == "") != (remote == "") {
			t.Errorf("%q has the key %q", remote, key)
		}
	})
}

func TestHeader(t *testing.T) {
	key := ratelimit.Header("x-api-key")
	r := &http.Request{Header: http.Header{"X-Api-Key": {"first", "second"}}}
	if got := key(r); got != "first" {
		t.Errorf("key %q, want the first value", got)
	}
	if got := key(&http.Request{}); got != "" {
		t.Errorf("key %q without the field, want none", got)
	}
}
