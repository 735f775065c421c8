// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"testing"
	"time"
)

// decision is what a sizer is to decide from a window, with 32 workers in use of 32.
type decision struct {
	processors, got float64 // 1 and as many as that, if 0
	span            time.Duration
	samples         int
	ready, stalled  float64 // on average
	grants          float64
	available       float64 // 1, if 0
	limit, used     float64 // 32, if 0
	busy            int     // 32, if 0
	hold            time.Duration
	calm            bool // nobody waited
	backlogged      bool
	limited, tight  bool
	collection      uint64

	want float64 // workers; as before, if 0
	over bool    // the window is over
}

func (d decision) decide(t *testing.T, name string) {
	t.Helper()
	or := func(value, other float64) float64 {
		if value == 0 {
			return other
		}
		return value
	}
	d.processors, d.available, d.limit, d.used = or(d.processors, 1), or(d.available, 1), or(d.limit, 32), or(d.used, 32)
	d.busy = int(or(float64(d.busy), 32))
	s := sizer{
		limit: d.limit, start: 32, min: 1, max: 1000, span: d.span, samples: d.samples, used: d.used, busy: d.busy, available: d.available,
		last:       reading{processors: d.processors, limited: d.limited, tight: d.tight, collection: d.collection, live: 100},
		cpu:        time.Duration(d.got * float64(d.span)),
		ready:      d.ready * d.span.Seconds(),
		stalled:    d.stalled * d.span.Seconds(),
		backlogged: d.backlogged, waited: !d.calm, grants: d.grants,
	}
	s.decide(traffic{busy: d.busy, waited: !d.calm, hold: d.hold})
	if want := or(d.want, d.limit); !near(s.limit, want) || (s.span == 0) != d.over {
		t.Errorf("%s: %g workers, want %g; the window is %s long", name, s.limit, want, s.span)
	}
}

// When a window is long enough for a decision. Here, that is to grow by a quarter, or to double where processors are mostly idle.
func TestWhenASizerDecides(t *testing.T) {
	for name, d := range map[string]decision{
		"a short window":                    {got: 0.75, span: 20*ms - 1, samples: 3},
		"a whole one":                       {got: 0.75, span: 20 * ms, samples: 3, want: 40, over: true},
		"of too few looks":                  {got: 0.75, span: 99 * ms, samples: 2},
		"of looks that came late":           {got: 0.75, span: 100 * ms, samples: 2, want: 40, over: true},
		"of one look that came late":        {got: 0.75, span: time.Second, samples: 1, want: 40, over: true},
		"a short one, with a quota":         {got: 0.75, limited: true, span: 100*ms - 1, samples: 9},
		"a whole one, with a quota":         {got: 0.75, limited: true, span: 100 * ms, samples: 9, want: 40, over: true},
		"nearly idle, for a moment":         {got: 0.4, span: 5*ms - 1, samples: 1},
		"nearly idle":                       {got: 0.4, span: 5 * ms, samples: 1, want: 64, over: true},
		"half idle":                         {got: 0.5, span: 5 * ms, samples: 1},
		"not quite half idle":               {got: 0.6, span: 5 * ms, samples: 1},
		"half idle, in a whole one":         {got: 0.5, span: 20 * ms, samples: 3, want: 40, over: true},
		"nearly idle, with a quota":         {got: 0.4, limited: true, span: 5 * ms, samples: 1, want: 64, over: true},
		"nearly idle, and nobody waits":     {got: 0.4, calm: true, span: 20 * ms, samples: 3},
		"nearly idle, with some to run":     {got: 0.4, backlogged: true, span: 20 * ms, samples: 3},
		"nearly idle, in little memory":     {got: 0.4, tight: true, span: 20 * ms, samples: 3},
		"begun anew after a tenth":          {got: 1, span: 100 * ms, samples: 9, over: true},
		"not begun anew before that":        {got: 1, span: 100*ms - 1, samples: 9},
		"before half of the work is done":   {got: 0.75, hold: 80 * ms, span: 40*ms - 1, samples: 4},
		"after half of the work is done":    {got: 0.75, hold: 80 * ms, span: 40 * ms, samples: 4, want: 40, over: true},
		"before half, of work that is long": {got: 0.75, hold: time.Hour, span: 100*ms - 1, samples: 9},
		"after the longest window":          {got: 0.75, hold: time.Hour, span: 100 * ms, samples: 9, want: 40, over: true},
	} {
		d.decide(t, name)
	}
}

