// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestValidate(t *testing.T) {
	valid := options{url: "http://127.0.0.1:8080/", rate: 1, duration: time.Second, connections: 1}
	for name, test := range map[string]struct {
		change func(*options)
		want   string // part of the error; empty: none
	}{
		"loopback":           {func(*options) {}, ""},
		"localhost":          {func(o *options) { o.url = "http://localhost:1/" }, ""},
		"IPv6 loopback":      {func(o *options) { o.url = "http://[::1]:8080/" }, ""},
		"another machine":    {func(o *options) { o.url = "http://192.0.2.1/" }, "loopback"},
		"a name":             {func(o *options) { o.url = "http://example.com/" }, "loopback"},
		"no rate":            {func(o *options) { o.rate = 0 }, "-rate"},
		"too high a rate":    {func(o *options) { o.rate = maxRate + 1 }, "-rate"},
		"too long":           {func(o *options) { o.duration = maxDuration + 1 }, "-for"},
		"no connections":     {func(o *options) { o.connections = 0 }, "-connections"},
		"not a URL":          {func(o *options) { o.url = "http://[::1" }, "-url"},
		"several things off": {func(o *options) { o.rate, o.connections = 0, 0 }, "-connections"},
	} {
		t.Run(name, func(t *testing.T) {
			o := valid
			test.change(&o)
			err := o.validate()
			switch {
			case test.want == "" && err != nil:
				t.Errorf("validate() = %v, want none", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("validate() = %v, want an error about %s", err, test.want)
			}
		})
	}
}

// Every answer is counted once, under what it says.
func TestRunCounts(t *testing.T) {
	var served atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if served.Add(1)%2 == 0 {
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	defer server.Close()

	var out bytes.Buffer
	o := options{url: server.URL, rate: 100, duration: time.Second, connections: 4}
	if err := run(t.Context(), o, &out); err != nil {
		t.Fatal(err)
	}
	if served.Load() == 0 {
		t.Error("nothing was sent")
	}
	if !strings.Contains(out.String(), "total  admitted") || !strings.Contains(out.String(), "429 limited") {
		t.Errorf("output lacks a total of admitted and limited requests:\n%s", out.String())
	}
}

func TestTallyLine(t *testing.T) {
	var counts tally
	for range 200 {
		counts.answered(http.StatusOK, 2*time.Millisecond)
	}
	for range 50 {
		counts.answered(http.StatusTooManyRequests, time.Millisecond)
	}
	counts.answered(http.StatusServiceUnavailable, time.Millisecond)
	counts.answered(http.StatusNotFound, time.Millisecond)
	counts.failed()
	counts.unsent()

	want := "admitted    100  429 limited     25  503 unavailable      1  other answers      1  no answer      1" +
		"  not sent, this machine is too slow      1  p50 2ms p99 2ms"
	if got := counts.take().line(2); got != want {
		t.Errorf("line() =\n%s, want\n%s", got, want)
	}
	if got, want := counts.take().line(1), "admitted      0"; got != want {
		t.Errorf("line() after take() = %q, want %q", got, want)
	}
}
