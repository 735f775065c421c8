// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package loadgen

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"time"
)

const dialTimeout = 5 * time.Second

// transports are what the requests are spread over. One transport puts all HTTP/2 requests on one connection, so there
// it is one for each.
func transports(config Config) []*http.Transport {
	count, kept := 1, config.Connections
	if config.HTTP2 {
		count, kept = config.Connections, 1
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!config.HTTP2)
	protocols.SetUnencryptedHTTP2(config.HTTP2)
	made := make([]*http.Transport, count)
	for i := range made {
		made[i] = &http.Transport{
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			Protocols:           protocols,
			MaxIdleConnsPerHost: kept,
			DisableKeepAlives:   config.Fresh,
			DisableCompression:  true,
			// Well below the time after which servers close idle connections themselves.
			IdleConnTimeout: 30 * time.Second,
		}
	}
	return made
}

// answer to one request.
type answer struct {
	status int    // 0: none
	reason string // of a refusal
	err    error
	stage  string // that it came to, if err is set
	// retried says that the client sent the request again by itself, because its connection went away before an answer
	// began. Every Go program's client does so for requests without side effects.
	retried bool
}

func (g *Generator) exchange() answer {
	ctx, cancel := context.WithTimeout(context.Background(), g.config.Timeout)
	defer cancel()
	if g.config.Call != nil {
		if err := g.config.Call(ctx); err != nil {
			return answer{err: err, stage: "calling"}
		}
		return answer{status: http.StatusOK}
	}
	var way way
	ctx = httptrace.WithClientTrace(ctx, way.trace())
	client := g.clients[g.turn.Add(1)%uint64(len(g.clients))]
	// RoundTrip follows no redirects: they are answers like others.
	response, err := client.RoundTrip(g.request.WithContext(ctx))
	reason := ""
	if err == nil {
		reason, err = read(response)
		response.Body.Close()
	}
	connections, stage := way.soFar()
	if err != nil {
		return answer{err: err, stage: stage, retried: connections > 1}
	}
	return answer{status: response.StatusCode, reason: reason, retried: connections > 1}
}

// reasonBytes of a refusal's body are enough for its reason.
const reasonBytes = 1 << 10

// read the answer to its end, so that its connection is kept. A refusal gives its reason, Unexplained where it has none; other
// answers have no reason.
func read(response *http.Response) (reason string, err error) {
	var body []byte
	if refused(response.StatusCode) {
		body, err = io.ReadAll(io.LimitReader(response.Body, reasonBytes))
	}
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
	}
	if err != nil || !refused(response.StatusCode) {
		return "", err
	}
	var problem struct{ Reason string } // application/problem+json, as the toolkit answers
	if json.Unmarshal(body, &problem) != nil || problem.Reason == "" {
		return Unexplained, nil
	}
	return problem.Reason, nil
}

// way of one request, as far as it came. What the client does in the background may outlast the request.
type way struct {
	mu          sync.Mutex
	connections int
	stage       string
}

func (w *way) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.connections++
			kind := "new"
			if info.Reused {
				kind = "kept"
			}
			w.stage = "sending on " + kind + " connection from " + info.Conn.LocalAddr().String()
		},
		WroteRequest:         func(info httptrace.WroteRequestInfo) { w.reached("waiting", info.Err) },
		GotFirstResponseByte: func() { w.reached("reading", nil) },
	}
}

// reached replaces the first word of the stage.
func (w *way) reached(doing string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, rest, ok := strings.Cut(w.stage, " "); ok && err == nil {
		w.stage = doing + " " + rest
	}
}

func (w *way) soFar() (connections int, stage string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.connections, cmp.Or(w.stage, "connecting")
}

// cause is an error without what differs from one request to the next, so that equal ones can be counted.
func cause(err error) string {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	var operation *net.OpError
	if errors.As(err, &operation) {
		return operation.Op + ": " + operation.Err.Error()
	}
	return err.Error()
}
