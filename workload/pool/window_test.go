// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"math"
	"testing"
	"time"
)

// near compares what was computed in another order.
func near(got, want float64) bool { return math.Abs(got-want) < 1e-9 }

// A window adds up what each look finds, weighted with the time since the one before.
func TestWhatAWindowAddsUp(t *testing.T) {
	s := sizer{limit: 32, start: 32, min: 1, max: 1000, available: 1, span: time.Second}
	s.begin(time.Hour, reading{cpu: 5 * time.Second, processors: 4})
	s.look(time.Hour+4*ms, reading{cpu: 5*time.Second + 8*ms, runnable: 3, stalled: 2, processors: 4}, traffic{busy: 7, waited: true, attempts: 5, grants: 3})
	s.look(time.Hour+10*ms, reading{cpu: 5*time.Second + 20*ms, runnable: 1, stalled: 1, processors: 4}, traffic{busy: 2, attempts: 2, grants: 1})
	if s.span != 10*ms || s.cpu != 20*ms || s.samples != 2 || !s.backlogged || !s.waited || s.busy != 2 {
		t.Errorf("after two looks: %+v", s)
	}
	if !near(s.ready, 0.018) || !near(s.stalled, 0.014) || s.attempts != 7 || s.grants != 4 || !near(s.used, 7*0.994) {
		t.Errorf("after two looks: %+v", s)
	}
	s.look(time.Hour+11*ms, reading{cpu: 4 * time.Second, processors: 4}, traffic{})
	if s.cpu != 20*ms || s.backlogged {
		t.Errorf("after CPU time that went back, and nothing that is ready to run: %+v", s)
	}
	s.look(time.Hour+12*ms, reading{cpu: 4*time.Second + ms, runnable: 2, processors: 4}, traffic{})
	if s.cpu != 21*ms || s.backlogged || s.lastAt != time.Hour+12*ms {
		t.Errorf("after a look at which something is ready again: %+v", s)
	}
}

// A moment without time in it says nothing.
func TestTheShortestWindow(t *testing.T) {
	s := sizer{limit: 32, start: 32, min: 1, max: 1000, available: 1}
	s.begin(time.Hour, reading{processors: 1})
	if s.look(time.Hour, reading{processors: 1}, traffic{busy: 5}); s.samples != 0 || s.busy != 0 {
		t.Errorf("after no time: %+v", s)
	}
	if s.look(time.Hour+1, reading{processors: 1}, traffic{busy: 5}); s.samples != 1 || s.busy != 5 {
		t.Errorf("after a nanosecond: %+v", s)
	}
}

// The workers that were in use fade within a second.
func TestHowLongUsedWorkersAreRemembered(t *testing.T) {
	for after, want := range map[time.Duration]float64{
		250 * ms: 75, 750 * ms: 25, 990 * ms: 3, time.Second: 3, 2 * time.Second: 3,
	} {
		s := sizer{limit: 100, start: 100, min: 1, max: 1000, available: 1, used: 100}
		s.begin(time.Hour, reading{processors: 4})
		if s.look(time.Hour+after, reading{processors: 4}, traffic{busy: 3}); !near(s.used, want) {
			t.Errorf("after %s: %g, want %g", after, s.used, want)
		}
	}
}

func TestANewWindowIsEmpty(t *testing.T) {
	s := sizer{
		limit: 7, start: 8, min: 1, max: 9, span: 1, cpu: 2, ready: 3, stalled: 4, samples: 5, waited: true, attempts: 6, grants: 7,
		busy: 8, used: 9, available: 0.5, cutAt: 10, cutLive: 11,
	}
	r := reading{cpu: 12, runnable: 13, processors: 14}
	s.begin(time.Minute, r)
	want := sizer{
		limit: 7, start: 8, min: 1, max: 9, last: r, lastAt: time.Minute, backlogged: true,
		busy: 8, used: 9, available: 0.5, cutAt: 10, cutLive: 11,
	}
	if s != want {
		t.Errorf("%+v, want %+v", s, want)
	}
}

func TestWholeWorkers(t *testing.T) {
	for limit, want := range map[float64]int{1: 1, 1.25: 1, 1.26: 2, 2: 2, 2.5: 3, 99.2: 99} {
		if got := (&sizer{limit: limit}).workers(); got != want {
			t.Errorf("%g are %d workers, want %d", limit, got, want)
		}
	}
}

func TestALimitStaysWithinItsBounds(t *testing.T) {
	for _, c := range []struct{ min, max, to, want float64 }{
		{2, 10, 5, 5}, {2, 10, 1, 2}, {2, 10, 11, 10}, {0, 10, 0.2, 1}, {1, 10, 1.5, 1.5},
	} {
		s := sizer{limit: 7, min: c.min, max: c.max, span: time.Second}
		if s.move(c.to); s.limit != c.want || s.span != 0 {
			t.Errorf("%+v: %g after %s", c, s.limit, s.span)
		}
	}
}

