// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package server

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// wired is a connection that speaks HTTP/2 in cleartext, and its client's end.
func wired(t *testing.T) (*wire, *net.TCPConn) {
	t.Helper()
	var wires wires
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	served, err := (&wiring{listener, &wires}).Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = served.Close() })
	w := served.(*wire)
	w.protocol.Store(speaksHTTP2)
	return w, client.(*net.TCPConn)
}

// occupy is as if somebody were in a system call, until release.
func (w *wire) occupy() {
	w.out.mu.Lock()
	defer w.out.mu.Unlock()
	w.out.writing = true
}

func (w *wire) release() {
	w.out.mu.Lock()
	defer w.out.mu.Unlock()
	w.out.writing = false
	w.out.turn.Broadcast()
	w.sendSoon()
}

func (w *wire) heldBytes() int {
	w.out.mu.Lock()
	defer w.out.mu.Unlock()
	return len(w.out.held)
}

func write(t *testing.T, w io.Writer, p []byte) {
	t.Helper()
	if n, err := w.Write(p); n != len(p) || err != nil {
		t.Fatalf("wrote %d of %d bytes: %v", n, len(p), err)
	}
}

func read(t *testing.T, from io.Reader, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(from, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("got %d other bytes than were written", len(got))
	}
}

func TestFramesThatComeTogetherLeaveTogether(t *testing.T) {
	w, client := wired(t)
	w.occupy()
	var want []byte
	for stream := range uint32(100) {
		answer := frame(typeHeaders, flagEndHeaders, stream, 0x88)
		write(t, w, answer)
		want = append(want, answer...)
		clear(answer) // a writer may use its buffer anew
	}
	if got := w.heldBytes(); got != len(want) {
		t.Errorf("%d bytes leave together, want %d", got, len(want))
	}
	w.release()
	read(t, client, want)
}

func TestWhatIsHeldBackIsBounded(t *testing.T) {
	w, client := wired(t)
	w.occupy()
	full := make([]byte, gatherBytes)
	for at := 0; at < len(full); at += 1 << 10 {
		write(t, w, full[at:at+1<<10])
	}
	synctest.Test(t, func(t *testing.T) {
		more := make(chan error, 1)
		go func() {
			_, err := w.Write([]byte("more"))
			more <- err
		}()
		synctest.Wait()
		select {
		case err := <-more:
			t.Errorf("a write that finds no room returns: %v", err)
		default:
		}
		w.release()
		if err := <-more; err != nil {
			t.Error(err)
		}
	})
	read(t, client, full)
	read(t, client, []byte("more"))
}

func TestWritesOfAnySizeStayInOrder(t *testing.T) {
	w, client := wired(t)
	random := rand.New(rand.NewPCG(1, 2))
	sizes := []int{1, 9, 300, directBytes - 1, directBytes, gatherBytes, 3 * gatherBytes}
	var all []byte
	for range 300 {
		piece := make([]byte, 1+random.IntN(sizes[random.IntN(len(sizes))]))
		for i := range piece {
			piece[i] = byte(random.Uint32())
		}
		all = append(all, piece...)
	}
	written := make(chan error, 1)
	go func() {
		for rest := all; len(rest) > 0; {
			n, err := w.Write(rest[:min(len(rest), 1+random.IntN(sizes[random.IntN(len(sizes))]))])
			if rest = rest[n:]; err != nil {
				written <- err
				return
			}
		}
		written <- nil
	}()
	read(t, client, all)
	if err := <-written; err != nil {
		t.Error(err)
	}
}

func TestALargeFrameTakesAlongWhatIsHeldBack(t *testing.T) {
	w, client := wired(t)
	w.out.coming = true // no other goroutine will write
	large := bytes.Repeat([]byte("x"), directBytes)
	write(t, w, []byte("head"))
	write(t, w, large)
	read(t, client, append([]byte("head"), large...))
}

func TestClosingSendsWhatIsHeldBack(t *testing.T) {
	w, client := wired(t)
	w.out.coming = true
	write(t, w, []byte("goodbye"))
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if got, err := io.ReadAll(client); err != nil || string(got) != "goodbye" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := w.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("a write after Close: %v", err)
	}
}

func TestClosingEndsAWriteThatWaits(t *testing.T) {
	w, _ := wired(t)
	w.occupy()
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		go func() {
			_, err := w.Write(make([]byte, directBytes))
			ended <- err
		}()
		synctest.Wait()
		_ = w.Close()
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("%v", err)
		}
	})
}

func TestADeadlineIsForWhatIsWrittenAfterIt(t *testing.T) {
	w, client := wired(t)
	w.out.coming = true
	write(t, w, []byte("before"))
	if err := w.SetWriteDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	write(t, w, []byte("after")) // cannot fail yet
	w.sendHeld()
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("no error after a write past its deadline")
	}
	if got, err := io.ReadAll(client); err != nil || string(got) != "before" {
		t.Errorf("%q, %v: the connection must be closed after a write that failed", got, err)
	}
}

func TestTheGoodbyeComesOnceAndBetweenFrames(t *testing.T) {
	w, client := wired(t)
	settings, data := frame(typeSettings, 0, 0), frame(0, 0, 1, make([]byte, 100)...)
	write(t, w, settings)
	write(t, w, data[:50])
	w.goodbye()
	w.goodbye()
	write(t, w, data[50:])
	write(t, w, data)
	read(t, client, bytes.Join([][]byte{settings, data, firstGoAway[:], data}, nil))
}

func TestConnectionsOverTLSGatherIfTheySpeakHTTP2(t *testing.T) {
	authority := httptest.NewTLSServer(nil)
	defer authority.Close()
	for protocol, want := range map[string]bool{"h2": true, "http/1.1": false} {
		w, client := wired(t)
		w.protocol.Store(speaksUnknown)
		sealed := tls.Server(w, &tls.Config{NextProtos: []string{protocol}, Certificates: authority.TLS.Certificates})
		go func() {
			_ = tls.Client(client, &tls.Config{NextProtos: []string{protocol}, InsecureSkipVerify: true}).Handshake()
		}()
		if err := sealed.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.wires.now(sealed, http.StateActive)
		if w.gathers() != want {
			t.Errorf("%s: gathers %t", protocol, w.gathers())
		}
	}
}

func TestIdleConnectionsHoldNoBuffer(t *testing.T) {
	w, client := wired(t)
	write(t, w, []byte("x"))
	read(t, client, []byte("x"))
	w.out.mu.Lock()
	defer w.out.mu.Unlock()
	if w.out.held != nil {
		t.Error("a buffer is held")
	}
}

// A handler that flushes goes on when its client has read what it flushed, and not before.
func TestTheClientSeesWhatIsFlushed(t *testing.T) {
	handler := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		flush := http.NewResponseController(w).Flush
		if err := flush(); err != nil {
			t.Error(err)
		}
		for word := make([]byte, 4); ; {
			if _, err := io.ReadFull(r.Body, word); err != nil {
				return
			}
			_, _ = w.Write(word)
			_ = flush()
		}
	}
	s := serving(t, handler)
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	out, in := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.Address().String()+"/", out)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for range 100 {
		write(t, in, []byte("ping"))
		read(t, response.Body, []byte("ping"))
	}
	_ = in.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Error(err)
	}
}
