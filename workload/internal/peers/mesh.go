// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package peers

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	// MaxDialed links begin here, and as many again may come from others: of a service with more pods, each knows a random choice.
	MaxDialed = 12
	maxLinks  = 2 * MaxDialed
	// The names of the service are resolved after lookSoon while there is no link, and after lookEvery else. Where everybody is linked, that
	// doubles each time, up to lookRarely, until a link begins or ends: pods that become ready link to the others by themselves, and each
	// look costs the cluster's DNS several queries.
	lookSoon   = time.Second
	lookEvery  = 5 * time.Second
	lookRarely = time.Minute
	// An address that cannot be linked is tried again after firstPause, then after twice as long, up to longestPause.
	firstPause   = 500 * time.Millisecond
	longestPause = 30 * time.Second
	// greetTimeout bounds the handshake and the greeting.
	greetTimeout = 3 * time.Second
	// maxGreeting connections at most have not shown that they are of the service: strangers must not take the process's files. One more takes the
	// place of the oldest, as who has the key needs its place for milliseconds.
	maxGreeting = 4 * maxLinks

	// retiredLife is how long calls may go on over a link whose key is not accepted any more.
	retiredLife = 10 * time.Minute

	greeting = firstKind     // the first frame of both ends
	retiring = firstKind + 1 // nothing new comes over the link
	maxHello = 1 << 10
)

// UserKind is the first kind of frames that a Handler gets.
const UserKind = 8

// Hello is what a pod says of itself.
type Hello struct {
	// ID of the pod, which no other has.
	ID string `json:"id"`
	// Host at which it listens, as the service's name resolves to it.
	Host string `json:"host"`
	// Zone in which it runs; empty where it is not known.
	Zone string `json:"zone,omitempty"`
}

// Handler follows one link.
type Handler interface {
	// Frame is called for each frame, in the order of their arrival, from one goroutine. An error ends the link.
	Frame(kind byte, payload []byte) error
	// Retire is called when nothing new may go over the link, because its key is not accepted any more. It may be called twice.
	Retire()
	// Idle reports whether nothing goes over the link.
	Idle() bool
	// Ended is called once, after the last Frame.
	Ended(err error)
}

// Config of a Mesh.
type Config struct {
	Self Hello
	Keys *Keys
	// Address to listen on, such as ":9443".
	Address string
	// Resolve returns the hosts of all pods of the service; Port is the one on which they listen.
	Resolve func(context.Context) ([]string, error)
	Port    uint16
	// Linked is called for each link before its first frame. It returns who follows it.
	Linked func(other Hello, link *Link) Handler
	Logger *slog.Logger
	// Dial connects; nil: by TCP.
	Dial func(ctx context.Context, address string) (net.Conn, error)
}

// Mesh links a pod with others of its service.
type Mesh struct {
	config   Config
	listener net.Listener

	mu      sync.Mutex
	greets  []net.Conn // from others, that are no links yet, the oldest first
	links   map[*Link]*linked
	pauses  map[string]pause  // by address
	dialing map[string]bool   // by address, whether its end has shown its key
	coming  map[string]string // hosts of pods that were promised a link, by their names
	self    map[string]bool   // addresses of this pod
	looking error             // why the names could not be resolved the last time
	settled int               // looks in turn that found everybody linked
	changed chan struct{}     // a link has begun or ended
}

// linked is what is known of a link.
type linked struct {
	hello   Hello
	address string            // that was dialed; empty where the other end did
	key     ed25519.PublicKey // that the other end has shown
	handler Handler
	retired time.Time // zero as long as it is in use
}

type pause struct {
	until time.Time
	last  time.Duration
}

// NewMesh makes a mesh that neither listens nor dials yet.
func NewMesh(config Config) *Mesh {
	if config.Dial == nil {
		config.Dial = func(ctx context.Context, address string) (net.Conn, error) {
			return (&net.Dialer{KeepAlive: -1}).DialContext(ctx, "tcp", address) // links have signs of life of their own
		}
	}
	config.Self.Host = canonical(config.Self.Host)
	return &Mesh{
		config: config, links: map[*Link]*linked{}, pauses: map[string]pause{}, dialing: map[string]bool{}, self: map[string]bool{},
		coming: map[string]string{}, changed: make(chan struct{}, 1),
	}
}

// Listen binds the address.
func (m *Mesh) Listen(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", m.config.Address)
	if err != nil {
		return fmt.Errorf("listening for peers on %s: %w", m.config.Address, err)
	}
	m.listener = listener
	return nil
}

// Run links until ctx ends, and then ends all links.
func (m *Mesh) Run(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { m.accept(ctx, &all) })
	wait := time.NewTimer(0)
	defer wait.Stop()
	keys := time.NewTicker(lookEvery)
	defer keys.Stop()
	for {
		select {
		case <-ctx.Done():
			_ = m.listener.Close()
			m.closeAll()
			all.Wait()
			return
		case <-keys.C:
			m.retire(time.Now())
		case <-m.changed:
			if m.unsettle() {
				wait.Reset(m.pause())
			}
		case <-wait.C:
			m.look(ctx, &all)
			wait.Reset(m.pause())
		}
	}
}