// What a window of 100 ms says of 4 processors.
func TestWhatAWindowSays(t *testing.T) {
	for name, c := range map[string]struct {
		got, stalled, ready, attempts, grants float64 // processors, threads and goroutines on average; calls in the window
		available                             float64
		busy                                  int
		patience                              time.Duration

		share, occupied, excess, stalledWorkers, wanted float64
	}{
		"nothing":                         {available: 1, busy: 5, wanted: 1},
		"half of the processors":          {got: 2, available: 1, busy: 5, share: 0.5, occupied: 0.5, wanted: 2},
		"half of them, half can be had":   {got: 2, available: 0.5, busy: 5, share: 1, occupied: 0.5, wanted: 2},
		"goroutines that wait":            {got: 2, ready: 3, available: 1, busy: 5, share: 0.5, occupied: 0.5, excess: 3, wanted: 2},
		"more than there are workers":     {got: 2, ready: 30, available: 1, busy: 5, share: 0.5, occupied: 0.5, excess: 5, wanted: 2},
		"of those that ask, half":         {got: 2, ready: 3, attempts: 2, grants: 1, available: 1, busy: 5, share: 0.5, occupied: 0.5, excess: 1.5, wanted: 2},
		"of those that ask, a quarter":    {got: 2, ready: 3, attempts: 12, grants: 2, available: 1, busy: 5, share: 0.5, occupied: 0.5, excess: 0.75, wanted: 2},
		"one that asks, in vain":          {got: 2, ready: 30, attempts: 1, available: 1, busy: 5, share: 0.5, occupied: 0.5, excess: 3, wanted: 2},
		"a tenth, at least":               {got: 2, ready: 30, attempts: 100, grants: 1, available: 1, busy: 5, share: 0.5, occupied: 0.5, excess: 3, wanted: 2},
		"one thread that waits":           {got: 1, stalled: 1, available: 1, busy: 5, share: 0.5, occupied: 0.5, excess: 0.5, stalledWorkers: 0.5, wanted: 1},
		"threads that wait":               {got: 1, stalled: 3, available: 1, busy: 5, share: 2.25, occupied: 2.25, excess: 2.25, stalledWorkers: 2.25, wanted: 1},
		"more than there are busy":        {got: 2, stalled: 6, available: 1, busy: 4, share: 1.5, occupied: 1.5, excess: 3, stalledWorkers: 3, wanted: 2},
		"more than there are processors":  {got: 3, stalled: 3, available: 1, busy: 4, share: 1, occupied: 1, excess: 1.5, stalledWorkers: 1.5, wanted: 3},
		"threads and goroutines":          {got: 3, stalled: 3, ready: 2, available: 1, busy: 4, share: 1, occupied: 1, excess: 3.5, stalledWorkers: 1.5, wanted: 3},
		"as many as begin in 50 ms":       {got: 2, grants: 40, available: 1, busy: 5, share: 0.5, occupied: 0.5, wanted: 20},
		"as many as begin in a sixth":     {got: 2, grants: 40, available: 1, busy: 5, patience: 60 * ms, share: 0.5, occupied: 0.5, wanted: 4},
		"a sixth that is longer":          {got: 2, grants: 40, available: 1, busy: 5, patience: time.Hour, share: 0.5, occupied: 0.5, wanted: 20},
		"a sixth that is as good as none": {got: 2, grants: 40, available: 1, busy: 5, patience: 1, share: 0.5, occupied: 0.5, wanted: 2},
	} {
		s := sizer{
			last: reading{processors: 4}, span: 100 * ms, cpu: time.Duration(c.got * float64(100*ms)), stalled: c.stalled / 10, ready: c.ready / 10,
			attempts: c.attempts, grants: c.grants, available: c.available, busy: c.busy,
		}
		for what, pair := range map[string][2]float64{
			"share": {s.share(c.patience), c.share}, "occupied": {s.occupied(c.patience), c.occupied}, "excess": {s.excess(), c.excess},
			"stalled workers": {s.stalledWorkers(), c.stalledWorkers}, "wanted": {s.wanted(c.patience), c.wanted},
		} {
			if !near(pair[0], pair[1]) {
				t.Errorf("%s: %s is %g, want %g", name, what, pair[0], pair[1])
			}
		}
	}
	if s := (sizer{available: 1, last: reading{processors: 4}}); s.share(0) != 1 {
		t.Errorf("in no time, %g of the processors are in use", s.share(0))
	}
	if s := (sizer{available: 1, span: ms}); s.share(0) != 1 {
		t.Errorf("of no processors, %g are in use", s.share(0))
	}
	if s := (sizer{available: 1, span: 1, last: reading{processors: 1}}); s.share(0) != 0 {
		t.Errorf("of an idle processor, %g is in use", s.share(0))
	}
}

