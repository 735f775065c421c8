// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package peers

import (
	"context"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"
)

// pause until the names are resolved the next time. It is not the same for all pods.
func (m *Mesh) pause() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := lookEvery << min(m.settled, 8)
	if len(m.links) == 0 {
		next = lookSoon
	}
	return min(next, lookRarely)*3/4 + rand.N(min(next, lookRarely)/2)
}

// unsettle reports whether the pause had become longer, which it is no more.
func (m *Mesh) unsettle() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.settled
	m.settled = 0
	return before > 0
}

// change says that a link has begun or ended.
func (m *Mesh) change() {
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

// look resolves the name, and dials who is not linked yet.
func (m *Mesh) look(ctx context.Context, all *sync.WaitGroup) {
	lookup, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	hosts, err := m.config.Resolve(lookup)
	m.looked(err)
	if err != nil { // whoever is linked stays so
		return
	}
	rand.Shuffle(len(hosts), func(i, j int) { hosts[i], hosts[j] = hosts[j], hosts[i] })
	settled := true
	for i, host := range hosts {
		host = canonical(host)
		hosts[i] = host
		address := m.address(host)
		dial, later := m.wants(address, host)
		if dial {
			all.Go(func() { m.dial(ctx, address) })
		}
		settled = settled && !dial && !later
	}
	m.forget(hosts)
	m.settle(settled && len(hosts) > 0)
}

// settle notes whether there was nobody to be dialed, now or later.
func (m *Mesh) settle(settled bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.settled++; !settled {
		m.settled = 0
	}
}

func (m *Mesh) looked(err error) {
	m.mu.Lock()
	changed := (err == nil) != (m.looking == nil)
	m.looking = err
	m.mu.Unlock()
	if changed && err != nil {
		m.config.Logger.Warn("the pods of the service cannot be looked up, links stay", "error", err)
	}
}

// wants reports whether the address has to be dialed, and takes it for the caller; or whether that is so later.
func (m *Mesh) wants(address, host string) (dial, later bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if host == m.config.Self.Host || m.self[address] {
		return false, false
	}
	if _, dialing := m.dialing[address]; dialing {
		return false, true
	}
	dialed, now := len(m.dialing), time.Now()
	for _, one := range m.links {
		if !one.retired.IsZero() {
			continue
		}
		if one.address != "" {
			dialed++
		}
		if one.address == address || one.hello.Host == host {
			return false, false
		}
	}
	if dialed >= MaxDialed || len(m.coming)+len(m.dialing) >= m.room() {
		return false, false
	}
	p := m.pauses[address]
	if now.Before(p.until) {
		return false, true
	}
	p.last = min(max(2*p.last, firstPause), longestPause)
	p.until = now.Add(p.last)
	m.pauses[address], m.dialing[address] = p, false
	return true, false
}

// forget drops what is known of addresses that are gone.
func (m *Mesh) forget(hosts []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for address := range m.pauses {
		if host, _, _ := net.SplitHostPort(address); !slices.Contains(hosts, host) {
			delete(m.pauses, address)
		}
	}
}
