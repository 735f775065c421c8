// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package peers

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// Whoever closes a link holds a lock that every request needs, and TLS has a last word to say to the other end.
func TestALinkWhoseOtherEndTakesNothingEndsWithoutDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, err := OpenKeys(keyFolder(t, 'a'), nil)
		if err != nil {
			t.Fatal(err)
		}
		one, other := net.Pipe()
		defer other.Close()
		greeted := make(chan error, 1)
		go func() { greeted <- tls.Server(other, k.config()).Handshake() }() // and takes nothing more
		secure := tls.Client(one, k.config())
		if err := errors.Join(secure.Handshake(), <-greeted); err != nil {
			t.Fatal(err)
		}
		link, began := NewLink(secure), time.Now()
		link.Close()
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %s", took)
		}
	})
}

func TestStrangersDoNotTakeAllFiles(t *testing.T) {
	n, port := &names{}, freePort(t)
	one := run(t, n, hosts(1)[0], port, keyFolder(t, 'a'))
	address := one.mesh.listener.Addr().String()
	turnedAway := make(chan struct{}, 2*maxGreeting)
	for range 2 * maxGreeting {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		go func() {
			_ = conn.SetReadDeadline(time.Now().Add(greetTimeout / 2))
			if _, err := conn.Read(make([]byte, 1)); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				turnedAway <- struct{}{}
			}
		}()
	}
	for range maxGreeting {
		select {
		case <-turnedAway:
		case <-time.After(greetTimeout / 2):
			t.Fatal("all are kept")
		}
	}
}

// Strangers that say nothing, and come again, keep nobody out who has the key: who comes last has the most time.
func TestWhoComesLastHasTheMostTimeToShowItsKey(t *testing.T) {
	m := NewMesh(Config{})
	conns := make([]net.Conn, 2*maxGreeting)
	var ends []net.Conn
	for i := range conns {
		one, other := net.Pipe()
		t.Cleanup(func() { _ = other.Close() })
		conns[i], ends = one, append(ends, other)
		if !m.admit(one) {
			t.Fatalf("connection %d is turned away", i)
		}
	}
	m.greeted(conns[len(conns)-1])
	for i, end := range ends {
		_ = end.SetReadDeadline(time.Now())
		_, err := end.Read(make([]byte, 1))
		if closed := errors.Is(err, io.EOF); closed != (i < maxGreeting) {
			t.Errorf("connection %d: %v", i, err)
		}
	}
	if len(m.greets) != maxGreeting-1 {
		t.Errorf("%d connections are not links yet", len(m.greets))
	}
}
