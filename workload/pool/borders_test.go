// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"context"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// A pace is known after eight hand-overs and a tenth of a second; before that, and for nobody ahead, nothing is expected, however long
// a queue stands still.
func TestWhenAPaceIsKnown(t *testing.T) {
	for name, c := range map[string]struct {
		pace  pace
		turns int
		now   time.Duration
		want  time.Duration
	}{
		"enough":               {pace{spent: 100 * ms, grants: 8}, 3, 0, 37500 * time.Microsecond},
		"one hand-over less":   {pace{spent: 100 * ms, grants: 7}, 3, time.Second, 0},
		"a moment less":        {pace{spent: 100*ms - 1, grants: 8}, 3, time.Second, 0},
		"nobody ahead":         {pace{spent: 100 * ms, grants: 10}, 0, time.Second, 0},
		"it stands still":      {pace{spent: 100 * ms, grants: 10, last: 500 * ms}, 2, time.Second, 20*ms + 490*ms},
		"the usual time since": {pace{spent: 100 * ms, grants: 10, last: 990 * ms}, 2, time.Second, 20 * ms},
	} {
		if got := c.pace.wait(c.turns, c.now); got != c.want {
			t.Errorf("%s: a wait of %s is expected, want %s", name, got, c.want)
		}
	}
}

// How slow work was once turns nobody away of a queue that begins much later. It is a guess all the same.
func TestAPaceIsForgotten(t *testing.T) {
	for name, c := range map[string]struct {
		each, pause time.Duration
		known       bool
	}{
		"soon after":               {625 * ms, 10 * time.Second, true},
		"much later":               {625 * ms, 10*time.Second + 1, false},
		"after a few of slow ones": {30 * time.Second, 120 * time.Second, true},
		"after more of them":       {30 * time.Second, 120*time.Second + 1, false},
	} {
		p := pace{spent: 100 * c.each, grants: 100, last: time.Hour}
		if p.begin(time.Hour + c.pause); p.known() != c.known || p.last != time.Hour+c.pause || p.interval() != c.each {
			t.Errorf("%s: %+v", name, p)
		}
	}
	p := New(Config{Workers: 1, QueueDepth: 10, QueueTimeout: 500 * ms})
	slow := pace{spent: 100 * 625 * ms, grants: 100}
	at := spot{line: &p.queue.lines[0], client: &flow{length: 1}}
	for _, c := range []struct {
		pause  time.Duration
		misses bool
	}{{10 * time.Second, true}, {10*time.Second + 1, false}} {
		p.pace = slow
		p.pace.begin(c.pause)
		p.queue.lines[0] = line{flows: map[key]*flow{}, length: 1, pace: p.pace}
		if misses := p.wouldMiss(&waiter{since: c.pause, ctx: t.Context()}, 0, at); misses != c.misses {
			t.Errorf("%s after slow work, the second in line is turned away: %t", c.pause, misses)
		}
	}
}

// A timeout that is as good as none has nobody turned away, nor critical callers before others.
func TestTheLongestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, timeout := range []time.Duration{math.MaxInt64, math.MaxInt64/2 + 1, math.MaxInt64 / 4} {
			p := New(Config{Workers: 1, QueueDepth: 10, QueueTimeout: timeout})
			if err := p.Acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
			served := make(chan error, 2)
			for _, priority := range []Priority{Critical, Normal} {
				go func() { served <- p.AcquireFor(t.Context(), Claim{Priority: priority}) }()
			}
			time.Sleep(time.Hour)
			synctest.Wait()
			if n := len(served); n > 0 {
				t.Fatalf("%s: %d were answered, the first with %v", timeout, n, <-served)
			}
			for range 2 {
				p.Release()
				if err := <-served; err != nil {
					t.Errorf("%s: %v", timeout, err)
				}
			}
			p.Release()
		}
	})
}

// A long line is expected to take no longer than its oldest shows, whatever the pace of a moment says.
func TestALongLineIsExpectedByItsAge(t *testing.T) {
	standing := pace{spent: 100 * time.Second, grants: 10, last: time.Second}
	for length, want := range map[int]time.Duration{
		63: 64 * 10 * time.Second,
		64: 2 * 65 * 10 * ms,
	} {
		p := New(Config{Workers: 1, QueueDepth: 1000})
		at := line{flows: map[key]*flow{}, length: length, pace: standing}
		at.oldest = &waiter{since: 360 * ms}
		client := &flow{length: length}
		p.queue.lines[0] = at
		if got := p.expected(0, spot{line: &p.queue.lines[0], client: client}, time.Second); got != want {
			t.Errorf("%d in line: a wait of %s is expected, want %s", length, got, want)
		}
	}
	p := New(Config{Workers: 1, QueueDepth: 1000}) // all of them patient
	p.queue.lines[0] = line{length: 2 * longLine, pace: standing}
	client := &flow{length: 2 * longLine}
	if got, want := p.expected(0, spot{line: &p.queue.lines[0], client: client}, time.Second), (2*longLine+1)*10*time.Second; got != want {
		t.Errorf("without an oldest a wait of %s is expected, want %s", got, want)
	}
}

