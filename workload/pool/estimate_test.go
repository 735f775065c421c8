// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// every is a pace of one hand-over in so long a time, which is known, and whose last one is just over.
func every(interval, now time.Duration) pace {
	grants := 8
	for time.Duration(grants)*interval < 200*ms {
		grants *= 2
	}
	return pace{spent: time.Duration(grants) * interval, grants: grants, last: now}
}

// A pace halves what it remembers of many hand-overs, once they took long enough.
func TestHowMuchAPaceRemembers(t *testing.T) {
	for name, c := range map[string]struct{ before, want pace }{
		"few hand-overs":        {pace{spent: time.Hour, grants: 30}, pace{spent: time.Hour, grants: 31}},
		"many hand-overs":       {pace{spent: 300 * ms, grants: 31}, pace{spent: 150 * ms, grants: 16}},
		"as long as it must be": {pace{spent: 200 * ms, grants: 31}, pace{spent: 100 * ms, grants: 16}},
		"a moment less":         {pace{spent: 200*ms - 1, grants: 50}, pace{spent: 200*ms - 1, grants: 51}},
		"what is former":        {pace{spent: 200 * ms, grants: 49, former: 3}, pace{spent: 100 * ms, grants: 25, former: 3}},
	} {
		got := c.before
		if got.observe(0, 1); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	p := pace{spent: time.Second, grants: 1}
	if p.begin(11 * time.Second); p != (pace{former: time.Second, last: 11 * time.Second}) {
		t.Errorf("long after one hand-over: %+v", p)
	}
	if p.scale(2, 4); p.former != 500*ms {
		t.Errorf("with twice the workers: %+v", p)
	}
}

// As many workers leave a pace as it is, to the nanosecond.
func TestAsManyWorkersLeaveAPaceAsItIs(t *testing.T) {
	for spent := 90*24*time.Hour + 1; spent < 90*24*time.Hour+100; spent += 2 {
		p := pace{spent: spent, grants: 50, former: spent}
		if p.scale(999_999_937, 999_999_937); p.spent != spent || p.former != spent {
			t.Fatalf("%+v, want %d", p, spent)
		}
	}
}

// More workers by Set say nothing about how long work takes: what is known is foretold for them, and measured from then on.
func TestHandOversToNewWorkersAreNotPartOfThePace(t *testing.T) {
	for name, c := range map[string]struct {
		waiting, workers int
		last             time.Duration // of the clock of the queue
	}{
		"some still wait":           {5, 4, 2 * time.Second},
		"one still waits":           {4, 4, 2 * time.Second},
		"nobody waits any more":     {3, 4, time.Second},
		"nobody waited":             {0, 4, time.Second},
		"as many workers as before": {5, 1, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := New(Config{Workers: 1, QueueDepth: 10})
				over(arrive(t.Context(), p, 1))
				time.Sleep(time.Second)
				arrive(t.Context(), p, c.waiting)
				class := Normal.class()
				p.pace, p.queue.lines[class].pace = every(40*ms, time.Second), every(20*ms, time.Second)
				time.Sleep(time.Second)
				p.Set(Config{Workers: c.workers, QueueDepth: 10})
				synctest.Wait()
				for what, got := range map[time.Duration]pace{40 * ms: p.pace, 20 * ms: p.queue.lines[class].pace} {
					want := every(what, c.last)
					want.spent /= time.Duration(c.workers)
					if got != want {
						t.Errorf("%+v, want %+v", got, want)
					}
				}
				for range p.Stats().Busy + p.Stats().Queued {
					p.Release()
				}
			})
		})
	}
}

// A queue that is empty when the budget changes keeps the time of its last hand-over, by which its pace is forgotten.
func TestSetDoesNotKeepAnOldPaceAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{Workers: 1, QueueDepth: 10})
		p.pace, p.queue.lines[Normal.class()].pace = every(40*ms, 0), every(40*ms, 0)
		time.Sleep(6 * time.Second)
		p.Set(Config{Workers: 2, QueueDepth: 10})
		time.Sleep(6 * time.Second)
		over(arrive(t.Context(), p, 2))
		arrive(t.Context(), p, 1)
		if p.pace.known() || p.queue.lines[Normal.class()].pace.known() {
			t.Error("the pace of twelve seconds ago counts as that of today")
		}
		for range 3 {
			p.Release()
		}
	})
}

