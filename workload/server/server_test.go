// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package server_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"goservice.dev/operator/workload/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start serves the handler on a free port until the test ends.
func start(t *testing.T, config server.Config) *server.Server {
	t.Helper()
	config.Address = "127.0.0.1:0"
	s := server.New(config)
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, _ = s.Shutdown(ctx)
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return s
}

// client speaks the given protocols only.
func client(t *testing.T, set func(*http.Protocols), transport *http.Transport) *http.Client {
	t.Helper()
	transport.Protocols = new(http.Protocols)
	set(transport.Protocols)
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func http1(p *http.Protocols)      { p.SetHTTP1(true) }
func cleartext2(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }
func tls2(p *http.Protocols)       { p.SetHTTP2(true) }

// reply is a response that has been read.
type reply struct {
	status      int
	closes      bool
	certificate string
	body        string
}

func get(t *testing.T, c *http.Client, url string) reply {
	t.Helper()
	response, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := reply{status: response.StatusCode, closes: response.Close, body: string(body)}
	if response.TLS != nil {
		got.certificate = response.TLS.PeerCertificates[0].Subject.CommonName
	}
	return got
}

var protocol = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) })

func TestCleartextServesBothVersions(t *testing.T) {
	url := "http://" + start(t, server.Config{Handler: protocol}).Address().String()
	if got := get(t, client(t, http1, &http.Transport{}), url); got.body != "HTTP/1.1" {
		t.Errorf("spoke %s", got.body)
	}
	if got := get(t, client(t, cleartext2, &http.Transport{}), url); got.body != "HTTP/2.0" {
		t.Errorf("spoke %s", got.body)
	}
}

func TestLeaveTellsClientsToGo(t *testing.T) {
	for name, protocols := range map[string]func(*http.Protocols){"HTTP/1.1": http1, "HTTP/2": cleartext2} {
		t.Run(name, func(t *testing.T) {
			s := start(t, server.Config{Handler: protocol})
			url := "http://" + s.Address().String()
			c := client(t, protocols, &http.Transport{})
			get(t, c, url)
			if s.Connections() != 1 {
				t.Fatalf("%d connections, want 1 that is kept", s.Connections())
			}
			left := make(chan struct{})
			go func() {
				s.Leave(context.Background(), 0, time.Hour)
				close(left)
			}()
			probe := client(t, http1, &http.Transport{})
			for leaving := false; !leaving; {
				leaving = get(t, probe, url).closes
			}
			// The next response sends its connection away. Leave would not return within the hour if the connection stayed.
			if got := get(t, c, url); got.status != http.StatusOK {
				t.Errorf("status %d while leaving", got.status)
			}
			<-left
		})
	}
}

func TestLeaveHeedsItsBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := server.New(server.Config{Handler: protocol})
		begin := time.Now()
		s.Leave(context.Background(), time.Second, 2*time.Second) // no connection is open
		if took := time.Since(begin); took < time.Second || took >= 2*time.Second {
			t.Errorf("left after %s, want soon after the delay of 1s", took)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		begin = time.Now()
		s.Leave(ctx, time.Minute, time.Minute)
		if took := time.Since(begin); took != time.Second {
			t.Errorf("left after %s, want the context's 1s", took)
		}
	})
}

func TestShutdownWaitsForRequests(t *testing.T) {
	for name, protocols := range map[string]func(*http.Protocols){"HTTP/1.1": http1, "HTTP/2": cleartext2} {
		t.Run(name, func(t *testing.T) {
			begun, release := make(chan struct{}), make(chan struct{})
			s := start(t, server.Config{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				close(begun)
				<-release
				_, _ = io.WriteString(w, "whole")
			})})
			c := client(t, protocols, &http.Transport{})
			answered := make(chan string, 1)
			go func() {
				response, err := c.Get("http://" + s.Address().String())
				if err != nil {
					answered <- err.Error()
					return
				}
				defer response.Body.Close()
				body, _ := io.ReadAll(response.Body)
				answered <- string(body)
			}()
			<-begun
			stopped := make(chan error, 1)
			go func() {
				cut, err := s.Shutdown(context.Background())
				stopped <- errors.Join(err, map[bool]error{true: errors.New("requests were cut")}[cut != 0])
			}()
			select {
			case err := <-stopped:
				t.Fatalf("stopped before the request was answered: %v", err)
			case <-refused(t, s.Address().String()):
			}
			close(release)
			if got := <-answered; got != "whole" {
				t.Errorf("answered %q", got)
			}
			if err := <-stopped; err != nil {
				t.Error(err)
			}
		})
	}
}

// refused is closed when the address takes no connections any more.
func refused(t *testing.T, address string) <-chan struct{} {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			connection, err := net.Dial("tcp", address)
			if err != nil {
				return
			}
			_ = connection.Close()
		}
	}()
	return done
}

func TestShutdownCutsAtTheEndOfItsTime(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	s := start(t, server.Config{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(begun)
		<-release
	})})
	c := client(t, http1, &http.Transport{})
	failed := make(chan error, 1)
	go func() {
		response, err := c.Get("http://" + s.Address().String())
		if err == nil {
			_ = response.Body.Close()
		}
		failed <- err
	}()
	<-begun
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	cut, err := s.Shutdown(ctx)
	if cut != 1 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d cut with %v, want 1 and the context's error", cut, err)
	}
	if err := <-failed; err == nil {
		t.Error("the request was answered although it was cut")
	}
}

func TestSilentConnectionsDoNotHoldUpShutdown(t *testing.T) {
	s := start(t, server.Config{Handler: protocol})
	connection, err := net.Dial("tcp", s.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 2*server.ReadHeaderTimeout)
	defer cancel()
	if cut, err := s.Shutdown(ctx); cut != 0 || err != nil {
		t.Errorf("%d cut, %v", cut, err)
	}
}

func TestHeadersAreBounded(t *testing.T) {
	s := start(t, server.Config{Handler: protocol})
	connection, err := net.Dial("tcp", s.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	go func() {
		line := make([]byte, 1<<10)
		for i := range line {
			line[i] = 'x'
		}
		_, _ = io.WriteString(connection, "GET / HTTP/1.1\r\nHost: x\r\nX: ")
		for range 1 << 10 {
			if _, err := connection.Write(line); err != nil {
				return
			}
		}
	}()
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d, want 431", response.StatusCode)
	}
}

func TestListenFailsOnATakenPort(t *testing.T) {
	s := start(t, server.Config{Handler: protocol})
	second := server.New(server.Config{Address: s.Address().String(), Handler: protocol})
	if second.Address() != nil {
		t.Error("an address before Listen")
	}
	if err := second.Listen(t.Context()); err == nil {
		second.Abandon()
		t.Error("two servers listen on one port")
	}
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var left time.Duration
		var outcome error
		handler := server.Deadline(time.Second, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			deadline, _ := r.Context().Deadline()
			left = time.Until(deadline)
			<-r.Context().Done()
			outcome = r.Context().Err()
		}))
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		if left != time.Second || !errors.Is(outcome, context.DeadlineExceeded) {
			t.Errorf("%s left, ended with %v", left, outcome)
		}
	})
	if server.Deadline(0, protocol) == nil {
		t.Error("no handler without a deadline")
	}
}
