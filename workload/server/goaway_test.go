// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// frame of HTTP/2, written by hand: a client that does what Go's own cannot be made to do.
func frame(kind, flags byte, stream uint32, payload ...byte) []byte {
	head := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return append(binary.BigEndian.AppendUint32(head, stream), payload...)
}

// request without a body, in the static table's words: POST http /, authority x.
func request(stream uint32) []byte {
	return frame(typeHeaders, flagEndHeaders|0x1, stream, 0x83, 0x86, 0x84, 0x41, 1, 'x')
}

func next(t *testing.T, from io.Reader) (kind byte, stream uint32, payload []byte) {
	t.Helper()
	var head [frameHead]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		t.Fatal(err)
	}
	payload = make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
	if _, err := io.ReadFull(from, payload); err != nil {
		t.Fatal(err)
	}
	return head[3], binary.BigEndian.Uint32(head[5:]), payload
}

// nextOf skips frames of other kinds.
func nextOf(t *testing.T, from io.Reader, kind byte) (stream uint32, payload []byte) {
	t.Helper()
	for {
		if got, stream, payload := next(t, from); got == kind {
			return stream, payload
		}
	}
}

const (
	typeSettings = 0x4
	typeGoAway   = 0x7
)

// dialHTTP2 connects and waits for the server's settings.
func dialHTTP2(t *testing.T, s *Server) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", s.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	_, _ = io.WriteString(connection, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	_, _ = connection.Write(frame(typeSettings, 0, 0))
	nextOf(t, connection, typeSettings)
	return connection
}

func serving(t *testing.T, handler http.HandlerFunc) *Server {
	t.Helper()
	s := New(Config{Address: "127.0.0.1:0", Handler: handler})
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
			t.Error(err)
		}
	})
	return s
}

// A request that crosses the goodbye is answered. One GOAWAY that names the last stream, as net/http sends it, would drop it.
func TestARequestThatCrossesTheGoodbyeIsAnswered(t *testing.T) {
	release := make(chan struct{})
	s := serving(t, func(w http.ResponseWriter, _ *http.Request) {
		<-release
		w.WriteHeader(http.StatusNoContent)
	})
	connection := dialHTTP2(t, s)
	_, _ = connection.Write(request(1))
	for s.Requests() == 0 { // the test's own time limit ends this
	}
	left := make(chan struct{})
	go func() {
		defer close(left)
		s.Leave(context.Background(), 0, time.Hour)
	}()
	if _, payload := nextOf(t, connection, typeGoAway); !bytes.Equal(payload, []byte{0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0}) {
		t.Fatalf("goodbye %x, want the highest stream and no error", payload)
	}
	_, _ = connection.Write(request(3)) // was on its way
	close(release)
	for answered := range 2 {
		if stream, payload := nextOf(t, connection, typeHeaders); payload[0] != 0x89 { // 204
			t.Errorf("answer %d, to stream %d: %x", answered, stream, payload)
		}
	}
	// The client need not close the connection; the server does once it has been idle.
	if _, err := io.Copy(io.Discard, connection); err != nil {
		t.Error(err)
	}
	<-left
}

func TestAConnectionThatComesLateIsServedAndSentAway(t *testing.T) {
	s := serving(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	s.sayGoodbye()
	connection := dialHTTP2(t, s)
	_, _ = connection.Write(request(1))
	seen := map[byte]bool{}
	for !seen[typeHeaders] || !seen[typeGoAway] {
		kind, _, payload := next(t, connection)
		seen[kind] = true
		if kind == typeGoAway && payload[0] != 0x7f {
			t.Errorf("goodbye %x", payload)
		}
	}
}

// The goodbye goes between two frames, and not into a block of headers.
func TestFramesAreFollowedHoweverTheyAreWritten(t *testing.T) {
	settings := frame(typeSettings, 0, 0)
	headers := frame(typeHeaders, 0, 1, 1, 2, 3)
	continuation := frame(typeContinuation, flagEndHeaders, 1, 4, 5)
	data := frame(0, 0, 1, make([]byte, 70_000)...)
	all := bytes.Join([][]byte{settings, headers, continuation, data}, nil)
	want := map[int]bool{
		len(settings): true,
		len(settings) + len(headers) + len(continuation): true,
		len(all): true,
	}
	for _, size := range []int{1, 2, 7, 9, 10, 4096, len(all)} {
		var f frames
		for at := 0; at < len(all); {
			n := min(size, len(all)-at)
			f.follow(all[at : at+n])
			at += n
			if f.between() != want[at] {
				t.Fatalf("in pieces of %d, after %d bytes: between frames %t", size, at, f.between())
			}
		}
	}
	if new(frames).between() {
		t.Error("the first frame must be the server's settings")
	}
}

func TestProtocolsAreToldApart(t *testing.T) {
	for text, want := range map[string]uint32{
		"PRI * HTTP/2.0": speaksHTTP2, "PUT / HTTP/1.1": speaksOther, "PR": speaksUnknown, "\x16\x03\x01": speaksOther, "PROPFIND /": speaksOther,
	} {
		var w wire
		for _, c := range []byte(text) {
			if w.protocol.Load() == speaksUnknown {
				w.recognize([]byte{c})
			}
		}
		if got := w.protocol.Load(); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
