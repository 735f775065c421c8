// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestWhatIsVerifiedStandsUntilSomethingNewIsSeen(t *testing.T) {
	cached := func(uid types.UID, version string) client.Object {
		return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{UID: uid, ResourceVersion: version}}
	}
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	known := verifiedAs(cached("1", "100"), "hash", noon)
	cases := map[string]struct {
		known  verified
		cached client.Object
		hash   string
		later  time.Duration
		want   bool
	}{
		"the same":                   {known, cached("1", "100"), "hash", time.Second, true},
		"the cache lags":             {known, cached("1", "99"), "hash", time.Second, true},
		"an etcd that was restored":  {known, cached("1", "99"), "hash", time.Hour, false},
		"nothing for a long time":    {known, cached("1", "100"), "hash", time.Hour, true},
		"somebody wrote":             {known, cached("1", "101"), "hash", time.Second, false},
		"something else is desired":  {known, cached("1", "100"), "other", time.Second, false},
		"it was made anew":           {known, cached("2", "100"), "hash", time.Second, false},
		"it was never verified":      {verified{}, cached("1", "100"), "hash", time.Second, false},
		"versions without any order": {known, cached("1", "x"), "hash", time.Second, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := c.known.stands(c.cached, c.hash, noon.Add(c.later)); got != c.want {
				t.Errorf("%t, want %t", got, c.want)
			}
		})
	}
}

func TestWhatIsVerifiedIsKeptForEachOwner(t *testing.T) {
	var known verifiedChildren
	engine := &Engine{}
	account, budget := Key{accountKind, "checkout"}, Key{budgetKind, "checkout"}
	shop, bank := client.ObjectKey{Namespace: "shop", Name: "checkout"}, client.ObjectKey{Namespace: "bank", Name: "checkout"}
	known.keep(shop, map[Key]verified{account: {generation: 1}})
	known.keep(bank, map[Key]verified{account: {generation: 2}, budget: {generation: 3}})
	if got := known.of(shop)[account].generation; got != 1 {
		t.Errorf("generation %d, want 1: that of another owner came later", got)
	}
	if got := known.of(bank)[budget].generation; got != 3 {
		t.Errorf("generation %d, want 3", got)
	}
	engine.verified.byOwner = known.byOwner
	engine.Forget(bank)
	if len(known.of(bank)) != 0 || len(known.of(shop)) != 1 {
		t.Errorf("%v, want what the first owner has", known.byOwner)
	}
}
