// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPrioritiesHaveNames(t *testing.T) {
	for _, priority := range []Priority{Sheddable, Normal, Critical} {
		if parsed, err := ParsePriority(priority.String()); parsed != priority || err != nil {
			t.Errorf("%s is read as %s, error %v", priority, parsed, err)
		}
	}
	if parsed, err := ParsePriority(""); parsed != Normal || err != nil {
		t.Errorf("nothing is read as %s, error %v", parsed, err)
	}
	if _, err := ParsePriority("urgent"); err == nil || !strings.Contains(err.Error(), `"urgent": must be critical, normal or sheddable`) {
		t.Errorf("error %v", err)
	}
	if Priority(100).String() != "critical" || Priority(-100).String() != "sheddable" {
		t.Error("a priority out of range is not the nearest one")
	}
}

// crowd is callers that wait for the one worker of a pool, and the order in which they got it.
type crowd struct {
	p      *Pool
	mu     sync.Mutex // several may be turned away at once
	served []string
	failed map[string]error
}

func newCrowd(t *testing.T, config Config) *crowd {
	t.Helper()
	c := &crowd{p: New(config), failed: map[string]error{}}
	for range config.Workers {
		if err := c.p.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c *crowd) come(t *testing.T, name string, claim Claim) {
	go func() {
		err := c.p.AcquireFor(t.Context(), claim)
		c.mu.Lock()
		defer c.mu.Unlock()
		if err != nil {
			c.failed[name] = err
		} else {
			c.served = append(c.served, name)
		}
	}()
	synctest.Wait()
}

func (c *crowd) release(n int) {
	for range n {
		c.p.Release()
		synctest.Wait()
	}
}

func TestMoreImportantCallersAreServedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, Config{Workers: 1, QueueDepth: 9})
		for i := range 3 {
			c.come(t, fmt.Sprint("sheddable ", i), Claim{Priority: Sheddable})
			c.come(t, fmt.Sprint("normal ", i), Claim{})
			c.come(t, fmt.Sprint("critical ", i), Claim{Priority: Critical})
		}
		consistent(t, c.p)
		c.release(9)
		want := []string{"critical 0", "critical 1", "critical 2", "normal 0", "normal 1", "normal 2", "sheddable 0", "sheddable 1", "sheddable 2"}
		if diff := cmp.Diff(want, c.served); diff != "" {
			t.Error(diff)
		}
		consistent(t, c.p)
		c.release(1)
	})
}

func TestLessImportantCallersDoNotStarve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, Config{Workers: 1, QueueDepth: 1000})
		for range 200 {
			c.come(t, "sheddable", Claim{Priority: Sheddable})
			c.come(t, "normal", Claim{})
			c.come(t, "critical", Claim{Priority: Critical})
		}
		c.release(128)
		got := map[string]int{}
		for _, name := range c.served {
			got[name]++
		}
		if diff := cmp.Diff(map[string]int{"critical": 118, "normal": 8, "sheddable": 2}, got); diff != "" {
			t.Errorf("of 128 hand-overs:\n%s", diff)
		}
		c.release(600 - 128 + 1)
	})
}

func TestTheLeastImportantCallerMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, Config{Workers: 1, QueueDepth: 3})
		c.come(t, "normal", Claim{})
		c.come(t, "sheddable 0", Claim{Priority: Sheddable})
		c.come(t, "sheddable 1", Claim{Priority: Sheddable})
		c.come(t, "sheddable 2", Claim{Priority: Sheddable}) // finds the queue full
		c.come(t, "critical 0", Claim{Priority: Critical})   // takes the place of the last sheddable one
		c.come(t, "critical 1", Claim{Priority: Critical})
		c.come(t, "critical 2", Claim{Priority: Critical}) // takes that of the normal one
		c.come(t, "critical 3", Claim{Priority: Critical}) // finds only critical ones
		var refused []string
		for name, err := range c.failed {
			refused = append(refused, name)
			if !errors.Is(err, ErrQueueFull) {
				t.Errorf("%s: error %v", name, err)
			}
		}
		slices.Sort(refused)
		if diff := cmp.Diff([]string{"critical 3", "normal", "sheddable 0", "sheddable 1", "sheddable 2"}, refused); diff != "" {
			t.Error(diff)
		}
		if full := c.p.Stats().Rejected.QueueFull; full != 5 {
			t.Errorf("%d are counted", full)
		}
		consistent(t, c.p)
		c.release(4)
	})
}

func TestClientsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, Config{Workers: 1, QueueDepth: 100})
		for range 20 {
			c.come(t, "greedy", Claim{Client: "greedy"})
		}
		for range 2 {
			c.come(t, "modest", Claim{Client: "modest"})
			c.come(t, "nobody", Claim{})
		}
		consistent(t, c.p)
		c.release(6)
		if diff := cmp.Diff([]string{"greedy", "modest", "nobody", "greedy", "modest", "nobody"}, c.served); diff != "" {
			t.Error(diff)
		}
		c.release(19)
		consistent(t, c.p)
	})
}

// A client that fills the queue gives places up for others, until it has no more than they.
func TestAClientCannotKeepAllPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, Config{Workers: 1, QueueDepth: 10})
		for range 12 {
			c.come(t, "greedy", Claim{Client: "greedy"})
		}
		for i := range 8 {
			c.come(t, fmt.Sprint("other ", i), Claim{Client: fmt.Sprint(i)})
		}
		for range 5 {
			c.come(t, "again", Claim{Client: "0"})
		}
		line := &c.p.queue.lines[Normal.class()]
		if greedy := line.flows[key{client: "greedy"}].places(); greedy != 2 || len(line.flows) != 9+1 || c.p.queue.length != 10 {
			t.Errorf("the greedy client has %d places of %d, beside %d others", greedy, c.p.queue.length, len(line.flows)-2)
		}
		consistent(t, c.p)
		c.release(11)
	})
}

// One that comes for the first time is not turned away for the long line of another.
func TestTheLineOfAnotherClientIsNotExpected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, Config{Workers: 1, QueueDepth: 100, QueueTimeout: 100 * ms})
		for range 40 {
			c.come(t, "warm up", Claim{})
			time.Sleep(10 * ms)
			c.release(1)
		}
		for range 20 {
			c.come(t, "greedy", Claim{Client: "greedy"})
		}
		c.come(t, "modest", Claim{Client: "modest"})
		if shed := c.failed["greedy"]; !errors.Is(shed, ErrWouldMissDeadline) {
			t.Errorf("the greedy client: %v", shed)
		}
		if err := c.failed["modest"]; err != nil {
			t.Errorf("the modest client: %v", err)
		}
		for c.p.Stats().Busy > 0 {
			c.release(1)
		}
	})
}

// Keys of clients are kept only while they wait.
func TestTheMemoryForClientsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, Config{Workers: 1, QueueDepth: 1000})
		for i := range 1000 {
			c.come(t, "", Claim{Client: fmt.Sprint(i)})
		}
		c.release(1001)
		for class := range c.p.queue.lines {
			if n := len(c.p.queue.lines[class].flows); n != 0 {
				t.Errorf("%d clients are still known", n)
			}
		}
		if c.p.queue.spares > maxSpareFlows {
			t.Errorf("%d places are kept", c.p.queue.spares)
		}
	})
}

func TestAClaimDoesNotAllocate(t *testing.T) {
	p := New(Config{Workers: 1, MaxWorkers: 8})
	ctx := context.Background()
	if n := testing.AllocsPerRun(100, func() {
		if p.AcquireFor(ctx, Claim{Priority: Critical, Client: "192.0.2.1"}) == nil {
			p.Release()
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Jobs that the queue turns away leave nothing with their context, which may live as long as the process.
func TestJobsThatAreTurnedAwayAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, refuse := range map[string]func(p *Pool){
			"by their timeout": func(*Pool) { time.Sleep(time.Second) },
			"by Close":         func(p *Pool) { _ = p.Close(ended()) },
			"by others":        func(p *Pool) { go func() { _ = p.AcquireFor(t.Context(), Claim{Priority: Critical}) }() },
		} {
			p := New(Config{Workers: 1, QueueDepth: 1, QueueTimeout: time.Second})
			if err := p.Acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			job, err := p.Submit(ctx, func(context.Context) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			stop := job.stop
			refuse(p)
			synctest.Wait()
			if job.Err() == nil {
				t.Errorf("%s: the job was not turned away", name)
			}
			if stop() {
				t.Errorf("%s: the context still keeps the job", name)
			}
			cancel()
			p.Release()
			synctest.Wait()
		}
	})
}

func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
