// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package peers

import "time"

// retire takes links out of use whose key is not accepted any more: whoever has it may not begin anything. Other links take their place,
// and calls that run have some time to end: they are of the time when the key was accepted.
func (m *Mesh) retire(now time.Time) {
	for link, one := range m.all() {
		switch {
		case one.retired.IsZero() && !m.config.Keys.accept(one.key):
			m.config.Logger.Info("a link is retired, because its key is not accepted any more", "pod", one.hello.ID)
			_ = link.Send(retiring)
			m.retired(link)
		case !one.retired.IsZero() && (one.handler.Idle() || now.Sub(one.retired) > retiredLife):
			link.Close()
		}
	}
}

// retired notes that nothing new goes over the link: also where the other end says so first.
func (m *Mesh) retired(link *Link) {
	m.mu.Lock()
	one := m.links[link]
	if one == nil || !one.retired.IsZero() {
		m.mu.Unlock()
		return
	}
	one.retired = time.Now()
	m.mu.Unlock()
	m.change() // another link has to take its place
	one.handler.Retire()
}

// all links as they are now.
func (m *Mesh) all() map[*Link]linked {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[*Link]linked, len(m.links))
	for link, one := range m.links {
		all[link] = *one
	}
	return all
}
