// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/service"
)

// As h2load -n 10000 -c 100 -m 10 does it: 1,000 requests at once of microseconds each are no overload, for a service with its own
// values as for bare net/http. (Under the race detector they take twenty times as long, and are a twentieth.)
func TestAThousandRequestsAtOnceAreNoOverload(t *testing.T) {
	const connections, streams, requests = 100 / slowness, 10, 10_000 / slowness
	svc := service.New(service.WithLog(io.Discard), service.WithEnvironment(map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": ""}),
		service.WithBuiltIn(livesettings.Document{Version: livesettings.Version, LogLevel: "off"}))
	svc.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	server := httptest.NewUnstartedServer(svc.Handler())
	server.Config.Protocols = &protocols
	server.Start()
	defer server.Close()

	var mu sync.Mutex
	answers := map[int]int{}
	var clients sync.WaitGroup
	for range connections {
		transport := &http.Transport{Protocols: &protocols}
		defer transport.CloseIdleConnections()
		for range streams {
			clients.Go(func() {
				for range requests / connections / streams {
					request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/", http.NoBody)
					if err != nil {
						t.Error(err)
						return
					}
					response, err := transport.RoundTrip(request)
					if err != nil {
						t.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, response.Body)
					response.Body.Close()
					mu.Lock()
					answers[response.StatusCode]++
					mu.Unlock()
				}
			})
		}
	}
	clients.Wait()
	if len(answers) != 1 || answers[http.StatusOK] != requests {
		t.Errorf("%d requests were answered with %v, the pool: %+v", requests, answers, svc.Pool().Stats())
	}
}