// Whoever waits already has no second client's turns ahead.
func TestHowManyComeBeforeARequest(t *testing.T) {
	claims := func(n int, route, client string) (all []key) {
		for range n {
			all = append(all, key{route: route, client: client})
		}
		return all
	}
	for name, c := range map[string]struct {
		waiting []key
		next    key
		want    int
	}{
		"an empty line":                        {nil, key{route: "a"}, 1},
		"behind those of its client":           {claims(3, "a", "x"), key{route: "a", client: "x"}, 4},
		"beside another client":                {claims(9, "a", "x"), key{route: "a", client: "y"}, 2},
		"beside another route":                 {claims(9, "b", "x"), key{route: "a", client: "x"}, 2},
		"its second, beside another route":     {append(claims(9, "b", "x"), claims(1, "a", "x")...), key{route: "a", client: "x"}, 4},
		"another client, beside another route": {append(claims(9, "b", "x"), claims(1, "a", "x")...), key{route: "a", client: "y"}, 3},
	} {
		p := New(Config{Workers: 1, QueueDepth: 100})
		l := &p.queue.lines[0]
		l.flows = map[key]*flow{}
		for _, k := range c.waiting {
			p.queue.push(&waiter{}, l.spot(k))
		}
		if got := l.spot(c.next).before(); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// Who leaves a circle without having the turn takes it from nobody.
func TestATurnStaysWithWhoHasIt(t *testing.T) {
	var c circle
	flows := [3]flow{}
	for i := range flows {
		c.add(&flows[i])
	}
	if c.remove(&flows[1]); c.turn != &flows[0] || c.length != 2 {
		t.Error("the turn went on")
	}
	if c.remove(&flows[0]); c.turn != &flows[2] {
		t.Error("the turn did not go on")
	}
	if c.remove(&flows[2]); c.turn != nil || c.length != 0 {
		t.Error("nobody has the turn in an empty circle")
	}
}

// Two looks in the same moment say no more than one; a window is looked at when it is full, and begins anew after the longest.
func TestTheWindowsOfASizer(t *testing.T) {
	idle := func(at ...time.Duration) *sizer {
		s := &sizer{limit: 32, start: 32, min: 1, max: 1000, available: 1}
		r := reading{processors: 4}
		s.begin(0, r)
		for _, now := range at {
			r.cpu = now * 3
			s.look(now, r, traffic{busy: 32, waited: true, patience: 60 * ms})
		}
		return s
	}
	if s := idle(10*ms, 10*ms, 10*ms); s.samples != 1 || s.limit != 32 {
		t.Errorf("%d samples after looks in one moment, %g workers", s.samples, s.limit)
	}
	if s := idle(5*ms, 10*ms, 19*ms); s.limit != 32 {
		t.Errorf("%g workers before a window is full", s.limit)
	}
	if s := idle(5*ms, 10*ms, window); s.limit != 40 {
		t.Errorf("%g workers after a window", s.limit)
	}
	s := &sizer{limit: 32, start: 32, min: 1, max: 1000, available: 1}
	r := reading{processors: 4}
	s.begin(0, r)
	for now := 10 * ms; now <= longWindow; now += 10 * ms {
		r.cpu, r.runnable = 4*now, 1
		s.look(now, r, traffic{busy: 32, waited: true, patience: 60 * ms})
	}
	if s.span != 0 || s.limit != 32 {
		t.Errorf("a window of %s is not over, %g workers", s.span, s.limit)
	}
}

func TestWhoAsksWhetherAPoolIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{Workers: 2, QueueDepth: 1})
		states := func(what string, free, queued bool) {
			t.Helper()
			if p.Free() != free || p.Queued() != queued {
				t.Errorf("%s: free %t, queued %t", what, p.Free(), p.Queued())
			}
		}
		states("at the start", true, false)
		for range 2 {
			if err := p.Acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		states("with all workers busy", false, false)
		last := arrive(t.Context(), p, 1)
		states("with somebody in line", false, true)
		p.Release()
		if err := <-last; err != nil {
			t.Fatal(err)
		}
		p.Release()
		states("with one busy", true, false)
		if err := p.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.Release()
		ended := make(chan error, 1)
		go func() { ended <- p.Close(t.Context()) }()
		synctest.Wait()
		states("while it closes", false, false)
		select {
		case err := <-ended:
			t.Fatalf("it closed while one was busy: %v", err)
		default:
		}
		p.Release()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// A worker that became free before the lock was taken is found, and the clocks of pool and line start with the first who waits.
func TestWhoComesToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{Workers: 1, QueueDepth: 10})
		enqueue := func() *waiter {
			w := &waiter{ctx: context.Background(), ready: make(chan error, 1)}
			p.mu.Lock()
			defer p.mu.Unlock()
			if err := p.enqueue(w, Claim{}); err != nil {
				t.Fatal(err)
			}
			return w
		}
		if w := enqueue(); len(w.ready) != 1 {
			t.Error("a free worker was not found")
		}
		time.Sleep(time.Second)
		enqueue()
		class := Claim{}.Priority.class()
		time.Sleep(time.Second)
		enqueue()
		if pool, line := p.pace.last, p.queue.lines[class].pace.last; pool != time.Second || line != time.Second {
			t.Errorf("the pool's clock started at %s, the line's at %s", pool, line)
		}
	})
}

func TestMiddlewareAsksWhoseARequestIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{Workers: 1})
		var asked []string
		handler := Middleware(p, WithClaim(func(r *http.Request) Claim {
			asked = append(asked, r.URL.Path)
			return Claim{}
		}))(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		ask := func(path string) int {
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody))
			return answer.Code
		}
		if code := ask("/free"); code != http.StatusOK || len(asked) != 0 {
			t.Errorf("status %d, asked of %v", code, asked)
		}
		if err := p.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		if code := ask("/busy"); code != http.StatusServiceUnavailable || len(asked) != 1 || asked[0] != "/busy" {
			t.Errorf("status %d, asked of %v", code, asked)
		}
		p.Release()
	})
}
