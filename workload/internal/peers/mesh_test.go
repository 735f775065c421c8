// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// names are what the service's name resolves to.
type names struct {
	mu    sync.Mutex
	hosts []string
	err   error
}

func (n *names) resolve(context.Context) ([]string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]string(nil), n.hosts...), n.err
}

func (n *names) set(err error, hosts ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts, n.err = hosts, err
}

// node is a pod that knows with whom it is linked.
type node struct {
	mesh *Mesh
	stop func()

	mu      sync.Mutex
	busy    bool // calls run over all links
	retired int
	with    map[string]int
	frames  map[string]int
	changed chan struct{}
}

type follower struct {
	node  *node
	other string
}

func (f *follower) Frame(byte, []byte) error {
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	f.node.frames[f.other]++
	f.node.tell()
	return nil
}

func (f *follower) Retire() {
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	f.node.retired++
	f.node.tell()
}

func (f *follower) Idle() bool {
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	return !f.node.busy
}

func (f *follower) Ended(error) {
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	f.node.with[f.other]--
	f.node.tell()
}

func (n *node) tell() {
	select {
	case n.changed <- struct{}{}:
	default:
	}
}

// linkedWith is how many links there are.
func (n *node) linkedWith(host string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.with[host]
}

// until waits for a condition.
func (n *node) until(t *testing.T, what string, holds func(with, frames map[string]int) bool) {
	t.Helper()
	for {
		n.mu.Lock()
		ok := holds(n.with, n.frames)
		n.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-n.changed:
		case <-t.Context().Done():
			t.Fatal(what)
		}
	}
}

// call goes on over the links of the pod, or has ended.
func (n *node) call(busy bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.busy = busy
}

// look at the keys' folder, whenever that was done the last time, and at the names.
func (n *node) look(t *testing.T, all *sync.WaitGroup) {
	n.mesh.config.Keys.files.Look()
	n.mesh.retire(time.Now())
	n.mesh.look(t.Context(), all)
}

// run starts a pod at an address of loopback. Port 0 of the first one is what the others have as well.
func run(t *testing.T, n *names, host string, port uint16, folder string) *node {
	t.Helper()
	return runAs(t, n, host, host, port, folder, nil)
}

// runAs is run for a pod that says that it is at the address told, and dials as dial does.
func runAs(t *testing.T, n *names, told, host string, port uint16, folder string, dial func(context.Context, string) (net.Conn, error)) *node {
	t.Helper()
	k, err := OpenKeys(folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	one := &node{with: map[string]int{}, frames: map[string]int{}, changed: make(chan struct{}, 1)}
	one.mesh = NewMesh(Config{
		Self: Hello{ID: "pod " + host, Host: told}, Keys: k, Address: net.JoinHostPort(host, strconv.Itoa(int(port))), Port: port,
		Logger: slog.New(slog.DiscardHandler), Resolve: n.resolve,
		Dial: dial,
		Linked: func(other Hello, link *Link) Handler {
			one.mu.Lock()
			one.with[other.Host]++
			one.mu.Unlock()
			one.tell()
			_ = link.Send(UserKind)
			return &follower{one, other.Host}
		},
	})
	if err := one.mesh.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		one.mesh.Run(ctx)
		close(ended)
	}()
	one.stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(one.stop)
	return one
}

// freePort is one that nobody has at the moment.
func freePort(t *testing.T) uint16 {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return uint16(listener.Addr().(*net.TCPAddr).Port) //nolint:gosec // a port
}

func keyFolder(t *testing.T, letter byte) string {
	t.Helper()
	folder := t.TempDir()
	put(t, folder, key(letter), "")
	return folder
}

func hosts(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("127.0.1.%d", i+1)
	}
	return all
}

func TestPodsOfAServiceAreLinkedWithEachOther(t *testing.T) {
	n, folder, port := &names{}, keyFolder(t, 'a'), freePort(t)
	n.set(nil, hosts(4)...)
	var pods []*node
	for _, host := range hosts(4) {
		pods = append(pods, run(t, n, host, port, folder))
	}
	for i, one := range pods {
		one.until(t, "all are linked and can speak", func(with, frames map[string]int) bool {
			for j, host := range hosts(4) {
				if i != j && (with[host] == 0 || frames[host] == 0) {
					return false
				}
			}
			return true
		})
		if one.linkedWith(hosts(4)[i]) != 0 {
			t.Error("a pod is linked with itself")
		}
	}
	pods[3].stop()
	for _, one := range pods[:3] {
		one.until(t, "the pod that stopped is gone", func(with, _ map[string]int) bool { return with[hosts(4)[3]] == 0 })
	}
}

func TestAPodThatTheNamesDoNotHaveYetLinksItself(t *testing.T) {
	n, folder, port := &names{}, keyFolder(t, 'a'), freePort(t)
	n.set(nil, hosts(1)...)
	old := run(t, n, hosts(2)[0], port, folder)
	run(t, n, hosts(2)[1], port, folder)
	old.until(t, "the new pod is linked", func(with, _ map[string]int) bool { return with[hosts(2)[1]] > 0 })
}

