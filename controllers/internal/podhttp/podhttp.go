// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package podhttp asks pods over HTTP. Pods are not trusted: whatever one of them answers is bounded here in time and bytes,
// and what people see of it is cut by Clip where it enters. What an answer means is the callers' business.
package podhttp

import (
	"io"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode"

	"goservice.dev/operator/controllers/internal/fair"
)

const (
	// maxHeaderBytes of an answer; net/http's own bound is 10 MiB, for each of the pods that are asked at once.
	maxHeaderBytes = 16 << 10
	// questionsAtOnce to pods, whatever is asked of them, and of those to pods of one namespace.
	questionsAtOnce = 96
	questionsOfOne  = 16
	// maxTextLength of what is shown of a pod's words, in characters.
	maxTextLength = 200
)

// Slots for questions to pods, by namespace, for all who ask any; waited, if not nil, is told of each wait.
func Slots(waited func(time.Duration)) *fair.Scheduler {
	return fair.NewScheduler(fair.Options{Slots: questionsAtOnce, SlotsPerGroup: questionsOfOne, Waited: waited})
}

// Options of a Client.
type Options struct {
	// Timeout of a whole exchange, and of the connection alone.
	Timeout time.Duration
	// IdlePerHost connections stay open for IdleTimeout after an answer. There is no bound over all hosts: pods are asked in
	// turn, so that a pool smaller than their number would always have closed the connection that is needed next.
	IdlePerHost int
	IdleTimeout time.Duration
}

// Client asks pods at their own addresses. It follows no redirect: a pod must not send the operator elsewhere.
func Client(options Options) *http.Client {
	return &http.Client{
		Timeout:       options.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            (&net.Dialer{Timeout: options.Timeout}).DialContext,
			MaxIdleConnsPerHost:    options.IdlePerHost,
			IdleConnTimeout:        options.IdleTimeout,
			MaxResponseHeaderBytes: maxHeaderBytes,
			ReadBufferSize:         2 << 10, // held by each open connection
			WriteBufferSize:        1 << 10,
			DisableCompression:     true, // a small answer cannot become a large one
		},
	}
}

// Bound returns a client whose answers end with an error beyond a number of bytes. It is for the way through the API server,
// whose client reads the whole body of an answer that is no success.
func Bound(client *http.Client, maxBytes int64) *http.Client {
	bound := *client
	next := client.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	bound.Transport = bounded{next, maxBytes}
	return &bound
}

type bounded struct {
	next     http.RoundTripper
	maxBytes int64
}

// RoundTrip bounds the answer's body.
func (b bounded) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(request)
	if err == nil {
		response.Body = Limit(response.Body, b.maxBytes)
	}
	return response, err
}

// Limit makes a body end with an error beyond a number of bytes.
func Limit(body io.ReadCloser, maxBytes int64) io.ReadCloser {
	return http.MaxBytesReader(nil, body, maxBytes)
}

// Clip makes a pod's words fit to be shown: at most 200 characters, in one line, all of them printable.
func Clip(text string) string {
	var clipped strings.Builder
	length, gap := 0, false
	for _, c := range text {
		if !unicode.IsPrint(c) || c == ' ' || c == unicode.ReplacementChar {
			gap = length > 0
			continue
		}
		if gap {
			clipped.WriteByte(' ')
			length++
			gap = false
		}
		if length >= maxTextLength-1 {
			clipped.WriteRune('…')
			break
		}
		clipped.WriteRune(c)
		length++
	}
	return clipped.String()
}
