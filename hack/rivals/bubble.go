// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package rivals

import (
	"testing"
	"testing/synctest"
	"time"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

// Kubernetes' handlers of errors limit their rate by a clock that all of a process share, which bubbles cannot.
func init() { utilruntime.ErrorHandlers = nil }

// bubble is code that asks the runtime for the time, and gets a simulated one (testing/synctest). Time stands still in it but for
// advance: its main goroutine waits for what comes from outside, which synctest takes for work.
type bubble struct {
	steps chan step
	done  chan struct{}
}

type step struct {
	wait time.Duration
	done chan<- struct{}
}

// frozen calls f at the first moment of a bubble, and waits until every goroutine that it has started has ended.
func frozen(f func()) {
	// Package testing takes a T as the parent of what it runs; any does outside of a test.
	synctest.Test(new(testing.T), func(*testing.T) { f() })
}

// newBubble calls start in a bubble of its own, and stop at its end; until all goroutines wait in between.
func newBubble(start, stop func()) *bubble {
	b := &bubble{steps: make(chan step), done: make(chan struct{})}
	started := make(chan struct{})
	go func() {
		defer close(b.done)
		frozen(func() {
			start()
			synctest.Wait()
			close(started)
			for s := range b.steps {
				time.Sleep(s.wait) //nolint:forbidigo // time passes in the bubble only
				synctest.Wait()
				close(s.done)
			}
			stop()
		})
	}()
	<-started
	return b
}

// advance lets time pass in the bubble, and waits until nothing is left to do at its new moment.
func (b *bubble) advance(by time.Duration) {
	done := make(chan struct{})
	b.steps <- step{by, done}
	<-done
}

// end stops what runs in the bubble.
func (b *bubble) end() {
	close(b.steps)
	<-b.done
}
