// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goservice.dev/operator/workload/problem"
	"goservice.dev/operator/workload/service"
)

// Clients that send nothing, as many streams of one connection can, keep no worker from others.
func TestAHandlerThatWaitsForItsClientLendsItsWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := offline(oneWorker())
		svc.HandleFunc("POST /echo", echo)
		svc.HandleFunc("GET /other", hello)
		client := post(svc, "/echo", -1)
		_, _ = io.WriteString(client.send, "some")
		time.Sleep(time.Second)
		if got := statuses(svc, 3, "GET", "/other"); got != "[200 200 200]" {
			t.Errorf("other clients: %s", got)
		}
		_, _ = io.WriteString(client.send, "thing")
		_ = client.send.Close()
		if <-client.done; client.Code != http.StatusOK || client.Body.String() != "something" {
			t.Errorf("the slow client: %d %s", client.Code, client.Body)
		}
		if busy := svc.Pool().Stats().Busy; busy != 0 {
			t.Errorf("%d workers are still held", busy)
		}
	})
}

// What has come is worked on by a worker only, however long one has to be waited for.
func TestALentWorkerIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := offline(oneWorker())
		atWork := 0
		svc.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
			content, err := io.ReadAll(r.Body)
			if busy := svc.Pool().Stats().Busy; busy != 1 || err != nil {
				t.Errorf("%d workers busy, %v", busy, err)
			}
			atWork++
			_, _ = w.Write(content)
		})
		client := post(svc, "/echo", -1)
		time.Sleep(time.Second)
		if err := svc.Pool().Acquire(t.Context()); err != nil {
			t.Fatalf("the worker was not lent: %v", err)
		}
		_, _ = io.WriteString(client.send, "something")
		_ = client.send.Close()
		time.Sleep(time.Second)
		if atWork != 0 {
			t.Error("the handler went on without a worker")
		}
		svc.Pool().Release()
		if <-client.done; client.Code != http.StatusOK || client.Body.String() != "something" {
			t.Errorf("%d %s", client.Code, client.Body)
		}
	})
}

// That a worker cannot be had back is the service's failure, not a bad body.
func TestALentWorkerThatDoesNotComeBackIsTheServicesFailure(t *testing.T) {
	for name, c := range map[string]struct {
		end        func(*service.Service)
		status     int
		retryAfter string
	}{
		"before the deadline":    {func(*service.Service) { time.Sleep(time.Minute) }, http.StatusGatewayTimeout, ""},
		"from a pool that stops": {func(svc *service.Service) { _ = svc.Pool().Close(ended()) }, http.StatusServiceUnavailable, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				svc := offline(oneWorker())
				svc.HandleFunc("POST /x", func(w http.ResponseWriter, r *http.Request) {
					if _, err := io.ReadAll(r.Body); err != nil {
						problem.Body(w, err)
					}
				})
				client := post(svc, "/x", -1)
				time.Sleep(time.Second)
				if err := svc.Pool().Acquire(t.Context()); err != nil {
					t.Fatalf("the worker was not lent: %v", err)
				}
				_, _ = io.WriteString(client.send, "something")
				_ = client.send.Close()
				synctest.Wait()
				c.end(svc)
				<-client.done
				if got := client.Header().Get("Retry-After"); client.Code != c.status || got != c.retryAfter {
					t.Errorf("%d %s, Retry-After %q, want %d and %q", client.Code, client.Body, got, c.status, c.retryAfter)
				}
				svc.Pool().Release()
			})
		})
	}
}

func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// A stream needs no worker, also where one is being waited for when it begins.
func TestAStreamThatBeginsWhileItsWorkerIsLentWaitsForNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := offline(oneWorker())
		svc.HandleFunc("POST /x", func(w http.ResponseWriter, r *http.Request) {
			var reading sync.WaitGroup
			var content []byte
			reading.Go(func() { content, _ = io.ReadAll(r.Body) })
			time.Sleep(2 * time.Second)
			service.Stream(r)
			reading.Wait()
			_, _ = w.Write(content)
		})
		client := post(svc, "/x", -1)
		time.Sleep(time.Second)
		if err := svc.Pool().Acquire(t.Context()); err != nil {
			t.Fatalf("the worker was not lent: %v", err)
		}
		began := time.Now()
		_, _ = io.WriteString(client.send, "something")
		_ = client.send.Close()
		select {
		case <-client.done:
		case <-time.After(5 * time.Second):
			t.Fatal("it waits for a worker")
		}
		if took := time.Since(began); took != time.Second || client.Body.String() != "something" {
			t.Errorf("%d %s after %s", client.Code, client.Body, took)
		}
		svc.Pool().Release()
		if busy := svc.Pool().Stats().Busy; busy != 0 {
			t.Errorf("%d workers are still held", busy)
		}
	})
}

// The time in which others had the worker is not service time, of streams neither.
func TestTheTimeThatAWorkerWasLentIsNotServiceTime(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"a request": echo,
		"a stream": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			service.Stream(r)
		},
		"a stream that begins meanwhile": func(_ http.ResponseWriter, r *http.Request) {
			var reading sync.WaitGroup
			reading.Go(func() { _, _ = io.ReadAll(r.Body) })
			time.Sleep(time.Second / 2)
			service.Stream(r)
			reading.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				svc := offline(oneWorker())
				svc.HandleFunc("POST /x", handler)
				client := post(svc, "/x", -1)
				time.Sleep(time.Second)
				_ = client.send.Close()
				<-client.done
				recorder := httptest.NewRecorder()
				svc.AdminHandler().ServeHTTP(recorder, httptest.NewRequest("GET", "/metrics", http.NoBody))
				if want := "\ngoservice_service_seconds_sum 0.01\n"; !strings.Contains(recorder.Body.String(), want) {
					_, got, _ := strings.Cut(recorder.Body.String(), "\ngoservice_service_seconds_sum")
					t.Errorf("service time%.20s, want the 10 ms until the worker was lent", got)
				}
			})
		})
	}
}
