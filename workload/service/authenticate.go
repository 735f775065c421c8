// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"errors"
	"log/slog"
	"net/http"

	"goservice.dev/operator/workload/auth"
	"goservice.dev/operator/workload/internal/exchange"
	"goservice.dev/operator/workload/problem"
)

// Authenticate makes the routes that are registered later demand one of the credentials: the authenticators are asked in order, and
// the first one that finds its kind decides. They run before the limiters and the pool of the route. Handlers find the caller with
// auth.From(r.Context()); auth.Key limits by caller. A request without any is answered with 401, as are invalid ones. The client names of
// GOSERVICE_TLS_CLIENT_NAMES are demanded besides, and say who the caller is only where nothing else is demanded.
func (s *Service) Authenticate(authenticators ...auth.Authenticator) {
	s.authenticators = append(s.authenticators, authenticators...)
}

// Public serves the route without authentication, for health checks of load balancers for example.
func Public() RouteOption { return func(rt *route) { rt.public = true } }

// identified reports whether the caller may pass; else it has answered the request.
func (rt *route) identified(e *exchange.Exchange, r *http.Request) bool {
	for _, asked := range rt.demanded {
		identity, err := authenticate(asked, r)
		if err != nil {
			rt.service.refuseCaller(e, r, asked, err)
			return false
		}
		e.Identity = identity
	}
	return true
}

func authenticate(authenticators []auth.Authenticator, r *http.Request) (auth.Identity, error) {
	for _, authenticator := range authenticators {
		identity, err := authenticator.Authenticate(r)
		if !errors.Is(err, auth.ErrNoCredentials) {
			return identity, err
		}
	}
	return auth.Identity{}, auth.ErrNoCredentials
}

// refuseCaller answers a request whose caller is not known or not allowed. The cause goes to the log, at debug: anybody can cause
// it.
func (s *Service) refuseCaller(w http.ResponseWriter, r *http.Request, asked []auth.Authenticator, err error) {
	rejection := &auth.Rejection{Detail: "credentials are required"}
	if !errors.As(err, &rejection) && !errors.Is(err, auth.ErrNoCredentials) {
		rejection.Detail = "the credentials are not valid"
	}
	status := rejection.Status
	if status < http.StatusBadRequest {
		status = http.StatusUnauthorized
	}
	level := slog.LevelDebug
	if status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	s.logger.Log(r.Context(), level, "caller refused", "status", status, "error", err)
	if status == http.StatusUnauthorized {
		challenge(w.Header(), rejection, asked)
	}
	if status == http.StatusServiceUnavailable {
		problem.RetryAfter(w.Header(), 0)
	}
	problem.Write(w, problem.Details{Status: status, Detail: rejection.Detail})
}

func challenge(header http.Header, rejection *auth.Rejection, asked []auth.Authenticator) {
	if rejection.Challenge != "" {
		header.Set("WWW-Authenticate", rejection.Challenge)
		return
	}
	for _, authenticator := range asked {
		if challenger, ok := authenticator.(auth.Challenger); ok {
			header.Add("WWW-Authenticate", challenger.Challenge())
		}
	}
}
