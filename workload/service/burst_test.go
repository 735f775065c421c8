// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"goservice.dev/operator/workload/service"
)

// As h2load -n 10000 -c 100 -m 10 does it, in cleartext and over TLS: 1,000 requests at once of microseconds each are no overload, for a
// service with its own values as for bare net/http. (Under the race detector they take twenty times as long, and are a twentieth.)
func TestAThousandRequestsAtOnceAreNoOverload(t *testing.T) {
	certificate, key := selfSigned(t, time.Now().Add(time.Hour))
	t.Run("h2c", func(t *testing.T) { manyAtOnce(t, "http", nil) })
	t.Run("TLS", func(t *testing.T) {
		manyAtOnce(t, "https", map[string]string{"GOSERVICE_TLS_CERT_FILE": certificate, "GOSERVICE_TLS_KEY_FILE": key})
	})
}

func manyAtOnce(t *testing.T, scheme string, environment map[string]string) {
	t.Helper()
	const (
		connections, streams, each = 100 / slowness, 10, 10
		served, refused            = "HTTP/2.0 200 OK", "HTTP/2.0 503 Service Unavailable"
	)
	r := start(t, environment, func(svc *service.Service) {
		svc.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	})
	url := scheme + "://127.0.0.1:" + port(r.Address()) + "/"
	var protocols http.Protocols
	protocols.SetHTTP2(scheme == "https")
	protocols.SetUnencryptedHTTP2(scheme == "http")

	transports := make([]*http.Transport, connections)
	for i := range transports {
		transports[i] = &http.Transport{Protocols: &protocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // the test's own server
		defer transports[i].CloseIdleConnections()
		if answer := asked(t.Context(), transports[i], url); answer != served { // over a connection that is made now
			t.Fatal(answer)
		}
	}

	var mu sync.Mutex
	answers, began := map[string]int{}, time.Now()
	var clients sync.WaitGroup
	for _, transport := range transports {
		for range streams {
			clients.Go(func() {
				for range each {
					answer := asked(t.Context(), transport, url)
					mu.Lock()
					answers[answer]++
					mu.Unlock()
				}
			})
		}
	}
	clients.Wait()
	if got := answers[served] + answers[refused]; got != connections*streams*each {
		t.Errorf("%d requests were answered with %v", connections*streams*each, answers)
	}
	// Where a request takes a fifth of the longest wait for a worker on the average, the machine has so much else to do that this is
	// an overload.
	if mean := time.Since(began) / each; answers[refused] > 0 && mean < time.Second/5 {
		t.Errorf("answered with %v in %s each; the pool: %+v", answers, mean, r.Pool().Stats())
	}
}

// asked once; the answer is its protocol and status, or why there is none.
func asked(ctx context.Context, transport *http.Transport, url string) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err.Error()
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err.Error()
	}
	return response.Proto + " " + response.Status
}