// The wait is expected by the pace of the line; where that is not known, by the pace of all with those ahead that are more important.
func TestWhatWaitIsExpected(t *testing.T) {
	const now = time.Hour
	for name, c := range map[string]struct {
		line, all pace
		class     int
		length    int
		age       time.Duration // of the oldest in the line
		want      time.Duration
	}{
		"by the line":                          {every(40*ms, now), every(20*ms, now), 1, 2, 0, 3 * 40 * ms},
		"by all":                               {pace{}, every(20*ms, now), 1, 2, 0, (3 + 5) * 20 * ms},
		"by all, of least importance":          {pace{}, every(20*ms, now), 2, 2, 0, (3 + 5 + 4) * 20 * ms},
		"by all, of most importance":           {pace{}, every(20*ms, now), 0, 2, 0, 3 * 20 * ms},
		"by neither":                           {pace{}, pace{}, 1, 2, 0, 0},
		"by the line, which is not too long":   {every(40*ms, now), pace{}, 1, 63, 63 * ms, 64 * 40 * ms},
		"by the age of a line that is long":    {every(40*ms, now), pace{}, 1, 64, 64 * ms, 65 * 2 * ms},
		"by the pace of one that is faster":    {every(40*ms, now), pace{}, 1, 64, 64 * time.Second, 65 * 40 * ms},
		"by the age, where the pace is of all": {pace{}, every(20*ms, now), 1, 100, 200 * ms, 101 * 4 * ms},
	} {
		p := New(Config{Workers: 1, QueueDepth: 1000})
		p.pace = c.all
		for class, length := range []int{5, 4, 3} {
			p.queue.lines[class].length = length
		}
		l := &p.queue.lines[c.class]
		l.length, l.pace, l.oldest = c.length, c.line, &waiter{since: now - c.age}
		if got := p.expected(c.class, spot{line: l, client: &flow{length: c.length}}, now); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Whoever would have to wait longer than they may is turned away, and makes the line one that is overloaded if it is for its bound.
func TestWhoWouldWaitTooLong(t *testing.T) {
	for name, c := range map[string]struct {
		line, all     pace
		ahead         int
		timeout       time.Duration
		deadline      time.Duration
		misses, bound bool
	}{
		"nobody is ahead":                      {line: every(40*ms, 0), timeout: ms, deadline: ms},
		"one is ahead":                         {line: every(40*ms, 0), ahead: 1, timeout: 80*ms - 1, misses: true, bound: true},
		"just as long as the bound":            {line: every(40*ms, 0), ahead: 2, timeout: 120 * ms},
		"a moment longer":                      {line: every(40*ms, 0), ahead: 2, timeout: 120*ms - 1, misses: true, bound: true},
		"the shortest bound":                   {line: every(40*ms, 0), ahead: 2, timeout: 1, misses: true, bound: true},
		"just until the deadline":              {line: every(40*ms, 0), ahead: 2, deadline: 120 * ms},
		"a moment too late":                    {line: every(40*ms, 0), ahead: 2, deadline: 120*ms - 1, misses: true},
		"within the bound, after the deadline": {line: every(40*ms, 0), ahead: 2, timeout: time.Second, deadline: 100 * ms, misses: true},
		"no bound, no deadline":                {line: every(40*ms, 0), ahead: 2},
		"by the pace of all":                   {all: every(40*ms, 0), ahead: 2, timeout: 119 * ms, misses: true, bound: true},
		"by that of the line":                  {line: every(40*ms, 0), all: pace{former: ms}, ahead: 2, timeout: 119 * ms, misses: true, bound: true},
		"by a guess":                           {line: pace{former: 40 * ms}, all: pace{former: 40 * ms}, ahead: 2, timeout: 1, deadline: 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if c.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.deadline)
					defer cancel()
				}
				p := New(Config{Workers: 1, QueueDepth: 1000, QueueTimeout: c.timeout})
				p.pace = c.all
				class := Normal.class()
				l := &p.queue.lines[class]
				l.length, l.pace, l.oldest = c.ahead, c.line, &waiter{}
				err := p.turnAway(&waiter{ctx: ctx}, class, spot{line: l, client: &flow{length: c.ahead}})
				if errors.Is(err, ErrWouldMissDeadline) != c.misses || (l.turnedAway > 0) != c.bound {
					t.Errorf("error %v, for the bound: %t", err, l.turnedAway > 0)
				}
				if n := p.Stats().Rejected.WouldMissDeadline; (n == 1) != c.misses || n > 1 {
					t.Errorf("%d are counted", n)
				}
			})
		})
	}
}