// How much a pool grows, and by what.
func TestHowMuchASizerGrows(t *testing.T) {
	for name, d := range map[string]decision{
		"by what is idle":                       {got: 0.9, span: 20 * ms, samples: 3, want: 32 / 0.9, over: true},
		"by a little":                           {got: 0.96, span: 20 * ms, samples: 3, want: 32 / 0.96, over: true},
		"by a quarter at most":                  {got: 0.6, span: 20 * ms, samples: 3, want: 40, over: true},
		"not where processors are busy":         {got: 0.97, span: 20 * ms, samples: 3},
		"with all workers in use":               {got: 0.75, busy: 32, span: 20 * ms, samples: 3, want: 40, over: true},
		"with one that is not":                  {got: 0.75, busy: 31, span: 20 * ms, samples: 3, want: 40, over: true},
		"not with one too many":                 {got: 0.75, busy: 33, span: 20 * ms, samples: 3},
		"not while nobody waits":                {got: 0.75, calm: true, span: 20 * ms, samples: 3},
		"not while something is ready to run":   {got: 0.75, backlogged: true, span: 20 * ms, samples: 3},
		"not in little memory":                  {got: 0.75, tight: true, span: 20 * ms, samples: 3},
		"by a cut, in little memory":            {got: 0.75, tight: true, collection: 1, span: 20 * ms, samples: 3, want: 24, over: true},
		"by no cut, where there is enough":      {got: 1, collection: 1, span: 20 * ms, samples: 3},
		"to the bound":                          {got: 0.1, limit: 900, used: 900, busy: 900, span: 20 * ms, samples: 3, want: 1000, over: true},
		"where half of them cannot be had":      {got: 0.45, available: 0.5, span: 20 * ms, samples: 3, want: 32 / (0.45 / 0.502), over: true},
		"back to the start, while nobody waits": {got: 0.5, calm: true, limit: 10, span: 50 * ms, samples: 5, want: 11.6, over: true},
		"not back to it, while somebody does":   {got: 1, limit: 100, used: 10, busy: 10, span: 50 * ms, samples: 5},
	} {
		d.decide(t, name)
	}
}

// How much a pool shrinks where processors are busy: half of those that wait for one go, but for those that are to wait.
func TestHowMuchASizerShrinks(t *testing.T) {
	for name, d := range map[string]decision{
		"half of those that are too many":     {got: 1, ready: 11, span: 20 * ms, samples: 3, want: 27, over: true},
		"none that is to wait":                {got: 1, ready: 1, span: 20 * ms, samples: 3},
		"none that is to wait, of unused":     {got: 1, ready: 1, used: 10, busy: 10, span: 20 * ms, samples: 3},
		"from those in use":                   {got: 1, ready: 9, used: 10, busy: 10, span: 20 * ms, samples: 3, want: 6, over: true},
		"to those that are to wait":           {got: 1, ready: 9, grants: 3, used: 5, busy: 9, span: 20 * ms, samples: 3, want: 7.5, over: true},
		"none of those beyond an earlier cut": {got: 1, ready: 11, busy: 42, span: 20 * ms, samples: 3},
		"half of those not beyond it":         {got: 1, ready: 11, busy: 38, span: 20 * ms, samples: 3, want: 30, over: true},
		"also with something to run":          {got: 1, ready: 11, backlogged: true, span: 20 * ms, samples: 3, want: 27, over: true},
		"also while nobody waits":             {got: 1, ready: 11, calm: true, span: 20 * ms, samples: 3, want: 27, over: true},
		"also in little memory":               {got: 1, ready: 11, tight: true, span: 20 * ms, samples: 3, want: 27, over: true},
		"none where processors are idle":      {got: 0.9, ready: 11, backlogged: true, available: 1, span: 20 * ms, samples: 3},
		"where threads wait":                  {processors: 8, got: 1, stalled: 9, span: 20 * ms, samples: 3, want: 32 - (8.1-1)/2, over: true},
	} {
		d.decide(t, name)
	}
}

// Processors count as busy from 97 % on, to the last digit: of those that can be had, and for what can be had.
func TestWhenProcessorsCountAsBusy(t *testing.T) {
	// 0.95484375 of a processor, of which 0.984375 can be had once the window has been learned from.
	edge := decision{got: 0.95484375, available: 0.96875, span: 2500 * ms, samples: 9, over: true}
	edge.decide(t, "just busy, and none too many")
	edge.ready, edge.want = 11, 27
	edge.decide(t, "just busy, and some too many")
	for cpu, want := range map[time.Duration]float64{970 * ms: 0.9925, 960 * ms: 1} {
		s := sizer{limit: 32, start: 32, min: 1, max: 1000, span: time.Second, samples: 9, waited: true, available: 1, last: reading{processors: 1}, cpu: cpu}
		if s.decide(traffic{busy: 99, waited: true}); !near(s.available, want) {
			t.Errorf("%s of a second were used, %g can be had, want %g", cpu, s.available, want)
		}
	}
}

// Once there is enough memory, what was live when it was not is forgotten.
func TestACutForMemoryIsForgotten(t *testing.T) {
	for tight, want := range map[bool]float64{true: 50, false: 0} {
		s := sizer{limit: 32, start: 32, min: 1, max: 1000, span: 20 * ms, samples: 3, available: 1, last: reading{processors: 1, tight: tight}, cutLive: 50}
		if s.decide(traffic{busy: 32}); s.cutLive != want {
			t.Errorf("short of memory %t: %g were live at the last cut, want %g", tight, s.cutLive, want)
		}
	}
}
