// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstreams

import (
	"context"
	"log"
	"log/slog"
	"mime"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"goservice.dev/operator/workload/forwarded"
	"goservice.dev/operator/workload/problem"
	"goservice.dev/operator/workload/telemetry"
	"goservice.dev/operator/workload/upstream"
)

const (
	copyBufferBytes = 32 << 10
	// eventBufferBytes are enough for usual events. Each stream of them holds a buffer while it waits for the next one.
	eventBufferBytes = 2 << 10
	// allowedMethods through the proxy: TRACE would tell the headers that are added on the way, CONNECT asks for a tunnel.
	allowedMethods = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
)

// Proxy passes requests for {prefix}{upstream}/… on to the upstream: path, query and bodies byte for byte. It needs the request as it
// was sent, so it belongs on a raw route.
type Proxy struct {
	clients Clients
	prefix  string
	trusted *forwarded.Proxies
	logs    map[string]*log.Logger
}

// NewProxy makes one for all declared upstreams. trusted says whose word on the client is passed on.
func NewProxy(clients Clients, prefix string, trusted *forwarded.Proxies, logger *slog.Logger) *Proxy {
	p := &Proxy{clients: clients, prefix: prefix, trusted: trusted, logs: map[string]*log.Logger{}}
	for _, name := range clients.Upstreams() {
		p.logs[name] = slog.NewLogLogger(logger.With("upstream", name).Handler(), slog.LevelWarn)
	}
	return p
}

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodTrace || r.Method == http.MethodConnect {
		w.Header().Set("Allow", allowedMethods)
		problem.Write(w, problem.Details{Status: http.StatusMethodNotAllowed, Field: "method", Rule: "must be one of " + allowedMethods})
		return
	}
	name, path, query, asked := p.split(r)
	client, ok := p.clients.Upstream(name)
	if !ok {
		p.unknown(w)
		return
	}
	if path == "" { // relative links in the response would lead out of the upstream
		redirect := &url.URL{Path: p.prefix + name + "/", RawQuery: query, ForceQuery: asked}
		w.Header().Set("Location", redirect.String())
		w.WriteHeader(http.StatusTemporaryRedirect)
		return
	}
	target, err := client.ResolveRaw(path, query)
	if err != nil {
		problem.Invalid(w, "path", strings.TrimPrefix(err.Error(), "path: "))
		return
	}
	target.ForceQuery = asked
	if r.ContentLength != 0 {
		defer interrupt(w, r)()
	}
	p.to(client, target).ServeHTTP(w, r)
}

// interrupt ends the reading of the body with the request's context. Nothing else does while a client sends nothing, and the transport
// waits for it.
func interrupt(w http.ResponseWriter, r *http.Request) (done func()) {
	told := make(chan struct{})
	stop := context.AfterFunc(r.Context(), func() {
		defer close(told)
		_ = http.NewResponseController(w).SetReadDeadline(time.Now())
	})
	return func() {
		if !stop() {
			<-told // it must not meet the connection's next request
		}
	}
}

func (p *Proxy) unknown(w http.ResponseWriter) {
	rule := "must be a declared upstream; none is declared"
	if names := p.clients.Upstreams(); len(names) > 0 {
		rule = "must be one of " + strings.Join(names, ", ")
	}
	problem.Write(w, problem.Details{Status: http.StatusNotFound, Field: "upstream", Rule: rule, Detail: "upstream: " + rule})
}

// split takes the request's target apart as it was sent. asked says that there was a question mark.
func (p *Proxy) split(r *http.Request) (name, path, query string, asked bool) {
	sent := r.RequestURI
	if !strings.HasPrefix(sent, "/") { // a whole URL, or a request that was made in this process
		sent = r.URL.EscapedPath()
		if r.URL.RawQuery != "" || r.URL.ForceQuery {
			sent += "?" + r.URL.RawQuery
		}
	}
	sent, query, asked = strings.Cut(sent, "?")
	sent = strings.TrimPrefix(sent, p.prefix)
	name, path, found := strings.Cut(sent, "/")
	if found {
		path = "/" + path
	}
	return name, path, query, asked
}

// to makes the proxy of one request, whose target is known.
func (p *Proxy) to(client *upstream.Client, target *url.URL) *httputil.ReverseProxy {
	name := client.Name()
	copying := &buffers{pool: &largeBuffers}
	return &httputil.ReverseProxy{
		Transport:  client.Transport(),
		BufferPool: copying,
		ErrorLog:   p.logs[name],
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL, r.Out.Host = target, "" // the upstream's own host
			r.Out.Trailer = r.In.Trailer       // it gets its values when the body has been read
			p.trusted.Pass(r.In, r.Out.Header)
			onlyWebSocket(r.Out.Header)
		},
		ModifyResponse: func(response *http.Response) error {
			if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); kind == "text/event-stream" {
				copying.pool = &eventBuffers
			}
			if len(response.Trailer) > 0 { // HTTP/1.1 has trailers only without it
				response.Header.Del("Content-Length")
			}
			if telemetry.RequestID(response.Request.Context()) != "" { // the response has it already
				response.Header.Del(telemetry.RequestIDHeader)
			}
			here := redirects{base: client.URL(), prefix: p.prefix + name, host: response.Request.Header.Get("X-Forwarded-Host")}
			here.rewriteCookies(response.Header)
			return here.rewrite(response)
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { answerError(w, r, name, err) },
	}
}

// onlyWebSocket lets no other change of protocols pass. Behind one to HTTP/2 a client could ask for any path, past every limit.
func onlyWebSocket(header http.Header) {
	header.Del("Http2-Settings")
	if kind := header.Get("Upgrade"); kind != "" && !strings.EqualFold(kind, "websocket") {
		header.Del("Upgrade")
		header.Del("Connection")
	}
}

// buffers are the copy buffers of one response, from a pool that all share. The reverse proxy asks for one when it knows the response,
// and keeps it until the end.
type buffers struct {
	pool  *sync.Pool
	taken *[]byte
}

var (
	largeBuffers = sync.Pool{New: func() any { return new(make([]byte, copyBufferBytes)) }}
	eventBuffers = sync.Pool{New: func() any { return new(make([]byte, eventBufferBytes)) }}
)

func (b *buffers) Get() []byte {
	b.taken = b.pool.Get().(*[]byte)
	return *b.taken
}

func (b *buffers) Put([]byte) { b.pool.Put(b.taken) }