func TestLinksStayWhereNamesAreGone(t *testing.T) {
	n, folder, port := &names{}, keyFolder(t, 'a'), freePort(t)
	n.set(nil, hosts(2)...)
	one := run(t, n, hosts(2)[0], port, folder)
	run(t, n, hosts(2)[1], port, folder)
	one.until(t, "linked", func(_, frames map[string]int) bool { return frames[hosts(2)[1]] > 0 }) // it follows frames once it counts the link
	var all sync.WaitGroup
	n.set(errors.New("no such host"))
	one.mesh.look(t.Context(), &all)
	n.set(nil)
	one.mesh.look(t.Context(), &all)
	if links := one.mesh.Links(); links == 0 {
		t.Error("the link is gone")
	}
}

// As where a NetworkPolicy or a proxy drops what the pod sends to some of the others: nobody answers, and those who can connect link themselves, at the
// first try.
func TestPodsThatAreHiddenByAPolicyKeepNobodyElse(t *testing.T) {
	connect := func(ctx context.Context, address string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
	for name, drop := range map[string]func(ctx context.Context) (net.Conn, error){
		"connections": func(ctx context.Context) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		},
		"what is sent": func(ctx context.Context) (net.Conn, error) {
			one, other := net.Pipe()
			context.AfterFunc(ctx, func() { _ = other.Close() })
			go func() { _, _ = io.Copy(io.Discard, other) }()
			return one, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			n, folder, port := &names{}, keyFolder(t, 'a'), freePort(t)
			all := hosts(8)
			hidden, dialing := all[2:], make(chan struct{}, 100)
			n.set(nil, all...)
			one := runAs(t, n, all[0], all[0], port, folder, func(ctx context.Context, address string) (net.Conn, error) {
				host, _, _ := net.SplitHostPort(address)
				if !slices.Contains(hidden, host) {
					return connect(ctx, address)
				}
				if host == all[2] {
					dialing <- struct{}{}
				}
				return drop(ctx)
			})
			run(t, n, all[1], port, folder)
			one.until(t, "a pod that can be reached is not linked", func(with, _ map[string]int) bool { return with[all[1]] == 1 })
			<-dialing
			tries := make(chan struct{}, 100)
			runAs(t, n, all[2], all[2], port, folder, func(ctx context.Context, address string) (net.Conn, error) {
				if host, _, _ := net.SplitHostPort(address); host == all[0] {
					tries <- struct{}{}
				}
				return connect(ctx, address)
			})
			one.until(t, "a pod that reaches this one is not linked", func(with, _ map[string]int) bool { return with[all[2]] == 1 })
			if len(tries) != 1 {
				t.Errorf("it was linked at try %d", len(tries))
			}
		})
	}
}

// Else pods would link twice, or dial themselves.
func TestAddressesAreComparedInOneSpelling(t *testing.T) {
	n, folder, port := &names{}, keyFolder(t, 'a'), freePort(t)
	all := hosts(2)
	n.set(nil, "::ffff:"+all[0], all[1])
	one := runAs(t, n, "::ffff:"+all[0], all[0], port, folder, nil)
	other := run(t, n, all[1], port, folder)
	other.until(t, "they are not linked", func(with, _ map[string]int) bool { return with[all[0]] == 1 })
	one.mesh.mu.Lock()
	defer one.mesh.mu.Unlock()
	if len(one.mesh.self) != 0 || one.mesh.config.Self.Host != all[0] {
		t.Errorf("a pod has dialed itself: %v, at %s", one.mesh.self, one.mesh.config.Self.Host)
	}
}

func TestPodsOfAnotherServiceAreNotLinked(t *testing.T) {
	n, folder, port := &names{}, keyFolder(t, 'a'), freePort(t)
	n.set(nil, hosts(3)...)
	one := run(t, n, hosts(3)[0], port, folder)
	run(t, n, hosts(3)[1], port, keyFolder(t, 'b'))
	run(t, n, hosts(3)[2], port, folder)
	one.until(t, "the pod of the same service is linked", func(with, _ map[string]int) bool { return with[hosts(3)[2]] > 0 })
	if one.linkedWith(hosts(3)[1]) != 0 {
		t.Error("a pod of another service was linked")
	}
}

func TestAPodLinksARandomChoiceOfMany(t *testing.T) {
	n, folder, port := &names{}, keyFolder(t, 'a'), freePort(t)
	n.set(nil, hosts(2*MaxDialed)...)
	for _, host := range hosts(2 * MaxDialed)[1:] {
		quiet := &names{} // these do not dial
		run(t, quiet, host, port, folder)
	}
	one := run(t, n, hosts(1)[0], port, folder)
	one.until(t, "as many links as a pod makes", func(with, _ map[string]int) bool { return len(with) >= MaxDialed })
	var all sync.WaitGroup
	one.mesh.look(t.Context(), &all)
	if links := one.mesh.Links(); links > MaxDialed {
		t.Errorf("%d links", links)
	}
}
