// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstream

import (
	"crypto/tls"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"goservice.dev/operator/workload/internal/follow"
)

const (
	dialTimeout      = 3 * time.Second
	handshakeTimeout = 5 * time.Second
	// maxIdlePerHost is far above the 2 of http.DefaultTransport, with which a busy client opens connections all the time.
	maxIdlePerHost = 1024
	// idleTimeout is below that of common servers (gunicorn 2 s, Node.js, Apache and uvicorn 5 s): were the upstream the first to
	// close, a POST could already be on its way, and must not be repeated.
	idleTimeout = 1500 * time.Millisecond
	// HTTP/2 says goodbye before it closes, so a connection that only speaks it may stay.
	idleTimeoutH2C = time.Minute
	// A connection whose other end vanished without a word is found by pings. Without them it would fail each call until TCP
	// gives up, a quarter of an hour later.
	pingAfter   = 10 * time.Second
	pingTimeout = 3 * time.Second
	// maxResponseHead bounds the headers of a response in bytes.
	maxResponseHead = 256 << 10
	// connectionBuffer in bytes, in each direction: the head of usual requests and responses fits, and long bodies pass it by. A stream
	// holds both for as long as it lasts, so half of the standard library's is enough.
	connectionBuffer = 2 << 10
	// filesEvery is how often a target's files are read again.
	filesEvery = 10 * time.Second
)

// wire holds the connections to one target, and what all calls carry. It is replaced as a whole.
type wire struct {
	transport *http.Transport
	headers   http.Header
}

// wires puts another wire in the place of the one before when the target's files change, or when the upstream says that it keeps
// idle connections for a shorter time than the client does.
type wires struct {
	target Target
	scheme string
	files  *follow.Files[material] // nil if there are none

	current atomic.Pointer[wire]

	mu       sync.Mutex
	material material
	idle     time.Duration
}

// newWires fails over files that cannot be used.
func newWires(target Target, scheme string, report func(error)) (*wires, error) {
	w := &wires{target: target, scheme: scheme, idle: idleTimeout}
	if scheme == schemeH2C {
		w.idle = idleTimeoutH2C
	}
	if !target.hasFiles() {
		w.current.Store(w.build())
		return w, nil
	}
	files, err := follow.Open(follow.Config[material]{Every: filesEvery, Load: target.load, Use: w.use, Failed: report})
	w.files = files
	return w, err
}

func (w *wires) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.files != nil {
		w.files.Current() // they may have changed
	}
	now := w.current.Load()
	if len(now.headers) > 0 {
		trailer := r.Trailer
		r = r.Clone(r.Context())
		r.Trailer = trailer // the one that gets its values when the body has been read
		for name := range r.Header {
			if now.disguises(name) {
				delete(r.Header, name)
			}
		}
		maps.Copy(r.Header, now.headers)
	}
	response, err := now.transport.RoundTrip(r)
	if err == nil && response.ProtoMajor == 1 {
		if stays, said := keepAlive(response.Header); said {
			w.shorten(stays)
		}
	}
	return response, err
}

// disguises reports whether servers that write both - and _ as _, as CGI and WSGI do, would take the header for one from a file.
func (w *wire) disguises(name string) bool {
	if !strings.Contains(name, "_") {
		return false
	}
	_, taken := w.headers[http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))]
	return taken
}

// closeIdle closes the connections that no call uses.
func (w *wires) closeIdle() { w.current.Load().transport.CloseIdleConnections() }

// use what the files hold from now on.
func (w *wires) use(loaded material) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.material = loaded
	w.replace()
}

// shorten lets idle connections go before an upstream closes them that keeps them for so long.
func (w *wires) shorten(stays time.Duration) {
	idle := max(stays/2, 0)
	w.mu.Lock()
	defer w.mu.Unlock()
	if idle < w.idle {
		w.idle = idle
		w.replace()
	}
}

// replace lets calls that run finish on their connections. The lock is held.
func (w *wires) replace() {
	if before := w.current.Swap(w.build()); before != nil {
		before.transport.CloseIdleConnections()
	}
}

func (w *wires) build() *wire {
	dialer := net.Dialer{Timeout: dialTimeout}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(w.scheme != schemeH2C)
	protocols.SetHTTP2(w.scheme == "https")
	protocols.SetUnencryptedHTTP2(w.scheme == schemeH2C)
	transport := &http.Transport{
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    handshakeTimeout,
		TLSClientConfig:        w.material.tls(),
		MaxIdleConnsPerHost:    maxIdlePerHost,
		IdleConnTimeout:        w.idle,
		DisableKeepAlives:      w.idle == 0,
		DisableCompression:     true, // what passes is not unpacked on the way
		MaxResponseHeaderBytes: maxResponseHead,
		ReadBufferSize:         connectionBuffer,
		WriteBufferSize:        connectionBuffer,
		ExpectContinueTimeout:  time.Second,
		Protocols:              protocols,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		Proxy:                  proxyFunc(w.target.Proxy),
	}
	return &wire{transport: transport, headers: w.material.headers}
}

// proxyFunc is nil for direct connections: most upstreams are neighbors, which a proxy cannot reach.
func proxyFunc(setting string) func(*http.Request) (*url.URL, error) {
	if setting == ProxyEnvironment {
		return http.ProxyFromEnvironment
	}
	return nil
}

// keepAlive reads for how long a server says that it keeps an idle connection: "Keep-Alive: timeout=5".
func keepAlive(header http.Header) (stays time.Duration, said bool) {
	for parameter := range strings.SplitSeq(header.Get("Keep-Alive"), ",") {
		name, value, _ := strings.Cut(parameter, "=")
		if strings.EqualFold(strings.TrimSpace(name), "timeout") {
			seconds, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31)
			return time.Duration(seconds) * time.Second, err == nil
		}
	}
	return 0, false
}

// tls is the configuration of https connections; without files the roots are the system's.
func (m material) tls() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(0), RootCAs: m.roots}
	if m.certificate != nil {
		config.Certificates = []tls.Certificate{*m.certificate}
	}
	return config
}
