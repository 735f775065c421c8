// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package peers

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"testing"
	"time"
)

// Whoever sends holds locks that every request needs.
func TestALinkWhoseOtherEndTakesNothingEndsWithoutDelay(t *testing.T) {
	k, err := OpenKeys(keyFolder(t, 'a'), nil)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	accepted := make(chan *tls.Conn, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		secure := tls.Server(conn, k.config())
		_ = secure.Handshake()
		accepted <- secure
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	secure := tls.Client(conn, k.config())
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	other := <-accepted
	defer func() { _ = other.NetConn().Close() }()
	for _, size := range []int{64 << 10, 1} { // until all buffers are full to the last byte
		_ = conn.SetWriteDeadline(time.Now().Add(200 * time.Millisecond))
		for err = nil; err == nil; {
			_, err = conn.Write(make([]byte, size))
		}
	}
	link := NewLink(secure)
	began := time.Now()
	go link.Close()
	<-time.After(10 * time.Millisecond)
	_ = link.Send(UserKind)
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %s", took)
	}
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
