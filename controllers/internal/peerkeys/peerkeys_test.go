// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package peerkeys

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"testing"
	"time"
)

var (
	master = bytes.Repeat([]byte{7}, Bytes)
	shop   = Service{UID: "6f1c"}
	noon   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func at(t *testing.T, service Service, now time.Time) Keys {
	t.Helper()
	keys, err := At(master, service, now)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// accepts reports whether a pod that holds some keys links with one that holds others: each must know what the other shows.
func accepts(a, b Keys) bool {
	knows := func(a, b Keys) bool { return b.Shown == a.Shown || b.Shown == a.Accepted }
	return knows(a, b) && knows(b, a)
}

// Pods get a changed Secret at different times: in every step those that have it and those that do not yet must link.
func TestPodsLinkInEveryStepOfARotation(t *testing.T) {
	now := noon
	steps := []Keys{at(t, shop, now)}
	for range 9 {
		now = steps[len(steps)-1].Until
		steps = append(steps, at(t, shop, now))
	}
	shown := map[string]bool{}
	for i, keys := range steps {
		shown[keys.Shown] = true
		if i == 0 {
			continue
		}
		before := steps[i-1]
		if !accepts(before, keys) {
			t.Errorf("step %d: pods with the last keys and pods with these do not link", i)
		}
		if before.Shown == keys.Shown && before.Accepted == keys.Accepted {
			t.Errorf("step %d changes nothing", i)
		}
		if lasts := keys.Until.Sub(before.Until); lasts != Overlap && lasts != Period-2*Overlap {
			t.Errorf("step %d lasts %s", i, lasts)
		}
		if i >= 3 && accepts(steps[i-3], keys) {
			t.Errorf("step %d: keys of a whole period ago are accepted", i)
		}
	}
	if len(shown) != 4 {
		t.Errorf("in nine steps, %d keys were shown, want 4", len(shown))
	}
}

func TestKeysStayUntilTheySayOtherwise(t *testing.T) {
	for step, now := 0, noon; step < 6; step++ {
		first := at(t, shop, now)
		last := at(t, shop, first.Until.Add(-1))
		if first != last {
			t.Fatalf("step %d: %v became %v before its end", step, first, last)
		}
		now = first.Until
	}
}

func TestEachServiceHasKeysOfItsOwn(t *testing.T) {
	seen := map[string]string{}
	for _, service := range []Service{
		shop, {UID: "6f1d"}, {UID: "6f1c", Salt: "1"}, {UID: "6f1c", Salt: "2"}, {UID: "6f1c 0: 1"}, {UID: "6f1", Salt: "c"}, {},
	} {
		key := at(t, service, noon).Shown
		if other, taken := seen[key]; taken {
			t.Errorf("%+v has the key of %s", service, other)
		}
		seen[key] = fmt.Sprintf("%+v", service)
		if content, err := base64.StdEncoding.DecodeString(key); err != nil || len(content) != Bytes {
			t.Errorf("%+v: %q is no key: %v", service, key, err)
		}
	}
}

// Thousands of Secrets that are written at once would be a wave for the API server and for every kubelet.
func TestServicesRotateAtDifferentTimes(t *testing.T) {
	const services, parts = 3000, 30
	counts := make([]int, parts)
	for i := range services {
		until := at(t, Service{UID: fmt.Sprint("uid-", i)}, noon).Until
		if left := until.Sub(noon); left > 0 && left <= Period {
			counts[min(int(left*parts/Period), parts-1)]++
		}
	}
	for day, count := range counts {
		if count < services/parts/2 || count > services/parts*2 {
			t.Errorf("day %d: %d of %d services change, about %d are expected", day, count, services, services/parts)
		}
	}
}

// An upgrade of the operator, or another leader, must not change keys.
func TestTheKeysOfAServiceArePinned(t *testing.T) {
	const want = "F20UfyCEy3IGJCTfbV0Z42ifNOLtifZyuay+7mjc3Ng="
	if got := at(t, shop, noon); got.Shown != want || got.Accepted != "" {
		t.Errorf("got %+v, want shown %s", got, want)
	}
}

func TestARevisionTellsContentsFromEachOther(t *testing.T) {
	keys := Keys{Shown: "a", Accepted: "b"}
	seen := map[string]bool{}
	for _, revision := range []string{
		keys.Revision("x"), keys.Revision("y"), keys.Revision(""), Keys{Shown: "a"}.Revision("x"), Keys{Shown: "b", Accepted: "a"}.Revision("x"),
	} {
		if seen[revision] {
			t.Errorf("revision %s comes twice", revision)
		}
		seen[revision] = true
	}
}

func TestAMasterKeyThatIsTooShortIsRefused(t *testing.T) {
	for _, length := range []int{0, 16, 31} {
		if _, err := At(make([]byte, length), shop, noon); err == nil {
			t.Errorf("a key of %d bytes is taken", length)
		}
	}
}
