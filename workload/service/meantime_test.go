// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"testing"
	"time"
)

func TestAHandlerIsTakenForLongUntilItHasProvedToBeShort(t *testing.T) {
	var held meanTime
	times := 0
	for held.long() {
		held.add(5 * time.Microsecond)
		times++
	}
	if times < meanOf || times > 100*meanOf {
		t.Errorf("short after %d times", times)
	}
	held.add(10 * time.Millisecond)
	if !held.long() {
		t.Error("one long time in a mean of sixteen does not show")
	}
}

// One long handler among many short ones keeps a processor for as long as one alone.
func TestAFewLongTimesMakeTheMeanLong(t *testing.T) {
	var held meanTime
	long := 0
	for i := range 10_000 {
		took := 5 * time.Microsecond
		if i%100 == 99 {
			took = 50 * time.Millisecond
		}
		held.add(took)
		if held.long() {
			long++
		}
	}
	if long < 5000 {
		t.Errorf("long for %d of 10,000 requests, of which each hundredth takes 50 ms", long)
	}
}
