// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/problem"
	"goservice.dev/operator/workload/runtimeinfo"
	"goservice.dev/operator/workload/service"
)

// slowly is a request whose body comes as the test sends it, and its response.
type slowly struct {
	*httptest.ResponseRecorder
	body *io.PipeReader
	send *io.PipeWriter
	done chan struct{}
}

// SetReadDeadline is the connection's, as far as this test needs one: a deadline in the past ends a read.
func (s *slowly) SetReadDeadline(at time.Time) error {
	if !at.IsZero() && at.Before(time.Now()) {
		return s.send.CloseWithError(os.ErrDeadlineExceeded)
	}
	return nil
}

func post(svc *service.Service, path string, length int64) *slowly {
	body, send := io.Pipe()
	s := &slowly{httptest.NewRecorder(), body, send, make(chan struct{})}
	request := httptest.NewRequest("POST", path, body)
	request.ContentLength = length
	go func() {
		defer close(s.done)
		defer func() { _ = body.Close() }() // ends what is still being sent
		svc.Handler().ServeHTTP(s, request)
	}()
	return s
}

func echo(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(r.Body)
	if err != nil {
		problem.Body(w, err)
		return
	}
	_, _ = w.Write(content)
}

func oneWorker() livesettings.Document {
	return livesettings.Document{Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1}}
}

func TestAClientThatSendsASmallBodySlowlyHoldsNoWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := offline(oneWorker())
		svc.HandleFunc("POST /echo", echo)
		svc.HandleFunc("GET /other", hello)
		client := post(svc, "/echo", 10)
		_, _ = io.WriteString(client.send, "01234")
		synctest.Wait()
		if got := ask(svc, "GET", "/other").Code; got != http.StatusOK {
			t.Errorf("another client: %d", got)
		}
		_, _ = io.WriteString(client.send, "56789")
		<-client.done
		if client.Code != http.StatusOK || client.Body.String() != "0123456789" {
			t.Errorf("the slow client: %d %s", client.Code, client.Body)
		}
	})
}

func TestASmallBodyHasToComeInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := offline(oneWorker())
		svc.HandleFunc("POST /echo", echo)
		for sent, want := range map[string]int{"": http.StatusRequestTimeout, "012345678": http.StatusRequestTimeout, "0123456789": http.StatusOK} {
			began, client := time.Now(), post(svc, "/echo", 10)
			_, _ = io.WriteString(client.send, sent)
			<-client.done
			if took := time.Since(began); client.Code != want || took > 6*time.Second {
				t.Errorf("%d bytes of 10: %d after %s, want %d", len(sent), client.Code, took, want)
			}
		}
	})
}

// A small body comes at the pace of every other: who declares much and sends nothing is given no more time for it.
func TestASmallBodyHasThePaceOfEveryOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := offline(oneWorker())
		svc.HandleFunc("POST /echo", echo)
		began, client := time.Now(), post(svc, "/echo", 60<<10)
		if <-client.done; client.Code != http.StatusRequestTimeout || time.Since(began) != 5*time.Second {
			t.Errorf("nothing of a body: %d after %s", client.Code, time.Since(began))
		}
		began, client = time.Now(), post(svc, "/echo", 60<<10)
		for range 6 {
			_, _ = io.WriteString(client.send, strings.Repeat("x", 10<<10))
			time.Sleep(2 * time.Second)
		}
		if <-client.done; client.Code != http.StatusOK || time.Since(began) != 12*time.Second {
			t.Errorf("at 5 KiB per second: %d after %s", client.Code, time.Since(began))
		}
	})
}

// A client that is too slow for the deadline of its route has not left.
func TestASmallBodyThatMissesTheDeadlineCameTooSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := offline(oneWorker())
		svc.HandleFunc("POST /echo", echo, service.Timeout(time.Second))
		client := post(svc, "/echo", 10)
		if <-client.done; client.Code != http.StatusRequestTimeout {
			t.Errorf("%d %s", client.Code, client.Body)
		}
	})
}

