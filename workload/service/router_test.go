// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"goservice.dev/operator/workload/service"
)

// A router that is mounted as a whole names its routes by the request's pattern; net/http's own does so by itself.
func TestAMountedRouterNamesItsRoutes(t *testing.T) {
	svc := service.New(service.WithEnvironment(map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": ""}), service.WithLog(io.Discard))
	inner := http.NewServeMux()
	inner.HandleFunc("GET /inner/{id}", func(http.ResponseWriter, *http.Request) {})
	svc.Handle("/inner/", inner)
	svc.HandleFunc("/foreign/", func(_ http.ResponseWriter, r *http.Request) {
		r.Pattern = "/foreign/{id}" // as after a call of the router, from what it found
	})
	for _, path := range []string{"/inner/1", "/inner/2", "/foreign/1", "/foreign/2"} {
		svc.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
	}
	page := httptest.NewRecorder()
	svc.AdminHandler().ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, route := range []string{"/inner/{id}", "/foreign/{id}"} {
		if want := `http_route="` + route + `"`; !strings.Contains(page.Body.String(), want) {
			t.Errorf("no series has %s", want)
		}
	}
	if strings.Contains(page.Body.String(), `http_route="/foreign/"`) {
		t.Error("the place where the router is mounted stands for its routes")
	}
}

// Baggage makes a copy of the request, and a mux names the route of that one.
func TestARequestWithBaggageHasItsRoute(t *testing.T) {
	r := start(t, nil, helloRoute)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url("/hello"), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Baggage", "tenant=a")
	response, err := r.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if err := r.finish(); err != nil { // the request is counted by then
		t.Error(err)
	}
	page := httptest.NewRecorder()
	r.AdminHandler().ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	if want := `http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",http_route="/hello"} 1`; !strings.Contains(page.Body.String(), want) {
		t.Errorf("no %s", want)
	}
}
