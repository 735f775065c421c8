// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package podhttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// page gets one of at most 1 MiB.
func page(t *testing.T, g *Getter, address, path string) (string, error) {
	t.Helper()
	var text string
	err := g.Get(t.Context(), "http", address, path, 1<<20, func(at time.Time, body io.Reader) error {
		if at.IsZero() || at.After(time.Now()) {
			t.Errorf("the head arrived at %s", at)
		}
		content, err := io.ReadAll(body)
		text = string(content)
		return err
	})
	return text, err
}

// serve counts connections.
func serve(t *testing.T, handler http.HandlerFunc) (address string, made *atomic.Int64, server *httptest.Server) {
	t.Helper()
	made = &atomic.Int64{}
	server = httptest.NewUnstartedServer(handler)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			made.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), made, server
}

func newGetter(t *testing.T) *Getter {
	t.Helper()
	g := NewGetter(Options{Timeout: 20 * time.Second, IdlePerHost: 1, IdleTimeout: time.Minute})
	t.Cleanup(g.Close)
	return g
}

func TestGetterReads(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		want    string
		trouble string
	}{
		"a short page": {func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.Method, " ", r.URL.Path, " ", r.Header.Get("Accept"))
		}, "GET /metrics text/plain;version=0.0.4", ""},
		"a page in pieces": {func(w http.ResponseWriter, _ *http.Request) {
			for range 3 {
				fmt.Fprint(w, strings.Repeat("x", 10000))
				w.(http.Flusher).Flush()
			}
		}, strings.Repeat("x", 30000), ""},
		"a page that ends with the connection": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				fmt.Fprint(conn, "HTTP/1.0 200 OK\r\n\r\nabc")
				conn.Close()
			}
		}, "abc", ""},
		"no page":       {http.NotFound, "", "GET /metrics: HTTP status 404"},
		"another place": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, "", "HTTP status 302"},
		"too many headers": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Much", strings.Repeat("x", 2*maxHeaderBytes))
		}, "", errTooLarge.Error()},
		"too long a page": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 1<<20+1)) }, strings.Repeat("x", 1<<20), errTooLarge.Error()},
		"no HTTP": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				fmt.Fprint(conn, "hello\r\n\r\n")
				conn.Close()
			}
		}, "", "malformed HTTP"},
	} {
		t.Run(name, func(t *testing.T) {
			address, _, _ := serve(t, c.handler)
			got, err := page(t, newGetter(t), address, "/metrics")
			if c.trouble == "" && (err != nil || got != c.want) || c.trouble != "" && (err == nil || !strings.Contains(err.Error(), c.trouble)) {
				t.Errorf("%.60q, error %v; want %.60q, %q", got, err, c.want, c.trouble)
			}
			if len(got) > 1<<20+1 {
				t.Errorf("%d bytes were read", len(got))
			}
		})
	}
}

// However many pods there are, the connection to each is still there when it is its turn again.
func TestConnectionsStayOpen(t *testing.T) {
	address, made, server := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "page") })
	g := newGetter(t)
	g.dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	const pods = 400 // few enough for every limit of open files
	ask := func() {
		for pod := range pods {
			if _, err := page(t, g, fmt.Sprintf("pod-%d:9100", pod), "/"); err != nil {
				t.Fatal(err)
			}
		}
	}
	ask()
	ask()
	if n := made.Load(); n != pods {
		t.Errorf("%d connections for %d pods", n, pods)
	}
	server.CloseClientConnections()
	ask() // who closed the connection meanwhile is asked on a new one
	if n := made.Load(); n != 2*pods {
		t.Errorf("%d connections after all were closed once", n)
	}
	g.options.IdleTimeout = time.Nanosecond
	if _, err := page(t, g, "pod-0:9100", "/"); err != nil {
		t.Fatal(err)
	}
	if n := len(g.idle); n > 1 {
		t.Errorf("%d connections are kept that nobody used for long", n)
	}
}

func TestGetterGivesUp(t *testing.T) {
	ended := make(chan struct{})
	address, _, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			w.(http.Flusher).Flush()
		}
		<-ended
	})
	defer close(ended)
	g := newGetter(t)
	for _, path := range []string{"/head", "/body"} {
		g.options.Timeout = 30 * time.Millisecond
		if _, err := page(t, g, address, path); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: error %v", path, err)
		}
		g.options.Timeout = time.Hour
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(30*time.Millisecond, cancel)
		if err := g.Get(ctx, "http", address, path, 10, func(_ time.Time, body io.Reader) error {
			_, err := io.ReadAll(body)
			return err
		}); err == nil {
			t.Errorf("%s: no error after the end", path)
		}
	}
	if len(g.idle) != 0 {
		t.Error("a connection with an answer on its way is kept")
	}
}

func TestNobodyListens(t *testing.T) {
	address, _, server := serve(t, http.NotFound)
	server.Close()
	if _, err := page(t, newGetter(t), address, "/"); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("error %v", err)
	}
}