func TestABodyThatEndsEarlyNeverReachesTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		svc := offline(oneWorker())
		svc.HandleFunc("POST /echo", func(http.ResponseWriter, *http.Request) { t.Error("the handler runs") })
		client := post(svc, "/echo", 10)
		_, _ = io.WriteString(client.send, "01234")
		_ = client.send.Close()
		<-client.done
		if client.Code != http.StatusBadRequest {
			t.Errorf("%d %s", client.Code, client.Body)
		}
	})
}

// What many clients send and nobody has served yet is bounded in bytes: by what has come, not by what is declared.
func TestTheMemoryForBodiesThatWaitIsBounded(t *testing.T) {
	before := runtimeinfo.Current()
	defer before.Apply()
	synctest.Test(t, func(t *testing.T) {
		document := oneWorker()
		document.Runtime = &livesettings.Runtime{MemoryLimitBytes: 32 << 20} // an eighth: 64 bodies
		svc := offline(document)
		svc.HandleFunc("POST /echo", echo)
		var clients []*slowly
		for range 1000 {
			clients = append(clients, post(svc, "/echo", service.SmallBodyBytes))
		}
		refused := func() (n int) {
			synctest.Wait()
			for _, client := range clients {
				select {
				case <-client.done:
					n++
					if client.Code != http.StatusServiceUnavailable || client.Header().Get("Retry-After") == "" || !strings.Contains(client.Body.String(), `"reason":"queue_full"`) {
						t.Fatalf("%d %s", client.Code, client.Body)
					}
				default:
				}
			}
			return n
		}
		if n := refused(); n > 0 {
			t.Errorf("%d are refused that have sent nothing", n)
		}
		for _, client := range clients[:100] {
			_, _ = client.send.Write(make([]byte, service.SmallBodyBytes-1))
		}
		if n := refused(); n < 100-64 || n > 99 {
			t.Errorf("%d of 100 are refused, although no more than 64 fit", n)
		}
		for _, client := range clients {
			_ = client.send.Close()
			<-client.done
		}
		whole := post(svc, "/echo", service.SmallBodyBytes) // everything has been given back
		_, _ = whole.send.Write(make([]byte, service.SmallBodyBytes))
		if <-whole.done; whole.Code != http.StatusOK || whole.Body.Len() != service.SmallBodyBytes {
			t.Errorf("afterwards: %d with %d bytes", whole.Code, whole.Body.Len())
		}
	})
}

func TestABodyBeyondTheRoutesBoundIsRefused(t *testing.T) {
	svc := offline(oneWorker())
	var mu sync.Mutex
	served := 0
	svc.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		served++
		mu.Unlock()
		echo(w, r)
	}, service.MaxBody(10))
	for name, c := range map[string]struct {
		bytes    int
		declared bool
		status   int
		served   int
	}{
		"at the bound":         {10, true, 200, 1},
		"beyond it, declared":  {11, true, 413, 0},
		"at the bound, chunks": {10, false, 200, 1},
		"beyond it, chunks":    {11, false, 413, 1},
	} {
		t.Run(name, func(t *testing.T) {
			served = 0
			request := httptest.NewRequest("POST", "/echo", bytes.NewReader(make([]byte, c.bytes)))
			if !c.declared {
				request.ContentLength = -1
			}
			recorder := httptest.NewRecorder()
			svc.Handler().ServeHTTP(recorder, request)
			if recorder.Code != c.status || served != c.served {
				t.Errorf("%d %s, the handler ran %d times", recorder.Code, recorder.Body, served)
			}
		})
	}
}

// A body that was read early behaves as the server's: it ends, it can be copied, and it cannot be read after it was closed.
func TestABodyThatWasReadEarlyIsABody(t *testing.T) {
	svc := offline(oneWorker())
	svc.HandleFunc("POST /x", func(w http.ResponseWriter, r *http.Request) {
		first := make([]byte, 4)
		if n, err := io.ReadFull(r.Body, first); n != 4 || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
		if n, err := io.Copy(w, r.Body); n != 6 || err != nil {
			t.Errorf("%d bytes copied, %v", n, err)
		}
		if n, err := r.Body.Read(first); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("at the end: %d bytes, %v", n, err)
		}
		_ = r.Body.Close()
		if _, err := r.Body.Read(first); !errors.Is(err, http.ErrBodyReadAfterClose) {
			t.Errorf("after the end: %v", err)
		}
		if _, err := io.Copy(w, r.Body); !errors.Is(err, http.ErrBodyReadAfterClose) {
			t.Errorf("copied after the end: %v", err)
		}
	})
	recorder := httptest.NewRecorder()
	svc.Handler().ServeHTTP(recorder, httptest.NewRequest("POST", "/x", strings.NewReader("0123456789")))
	if recorder.Body.String() != "456789" {
		t.Errorf("%s", recorder.Body)
	}
}

