// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package abilities holds what a handler of net/http can do, as a list for tests: what handler and client see must not depend on what stands
// between the handler and net/http.
package abilities

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Ability is something that a handler of net/http can do.
type Ability struct {
	handler func(t *testing.T, w http.ResponseWriter, r *http.Request, say func(string, ...any))
	// client calls the server; nil sends a GET and returns all that comes back.
	client func(t *testing.T, c *http.Client, address string) string
	// only one protocol has it; empty for both.
	only string
	// Hijacks says that the connection is taken over.
	Hijacks bool
}

// result of a call as one text.
func whole(t *testing.T, response *http.Response, err error) string {
	t.Helper()
	if err != nil {
		return "no response"
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	header := response.Header.Clone()
	header.Del("Date")
	return fmt.Sprint(response.Status, header, len(body), string(body[:min(len(body), 100)]), response.Trailer, response.ContentLength, response.Close, err != nil)
}

// post sends a body whose end comes when the test says so.
func postTo(t *testing.T, c *http.Client, address string, body io.Reader) (*http.Response, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/", body)
	if err != nil {
		t.Fatal(err)
	}
	return c.Do(request)
}

// leave sends a request and goes away once its response has begun.
func leave(t *testing.T, c *http.Client, address string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = response.Body.Close()
	return response.Status
}

func upgrade(t *testing.T, _ *http.Client, address string) string {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_, _ = io.WriteString(connection, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echoed\r\n\r\nahead")
	_ = connection.(*net.TCPConn).CloseWrite()
	all, err := io.ReadAll(connection)
	return fmt.Sprintf("%q %v", all, err)
}

func echoed(connection net.Conn, buffer *bufio.ReadWriter, err error, say func(string, ...any)) {
	if err != nil {
		say("%v", err)
		return
	}
	defer connection.Close()
	_, _ = buffer.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echoed\r\n\r\n")
	_, _ = io.Copy(buffer, buffer)
	_ = buffer.Flush()
	half, ok := connection.(interface{ CloseWrite() error })
	say("half-closed: %t %v, deadline %v", ok, ok && half.CloseWrite() == nil, connection.SetDeadline(time.Time{}))
}

// All of them.
var All = map[string]Ability{
	"write": {handler: func(_ *testing.T, w http.ResponseWriter, _ *http.Request, _ func(string, ...any)) {
		_, _ = w.Write([]byte("<html>"))
	}},
	"write text": {handler: func(_ *testing.T, w http.ResponseWriter, _ *http.Request, say func(string, ...any)) {
		n, err := w.(io.StringWriter).WriteString(strings.Repeat("x", 1<<20))
		say("%d %v", n, err)
	}},
	"write much": {handler: func(_ *testing.T, w http.ResponseWriter, _ *http.Request, say func(string, ...any)) {
		n, err := w.Write(make([]byte, 1<<20))
		say("%d %v", n, err)
	}},
	"copy a file": {handler: func(t *testing.T, w http.ResponseWriter, _ *http.Request, say func(string, ...any)) {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
			t.Error(err)
		}
		file, err := os.Open(path)
		if err != nil {
			t.Error(err)
		}
		defer file.Close()
		w.Header().Set("Content-Length", "1048570")
		n, err := io.CopyN(w, file, 1<<20-6)
		say("%d %v", n, err)
	}},
	"copy": {handler: func(_ *testing.T, w http.ResponseWriter, _ *http.Request, say func(string, ...any)) {
		n, err := io.Copy(w, io.LimitReader(strings.NewReader(strings.Repeat("x", 1<<20)), 1<<19))
		say("%d %v", n, err)
	}},
	"serve content": {handler: func(_ *testing.T, w http.ResponseWriter, r *http.Request, _ func(string, ...any)) {
		http.ServeContent(w, r, "a.txt", time.Unix(1, 0), strings.NewReader("content"))
	}},
	"too much for the declared length": {handler: func(_ *testing.T, w http.ResponseWriter, _ *http.Request, say func(string, ...any)) {
		w.Header().Set("Content-Length", "2")
		_, err := io.WriteString(w, "four")
		say("%v", errors.Is(err, http.ErrContentLength))
	}},
	"no body allowed": {handler: func(_ *testing.T, w http.ResponseWriter, _ *http.Request, say func(string, ...any)) {
		w.WriteHeader(http.StatusNoContent)
		_, err := io.WriteString(w, "four")
		say("%v", errors.Is(err, http.ErrBodyNotAllowed))
	}},
	"flush": {handler: func(_ *testing.T, w http.ResponseWriter, _ *http.Request, say func(string, ...any)) {
		_, _ = io.WriteString(w, "first")
		w.(http.Flusher).Flush()
		say("%v", http.NewResponseController(w).Flush())
		_, ok := w.(interface{ FlushError() error })
		say("%t", ok)
	}},
	"flush to nobody": {handler: func(_ *testing.T, w http.ResponseWriter, r *http.Request, say func(string, ...any)) {
		control := http.NewResponseController(w)
		_ = control.Flush()
		<-r.Context().Done()
		var err error
		for err == nil { // the kernel takes a little even for a connection that is gone
			if _, err = io.WriteString(w, "x"); err == nil {
				err = control.Flush()
			}
		}
		say("%v", err != nil)
	}, client: leave},
	"the client leaves": {handler: func(_ *testing.T, w http.ResponseWriter, r *http.Request, say func(string, ...any)) {
		notify := w.(interface{ CloseNotify() <-chan bool }).CloseNotify()
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		<-notify
		say("%v", r.Context().Err())
	}, client: leave},
	"hijack": {only: "HTTP/1.1", Hijacks: true, client: upgrade, handler: func(_ *testing.T, w http.ResponseWriter, _ *http.Request, say func(string, ...any)) {
		connection, buffer, err := w.(http.Hijacker).Hijack()
		_, late := io.WriteString(w, "x")
		_, _, again := w.(http.Hijacker).Hijack()
		say("%v %v", errors.Is(late, http.ErrHijacked), errors.Is(again, http.ErrHijacked))
		echoed(connection, buffer, err, say)
	}},
	"hijack by a controller": {only: "HTTP/1.1", Hijacks: true, client: upgrade, handler: func(_ *testing.T, w http.ResponseWriter, _ *http.Request, say func(string, ...any)) {
		connection, buffer, err := http.NewResponseController(w).Hijack()
		echoed(connection, buffer, err, say)
	}},
	"hijack in vain": {only: "HTTP/2.0", handler: func(_ *testing.T, w http.ResponseWriter, _ *http.Request, say func(string, ...any)) {
		_, _, err := http.NewResponseController(w).Hijack()
		say("%v", errors.Is(err, http.ErrNotSupported))
	}},
	"push": {handler: func(_ *testing.T, w http.ResponseWriter, _ *http.Request, say func(string, ...any)) {
		err := http.ErrNotSupported
		if pusher, ok := w.(http.Pusher); ok {
			if pushed := pusher.Push("/x", nil); pushed != nil {
				err = http.ErrNotSupported // Go's client refuses it
			}
		}
		say("%v", err)
	}},
	"full duplex": {handler: func(_ *testing.T, w http.ResponseWriter, r *http.Request, say func(string, ...any)) {
		control := http.NewResponseController(w)
		say("%v", control.EnableFullDuplex())
		_, _ = io.WriteString(w, "begin ")
		say("%v", control.Flush())
		n, err := io.Copy(w, r.Body)
		say("%d %v", n, err)
	}, client: func(t *testing.T, c *http.Client, address string) string {
		body, send := io.Pipe()
		response, err := postTo(t, c, address, body)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(send, strings.Repeat("x", 1<<10)) // after the response has begun
		_ = send.Close()
		return whole(t, response, nil)
	}},
	"trailers": {handler: func(_ *testing.T, w http.ResponseWriter, r *http.Request, say func(string, ...any)) {
		w.Header().Set("Trailer", "Declared")
		n, err := io.Copy(io.Discard, r.Body)
		say("%d %v %v", n, err, r.Trailer)
		_, _ = io.WriteString(w, "body")
		w.Header().Set("Declared", "1")
		w.Header().Set(http.TrailerPrefix+"Undeclared", "2")
	}, client: func(t *testing.T, c *http.Client, address string) string {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/", io.NopCloser(strings.NewReader("body")))
		if err != nil {
			t.Fatal(err)
		}
		request.Trailer = http.Header{"Sum": {"42"}}
		response, err := c.Do(request)
		return whole(t, response, err)
	}},
	"trailers of a declared length": {only: "HTTP/2.0", handler: func(_ *testing.T, _ http.ResponseWriter, r *http.Request, say func(string, ...any)) {
		body, err := io.ReadAll(r.Body)
		say("%s %v %d %v", body, err, r.ContentLength, r.Trailer)
	}, client: func(t *testing.T, c *http.Client, address string) string {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/", io.NopCloser(strings.NewReader("body")))
		if err != nil {
			t.Fatal(err)
		}
		request.ContentLength, request.Trailer = 4, http.Header{"Sum": {"42"}}
		response, err := c.Do(request)
		return whole(t, response, err)
	}},
	"informational responses": {handler: func(_ *testing.T, w http.ResponseWriter, _ *http.Request, _ func(string, ...any)) {
		w.Header().Set("Link", "</a.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusProcessing)
		w.WriteHeader(http.StatusCreated)
		w.WriteHeader(http.StatusNoContent) // superfluous
	}, client: func(t *testing.T, c *http.Client, address string) string {
		var hints []string
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, header["Link"]))
			return nil
		}})
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := c.Do(request)
		return whole(t, response, err) + fmt.Sprint(hints)
	}},
	"a read deadline": {handler: func(_ *testing.T, w http.ResponseWriter, r *http.Request, say func(string, ...any)) {
		control := http.NewResponseController(w)
		say("%v", control.SetReadDeadline(time.Now().Add(time.Millisecond)))
		_, err := io.ReadAll(r.Body)
		say("%v", errors.Is(err, os.ErrDeadlineExceeded))
		w.WriteHeader(http.StatusRequestTimeout)
	}, client: func(t *testing.T, c *http.Client, address string) string {
		body, send := io.Pipe()
		defer func() { _ = send.Close() }()
		response, err := postTo(t, c, address, body)
		if err != nil {
			return "no response"
		}
		defer response.Body.Close()
		return response.Status
	}},
	"a write deadline": {handler: func(_ *testing.T, w http.ResponseWriter, _ *http.Request, say func(string, ...any)) {
		control := http.NewResponseController(w)
		say("%v", control.SetWriteDeadline(time.Unix(1, 0)))
		_, err := w.Write(make([]byte, 1<<20))
		say("%v", err != nil)
	}},
	"an abort": {handler: func(_ *testing.T, w http.ResponseWriter, _ *http.Request, _ func(string, ...any)) {
		_, _ = w.Write(make([]byte, 1<<16))
		panic(http.ErrAbortHandler)
	}, client: func(t *testing.T, c *http.Client, address string) string {
		response, err := c.Get("http://" + address)
		if err != nil {
			return "no response"
		}
		defer response.Body.Close()
		_, err = io.ReadAll(response.Body)
		return fmt.Sprint(response.Status, err != nil)
	}},
	"a method of one's own": {handler: func(_ *testing.T, w http.ResponseWriter, r *http.Request, _ func(string, ...any)) {
		_, _ = io.WriteString(w, r.Method+r.RequestURI+r.Proto+r.Host[:3])
	}},
}

