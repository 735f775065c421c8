// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"goservice.dev/operator/workload/auth"
	"goservice.dev/operator/workload/livesettings"
	"goservice.dev/operator/workload/service"
)

// byName trusts what the request says.
type byName struct{}

func (byName) Challenge() string { return "Name" }

func (byName) Authenticate(r *http.Request) (auth.Identity, error) {
	switch name := r.Header.Get("Name"); name {
	case "":
		return auth.Identity{}, auth.ErrNoCredentials
	case "nobody":
		return auth.Identity{}, &auth.Rejection{Status: http.StatusForbidden, Detail: "not you"}
	case "down":
		return auth.Identity{}, &auth.Rejection{Status: http.StatusServiceUnavailable, Detail: "not now"}
	case "broken":
		return auth.Identity{}, errors.New("secret detail")
	default:
		return auth.Identity{Issuer: "test", Subject: name}, nil
	}
}

func guarded() http.Handler {
	one := livesettings.Document{Version: livesettings.Version, Pool: &livesettings.Pool{Workers: 1, MinWorkers: 1, MaxWorkers: 1}}
	svc := service.New(service.WithEnvironment(map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": ""}), service.WithLog(io.Discard), service.WithBuiltIn(one))
	svc.HandleFunc("GET /before", func(http.ResponseWriter, *http.Request) {})
	svc.Authenticate(byName{})
	svc.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		identity, _ := auth.From(r.Context())
		_, _ = io.WriteString(w, identity.Subject+" as "+auth.Key(r))
	})
	svc.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {}, service.Public())
	svc.HandleFunc("GET /nested", func(w http.ResponseWriter, _ *http.Request) {
		inner := httptest.NewRecorder() // while this one holds the only worker
		svc.Handler().ServeHTTP(inner, httptest.NewRequest(http.MethodGet, "/me", nil))
		w.WriteHeader(inner.Code)
	})
	return svc.Handler()
}

func TestCallersAreAuthenticatedBeforeAnythingIsSpent(t *testing.T) {
	handler := guarded()
	for name, c := range map[string]struct {
		path, caller string
		status       int
		body         string
	}{
		"known":                       {"/me", "ann", 200, "ann as test ann"},
		"without credentials":         {"/me", "", 401, "credentials are required"},
		"not allowed":                 {"/me", "nobody", 403, "not you"},
		"not now":                     {"/me", "down", 503, "not now"},
		"not valid":                   {"/me", "broken", 401, "the credentials are not valid"},
		"a public route":              {"/health", "", 200, ""},
		"a route from before":         {"/before", "", 200, ""},
		"while all workers are taken": {"/nested", "ann", 401, ""},
	} {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest(http.MethodGet, c.path, nil)
			request.Header.Set("Name", c.caller)
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, request)
			if recorder.Code != c.status || !strings.Contains(recorder.Body.String(), c.body) || strings.Contains(recorder.Body.String(), "secret") {
				t.Errorf("%d %s", recorder.Code, recorder.Body)
			}
			if challenge := recorder.Header().Get("WWW-Authenticate"); c.path == "/me" && (challenge == "Name") != (c.status == 401) {
				t.Errorf("challenge %q", challenge)
			}
			if c.status == 503 && recorder.Header().Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
		})
	}
}