// A transport may still send a request whose response has come, and whose handler closes the body.
func TestABodyThatWasReadEarlyMayBeClosedWhileItIsRead(t *testing.T) {
	svc := offline(oneWorker())
	svc.HandleFunc("POST /x", func(_ http.ResponseWriter, r *http.Request) {
		var reading sync.WaitGroup
		defer reading.Wait()
		reading.Go(func() {
			one := make([]byte, 1)
			for err := error(nil); err == nil; {
				_, err = r.Body.Read(one)
			}
			_, _ = io.Copy(io.Discard, r.Body)
		})
		_ = r.Body.Close()
	})
	recorder := httptest.NewRecorder()
	svc.Handler().ServeHTTP(recorder, httptest.NewRequest("POST", "/x", strings.NewReader("0123456789")))
	if recorder.Code != http.StatusOK {
		t.Errorf("answered with %d", recorder.Code)
	}
}

// Whoever reads a body after its request has been served does not take the rest for its end.
func TestABodyEndsWithItsRequest(t *testing.T) {
	svc := offline(oneWorker())
	var body io.Reader
	svc.HandleFunc("POST /early", func(_ http.ResponseWriter, r *http.Request) {
		body = r.Body
		_, _ = io.ReadFull(r.Body, make([]byte, 3))
	})
	svc.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/early", strings.NewReader("three and more")))
	if rest, err := io.ReadAll(body); len(rest) > 0 || !errors.Is(err, http.ErrBodyReadAfterClose) {
		t.Errorf("%q, error %v", rest, err)
	}
}

// The memory for bodies is for those that wait: a handler that has read its body, and goes on for long, keeps none of it.
func TestABodyThatWasReadTakesNoRoom(t *testing.T) {
	before := runtimeinfo.Current()
	defer before.Apply()
	read := map[string]func(http.ResponseWriter, *http.Request) error{
		"all of it": func(_ http.ResponseWriter, r *http.Request) error { _, err := io.ReadAll(r.Body); return err },
		"without looking for its end": func(_ http.ResponseWriter, r *http.Request) error {
			_, err := io.ReadFull(r.Body, make([]byte, r.ContentLength))
			return err
		},
		"copied": func(_ http.ResponseWriter, r *http.Request) error { _, err := io.Copy(io.Discard, r.Body); return err },
		"closed": func(_ http.ResponseWriter, r *http.Request) error { return r.Body.Close() },
	}
	for name, reads := range read {
		synctest.Test(t, func(t *testing.T) {
			document := livesettings.Document{Pool: &livesettings.Pool{Workers: 1000, QueueDepth: 1000}}
			document.Runtime = &livesettings.Runtime{MemoryLimitBytes: 32 << 20} // an eighth: 64 bodies
			svc := offline(document)
			open := make(chan struct{})
			svc.HandleFunc("POST /stream", func(w http.ResponseWriter, r *http.Request) {
				if err := reads(w, r); err != nil {
					t.Error(err)
				}
				<-open
			})
			var clients []*slowly
			for range 200 {
				client := post(svc, "/stream", service.SmallBodyBytes)
				_, _ = client.send.Write(make([]byte, service.SmallBodyBytes))
				synctest.Wait()
				clients = append(clients, client)
			}
			close(open)
			for i, client := range clients {
				if <-client.done; client.Code != http.StatusOK {
					t.Fatalf("%s: client %d: %d %s", name, i, client.Code, client.Body)
				}
			}
		})
	}
}
