// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/service"
)

func newOrders(t *testing.T, builtIn livesettings.Document) http.Handler {
	t.Helper()
	builtIn.Version = livesettings.Version
	svc := service.New(service.WithEnvironment(map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": ""}),
		service.WithLog(io.Discard), service.WithBuiltIn(builtIn))
	register(svc, newBook())
	return svc.Handler()
}

func call(handler http.Handler, method, path, body string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(method, path, strings.NewReader(body)))
	return recorder
}

func TestOrders(t *testing.T) {
	cases := map[string]struct {
		method, path, body string
		status             int
		contains           string
	}{
		"place":             {"POST", "/orders", `{"item":"book","quantity":2}`, http.StatusCreated, `"id":"2"`},
		"show":              {"GET", "/orders/1", "", http.StatusOK, `"item":"pen"`},
		"unknown order":     {"GET", "/orders/99", "", http.StatusNotFound, `"field":"id"`},
		"no item":           {"POST", "/orders", `{"quantity":2}`, http.StatusBadRequest, `"field":"item"`},
		"no quantity":       {"POST", "/orders", `{"item":"book"}`, http.StatusBadRequest, `"field":"quantity"`},
		"too many":          {"POST", "/orders", `{"item":"book","quantity":1001}`, http.StatusBadRequest, "must be 1 to 1000"},
		"own id":            {"POST", "/orders", `{"id":"7","item":"book","quantity":1}`, http.StatusBadRequest, `"field":"id"`},
		"unknown field":     {"POST", "/orders", `{"colour":"red"}`, http.StatusBadRequest, "colour"},
		"not JSON":          {"POST", "/orders", `book`, http.StatusBadRequest, `"field":"body"`},
		"no such route":     {"GET", "/invoices", "", http.StatusNotFound, ""},
		"no such method":    {"DELETE", "/orders/1", "", http.StatusMethodNotAllowed, ""},
		"oversized request": {"POST", "/orders", `{"item":"` + strings.Repeat("x", maxOrderBytes) + `"}`, http.StatusRequestEntityTooLarge, `"field":"body"`},
		"more behind it":    {"POST", "/orders", `{"item":"book","quantity":1} {}`, http.StatusBadRequest, "more follows it"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			handler := newOrders(t, livesettings.Document{})
			call(handler, "POST", "/orders", `{"item":"pen","quantity":1}`)
			got := call(handler, c.method, c.path, c.body)
			if got.Code != c.status || !strings.Contains(got.Body.String(), c.contains) {
				t.Errorf("%s %s: %d %s, want %d with %q", c.method, c.path, got.Code, got.Body, c.status, c.contains)
			}
		})
	}
}

// What the toolkit adds without a line of the service's own.
func TestTheServiceIsLimited(t *testing.T) {
	handler := newOrders(t, livesettings.Document{RateLimit: &livesettings.RateLimit{RequestsPerSecond: 0.001, Burst: 1}})
	if got := call(handler, "GET", "/orders/1", ""); got.Code != http.StatusNotFound {
		t.Errorf("first request: %d, want 404", got.Code)
	}
	got := call(handler, "GET", "/orders/1", "")
	if got.Code != http.StatusTooManyRequests || got.Header().Get("Retry-After") == "" {
		t.Errorf("second request: %d with Retry-After %q, want 429 with one", got.Code, got.Header().Get("Retry-After"))
	}
}
