// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package peers

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

const (
	// MaxFrameBytes of a frame's payload. Whoever sends more is cut off.
	MaxFrameBytes = 256 << 10
	// dataAhead is how much may wait to be sent before data has to wait. Other frames never do: nearly all are small, and of those that
	// answer a request there are no more than requests.
	dataAhead = 256 << 10
	// writeTimeout after which an end that takes nothing any more is given up.
	writeTimeout = 5 * time.Second
	// silence of the other end after which it is given up while a call runs over the link, and how often an end that has nothing to
	// say says so then. Each sign of life wakes a process, so there are few of them while no call runs.
	silence     = 6 * time.Second
	pulse       = 2 * time.Second
	calmSilence = 150 * time.Second
	calmPulse   = 60 * time.Second

	readBufferBytes = 16 << 10
	keptBytes       = 64 << 10 // of a buffer for the next frames
	headerBytes     = 5
)

// ErrClosed is the answer of a link that was closed.
var ErrClosed = errors.New("peers: the link is closed")

// Frame kinds below firstKind are the link's own.
const (
	alive     = 0
	firstKind = 1
)

// Link is a connection between two pods. Frames arrive in the order in which they were sent.
type Link struct {
	conn net.Conn

	mu     sync.Mutex
	out    []byte     // to be sent
	ready  *sync.Cond // there is something to be sent, or the end
	space  *sync.Cond // there is less to be sent, or the end
	calls  int        // that run over the link
	err    error      // why it ended
	heart  *time.Timer
	closed chan struct{}
}

// NewLink makes a link of an authenticated connection. Run must follow.
func NewLink(conn net.Conn) *Link {
	l := &Link{conn: conn, closed: make(chan struct{})}
	l.ready, l.space = sync.NewCond(&l.mu), sync.NewCond(&l.mu)
	l.mu.Lock() // until the timer is set
	l.heart = time.AfterFunc(calmPulse, l.beat)
	l.mu.Unlock()
	return l
}

// Run reads until the link ends, and returns why. Each frame is given to handle in Run's goroutine; its payload is only good for the
// call. An error of handle ends the link.
func (l *Link) Run(handle func(kind byte, payload []byte) error) error {
	go l.write()
	l.end(l.read(handle))
	return l.Err()
}

// Send queues a frame. It never waits, and fails only when the link has ended. Kinds begin at 1.
func (l *Link) Send(kind byte, payload ...[]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.push(kind, payload)
}

// SendData is Send for bodies: it waits while much is to be sent already.
func (l *Link) SendData(kind byte, payload ...[]byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.err == nil && len(l.out) >= dataAhead {
		l.space.Wait()
	}
	return l.push(kind, payload)
}

func (l *Link) push(kind byte, payload [][]byte) error {
	if l.err != nil {
		return l.err
	}
	size := 0
	for _, part := range payload {
		size += len(part)
	}
	if size > MaxFrameBytes {
		return fmt.Errorf("peers: a frame of %d bytes, of at most %d", size, MaxFrameBytes)
	}
	l.out = binary.BigEndian.AppendUint32(l.out, uint32(size)) //nolint:gosec // checked
	l.out = append(l.out, kind)
	for _, part := range payload {
		l.out = append(l.out, part...)
	}
	l.ready.Signal()
	return nil
}

// Watch notes that so many more calls run over the link, or fewer. As long as there are any, an end that is gone is noticed sooner. Both
// ends have to say so.
func (l *Link) Watch(calls int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.calls
	l.calls += calls
	if l.err != nil || (before > 0) == (l.calls > 0) {
		return
	}
	every, bound := l.patience()
	l.heart.Reset(every)
	_ = l.conn.SetReadDeadline(time.Now().Add(bound))
}

// patience is how often this end says that it is there, and how long the other end may be silent. The lock is held.
func (l *Link) patience() (every, bound time.Duration) {
	if l.calls > 0 {
		return pulse, silence
	}
	return calmPulse, calmSilence
}

// Close ends the link at once.
func (l *Link) Close() { l.end(ErrClosed) }

// Closed is closed when the link has ended.
func (l *Link) Closed() <-chan struct{} { return l.closed }

// Err is why the link has ended; nil while it has not.
func (l *Link) Err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *Link) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	l.err, l.out = err, nil
	l.heart.Stop()
	if secure, ok := l.conn.(*tls.Conn); ok { // whose Close waits for up to 5 s to say a last word to the other end
		_ = secure.NetConn().Close()
	} else {
		_ = l.conn.Close()
	}
	l.ready.Broadcast()
	l.space.Broadcast()
	close(l.closed)
}

// beat says that this end is there, until the link ends.
func (l *Link) beat() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return
	}
	if len(l.out) == 0 {
		_ = l.push(alive, nil)
	}
	every, _ := l.patience()
	l.heart.Reset(every)
}

// write sends what is queued, all of it at once.
func (l *Link) write() {
	var spare []byte
	for {
		l.mu.Lock()
		for l.err == nil && len(l.out) == 0 {
			l.ready.Wait()
		}
		if l.err != nil {
			l.mu.Unlock()
			return
		}
		batch := l.out
		l.out = spare[:0]
		l.mu.Unlock()
		_ = l.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
		_, err := l.conn.Write(batch)
		if err != nil {
			l.end(fmt.Errorf("peers: sending: %w", err))
			return
		}
		if spare = batch; cap(spare) > keptBytes {
			spare = nil
		}
		l.mu.Lock()
		l.space.Broadcast()
		l.mu.Unlock()
	}
}

func (l *Link) read(handle func(kind byte, payload []byte) error) error {
	reader := bufio.NewReaderSize(l.conn, readBufferBytes)
	var header [headerBytes]byte
	var buffer []byte
	var since time.Time
	for {
		if now := time.Now(); now.Sub(since) > pulse/2 { // not for each frame
			since = now
			l.mu.Lock()
			_, bound := l.patience()
			_ = l.conn.SetReadDeadline(now.Add(bound))
			l.mu.Unlock()
		}
		if _, err := io.ReadFull(reader, header[:]); err != nil {
			return fmt.Errorf("peers: receiving: %w", err)
		}
		size, kind := int(binary.BigEndian.Uint32(header[:])), header[headerBytes-1]
		if size > MaxFrameBytes {
			return fmt.Errorf("peers: the other end sends a frame of %d bytes, of at most %d", size, MaxFrameBytes)
		}
		if cap(buffer) < size || cap(buffer) > keptBytes && size <= keptBytes {
			buffer = make([]byte, size)
		}
		if _, err := io.ReadFull(reader, buffer[:size]); err != nil {
			return fmt.Errorf("peers: receiving: %w", err)
		}
		if kind < firstKind {
			continue
		}
		if err := handle(kind, buffer[:size]); err != nil {
			return err
		}
	}
}
