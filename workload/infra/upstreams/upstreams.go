// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package upstreams is the workload's way to other services: it implements the port of its use cases and the reverse
// proxy on the toolkit's clients, with their limits, timeouts and retries.
package upstreams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"

	"goservice.dev/operator/workload/app"
	"goservice.dev/operator/workload/problem"
	"goservice.dev/operator/workload/ratelimit"
	"goservice.dev/operator/workload/telemetry"
	"goservice.dev/operator/workload/upstream"
)

// Clients finds the client of each declared upstream; a service.Service is one.
type Clients interface {
	Upstreams() []string
	Upstream(name string) (*upstream.Client, bool)
}

// Adapter implements app.Upstreams.
type Adapter struct{ Clients Clients }

var _ app.Upstreams = Adapter{}

// Names of all upstreams in order.
func (a Adapter) Names() []string { return a.Clients.Upstreams() }

// Fetch reads a path of an upstream. Its errors name the upstream, but not its address.
func (a Adapter) Fetch(ctx context.Context, name, path string, maxBytes int64) (app.Content, error) {
	client, ok := a.Clients.Upstream(name)
	if !ok {
		return app.Content{}, fmt.Errorf("upstream %s is not declared", name)
	}
	response, err := client.Get(ctx, path)
	if err != nil {
		return app.Content{}, outcome(ctx, name, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBytes+1))
	if err != nil {
		return app.Content{}, outcome(ctx, name, err)
	}
	if int64(len(body)) > maxBytes {
		return app.Content{}, fmt.Errorf("upstream %s answered with more than %d bytes", name, maxBytes)
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	return app.Content{
		Status: response.StatusCode, Body: body,
		JSON: (kind == "application/json" || strings.HasSuffix(kind, "+json")) && json.Valid(body),
	}, nil
}

// outcome is an error as a client may read it: without addresses of other services.
func outcome(ctx context.Context, name string, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, ratelimit.ErrWouldMissDeadline):
		return fmt.Errorf("the limit of calls to upstream %s is reached", name)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("upstream %s did not answer in time", name)
	}
	return fmt.Errorf("upstream %s cannot be reached", name)
}

const (
	// maxProxyBody bounds what one request may send through.
	maxProxyBody     = 32 << 20
	copyBufferBytes  = 32 << 10
	statusClientGone = 499
)

// Proxy passes requests for {prefix}{upstream}/{path…} on to the upstream. It reads the path values upstream and path.
type Proxy struct {
	clients Clients
	prefix  string
	reverse map[string]*httputil.ReverseProxy
}

// NewProxy makes one for all declared upstreams.
func NewProxy(clients Clients, prefix string) *Proxy {
	p := &Proxy{clients: clients, prefix: prefix, reverse: map[string]*httputil.ReverseProxy{}}
	for _, name := range clients.Upstreams() {
		if client, ok := clients.Upstream(name); ok {
			p.reverse[name] = p.to(client)
		}
	}
	return p
}

func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("upstream")
	reverse, ok := p.reverse[name]
	if !ok {
		rule := "must be one of " + strings.Join(p.clients.Upstreams(), ", ")
		if len(p.reverse) == 0 {
			rule = "must be a declared upstream; none is declared"
		}
		problem.Write(w, problem.Details{Status: http.StatusNotFound, Field: "upstream", Rule: rule, Detail: "upstream: " + rule})
		return
	}
	if _, err := p.resolve(name, r); err != nil {
		problem.Invalid(w, "path", strings.TrimPrefix(err.Error(), "path: "))
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxProxyBody)
	reverse.ServeHTTP(w, r)
}

// resolve finds the URL of the upstream that the request is for.
func (p *Proxy) resolve(name string, r *http.Request) (*url.URL, error) {
	client, ok := p.clients.Upstream(name)
	if !ok {
		return nil, fmt.Errorf("upstream %s is not declared", name)
	}
	return client.Resolve(strings.TrimPrefix(r.URL.EscapedPath(), p.prefix+name))
}

func (p *Proxy) to(client *upstream.Client) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Transport:  client.Transport(),
		BufferPool: buffers{},
		Rewrite: func(out *httputil.ProxyRequest) {
			target, err := p.resolve(client.Name(), out.In)
			if err != nil { // ServeHTTP has resolved it once
				target = client.URL()
			}
			target.RawQuery = out.Out.URL.RawQuery
			out.Out.URL, out.Out.Host = target, "" // the upstream's own host
			out.SetXForwarded()
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) { answerError(w, r, client.Name(), err) },
	}
}

func answerError(w http.ResponseWriter, r *http.Request, name string, err error) {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		problem.Write(w, problem.Details{
			Status: http.StatusRequestEntityTooLarge, Field: "body",
			Rule: fmt.Sprintf("must have at most %d bytes", tooLarge.Limit),
		})
	case errors.Is(err, ratelimit.ErrWouldMissDeadline):
		problem.RetryAfter(w.Header(), 0)
		problem.Write(w, problem.Details{
			Status: http.StatusServiceUnavailable, Reason: "upstream_" + telemetry.RejectedRateLimit,
			Detail: outcome(context.Background(), name, err).Error(),
		})
	case errors.Is(r.Context().Err(), context.Canceled):
		w.WriteHeader(statusClientGone)
	case errors.Is(err, context.DeadlineExceeded):
		problem.Write(w, problem.Details{Status: http.StatusGatewayTimeout, Detail: outcome(context.Background(), name, err).Error()})
	default:
		problem.Write(w, problem.Details{Status: http.StatusBadGateway, Detail: outcome(context.Background(), name, err).Error()})
	}
}

// buffers shares the copy buffers of all responses.
type buffers struct{}

var bufferPool = sync.Pool{New: func() any { return new([copyBufferBytes]byte) }}

func (buffers) Get() []byte { return bufferPool.Get().(*[copyBufferBytes]byte)[:] }

func (buffers) Put(buffer []byte) { bufferPool.Put((*[copyBufferBytes]byte)(buffer)) }