// What the process can get of its processors is what it used while something was ready to run all the time, or all were occupied.
func TestWhatAPoolLearnsOfItsProcessors(t *testing.T) {
	for name, c := range map[string]struct {
		before, used         float64
		span                 time.Duration
		backlogged, occupied bool
		want                 float64
	}{
		"more than was known":               {before: 0.5, used: 0.75, span: time.Second, want: 0.75},
		"more than there is":                {before: 0.5, used: 1.2, span: time.Second, want: 1},
		"less, with something to run":       {before: 0.5, used: 0.25, span: time.Second, backlogged: true, want: 0.4375},
		"less, while all are occupied":      {before: 0.5, used: 0.25, span: time.Second, occupied: true, want: 0.4375},
		"less, for want of work":            {before: 0.5, used: 0.25, span: time.Second, want: 0.6},
		"as much, for want of work":         {before: 0.5, used: 0.5, span: time.Second, want: 0.6},
		"nothing, with something to run":    {before: 0.012, span: time.Second, backlogged: true, want: 0.01},
		"for want of work, for a moment":    {before: 0.5, used: 0.25, span: 500 * ms, want: 0.55},
		"for want of work, for a long time": {before: 0.5, used: 0.25, span: 10 * time.Second, want: 1},
	} {
		s := sizer{
			available: c.before, last: reading{processors: 4}, span: c.span, cpu: time.Duration(c.used * 4 * float64(c.span)), backlogged: c.backlogged,
		}
		if s.learn(c.occupied); !near(s.available, c.want) {
			t.Errorf("%s: %g of the processors can be had, want %g", name, s.available, c.want)
		}
	}
}

func TestHowAPoolGoesBackToWhereItStarts(t *testing.T) {
	for name, c := range map[string]struct {
		limit, used, share float64
		tight              bool
		span               time.Duration
		want               float64
		stays              bool
	}{
		"from many":                      {limit: 100, span: 100 * ms, want: 90},
		"from many, for longer":          {limit: 100, span: 500 * ms, want: 50},
		"from not so many":               {limit: 35, span: 100 * ms, want: 32},
		"from many, half of them in use": {limit: 100, used: 48, span: 100 * ms, want: 96},
		"from many, with more in use":    {limit: 100, used: 50, span: 100 * ms, want: 100, stays: true},
		"for more than a second":         {limit: 100, span: 2 * time.Second, want: 32},
		"from where it starts":           {limit: 32, span: 100 * ms, want: 32, stays: true},
		"from few":                       {limit: 10, span: 100 * ms, want: 13.2},
		"from few, for longer":           {limit: 10, span: 500 * ms, want: 26},
		"from few, for a second":         {limit: 10, span: time.Second, want: 32},
		"from few that are busy":         {limit: 10, share: 0.97, span: 100 * ms, want: 10, stays: true},
		"from few that are nearly busy":  {limit: 10, share: 0.96, span: 100 * ms, want: 13.2},
		"from few, in little memory":     {limit: 10, tight: true, span: 100 * ms, want: 10, stays: true},
	} {
		s := sizer{limit: c.limit, start: 32, min: 1, max: 1000, used: c.used, span: c.span, last: reading{tight: c.tight}}
		if s.relax(c.share); !near(s.limit, c.want) || (s.span == c.span) != c.stays {
			t.Errorf("%s: %g workers, want %g; the window is %s", name, s.limit, c.want, s.span)
		}
	}
}

// A cut for memory comes once per collection, and not where the last one freed less than a twentieth.
func TestHowAPoolIsCutForMemory(t *testing.T) {
	for name, c := range map[string]struct {
		live    uint64
		cutAt   uint64
		cutLive float64
		cut     bool
	}{
		"for the first time":                  {live: 100, cut: true},
		"for the same collection":             {live: 100, cutAt: 7},
		"with as much live as before":         {live: 100, cutAt: 6, cutLive: 100},
		"with hardly less":                    {live: 96, cutAt: 6, cutLive: 100},
		"with a twentieth less":               {live: 95, cutAt: 6, cutLive: 100, cut: true},
		"with hardly more":                    {live: 104, cutAt: 6, cutLive: 100},
		"with a twentieth more":               {live: 105, cutAt: 6, cutLive: 100, cut: true},
		"with a single byte alive, as before": {live: 1, cutAt: 6, cutLive: 1},
		"with nothing alive":                  {live: 0, cutAt: 6, cut: true},
	} {
		s := sizer{limit: 32, min: 1, max: 100, cutAt: c.cutAt, cutLive: c.cutLive, last: reading{live: c.live, collection: 7}}
		cut := s.cutMemory()
		limit, live := 32.0, c.cutLive
		if c.cut {
			limit, live = 24, float64(c.live)
		}
		if cut != c.cut || s.limit != limit || s.cutAt != 7 || s.cutLive != live {
			t.Errorf("%s: cut %t to %g, at collection %d with %g live", name, cut, s.limit, s.cutAt, s.cutLive)
		}
	}
}
