// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package auth finds out who sends a request, before anything is spent on it: Service.Authenticate runs its authenticators
// before the limiter and the pool. It has the one for client certificates; package jwtauth has the one for tokens. What a caller
// may do is the handlers' matter: they find the Identity in the request's context.
//
// Nothing that needs more than the standard library may enter.
package auth

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"goservice.dev/operator/workload/internal/exchange"
)

// Identity of the caller of a request.
type Identity struct {
	// Issuer that vouches for the caller: the iss of a token, or "tls" for a client certificate.
	Issuer string
	// Subject is the caller's name, unique for its issuer: the sub of a token, or the SPIFFE ID or DNS name of a certificate.
	Subject string
	// Scopes that a token grants.
	Scopes []string
	// Claims of a token, as encoding/json decodes them; nil for certificates.
	Claims map[string]any
}

// HasScope reports whether the caller's token grants the scope.
func (i Identity) HasScope(scope string) bool { return slices.Contains(i.Scopes, scope) }

// Authenticator finds the identity of a request's caller. It returns ErrNoCredentials for a request that has no credentials of its
// kind, so that the next authenticator is asked, and a *Rejection for credentials that are not accepted. It runs before the limiter
// and the pool, on as many requests at once as come, so it must not wait for long; it should heed the request's context.
type Authenticator interface {
	Authenticate(r *http.Request) (Identity, error)
}

// Challenger is an Authenticator that says how to send credentials, for the WWW-Authenticate of a response with 401.
type Challenger interface{ Challenge() string }

// Func is an Authenticator that is a function.
type Func func(r *http.Request) (Identity, error)

// Authenticate calls the function.
func (f Func) Authenticate(r *http.Request) (Identity, error) { return f(r) }

// ErrNoCredentials means that the request has no credentials of an authenticator's kind.
var ErrNoCredentials = errors.New("the request has no credentials")

// Rejection of a request.
type Rejection struct {
	// Status is 401 for credentials that are not valid, 403 for a caller who is known and not allowed, 503 if it cannot be found out
	// now; 0 means 401.
	Status int
	// Detail is for the caller, so it says nothing that an attacker could use.
	Detail string
	// Challenge is the WWW-Authenticate of a 401; empty: that of the authenticators.
	Challenge string
	// Err is the cause, for the log.
	Err error
}

// Error names the detail and the cause.
func (e *Rejection) Error() string {
	if e.Err == nil {
		return e.Detail
	}
	return e.Detail + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Rejection) Unwrap() error { return e.Err }

type contextKey struct{}

// From finds the identity of the request that the context belongs to; ok is false if it was not authenticated.
func From(ctx context.Context) (identity Identity, ok bool) {
	if identity, ok = ctx.Value(contextKey{}).(Identity); ok {
		return identity, true
	}
	if e := exchange.From(ctx); e != nil {
		identity, ok = e.Identity.(Identity)
	}
	return identity, ok
}

// NewContext carries an identity, for tests of handlers.
func NewContext(ctx context.Context, identity Identity) context.Context {
	return context.WithValue(ctx, contextKey{}, identity)
}

// Key is a ratelimit.KeyFunc that keys by caller; empty for requests that were not authenticated.
func Key(r *http.Request) string {
	identity, ok := From(r.Context())
	if !ok {
		return ""
	}
	return identity.Issuer + " " + identity.Subject
}
