// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package peers

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"
)

// The key was replaced because somebody else has it.
func TestLinksOfAKeyThatIsWithdrawnAreReplacedAndEndWithTheirLastCall(t *testing.T) {
	n, port, folder := &names{}, freePort(t), keyFolder(t, 'a')
	n.set(nil, hosts(2)...)
	pods := []*node{run(t, n, hosts(2)[0], port, folder), run(t, n, hosts(2)[1], port, folder)}
	linked := func(links int) {
		t.Helper()
		for i, one := range pods {
			one.until(t, "links", func(with, _ map[string]int) bool { return with[hosts(2)[1-i]] == links })
		}
	}
	linked(1)
	var all sync.WaitGroup
	look := func() {
		for _, one := range pods {
			one.look(t, &all)
		}
	}
	put(t, folder, key('a'), key('b'))
	look()
	put(t, folder, key('b'), key('a'))
	look()
	if pods[0].retired+pods[1].retired != 0 {
		t.Error("a link was retired whose key is accepted")
	}
	for _, one := range pods {
		one.call(true)
	}
	put(t, folder, key('b'), "")
	look()
	for _, one := range pods { // also the one that has not looked yet is told
		one.until(t, "retired", func(_, _ map[string]int) bool { return one.retired > 0 })
	}
	for _, one := range pods {
		one.look(t, &all)
		one.mesh.forget(nil) // what could not be dialed at the first attempt
	}
	for _, one := range pods {
		one.until(t, "linked anew", func(_, _ map[string]int) bool { return one.mesh.Links() == 2 })
	}
	look()
	for _, one := range pods {
		if links := one.mesh.Links(); links != 2 {
			t.Errorf("%d links while a call runs", links)
		}
	}
	pods[0].call(false)
	look()
	linked(1)
}

func TestACallOverARetiredLinkMayNotLastForEver(t *testing.T) {
	n, port, folder := &names{}, freePort(t), keyFolder(t, 'a')
	n.set(nil, hosts(2)...)
	one := run(t, n, hosts(2)[0], port, folder)
	other := run(t, &names{}, hosts(2)[1], port, keyFolder(t, 'a')) // which goes on with the old key
	one.until(t, "linked", func(with, _ map[string]int) bool { return with[hosts(2)[1]] == 1 })
	one.call(true)
	other.call(true)
	put(t, folder, key('b'), "")
	var all sync.WaitGroup
	one.look(t, &all)
	one.until(t, "retired", func(_, _ map[string]int) bool { return one.retired > 0 })
	one.mesh.retire(time.Now().Add(retiredLife + time.Second))
	one.until(t, "ended", func(with, _ map[string]int) bool { return with[hosts(2)[1]] == 0 })
}

// Where calls last, as streams do, retired links stay for minutes. Others take their place all the same.
func TestRetiredLinksLeaveRoomForOthers(t *testing.T) {
	for _, retired := range []time.Time{{}, time.Now()} {
		m := NewMesh(Config{})
		for range maxLinks {
			m.links[&Link{}] = &linked{hello: Hello{ID: "one of many"}, retired: retired}
		}
		room := !retired.IsZero()
		if err := m.promise(Hello{ID: "new"}); (err == nil) != room {
			t.Errorf("a link from another pod: %v, where links are retired: %t", err, room)
		}
		if dial, _ := m.wants("192.0.2.1:9443", "192.0.2.1"); dial != room {
			t.Errorf("a link to another pod: %t, where links are retired: %t", dial, room)
		}
		if admitted := m.admit(nil); admitted != room {
			t.Errorf("a connection is admitted: %t, where links are retired: %t", admitted, room)
		}
	}
}

func TestPodsThatDoNotKnowTheirAddressAreLinkedOnce(t *testing.T) {
	n, port, folder := &names{}, freePort(t), keyFolder(t, 'a')
	addresses := []string{"127.0.4.1", "127.0.4.2", "127.0.4.3", "127.0.4.4"}
	pods := len(addresses)
	n.set(nil, addresses...)
	var all []*node
	for _, host := range addresses {
		all = append(all, runAs(t, n, "", host, port, folder, func(ctx context.Context, address string) (net.Conn, error) {
			return (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(host)}}).DialContext(ctx, "tcp", address) // as pods do
		}))
	}
	var dials sync.WaitGroup
	for range 3 { // a second look finds nobody new
		for _, one := range all {
			one.until(t, "all are linked", func(_, _ map[string]int) bool { return one.mesh.Links() >= pods-1 })
			one.mesh.look(t.Context(), &dials)
		}
	}
	dials.Wait()
	for _, one := range all {
		if links := one.mesh.Links(); links != pods-1 {
			t.Errorf("%d links with %d others", links, pods-1)
		}
	}
}

func TestAPodHasAtMostTwiceAsManyLinksAsItDials(t *testing.T) {
	n, port, folder := &names{}, freePort(t), keyFolder(t, 'a')
	n.set(nil, hosts(1)...)
	one := run(t, &names{}, hosts(1)[0], port, folder)
	for _, host := range hosts(maxLinks + 4)[1:] {
		run(t, n, host, port, folder)
	}
	one.until(t, "as many as may be", func(_, _ map[string]int) bool { return one.mesh.Links() == 2*MaxDialed })
	n.set(nil, hosts(maxLinks+4)...)
	one.mesh.config.Resolve = n.resolve
	var dials sync.WaitGroup
	one.mesh.look(t.Context(), &dials)
	one.mesh.mu.Lock()
	defer one.mesh.mu.Unlock()
	if links := len(one.mesh.links) + len(one.mesh.dialing); links > 2*MaxDialed {
		t.Errorf("%d links", links)
	}
}
