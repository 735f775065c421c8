// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"goservice.dev/operator/workload/service"
)

// journal notes what happens in which order.
type journal struct {
	mu      sync.Mutex
	entries []string
}

func (j *journal) note(entry string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, entry)
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.entries)
}

// hook notes its call.
func (j *journal) hook(entry string) func(context.Context) error {
	return func(context.Context) error {
		j.note(entry)
		return nil
	}
}

func TestHooksRunInTheirOrder(t *testing.T) {
	var seen journal
	r := start(t, nil, func(svc *service.Service) {
		helloRoute(svc)
		for _, name := range []string{"a", "b"} {
			svc.OnStart(name, seen.hook("start "+name))
			svc.OnDrain(name, seen.hook("drain "+name))
			svc.OnStop(name, seen.hook("stop "+name))
		}
	})
	r.until(r.url("/hello"), http.StatusOK, "")
	r.client.CloseIdleConnections()
	if err := r.finish(); err != nil {
		t.Error(err)
	}
	want := []string{"start a", "start b", "drain a", "drain b", "stop b", "stop a"}
	if got := seen.all(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAServiceThatStartsIsAliveAndNotReady(t *testing.T) {
	release := make(chan struct{})
	r := start(t, nil, func(svc *service.Service) {
		helloRoute(svc)
		svc.OnStart("migration", func(context.Context) error { <-release; return nil })
	})
	for path, want := range map[string]int{"/livez": 200, "/startupz": 503, "/readyz": 503} {
		if status, body, _ := r.get(r.admin(path)); status != want {
			t.Errorf("%s while starting: %d %s, want %d", path, status, body, want)
		}
	}
	close(release)
	r.until(r.admin("/readyz"), http.StatusOK, "ok")
}

func TestAHookThatFailsKeepsTheServiceFromServing(t *testing.T) {
	for name, fail := range map[string]func(context.Context) error{
		"an error": func(context.Context) error { return errors.New("no schema") },
		"a panic":  func(context.Context) error { panic("no schema") },
	} {
		t.Run(name, func(t *testing.T) {
			var seen journal
			r := start(t, nil, func(svc *service.Service) {
				helloRoute(svc)
				svc.OnStop("connection", seen.hook("closed"))
				svc.OnStart("migration", fail)
				svc.OnStart("next", seen.hook("next"))
				svc.Go("consumer", func(context.Context) error { seen.note("consumed"); return nil })
			})
			err := <-r.ended
			r.ended <- err
			if err == nil || !strings.Contains(err.Error(), "starting migration: ") || !strings.Contains(err.Error(), "no schema") {
				t.Errorf("%v, want why it did not start", err)
			}
			if got := seen.all(); !slices.Equal(got, []string{"closed"}) {
				t.Errorf("%q, want that only the connection was closed", got)
			}
		})
	}
}

func TestAServiceThatIsToldToStopWhileItStartsStops(t *testing.T) {
	var seen journal
	begun := make(chan struct{})
	r := start(t, nil, func(svc *service.Service) {
		svc.OnStart("slow", func(ctx context.Context) error {
			close(begun)
			<-ctx.Done()
			seen.note("slow ended")
			return ctx.Err()
		})
		svc.OnStop("connection", seen.hook("closed"))
	})
	<-begun
	if err := r.finish(); err != nil {
		t.Errorf("%v, want none: it lost nothing", err)
	}
	if got := seen.all(); !slices.Equal(got, []string{"slow ended", "closed"}) {
		t.Errorf("%q", got)
	}
}

func TestWhatSetUpOpenedIsClosedHoweverTheServiceEnds(t *testing.T) {
	var seen journal
	svc := service.New(service.WithLog(io.Discard), service.WithEnvironment(map[string]string{"GOSERVICE_DRAIN_TIMEOUT": "-1s"}))
	svc.OnStop("connection", func(ctx context.Context) error {
		seen.note("closed")
		return errors.Join(ctx.Err(), errors.New("half closed"))
	})
	err := svc.Serve(t.Context())
	if got := seen.all(); !slices.Equal(got, []string{"closed"}) {
		t.Errorf("%q", got)
	}
	if service.ExitCode(err) != 2 || !strings.Contains(err.Error(), "stopping connection: half closed") {
		t.Errorf("%v with exit code %d, want both errors and 2", err, service.ExitCode(err))
	}
}

func TestAHookThatHangsDoesNotKeepTheOthersFromRunning(t *testing.T) {
	var seen journal
	hang := make(chan struct{})
	defer close(hang)
	r := start(t, map[string]string{"GOSERVICE_DRAIN_TIMEOUT": "200ms"}, func(svc *service.Service) {
		helloRoute(svc)
		svc.OnStop("first", seen.hook("first"))
		svc.OnStop("hanging", func(context.Context) error { <-hang; return nil })
	})
	r.until(r.admin("/readyz"), http.StatusOK, "ok")
	if err := r.finish(); err == nil || !strings.Contains(err.Error(), "stopping hanging: left behind") {
		t.Errorf("%v, want who hung", err)
	}
	if got := seen.all(); !slices.Equal(got, []string{"first"}) {
		t.Errorf("%q, want the hook behind the one that hung", got)
	}
}

func TestBackgroundWorkTakesPartInTheDrain(t *testing.T) {
	var seen journal
	begun, release := make(chan struct{}), make(chan struct{})
	r := start(t, nil, func(svc *service.Service) {
		svc.HandleFunc("GET /slow", func(http.ResponseWriter, *http.Request) {
			close(begun)
			<-release
			seen.note("request ended")
		})
		svc.Go("consumer", func(ctx context.Context) error {
			<-ctx.Done()
			if service.WhileDraining(ctx).Err() != nil {
				t.Error("there is no time for the message at hand")
			}
			seen.note("consumer told")
			close(release)
			return ctx.Err()
		})
		svc.Go("relay", func(ctx context.Context) error {
			<-ctx.Done()
			seen.note("relay told")
			return nil
		}, service.StopLast())
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.get(r.url("/slow"))
	}()
	<-begun
	if err := r.finish(); err != nil {
		t.Error(err)
	}
	<-done
	if got, want := seen.all(), []string{"consumer told", "request ended", "relay told"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestBackgroundWorkThatFailsIsCountedAndLogged(t *testing.T) {
	r := start(t, nil, func(svc *service.Service) {
		helloRoute(svc)
		svc.Go("mailer", func(context.Context) error { panic("no mail") })
		svc.Go("sweeper", func(context.Context) error { return nil })
	})
	r.until(r.admin("/metrics"), http.StatusOK, `goservice_background_failures_total{name="mailer"} 1`)
	if line := r.log.String(); !strings.Contains(line, "panic: no mail") || !strings.Contains(line, "lifecycle_test.go") {
		t.Errorf("log without the panic and its stack: %s", line)
	}
	if status, _, _ := r.get(r.url("/hello")); status != http.StatusOK {
		t.Errorf("the service ended with its work: %d", status)
	}
	r.client.CloseIdleConnections()
	if err := r.finish(); err != nil {
		t.Errorf("%v, want none", err)
	}
}

func TestEssentialWorkEndsTheServiceWhenItFails(t *testing.T) {
	lost := errors.New("partition lost")
	r := start(t, nil, func(svc *service.Service) {
		helloRoute(svc)
		svc.Go("consumer", func(context.Context) error { return lost }, service.Essential())
	})
	err := <-r.ended
	r.ended <- err
	if !errors.Is(err, lost) || service.ExitCode(err) != 1 {
		t.Errorf("%v, want what failed", err)
	}
}

func TestEssentialWorkThatFailsInTheDrainIsReported(t *testing.T) {
	lost := errors.New("the last events are lost")
	r := start(t, nil, func(svc *service.Service) {
		helloRoute(svc)
		svc.Go("relay", func(ctx context.Context) error { <-ctx.Done(); return lost }, service.Essential(), service.StopLast())
	})
	r.until(r.admin("/readyz"), http.StatusOK, "ok")
	if err := r.finish(); !errors.Is(err, lost) {
		t.Errorf("%v, want what failed", err)
	}
}

func TestDependenciesAreNotCheckedOnceTheDrainBegins(t *testing.T) {
	var closed, late atomic.Bool
	r := start(t, nil, func(svc *service.Service) {
		helloRoute(svc)
		svc.ReadyWhen("database", func(context.Context) error {
			late.Store(late.Load() || closed.Load())
			return nil
		}, service.CheckEvery(time.Millisecond))
		svc.OnStop("database", func(context.Context) error {
			closed.Store(true)
			<-time.After(50 * time.Millisecond)
			return nil
		})
	})
	r.until(r.admin("/readyz"), http.StatusOK, "ok")
	if err := r.finish(); err != nil {
		t.Error(err)
	}
	if late.Load() {
		t.Error("a dependency was checked that was closed")
	}
}

func TestBackgroundWorkThatDoesNotEndIsCut(t *testing.T) {
	r := start(t, map[string]string{"GOSERVICE_DRAIN_TIMEOUT": "200ms"}, func(svc *service.Service) {
		helloRoute(svc)
		svc.Go("stubborn", func(ctx context.Context) error {
			<-service.WhileDraining(ctx).Done()
			return nil
		})
	})
	r.until(r.admin("/readyz"), http.StatusOK, "ok")
	err := r.finish()
	if err == nil || !strings.Contains(err.Error(), "background") || !strings.Contains(err.Error(), "stubborn") {
		t.Errorf("%v, want that the work was cut", err)
	}
}

func TestWorkThatIsGivenDuringTheDrainFindsItsContextEnded(t *testing.T) {
	late := make(chan error, 1)
	r := start(t, nil, func(svc *service.Service) {
		svc.OnDrain("late", func(context.Context) error {
			svc.Go("late", func(ctx context.Context) error { late <- ctx.Err(); return nil })
			return nil
		})
	})
	r.until(r.admin("/readyz"), http.StatusOK, "ok")
	if err := r.finish(); err != nil {
		t.Error(err)
	}
	if err := <-late; !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want an ended context", err)
	}
}

func TestWhileDrainingKeepsTheValuesOfItsContext(t *testing.T) {
	type key struct{}
	request := context.WithValue(t.Context(), key{}, "v")
	if service.WhileDraining(request) != request {
		t.Error("a context that knows of no drain was replaced")
	}
	checked := make(chan struct{})
	r := start(t, nil, func(svc *service.Service) {
		svc.Go("consumer", func(ctx context.Context) error {
			defer close(checked)
			inner, cancel := context.WithTimeout(context.WithValue(ctx, key{}, "v"), time.Nanosecond)
			defer cancel()
			<-inner.Done()
			if lasting := service.WhileDraining(inner); lasting.Value(key{}) != "v" || lasting.Err() != nil {
				t.Errorf("value %v, error %v", lasting.Value(key{}), lasting.Err())
			}
			return nil
		})
	})
	<-checked
	if err := r.finish(); err != nil {
		t.Error(err)
	}
}
