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
		err := l.Run(func(byte, []byte) error { return nil })
		if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took != silence {
			t.Errorf("%v after %s", err, took)
		}
		if err := l.Send(1); err == nil {
			t.Error("the link has ended and takes frames")
		}
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
