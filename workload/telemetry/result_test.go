// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package telemetry_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"

	"strings"
	"sync"
	"testing"
	"time"

	"goservice.dev/operator/workload/telemetry"
)

// locked is a log that a test may read while others write.
type locked struct {
	mu sync.Mutex
	bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Buffer.Write(p)
}

// exchangeOf serves one request by a real server, sent by hand, and returns what the metrics and the log say of it.
func exchangeOf(t *testing.T, request string, stay bool, handler http.HandlerFunc) (series, log string) {
	t.Helper()
	var lines locked
	tel := newTelemetry(t, telemetry.Config{Log: &lines})
	if err := tel.Level().Set("info"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	measured := tel.Middleware(handler)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		measured.ServeHTTP(w, r)
	}))
	s.Start()
	defer s.Close()
	connection, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(connection, request); err != nil {
		t.Fatal(err)
	}
	if stay {
		defer connection.Close()
	} else {
		_ = connection.(*net.TCPConn).SetLinger(0)
		_ = connection.Close()
	}
	<-ended
	lines.mu.Lock()
	defer lines.mu.Unlock()
	return labels(family(t, tel, "http_server_request_duration_seconds").GetMetric()[0]), lines.String()
}

func readAll(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		w.WriteHeader(http.StatusBadGateway) // as a proxy does, which cannot tell who broke off
	}
}

// Whoever breaks off is accounted to whoever did it.
func TestBrokenExchangesCountForWhoBrokeThem(t *testing.T) {
	const get, post = "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\n"
	cases := map[string]struct {
		request string
		stay    bool
		handler http.HandlerFunc
		status  int
		log     string
	}{
		"the handler aborts before it answers": {get, true, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			500, `"error_type":"aborted"`},
		"the handler aborts in the middle": {get, true, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, 1<<16))
			panic(http.ErrAbortHandler)
		}, 500, `"level":"warn"`},
		"the handler panics in the middle": {get, true, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, 1<<16))
			panic("boom")
		}, 500, `"error_type":"aborted"`},
		"less than declared": {get, true, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "four")
		}, 500, `"error_type":"truncated"`},
		"all is well": {get, true, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "4")
			_, _ = io.WriteString(w, "four")
		}, 200, ""},
		"the client leaves in the middle": {get, false, func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			panic(http.ErrAbortHandler)
		}, 499, ""},
		"the client leaves a long response": {get, false, func(w http.ResponseWriter, _ *http.Request) {
			for err := error(nil); err == nil; {
				_, err = w.Write(make([]byte, 1<<20))
			}
		}, 499, ""},
		"a malformed chunk": {post + "Transfer-Encoding: chunked\r\n\r\nZZ\r\n", true, readAll, 400, ""},
		"half a body":       {post + "Content-Length: 10\r\n\r\nfour", false, readAll, 499, ""},
		"a slow body": {post + "Content-Length: 100000\r\n\r\nfour", true, func(w http.ResponseWriter, r *http.Request) {
			_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0))
			readAll(w, r)
		}, 408, ""},
		"a body that the handler understands as bad": {post + "Transfer-Encoding: chunked\r\n\r\nZZ\r\n", true, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusUnprocessableEntity)
		}, 422, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			series, log := exchangeOf(t, c.request, c.stay, c.handler)
			if want := fmt.Sprintf("http_response_status_code=%d", c.status); !strings.Contains(series, want) {
				t.Errorf("counted as %s, want %s", series, want)
			}
			if c.log == "" && log != "" || !strings.Contains(log, c.log) {
				t.Errorf("log: %s, want %q", log, c.log)
			}
		})
	}
}

type hostile struct{}

func (hostile) Error() string                { panic("in Error") }
func (hostile) MarshalJSON() ([]byte, error) { panic("in MarshalJSON") }

func TestAPanicKeepsItsMessage(t *testing.T) {
	for want, value := range map[string]any{
		`"panic":"db broken: EOF"`: fmt.Errorf("db broken: %w", io.EOF),
		`"panic":"plain"`:          errors.New("plain"),
		`"panic":"{1 two}"`: struct {
			A int
			B string
		}{1, "two"},
		`PANIC=`:     hostile{},
		`xxx…","tra`: strings.Repeat("x", 1<<20),
	} {
		var log bytes.Buffer
		tel := newTelemetry(t, telemetry.Config{Log: &log})
		tel.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(value) })).
			ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		if !strings.Contains(log.String(), want) || log.Len() > 32<<10 {
			t.Errorf("%d bytes of log without %s: %.300s", log.Len(), want, log.String())
		}
		if tel.InFlight() != 0 {
			t.Errorf("%d requests in flight after a panic of %T", tel.InFlight(), value)
		}
	}
}

func TestAStreamThatFailsCountsOnceMore(t *testing.T) {
	tel := newTelemetry(t, telemetry.Config{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /export", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		w.(http.Flusher).Flush()
		if tel.InFlight() != 0 {
			t.Error("the stream is a request in flight")
		}
		if r.URL.RawQuery != "" {
			panic("boom")
		}
	})
	handler := tel.Middleware(mux)
	for _, path := range []string{"/export", "/export?fail"} {
		func() {
			defer func() { _ = recover() }() // the server's, which closes the connection
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
		}()
	}
	if tel.InFlight() != 0 {
		t.Errorf("%d requests in flight", tel.InFlight())
	}
	got := map[string]uint64{}
	for _, name := range []string{"http_server_request_duration_seconds", "goservice_stream_seconds"} {
		for _, m := range family(t, tel, name).GetMetric() {
			got[labels(m)] = m.GetHistogram().GetSampleCount()
		}
	}
	want := map[string]uint64{
		"http_request_method=GET http_response_status_code=200 http_route=/export": 2,
		"http_request_method=GET http_response_status_code=500 http_route=/export": 1,
		"end=completed http_route=/export":                                         1,
		"end=aborted http_route=/export":                                           1,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	if open := family(t, tel, "goservice_streams_active").GetMetric()[0].GetGauge().GetValue(); open != 0 {
		t.Errorf("%g streams are open", open)
	}
}
