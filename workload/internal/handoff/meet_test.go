// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package handoff

import (
	"encoding/binary"
	"net"
	"sync"
	"testing"
	"testing/synctest"

	"goservice.dev/operator/workload/internal/peers"
)

// answers is another pod, of which the test decides what it says.
type answers struct {
	link *peers.Link
	both sync.WaitGroup

	mu sync.Mutex
	by map[byte]func(payload []byte) // kind of what it is told

	handler peers.Handler // of the pod's end
}

// meet links a pod with one that only says what the test says.
func meet(t testing.TB, one *pod) *answers {
	t.Helper()
	a, b := net.Pipe()
	other := &answers{link: peers.NewLink(b), by: map[byte]func([]byte){}}
	link := peers.NewLink(a)
	handler := one.broker.Linked(peers.Hello{ID: "other"}, link)
	other.handler = handler
	other.both.Go(func() { handler.Ended(link.Run(handler.Frame)) })
	other.both.Go(func() {
		_ = other.link.Run(func(kind byte, payload []byte) error {
			other.mu.Lock()
			defer other.mu.Unlock()
			if told := other.by[kind]; told != nil {
				told(payload)
			}
			return nil
		})
	})
	return other
}

// on decides what follows from what it is told.
func (a *answers) on(kind byte, told func(payload []byte)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.by[kind] = told
}

// say numbers, and wait until they have been heard.
func (a *answers) say(kind byte, numbers ...uint64) {
	a.send(kind, numbers...)
	synctest.Wait()
}

func (a *answers) send(kind byte, numbers ...uint64) {
	var payload []byte
	for _, n := range numbers {
		payload = binary.AppendUvarint(payload, n)
	}
	_ = a.link.Send(kind, payload)
}

func (a *answers) end() {
	a.link.Close()
	a.both.Wait()
}