// One cause may fail any number of requests.
func TestAnAuthenticatorThatCannotAnswerIsToldOnce(t *testing.T) {
	log := new(syncBuffer)
	svc := service.New(service.WithEnvironment(map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": ""}), service.WithLog(log))
	other := auth.Func(func(r *http.Request) (auth.Identity, error) {
		if r.Header.Get("Other") == "" {
			return auth.Identity{}, auth.ErrNoCredentials
		}
		return auth.Identity{Issuer: "other", Subject: "x"}, nil
	})
	svc.Authenticate(other, byName{})
	helloRoute(svc)
	gone, leave := context.WithCancel(t.Context())
	leave()
	ask := func(ctx context.Context, header, caller string, status int) {
		t.Helper()
		request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/hello", nil)
		request.Header.Set(header, caller)
		recorder := httptest.NewRecorder()
		if svc.Handler().ServeHTTP(recorder, request); recorder.Code != status {
			t.Errorf("%s %s: %d, want %d", header, caller, recorder.Code, status)
		}
	}
	ask(gone, "Name", "down", 499) // whoever leaves has seen nothing
	if got := log.String(); strings.Contains(got, "authenticated") {
		t.Errorf("a client that left: %s", got)
	}
	for range 3 {
		ask(t.Context(), "Name", "down", 503)
		ask(t.Context(), "Name", "nobody", 403) // could be told without whatever is down
		ask(t.Context(), "Other", "x", 200)
	}
	for range 3 {
		ask(t.Context(), "Name", "ann", 200)
	}
	ask(t.Context(), "Name", "down", 503)
	for text, want := range map[string]int{"callers cannot be authenticated": 2, "can be authenticated again": 1, `"status":503`: 2, `"level":"error"`: 2, `"level":"warn"`: 0} {
		if got := strings.Count(log.String(), text); got != want {
			t.Errorf("%s: %d times, want %d:\n%s", text, got, want, log)
		}
	}
}

func TestCertificatesOfOthersAreRefusedByTheSettings(t *testing.T) {
	svc := service.New(service.WithLog(io.Discard), service.WithEnvironment(map[string]string{
		"GOSERVICE_LIVE_SETTINGS_FILE": "", "GOSERVICE_TLS_CERT_FILE": "c", "GOSERVICE_TLS_KEY_FILE": "k", "GOSERVICE_TLS_CLIENT_CA_FILE": "ca",
		"GOSERVICE_TLS_CLIENT_NAMES": "spiffe://cluster.local/ns/shop/*",
	}))
	helloRoute(svc)
	recorder := httptest.NewRecorder()
	svc.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/hello", nil))
	if recorder.Code != http.StatusUnauthorized {
		t.Errorf("%d, want 401", recorder.Code)
	}
}

// Whoever deploys the service sets the names, whoever writes it the credentials; neither replaces the other.
func TestAllowedCertificatesReplaceNoOtherCredentials(t *testing.T) {
	svc := service.New(service.WithLog(io.Discard), service.WithEnvironment(map[string]string{
		"GOSERVICE_LIVE_SETTINGS_FILE": "", "GOSERVICE_TLS_CERT_FILE": "c", "GOSERVICE_TLS_KEY_FILE": "k", "GOSERVICE_TLS_CLIENT_CA_FILE": "ca",
		"GOSERVICE_TLS_CLIENT_NAMES": "shop.svc",
	}))
	tell := func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, auth.Key(r)) }
	svc.HandleFunc("GET /before", tell)
	svc.Authenticate(byName{})
	svc.HandleFunc("GET /me", tell)
	for name, c := range map[string]struct {
		path, certificate, caller string
		status                    int
		key                       string
	}{
		"the certificate where nothing else is asked for": {"/before", "shop.svc", "", 200, "tls shop.svc"},
		"the certificate alone":                           {"/me", "shop.svc", "", 401, ""},
		"both":                                            {"/me", "shop.svc", "ann", 200, "test ann"},
		"a certificate of others":                         {"/me", "other.svc", "ann", 403, ""},
		"no certificate":                                  {"/me", "", "ann", 401, ""},
	} {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest(http.MethodGet, c.path, nil)
			request.Header.Set("Name", c.caller)
			if c.certificate != "" {
				leaf := &x509.Certificate{DNSNames: []string{c.certificate}}
				request.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{leaf}}}
			}
			recorder := httptest.NewRecorder()
			svc.Handler().ServeHTTP(recorder, request)
			if got := recorder.Body.String(); recorder.Code != c.status || c.status == 200 && got != c.key {
				t.Errorf("%d %s", recorder.Code, got)
			}
		})
	}
}
