// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package peers

import (
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
)

// A Hello is JSON, as pods of different versions read it: unknown fields are ignored, missing ones are zero.

func writeHello(w io.Writer, hello Hello) error {
	text, err := json.Marshal(hello)
	if err != nil {
		return err
	}
	if len(text) > maxHello {
		return fmt.Errorf("peers: a greeting of %d bytes, of at most %d", len(text), maxHello)
	}
	frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), greeting) //nolint:gosec // checked
	_, err = w.Write(append(frame, text...))
	return err
}

func readHello(r io.Reader) (Hello, error) {
	var header [headerBytes]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return Hello{}, err
	}
	size := binary.BigEndian.Uint32(header[:])
	if size > maxHello || header[headerBytes-1] != greeting {
		return Hello{}, fmt.Errorf("peers: frame %d of %d bytes is no greeting", header[headerBytes-1], size)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return Hello{}, err
	}
	var hello Hello
	if err := json.Unmarshal(text, &hello); err != nil {
		return Hello{}, fmt.Errorf("peers: a greeting that cannot be read: %w", err)
	}
	return hello, nil
}

var (
	// errHasOne is the answer to a link to a pod that has one with this one already, or is being dialed by it.
	errHasOne = errors.New("peers: one link between two pods is enough; of two that both dial at the same time, that of the pod with the lesser name is kept")
	// errFull is the answer to one link too many.
	errFull = errors.New("peers: there are as many links as may be")
)

// canonical is an address in the one spelling that is compared; what is no address stays.
func canonical(host string) string {
	if address, err := netip.ParseAddr(host); err == nil {
		return address.Unmap().String()
	}
	return host
}

// greet shakes hands and says who is who. The pod that was dialed has the last word. It returns no name but of a pod that was promised a
// link, or has promised one.
func (m *Mesh) greet(conn *tls.Conn, address string) (other Hello, err error) {
	if err := conn.Handshake(); err != nil {
		return Hello{}, err
	}
	dialed := address != ""
	if dialed {
		if !m.reached(address) {
			return Hello{}, errHasOne
		}
		if err = writeHello(conn, m.config.Self); err != nil {
			return Hello{}, err
		}
	}
	if other, err = readHello(conn); err != nil {
		return Hello{}, err
	}
	if other.Host == "" { // it does not know its own address
		other.Host, _, _ = net.SplitHostPort(conn.RemoteAddr().String())
	}
	other.Host = canonical(other.Host)
	if !dialed {
		if err = m.promise(other); err != nil {
			return Hello{}, err
		}
		err = writeHello(conn, m.config.Self)
	}
	if err == nil && other.ID == m.config.Self.ID {
		err = errSelf
	}
	return other, err
}

// promise a pod a link, unless there is one already, or is going to be by this pod's own doing.
func (m *Mesh) promise(other Hello) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, one := range m.links {
		if one.hello.ID == other.ID && one.retired.IsZero() {
			return errHasOne
		}
	}
	if _, promised := m.coming[other.ID]; promised || m.config.Self.ID < other.ID && m.dialing[m.address(other.Host)] {
		return errHasOne
	}
	if len(m.coming) >= m.room() {
		return errFull
	}
	m.coming[other.ID] = other.Host
	return nil
}
