// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"testing"
	"time"
)

// Whoever has to wait longer than the longest wait is turned away, with and without priorities: what a way is told must hold for the
// call that is used.
func TestWaysThatAreToldAWaitKeepIt(t *testing.T) {
	for _, name := range []string{"failsafe-adaptive", "failsafe-priority"} {
		for _, critical := range []bool{false, true} {
			take := ways[name](told{wait: time.Millisecond, places: 1, processors: 1})
			release, err := take(context.Background(), critical)
			if err != nil {
				t.Fatalf("%s: nobody gets in: %v", name, err)
			}
			if _, err := take(context.Background(), critical); err == nil {
				t.Errorf("%s: two at once, with one place", name)
			}
			release()
			if release, err = take(context.Background(), critical); err != nil {
				t.Errorf("%s: nobody gets in after it was released: %v", name, err)
			} else {
				release()
			}
		}
	}
}
