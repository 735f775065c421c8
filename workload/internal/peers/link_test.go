// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package peers

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// heard is what one end of a link was sent.
type heard struct {
	mu    sync.Mutex
	kinds []byte
	bytes int
	err   error
}

func (h *heard) handle(kind byte, payload []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kinds, h.bytes = append(h.kinds, kind), h.bytes+len(payload)
	return h.err
}

// ends runs a test with the two ends of a link, in a time of its own.
func ends(t *testing.T, test func(t *testing.T, a, b *Link, toA, toB *heard)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		one, other := net.Pipe()
		a, b := NewLink(one), NewLink(other)
		var toA, toB heard
		var both sync.WaitGroup
		both.Go(func() { _ = a.Run(toA.handle) })
		both.Go(func() { _ = b.Run(toB.handle) })
		test(t, a, b, &toA, &toB)
		a.Close()
		both.Wait()
		if b.Err() == nil {
			t.Error("the other end has not ended")
		}
	})
}

func TestFramesArriveInTheirOrder(t *testing.T) {
	ends(t, func(t *testing.T, a, b *Link, toA, toB *heard) {
		want := []byte{}
		for i := range 200 {
			kind := byte(firstKind + i%100)
			want = append(want, kind)
			if err := a.Send(kind, make([]byte, i), make([]byte, 3)); err != nil {
				t.Fatal(err)
			}
			if err := b.SendData(kind, make([]byte, 1000*(i%2))); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if !slices.Equal(toB.kinds, want) || toB.bytes != 199*100+200*3 {
			t.Errorf("%d bytes, frames %v", toB.bytes, toB.kinds)
		}
		if !slices.Equal(toA.kinds, want) || toA.bytes != 100*1000 {
			t.Errorf("%d bytes, frames %v", toA.bytes, toA.kinds)
		}
	})
}

func TestALinkWithoutFramesStays(t *testing.T) {
	ends(t, func(t *testing.T, a, b *Link, _, toB *heard) {
		time.Sleep(time.Hour)
		if a.Err() != nil || b.Err() != nil {
			t.Fatal(a.Err(), b.Err())
		}
		_ = a.Send(7)
		synctest.Wait()
		if !slices.Equal(toB.kinds, []byte{7}) {
			t.Errorf("heard %v", toB.kinds)
		}
	})
}

func TestAnEndThatIsSilentIsGivenUp(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(l *Link)
		after     time.Duration
	}{
		"without calls":             {func(*Link) {}, calmSilence},
		"while a call runs":         {func(l *Link) { l.Watch(1) }, silence},
		"from when a call runs":     {func(l *Link) { time.Sleep(20 * time.Second); l.Watch(1); l.Watch(1); l.Watch(-1) }, 20*time.Second + silence},
		"after the call has ended":  {func(l *Link) { l.Watch(1); time.Sleep(5 * time.Second); l.Watch(-1) }, 5*time.Second + calmSilence},
		"after it has been written": {func(l *Link) { time.Sleep(time.Second); _ = l.Send(1) }, calmSilence},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				one, other := net.Pipe()
				defer other.Close()
				go func() { // it takes everything and says nothing
					for buffer := make([]byte, 1<<10); ; {
						if _, err := other.Read(buffer); err != nil {
							return
						}
					}
				}()
				start, l := time.Now(), NewLink(one)
				go c.meanwhile(l)
				err := l.Run(func(byte, []byte) error { return nil })
				if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took != c.after {
					t.Errorf("%v after %s, want %s", err, took, c.after)
				}
				if err := l.Send(1); err == nil {
					t.Error("the link has ended and takes frames")
				}
			})
		})
	}
}

func TestALinkOverWhichCallsRunStays(t *testing.T) {
	ends(t, func(t *testing.T, a, b *Link, _, _ *heard) {
		for range 20 {
			a.Watch(1)
			b.Watch(1)
			time.Sleep(time.Minute)
			b.Watch(-1) // the ends are not told at the same time
			time.Sleep(silence / 2)
			a.Watch(-1)
			time.Sleep(time.Minute)
		}
		if a.Err() != nil || b.Err() != nil {
			t.Error(a.Err(), b.Err())
		}
	})
}

// countingConn counts what is written.
type countingConn struct {
	net.Conn
	writes *atomic.Int64
}

func (c countingConn) Write(data []byte) (int, error) {
	c.writes.Add(1)
	return c.Conn.Write(data)
}

// Each sign of life wakes a process at the other end: fifteen links of sixteen pods are many.
func TestALinkWithoutCallsHardlyWakesAnybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, other := net.Pipe()
		var writes atomic.Int64
		a, b := NewLink(countingConn{one, &writes}), NewLink(other)
		go func() { _ = a.Run(func(byte, []byte) error { return nil }) }()
		go func() { _ = b.Run(func(byte, []byte) error { return nil }) }()
		time.Sleep(10 * time.Minute)
		if n := writes.Load(); n > 11 {
			t.Errorf("%d signs of life in 10 minutes", n)
		}
		a.Close()
		b.Close()
		synctest.Wait()
	})
}

func TestAnEndThatTakesNothingHoldsUpDataOnlyAndIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, other := net.Pipe()
		defer other.Close()
		start, l := time.Now(), NewLink(one)
		ended := make(chan error, 1)
		go func() { ended <- l.Run(func(byte, []byte) error { return nil }) }()
		if err := l.SendData(1, make([]byte, dataAhead)); err != nil { // is being written
			t.Fatal(err)
		}
		synctest.Wait()
		if err := l.SendData(1, make([]byte, dataAhead)); err != nil { // waits in memory
			t.Fatal(err)
		}
		if err := l.Send(2); err != nil || time.Since(start) != 0 {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		if err := l.SendData(1, []byte{1}); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != writeTimeout {
			t.Errorf("%v after %s", err, time.Since(start))
		}
		if err := <-ended; err == nil {
			t.Error("the link has not ended")
		}
	})
}

func TestFramesOfMoreThanTheBoundAreNotReadAndNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, other := net.Pipe()
		l := NewLink(one)
		ended := make(chan error, 1)
		go func() { ended <- l.Run(func(byte, []byte) error { return nil }) }()
		if err := l.Send(1, make([]byte, MaxFrameBytes), []byte{1}); err == nil {
			t.Error("it was sent")
		}
		header := append(binary.BigEndian.AppendUint32(nil, MaxFrameBytes+1), 1)
		if _, err := other.Write(header); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; err == nil || !errors.Is(l.Err(), err) {
			t.Error(err, l.Err())
		}
		_ = other.Close()
	})
}

func TestAFrameThatCannotBeReadEndsTheLink(t *testing.T) {
	ends(t, func(t *testing.T, a, b *Link, _, toB *heard) {
		toB.err = errors.New("what is this")
		_ = a.Send(9)
		<-b.Closed()
		if !errors.Is(b.Err(), toB.err) {
			t.Error(b.Err())
		}
		<-a.Closed()
	})
}
