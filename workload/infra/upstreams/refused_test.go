// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstreams_test

import (
	"net/http"
	"strings"
	"testing"

	"goservice.dev/operator/workload/upstream"
)

func TestCallsThatAreRefusedForABusyUpstreamAreToldOnce(t *testing.T) {
	release := make(chan struct{})
	entered := make(chan struct{}, 1)
	address, svc, log := proxied(t, "", func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-release
	})
	client, _ := svc.Upstream("up")
	client.SetLimits(upstream.Limits{MaxInFlight: 1})
	const request = "GET /proxy/up/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		exchange(t, address, request)
	}()
	<-entered
	for range 20 {
		if response, body := exchange(t, address, request); response.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%d %s", response.StatusCode, body)
		}
	}
	close(release)
	<-ended
	if text := log.String(); strings.Count(text, "calls to the upstream are refused") != 1 || strings.Contains(text, `"status":503`) {
		t.Errorf("logged %s", text)
	}
}
