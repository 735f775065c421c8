// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"goservice.dev/operator/workload/service"
)

// A proxy that sets only Forwarded passes on whatever X-Forwarded-For its client sends.
func TestClientsCannotChooseTheirAddressByTheHeaderThatProxiesDoNotSet(t *testing.T) {
	for header, want := range map[string]string{"": "198.51.100.7", "X-Forwarded-For": "198.51.100.7", "Forwarded": "203.0.113.9"} {
		environment := map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": "", "GOSERVICE_TRUSTED_PROXIES": "192.0.2.0/24"}
		if header != "" {
			environment["GOSERVICE_FORWARDED_HEADER"] = header
		}
		svc := service.New(service.WithLog(io.Discard), service.WithEnvironment(environment))
		r := httptest.NewRequest(http.MethodGet, "/", nil) // its peer is 192.0.2.1
		r.Header.Set("X-Forwarded-For", "198.51.100.7")
		r.Header.Set("Forwarded", "for=203.0.113.9")
		if got := svc.TrustedProxies().Client(r).String(); got != want {
			t.Errorf("%q: client %s, want %s", header, got, want)
		}
	}
}