// Compare runs one ability by each protocol with net/http alone and with what serve makes of the handler, which returns its address.
func Compare(t *testing.T, one Ability, serve func(*testing.T, http.Handler) (address string)) {
	t.Helper()
	for proto, set := range map[string]func(*http.Protocols){
		"HTTP/1.1": func(p *http.Protocols) { p.SetHTTP1(true) },
		"HTTP/2.0": func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
	} {
		if one.only != "" && one.only != proto {
			continue
		}
		t.Run(proto, func(t *testing.T) {
			said := make(chan string, 1)
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var lines []string
				defer func() { said <- strings.Join(lines, ", ") }()
				one.handler(t, w, r, func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) })
			})
			outcome := func(address string) string {
				transport := &http.Transport{Protocols: new(http.Protocols), DisableCompression: true}
				set(transport.Protocols)
				defer transport.CloseIdleConnections()
				client := &http.Client{Transport: transport}
				var seen string
				if one.client != nil {
					seen = one.client(t, client, address)
				} else {
					response, err := client.Get("http://" + address)
					seen = whole(t, response, err)
				}
				return "handler: " + <-said + "; client: " + seen
			}
			want := outcome(Alone(t, handler))
			if got := outcome(serve(t, handler)); got != want {
				t.Errorf("got\n%s\nwith net/http alone\n%s", got, want)
			}
		})
	}
}

// Alone serves the handler with net/http by both protocols until the test ends.
func Alone(t *testing.T, handler http.Handler) (address string) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}
