// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"goservice.dev/operator/workload/panics"
)

// hookGrace is how long a hook may take to return once its context has ended.
const hookGrace = 20 * time.Millisecond

// hook is code that runs once at a stage of the service's life.
type hook struct {
	name string
	run  func(context.Context) error
}

// lifecycle holds the hooks and what went wrong with them.
type lifecycle struct {
	mu                 sync.Mutex
	start, drain, stop []hook
	errs               []error
}

// OnStart adds work that must be done before the first request, such as a migration or filling a cache. The hooks run one
// after the other in the order of their registration, while the admin port is served already and /startupz fails. A hook's
// context ends when the service is told to stop. The first error or panic ends the service, which then never serves.
// It must be called before Serve.
func (s *Service) OnStart(name string, run func(ctx context.Context) error) {
	s.lifecycle.add(&s.lifecycle.start, name, run)
}

// OnDrain adds work for the moment at which the service is told to stop, such as leaving a registry. The hooks run one after
// the other in the order of their registration, while requests are still served. A hook's context ends with the part of the
// drain's budget that is meant for work (GOSERVICE_DRAIN_TIMEOUT less what the last steps keep). Errors and panics are logged
// and returned by Serve; the drain goes on. The hooks of a service that failed to start are not called.
func (s *Service) OnDrain(name string, run func(ctx context.Context) error) {
	s.lifecycle.add(&s.lifecycle.drain, name, run)
}

// OnStop adds a cleanup, such as closing a database. The hooks run one after the other in the reverse order of their
// registration, as deferred calls do, when all requests, jobs and background work have ended, and before the last traces are
// sent. They run whenever Serve returns, also if the service failed to start. A hook has what is left of the drain's budget,
// but at least a tenth of it or a second, whichever is shorter; all of them share it. Errors and panics are logged and
// returned by Serve. It may be called until the hooks run, from an OnStart hook as well.
func (s *Service) OnStop(name string, run func(ctx context.Context) error) {
	s.lifecycle.add(&s.lifecycle.stop, name, run)
}

func (l *lifecycle) add(to *[]hook, name string, run func(context.Context) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*to = append(*to, hook{name, run})
}

// take empties a list of hooks, so that none runs twice.
func (l *lifecycle) take(from *[]hook) []hook {
	l.mu.Lock()
	defer l.mu.Unlock()
	hooks := *from
	*from = nil
	return hooks
}

func (l *lifecycle) failed(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, err)
}

// err of all hooks that ran at the end.
func (l *lifecycle) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.errs...)
}

// starting runs the OnStart hooks. left is a hook that still ran when ctx ended; nil if there is none.
func (s *Service) starting(ctx context.Context) (left <-chan error, err error) {
	for _, h := range s.lifecycle.take(&s.lifecycle.start) {
		result := h.begin(ctx)
		select {
		case err := <-result:
			if err != nil && ctx.Err() == nil { // else it was told to stop, which is no failure of its own
				return nil, fmt.Errorf("starting %s: %w", h.name, err)
			}
		case <-ctx.Done():
			return result, nil
		}
		if ctx.Err() != nil {
			return nil, nil
		}
	}
	return nil, nil
}

// draining runs the OnDrain hooks.
func (s *Service) draining(ctx context.Context) error {
	for _, h := range s.lifecycle.take(&s.lifecycle.drain) {
		s.runHook(ctx, "draining", h)
	}
	return nil
}

// stopping runs the OnStop hooks, the last one first.
func (s *Service) stopping(ctx context.Context) (cut int, err error) {
	for {
		hooks := s.lifecycle.take(&s.lifecycle.stop)
		if len(hooks) == 0 {
			return 0, nil
		}
		for _, h := range slices.Backward(hooks) {
			s.runHook(ctx, "stopping", h)
		}
	}
}

// runHook leaves a hook behind that does not heed its context, so that the others have their turn.
func (s *Service) runHook(ctx context.Context, stage string, h hook) {
	result := h.begin(ctx)
	var err error
	select {
	case err = <-result:
	case <-ctx.Done():
		grace := time.NewTimer(hookGrace)
		defer grace.Stop()
		select {
		case err = <-result:
		case <-grace.C:
			err = fmt.Errorf("left behind: %w", ctx.Err())
		}
	}
	if err != nil {
		err = fmt.Errorf("%s %s: %w", stage, h.name, err)
		s.logger.Error("a hook failed", "error", err)
		s.lifecycle.failed(err)
	}
}

// begin runs the hook in a goroutine of its own; its error, panic or sudden end is sent when it is over.
func (h hook) begin(ctx context.Context) <-chan error {
	result := make(chan error, 1)
	go contain(func() error { return h.run(ctx) }, func(err error) { result <- err })
	return result
}

// contain calls done with what run returned, or with an error in place of its panic or runtime.Goexit.
func contain(run func() error, done func(error)) {
	err := panics.ErrGoexit
	defer func() {
		if value := recover(); value != nil {
			err = panics.Recovered(value)
		}
		done(err)
	}()
	err = run()
}
