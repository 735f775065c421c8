// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// watched is a service whose dependencies are watched as those of one that serves.
func watched(t *testing.T, register func(*Service)) *Service {
	t.Helper()
	s := New(WithLog(io.Discard), WithEnvironment(map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": ""}))
	register(s)
	if s.err != nil {
		t.Fatal(s.err)
	}
	s.state.Store(stateReady)
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	for _, d := range s.dependencies {
		go d.watch(ctx)
	}
	return s
}

func TestReadinessAsksDependenciesInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		var down atomic.Bool
		first := make(chan struct{})
		s := watched(t, func(s *Service) {
			s.ReadyWhen("database", func(context.Context) error {
				<-first
				calls.Add(1)
				if down.Load() {
					return errors.New("no\nconnection")
				}
				return nil
			})
		})
		if ready, text := s.readiness(); ready || !strings.Contains(text, "not checked yet") {
			t.Errorf("before the first check: %t %q", ready, text)
		}
		close(first)
		synctest.Wait()
		time.Sleep(3 * time.Second)
		for range 1000 {
			if ready, text := s.readiness(); !ready || text != "ok\ndatabase: ok for 3s\n" {
				t.Fatalf("%t %q", ready, text)
			}
		}
		if got := calls.Load(); got != 1 {
			t.Errorf("%d checks for 1,000 scrapes, want 1", got)
		}
		down.Store(true)
		time.Sleep(3 * time.Second)
		if ready, text := s.readiness(); ready || text != "not ready\ndatabase: failing for 1s: no connection\n" {
			t.Errorf("%t %q", ready, text)
		}
		down.Store(false)
		time.Sleep(1500 * time.Millisecond) // a failed one is asked each second
		if ready, text := s.readiness(); !ready {
			t.Errorf("a dependency that is back: %q", text)
		}
	})
}

func TestACheckThatHangsFailsAndIsNotCalledTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int64
		release := make(chan struct{})
		s := watched(t, func(s *Service) {
			s.ReadyWhen("hanging", func(context.Context) error {
				most.Store(max(most.Load(), running.Add(1)))
				defer running.Add(-1)
				<-release
				return nil
			}, CheckTimeout(100*time.Millisecond), CheckEvery(time.Second))
		})
		time.Sleep(time.Minute)
		if ready, text := s.readiness(); ready || !strings.Contains(text, "no answer in time (100ms)") {
			t.Errorf("%t %q", ready, text)
		}
		if most.Load() != 1 {
			t.Errorf("%d checks at once", most.Load())
		}
		close(release)
		time.Sleep(2 * time.Second)
		if ready, text := s.readiness(); !ready {
			t.Errorf("when it answers again: %q", text)
		}
	})
}

func TestAnOptionalDependencyChangesTheAnswerAndNotTheReadiness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := watched(t, func(s *Service) {
			s.ReadyWhen("cache", func(context.Context) error { panic("no cache") }, Optional())
		})
		synctest.Wait()
		if ready, text := s.readiness(); !ready || text != "ok\ncache (optional): failing for 0s: panic: no cache\n" {
			t.Errorf("%t %q", ready, text)
		}
	})
}

func TestTwoDependenciesOfOneNameAreRefused(t *testing.T) {
	s := New(WithLog(io.Discard), WithEnvironment(map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": ""}))
	ok := func(context.Context) error { return nil }
	s.ReadyWhen("database", ok)
	s.ReadyWhen("database", ok)
	if err := s.Serve(t.Context()); err == nil || !strings.Contains(err.Error(), `"database" is the name of two dependencies`) {
		t.Errorf("%v", err)
	}
}

// The kubelet needs a while to see that a pod is not ready, and a check that fails once, as under load, is no reason to take nothing meanwhile.
func TestOnlyAFailureThatLastsKeepsAPodFromTaking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		down.Store(true)
		s := watched(t, func(s *Service) {
			s.ReadyWhen("database", func(context.Context) error {
				if down.Load() {
					return errors.New("no connection")
				}
				return nil
			}, CheckEvery(time.Second))
			s.ReadyWhen("cache", func(context.Context) error { return errors.New("no cache") }, Optional())
		})
		database := s.dependencies[0]
		synctest.Wait()
		if !database.lastingly() {
			t.Error("what was never well")
		}
		for _, step := range []struct {
			down  bool
			pass  time.Duration
			lasts bool
		}{
			{false, 1500 * time.Millisecond, false}, {true, 3 * time.Second, false}, {false, time.Second, false},
			{true, 5 * time.Second, false}, {true, 2 * time.Second, true}, {false, time.Second, false},
		} {
			down.Store(step.down)
			time.Sleep(step.pass)
			if got := database.lastingly(); got != step.lasts {
				t.Errorf("lasts: %t after %s with the database down: %t", got, step.pass, step.down)
			}
		}
	})
}
