// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package machine

import (
	"math"
	"testing"
)

func TestTheShareOfTheProcessorsThatWasUsed(t *testing.T) {
	before, err := parse("cpu  100 0 50 800 50 0 0 0 7 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n")
	if err != nil {
		t.Fatal(err)
	}
	later, err := parse("cpu  130 5 60 850 55 5 10 5 99 0\n") // 30+5+10+5+10+5 of 65+50+5 busy
	if err != nil {
		t.Fatal(err)
	}
	if got, want := before.Until(later), 65.0/120; math.Abs(got-want) > 1e-9 {
		t.Errorf("busy for %v of the time, want %v", got, want)
	}
	if got := later.Until(later); got != 0 {
		t.Errorf("busy for %v of no time", got)
	}
	for _, page := range []string{"", "cpu0 1 2 3 4 5 6 7 8\n", "cpu 1 2 3\n", "cpu a 2 3 4 5 6 7 8\n"} {
		if m, err := parse(page); err == nil {
			t.Errorf("%q gives %+v", page, m)
		}
	}
	if m, err := Now(); err != nil || m.all <= 0 || m.busy <= 0 {
		t.Errorf("this machine: %+v, %v", m, err)
	}
}
