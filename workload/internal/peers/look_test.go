// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package peers

import (
	"runtime"
	"testing"
	"time"
)

// Each look costs the cluster's DNS several queries, of every pod.
func TestNamesAreResolvedRarelyWhereEverybodyIsLinked(t *testing.T) {
	n, port, folder := &names{}, freePort(t), keyFolder(t, 'a')
	n.set(nil, hosts(2)...)
	one, other := run(t, n, hosts(2)[0], port, folder), run(t, n, hosts(2)[1], port, folder)
	linked := func(links int) {
		t.Helper()
		one.until(t, "links", func(with, _ map[string]int) bool { return with[hosts(2)[1]] == links && one.mesh.Links() == links })
	}
	// paused waits until the pause is in a range: Run hears of links by itself, and late.
	paused := func(least, most time.Duration, look bool) {
		t.Helper()
		for pause := one.mesh.pause(); pause < least*3/4 || pause > most*5/4; pause = one.mesh.pause() {
			if look {
				one.mesh.look(t.Context(), nil)
			}
			runtime.Gosched()
		}
	}
	linked(1)
	paused(lookRarely, lookRarely, true)
	other.stop()
	linked(0)
	paused(lookSoon, lookSoon, false)
}