// An overload is one caller in ten that is turned away for the wait, by the mean over 64 of them, until none was for a second.
func TestWhatAnOverloadIs(t *testing.T) {
	const begin = time.Hour
	after := func(tooLong, admitted int) *line {
		l := &line{}
		for range tooLong {
			l.tooLong(begin)
		}
		for range admitted {
			l.admitted()
		}
		return l
	}
	for name, c := range map[string]struct {
		line *line
		now  time.Duration
		want bool
	}{
		"nobody was turned away":         {after(0, 9), begin, false},
		"six of 64":                      {after(6, 0), begin, false},
		"seven of 64":                    {after(7, 0), begin, true},
		"and then two were not":          {after(7, 2), begin, true},
		"and then three were not":        {after(7, 3), begin, false},
		"one in ten, and no more":        {&line{turnedAway: 0.1, turnedAwayAt: begin}, begin, false},
		"until a second later":           {after(7, 0), begin + time.Second, true},
		"no longer than a second":        {after(7, 0), begin + time.Second + 1, false},
		"sixteen, and 28 that were not":  {after(16, 28), begin, true},
		"sixteen, and 100 that were not": {after(16, 100), begin, false},
	} {
		if got := c.line.overloaded(c.now); got != c.want {
			t.Errorf("%s: overloaded %t, want %t", name, got, c.want)
		}
	}
	for pause, want := range map[time.Duration]bool{time.Second: true, time.Second + 1: false} {
		l := after(7, 0)
		if l.tooLong(begin + pause); l.overloaded(begin+pause) != want {
			t.Errorf("turned away again after %s: overloaded %t, want %t", pause, !want, want)
		}
	}
}

// During an overload, whoever comes may expect half of the longest wait. Critical callers wait twice as long.
func TestTheLongestWaits(t *testing.T) {
	p := New(Config{Workers: 1, QueueTimeout: 100 * ms})
	for class, want := range []time.Duration{200 * ms, 100 * ms, 100 * ms} {
		if got := p.bound(class, 0); got != want || p.patience(class) != want {
			t.Errorf("line %d: %s, at most %s, want %s", class, got, p.patience(class), want)
		}
		p.queue.lines[class].turnedAway = 0.5
		if got := p.bound(class, 0); got != want/2 || p.patience(class) != want {
			t.Errorf("line %d, overloaded: %s, at most %s, want %s and %s", class, got, p.patience(class), want/2, want)
		}
	}
}

// Those whose time is up make an overload too, and those who may wait end it, but for patient ones, who come whatever the line is.
func TestWhoMakesAnOverloadAndWhoEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, Config{Workers: 1, QueueDepth: 100, QueueTimeout: 100 * ms})
		l := &c.p.queue.lines[Normal.class()]
		for i := range 7 {
			c.come(t, fmt.Sprint(i), Claim{})
		}
		time.Sleep(100 * ms)
		synctest.Wait()
		if err := c.failed["6"]; !errors.Is(err, ErrQueueTimeout) || !l.overloaded(c.p.now()) {
			t.Errorf("error %v, overloaded: %t", err, l.overloaded(c.p.now()))
		}
		for i := range 5 {
			c.come(t, fmt.Sprint("patient ", i), Claim{Patient: true})
		}
		for i, want := range []bool{true, true, false} {
			if c.come(t, fmt.Sprint("later ", i), Claim{}); l.overloaded(c.p.now()) != want {
				t.Errorf("after %d more: overloaded %t, want %t", i+1, !want, want)
			}
		}
		c.release(9)
	})
}
