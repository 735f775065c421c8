// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"

	"goservice.dev/operator/workload/auth"
	"goservice.dev/operator/workload/internal/exchange"
	"goservice.dev/operator/workload/problem"
	"goservice.dev/operator/workload/telemetry"
)

// Authenticate makes the routes that are registered later demand one of the credentials: the authenticators are asked in order, and
// the first one that finds its kind decides. They run before the limiters and the pool of the route. Handlers find the caller with
// auth.From(r.Context()); auth.Key limits by caller. A request without any is answered with 401, as are invalid ones. The client names of
// GOSERVICE_TLS_CLIENT_NAMES are demanded besides, and say who the caller is only where nothing else is demanded.
//
// A Rejection with a status of 500 or more says that nobody can be authenticated now. It is logged when it begins, at error, and when
// the authenticator accepts somebody again; the requests that fail in between are logged at debug.
func (s *Service) Authenticate(authenticators ...auth.Authenticator) {
	for _, one := range authenticators {
		s.authenticators = append(s.authenticators, &authenticator{Authenticator: one})
	}
}

// authenticator is one that a route demands, and whether it could tell callers apart when it was asked last.
type authenticator struct {
	auth.Authenticator
	unavailable atomic.Bool
}

// Public serves the route without authentication, for health checks of load balancers for example.
func Public() RouteOption { return func(rt *route) { rt.public = true } }

// identified reports whether the caller may pass; else it has answered the request.
func (rt *route) identified(e *exchange.Exchange, r *http.Request) bool {
	for _, asked := range rt.demanded {
		by, identity, err := authenticate(asked, r)
		if err != nil {
			rt.service.refuseCaller(e, r, asked, by, err)
			return false
		}
		if by.unavailable.Load() && by.unavailable.Swap(false) {
			rt.service.logger.Info("callers can be authenticated again")
		}
		e.Identity = identity
	}
	return true
}

// authenticate returns the one that decided, too; nil if none found credentials.
func authenticate(authenticators []*authenticator, r *http.Request) (*authenticator, auth.Identity, error) {
	for _, one := range authenticators {
		identity, err := one.Authenticate(r)
		if !errors.Is(err, auth.ErrNoCredentials) {
			return one, identity, err
		}
	}
	return nil, auth.Identity{}, auth.ErrNoCredentials
}

// refuseCaller answers a request whose caller is not known or not allowed. The cause goes to the log, at debug: anybody can cause
// it.
func (s *Service) refuseCaller(w http.ResponseWriter, r *http.Request, asked []*authenticator, by *authenticator, err error) {
	rejection := &auth.Rejection{Detail: "credentials are required"}
	if !errors.As(err, &rejection) && by != nil {
		rejection.Detail = "the credentials are not valid"
	}
	status := rejection.Status
	if status < http.StatusBadRequest {
		status = http.StatusUnauthorized
	}
	if status >= http.StatusInternalServerError {
		if errors.Is(r.Context().Err(), context.Canceled) { // the client did not wait for the answer, which says nothing of the authenticator
			w.WriteHeader(problem.StatusClientLeft)
			return
		}
		telemetry.Told(r)
		if !by.unavailable.Swap(true) {
			s.logger.ErrorContext(r.Context(), "callers cannot be authenticated, their requests fail", "status", status, "error", err)
		}
	}
	s.logger.DebugContext(r.Context(), "caller refused", "status", status, "error", err)
	if status == http.StatusUnauthorized {
		challenge(w.Header(), rejection, asked)
	}
	if status == http.StatusServiceUnavailable {
		problem.RetryAfter(w.Header(), 0)
	}
	problem.Write(w, problem.Details{Status: status, Detail: rejection.Detail})
}

func challenge(header http.Header, rejection *auth.Rejection, asked []*authenticator) {
	if rejection.Challenge != "" {
		header.Set("WWW-Authenticate", rejection.Challenge)
		return
	}
	for _, one := range asked {
		if challenger, ok := one.Authenticator.(auth.Challenger); ok {
			header.Add("WWW-Authenticate", challenger.Challenge())
		}
	}
}
