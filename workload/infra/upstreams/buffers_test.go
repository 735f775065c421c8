// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstreams

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"goservice.dev/operator/workload/upstream"
)

func TestAStreamOfEventsHoldsASmallBuffer(t *testing.T) {
	client, err := upstream.New(upstream.Target{Name: "up", URL: "http://up"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[string]int{
		"text/event-stream": eventBufferBytes, "text/event-stream; charset=utf-8": eventBufferBytes,
		"application/json": copyBufferBytes, "application/x-ndjson": copyBufferBytes, "": copyBufferBytes,
	} {
		proxy := new(Proxy).to(client, &url.URL{})
		response := &http.Response{Header: http.Header{"Content-Type": {kind}}, Request: httptest.NewRequest(http.MethodGet, "/", nil)}
		if err := proxy.ModifyResponse(response); err != nil {
			t.Fatal(err)
		}
		buffer := proxy.BufferPool.Get()
		if len(buffer) != want {
			t.Errorf("%q: %d bytes, want %d", kind, len(buffer), want)
		}
		proxy.BufferPool.Put(buffer)
	}
}
