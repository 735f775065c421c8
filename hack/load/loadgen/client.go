// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package loadgen

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
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
	status int // 0: none
	err    error
	// retried says that the client sent the request again by itself, because its connection went away before an answer
	// began. Every Go program's client does so for requests without side effects.
	retried bool
}

func (g *Generator) exchange() answer {
	ctx, cancel := context.WithTimeout(context.Background(), g.config.Timeout)
	defer cancel()
	connections := 0
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connections++ }})
	client := g.clients[g.turn.Add(1)%uint64(len(g.clients))]
	// RoundTrip follows no redirects: they are answers like others.
	response, err := client.RoundTrip(g.request.WithContext(ctx))
	if err != nil {
		return answer{err: err, retried: connections > 1}
	}
	_, err = io.Copy(io.Discard, response.Body)
	response.Body.Close()
	if err != nil {
		return answer{err: err, retried: connections > 1}
	}
	return answer{status: response.StatusCode, retried: connections > 1}
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
