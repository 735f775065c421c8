// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// verified is a version of a child that is known to hold all that is desired: it was compared once, or it was the answer to
// a write. As long as neither that version nor the desired changes, there is nothing to compare.
type verified struct {
	uid           types.UID
	version, hash string
	// generation of the child in that version.
	generation int64
	at         time.Time
}

func verifiedAs(live client.Object, hash string, at time.Time) verified {
	return verified{live.GetUID(), live.GetResourceVersion(), hash, live.GetGeneration(), at}
}

// longestLag is for how long a cache may show a child as it was before it was verified. One that does so for longer does not
// lag: a restored etcd counts its versions anew from the backup's.
const longestLag = time.Minute

// stands reports whether the cached child needs no comparison: it is as it was verified, or the cache still shows it as it
// was before.
func (v verified) stands(cached client.Object, hash string, now time.Time) bool {
	if v.uid != cached.GetUID() || v.hash != hash {
		return false
	}
	order, err := resourceversion.CompareResourceVersion(cached.GetResourceVersion(), v.version)
	return err == nil && (order == 0 || (order < 0 && now.Sub(v.at) < longestLag))
}

// Generation of an owner's child when it was last known to hold all that is desired, which a cache need not show yet; 0 where
// it does not hold it.
func (e *Engine) Generation(owner client.ObjectKey, child Key) int64 {
	return e.verified.of(owner)[child].generation
}

// verifiedChildren remembers verified children by owner.
type verifiedChildren struct {
	mu      sync.Mutex
	byOwner map[client.ObjectKey]map[Key]verified
}

func (v *verifiedChildren) of(owner client.ObjectKey) map[Key]verified {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.byOwner[owner]
}

func (v *verifiedChildren) keep(owner client.ObjectKey, children map[Key]verified) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.byOwner == nil {
		v.byOwner = map[client.ObjectKey]map[Key]verified{}
	}
	v.byOwner[owner] = children
}

// Forget drops what is remembered of an owner that is gone.
func (e *Engine) Forget(owner client.ObjectKey) {
	e.verified.mu.Lock()
	defer e.verified.mu.Unlock()
	delete(e.verified.byOwner, owner)
}
