// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/service"
)

// offline is a service that is asked without a network.
func offline(document livesettings.Document, options ...service.Option) *service.Service {
	document.Version = livesettings.Version
	return service.New(append([]service.Option{
		service.WithLog(io.Discard), service.WithBuiltIn(document),
		service.WithEnvironment(map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": ""}),
	}, options...)...)
}

func ask(svc *service.Service, method, path string) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	svc.Handler().ServeHTTP(recorder, httptest.NewRequest(method, path, http.NoBody))
	return recorder
}

func statuses(svc *service.Service, n int, method, path string) string {
	var all []int
	for range n {
		all = append(all, ask(svc, method, path).Code)
	}
	return fmt.Sprint(all)
}

func TestWhatNoRouteTakesIsAnsweredAsAProblem(t *testing.T) {
	svc := offline(livesettings.Document{})
	svc.HandleFunc("GET /orders/{id}", hello)
	svc.HandleFunc("PUT /orders/{id}", hello)
	svc.HandleFunc("GET /tree/", hello)
	svc.HandleFunc("GET /own", http.NotFound)
	for name, c := range map[string]struct {
		method, path, kind, detail string
		status                     int
	}{
		"no such path":         {"GET", "/nowhere", "application/problem+json", "nothing is served at this path", 404},
		"another method":       {"DELETE", "/orders/1", "application/problem+json", "this path is served for the methods GET, HEAD, PUT only", 405},
		"a redirect":           {"GET", "/tree", "text/html; charset=utf-8", "", 307},
		"a handler's own":      {"GET", "/own", "text/plain; charset=utf-8", "", 404},
		"a route that is open": {"GET", "/orders/1", "text/plain; charset=utf-8", "", 200},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(svc, c.method, c.path)
			if got.Code != c.status || got.Header().Get("Content-Type") != c.kind {
				t.Errorf("%d of type %s, want %d of type %s", got.Code, got.Header().Get("Content-Type"), c.status, c.kind)
			}
			if c.detail != "" {
				var details struct {
					Status        int
					Title, Detail string
				}
				if err := json.Unmarshal(got.Body.Bytes(), &details); err != nil || details.Status != c.status || details.Title != http.StatusText(c.status) || details.Detail != c.detail {
					t.Errorf("%s: %v, want %q", got.Body, err, c.detail)
				}
			}
			if allow := got.Header().Get("Allow"); (allow != "") != (c.status == 405) {
				t.Errorf("Allow: %q", allow)
			}
		})
	}
}

// A client that follows the redirect to the clean path arrives at what it asked for.
func TestRedirectsToTheCleanPathAreEscapedOnce(t *testing.T) {
	svc := offline(livesettings.Document{})
	svc.HandleFunc("GET /files/{name...}", hello)
	svc.HandleFunc("GET /tree%20s/", hello)
	for sent, want := range map[string]string{
		"/files//a%20b":       "/files/a%20b",
		"/files/x/../a%2Fb?q": "/files/a%2Fb?q",
		"/files//a%20b/?q=%":  "/files/a%20b/?q=%",
		"/files/./%2F/":       "/files/%2F/",
		"/files//a":           "/files/a",
		"//evil.example/%20":  "/evil.example/%20",
		"/tree%20s?q":         "/tree%20s/?q",
		"//tree%20s":          "/tree%20s/",
	} {
		if got := ask(svc, "GET", "http://x"+sent); got.Code != http.StatusTemporaryRedirect || got.Header().Get("Location") != want {
			t.Errorf("%s: %d to %s, want %s", sent, got.Code, got.Header().Get("Location"), want)
		}
	}
}

// A flood of requests for what is not there is as limited as any other.
func TestTheLimiterAppliesToWhatNoRouteTakes(t *testing.T) {
	svc := offline(livesettings.Document{RateLimit: &livesettings.RateLimit{RequestsPerSecond: 0.001, Burst: 3}})
	svc.HandleFunc("GET /orders/{id}", hello)
	svc.HandleFunc("GET /tree/", hello)
	for path, want := range map[string]int{"/nowhere": 404, "/tree": 307} {
		if got := ask(svc, "GET", path).Code; got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	if got := ask(svc, "POST", "/orders/1").Code; got != 405 {
		t.Errorf("another method: %d", got)
	}
	for _, path := range []string{"/nowhere", "/orders/1", "/tree"} {
		got := ask(svc, "POST", path)
		if got.Code != http.StatusTooManyRequests || got.Header().Get("Retry-After") == "" || !strings.Contains(got.Body.String(), `"reason":"rate_limit"`) {
			t.Errorf("%s beyond the limit: %d %s", path, got.Code, got.Body)
		}
	}
}
