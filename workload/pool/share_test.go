// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package pool

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// neighbors count what they are told.
type neighbors struct {
	waits []time.Duration
	freed int
}

func (n *neighbors) Waits(expected time.Duration, _ Priority) { n.waits = append(n.waits, expected) }
func (n *neighbors) Freed()                                   { n.freed++ }

var errMoved = errors.New("moved")

func TestThoseWhoWaitAndMayMoveAreMovedInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := &neighbors{}
		p := New(Config{Workers: 1, QueueDepth: 10})
		p.Share(told)
		if err := p.AcquireFor(t.Context(), Claim{Movable: true}); err != nil || len(told.waits) != 0 {
			t.Fatal(err, told.waits)
		}
		results := make(chan string, 4)
		wait := func(name string, claim Claim) {
			go func() { results <- name + ": " + textOf(p.AcquireFor(t.Context(), claim)) }()
			synctest.Wait()
		}
		wait("stays", Claim{})
		wait("sheddable", Claim{Movable: true, Priority: Sheddable})
		wait("normal", Claim{Movable: true})
		time.Sleep(time.Second)
		if waiting, priority, oldest := p.Movable(); len(told.waits) != 2 || waiting != 2 || priority != Normal || oldest != time.Second {
			t.Errorf("told of %v, %d may move, the first %s, the oldest has waited for %s", told.waits, waiting, priority, oldest)
		}
		for _, want := range []string{"normal: moved", "sheddable: moved"} {
			if !p.Move(errMoved) {
				t.Fatal("nobody moved")
			}
			if got := <-results; got != want {
				t.Errorf("%s, want %s", got, want)
			}
			if waiting, priority, _ := p.Movable(); waiting == 1 && priority != Sheddable {
				t.Errorf("the next one that may move is %s", priority)
			}
		}
		if waiting, _, _ := p.Movable(); p.Move(errMoved) || waiting != 0 {
			t.Error("somebody moved who may not")
		}
		p.Release()
		if got := <-results; got != "stays: <nil>" {
			t.Error(got)
		}
		p.Release()
		if stats := p.Stats(); stats.Busy != 0 || stats.Queued != 0 {
			t.Errorf("%+v", stats)
		}
	})
}

func textOf(err error) string {
	if err == nil {
		return "<nil>"
	}
	return err.Error()
}

// How long ago the last one was handed a worker says nothing about who comes first now.
func TestWhoComesFirstAfterAPauseIsExpectedToWaitAsLongAsOthersDid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := &neighbors{}
		p := New(Config{Workers: 1, QueueDepth: 10})
		p.Share(told)
		for range 40 {
			if !p.TryAcquire() {
				t.Fatal("busy")
			}
			done := make(chan error)
			go func() { done <- p.AcquireFor(t.Context(), Claim{Movable: true}) }()
			synctest.Wait()
			time.Sleep(10 * time.Millisecond)
			p.Release()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			p.Release()
			time.Sleep(time.Minute)
		}
		if last := told.waits[len(told.waits)-1]; last != 10*time.Millisecond {
			t.Errorf("expected to wait for %s", last)
		}
	})
}

func TestNobodyMovesWhoseContextEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(Config{Workers: 1, QueueDepth: 10})
		p.Share(&neighbors{})
		if !p.TryAcquire() {
			t.Fatal("busy")
		}
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- p.AcquireFor(ctx, Claim{Movable: true}) }()
		synctest.Wait()
		cancel()
		if p.Move(errMoved) {
			if err := <-result; !errors.Is(err, errMoved) { // it went before it was told
				t.Error(err)
			}
			return
		}
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestNeighborsAreToldOfFreeWorkersWhileTheyWantOne(t *testing.T) {
	told := &neighbors{}
	p := New(Config{Workers: 1, QueueDepth: 10})
	p.Share(told)
	round := func() {
		if !p.TryAcquire() {
			t.Fatal("busy")
		}
		p.Release()
	}
	round()
	p.Want(true)
	round()
	round()
	p.Want(false)
	round()
	if told.freed != 2 {
		t.Errorf("told %d times", told.freed)
	}
}

func TestAFreedWorkerIsForThoseWhoWaitHereFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := &neighbors{}
		p := New(Config{Workers: 1, QueueDepth: 10})
		p.Share(told)
		p.Want(true)
		if !p.TryAcquire() {
			t.Fatal("busy")
		}
		go func() { _ = p.Acquire(t.Context()) }()
		synctest.Wait()
		p.Release()
		synctest.Wait()
		if told.freed != 0 {
			t.Error("a neighbor was told of a worker that somebody here was waiting for")
		}
		p.Release()
		if told.freed != 1 {
			t.Errorf("told %d times", told.freed)
		}
	})
}