// Links is how many pods are linked.
func (m *Mesh) Links() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.links)
}

// room is how many more links there may be. Those that are retired end within retiredLife, and must not keep others from taking their place:
// up to maxLinks of them do not count. The lock is held.
func (m *Mesh) room() int {
	retired := 0
	for _, one := range m.links {
		if !one.retired.IsZero() {
			retired++
		}
	}
	return maxLinks + min(retired, maxLinks) - len(m.links)
}

// admit a connection from others, if there is room for a link. One that has not become a link for long may have to make room.
func (m *Mesh) admit(conn net.Conn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.room() <= 0 {
		return false
	}
	if len(m.greets) >= maxGreeting {
		_ = m.greets[0].Close()
		m.greets = slices.Delete(m.greets, 0, 1)
	}
	m.greets = append(m.greets, conn)
	return true
}

// greeted says that a connection from others is a link now, or never will be.
func (m *Mesh) greeted(conn net.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.greets = slices.DeleteFunc(m.greets, func(one net.Conn) bool { return one == conn })
}

func (m *Mesh) closeAll() {
	m.mu.Lock()
	links := make([]*Link, 0, len(m.links))
	for link := range m.links {
		links = append(links, link)
	}
	m.mu.Unlock()
	for _, link := range links {
		link.Close()
	}
}

func (m *Mesh) accept(ctx context.Context, all *sync.WaitGroup) {
	for {
		conn, err := m.listener.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			select { // too many open files, or the like
			case <-ctx.Done():
			case <-time.After(firstPause):
			}
			continue
		}
		if !m.admit(conn) {
			_ = conn.Close()
			continue
		}
		all.Go(func() {
			if err := m.link(ctx, tls.Server(conn, m.config.Keys.config()), ""); err != nil {
				m.config.Logger.Debug("a connection to the port for peers made no link", "from", conn.RemoteAddr().String(), "error", err)
			}
		})
	}
}

func (m *Mesh) dial(ctx context.Context, address string) {
	dialing, cancel := context.WithTimeout(ctx, greetTimeout)
	defer cancel()
	conn, err := m.config.Dial(dialing, address)
	if err == nil {
		err = m.link(ctx, tls.Client(conn, m.config.Keys.config()), address)
	}
	if err != nil {
		m.dialed(address)
		m.config.Logger.Debug("a pod of the service cannot be linked", "address", address, "error", err)
	}
}

// reached reports whether a dialed connection, whose other end has shown its key, is of use. From then on, nobody who dials this pod from the
// other end is promised a link: before, it may go on for long, as where a policy drops what this pod sends.
func (m *Mesh) reached(address string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, host := range m.coming {
		if m.address(host) == address {
			return false
		}
	}
	for _, one := range m.links {
		if one.retired.IsZero() && m.address(one.hello.Host) == address {
			return false
		}
	}
	m.dialing[address] = true
	return true
}

// dialed says that the address is not being dialed any more. The lock is not held.
func (m *Mesh) dialed(address string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.dialing, address)
}

// errSelf is the answer to a link with oneself.
var errSelf = errors.New("peers: this is the same pod")

// link follows a connection from its handshake to its end. It returns nil if there was a link.
func (m *Mesh) link(ctx context.Context, conn *tls.Conn, address string) error {
	greet, cancel := context.WithTimeout(ctx, greetTimeout)
	defer cancel()
	stop := context.AfterFunc(greet, func() { _ = conn.NetConn().Close() })
	other, err := m.greet(conn, address)
	if address == "" {
		m.greeted(conn.NetConn())
	}
	if !stop() {
		err = errors.Join(err, greet.Err())
	}
	if err != nil {
		_ = conn.NetConn().Close()
		m.mu.Lock()
		defer m.mu.Unlock()
		if address == "" {
			delete(m.coming, other.ID)
		} else if errors.Is(err, errSelf) {
			m.self[address] = true
		}
		return err
	}
	l := NewLink(conn)
	handler := m.config.Linked(other, l)
	m.mu.Lock()
	m.links[l] = &linked{hello: other, address: address, key: proven(conn.ConnectionState()), handler: handler}
	delete(m.pauses, cmp.Or(address, m.address(other.Host)))
	delete(m.dialing, address)
	if address == "" {
		delete(m.coming, other.ID)
	}
	m.mu.Unlock()
	m.change()
	if ctx.Err() != nil {
		l.Close()
	}
	err = l.Run(func(kind byte, payload []byte) error {
		switch {
		case kind == retiring:
			m.retired(l)
			return nil
		case kind < UserKind:
			return nil // of a later version
		}
		return handler.Frame(kind, payload)
	})
	m.mu.Lock()
	delete(m.links, l)
	m.mu.Unlock()
	m.change()
	handler.Ended(err)
	return nil
}

func (m *Mesh) address(host string) string {
	return net.JoinHostPort(host, strconv.Itoa(int(m.config.Port)))
}
