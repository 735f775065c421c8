// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"net/http"
	"net/url"
	"strings"

	"goservice.dev/operator/workload/internal/exchange"
	"goservice.dev/operator/workload/problem"
)

// chain is what every request passes: measured → the mux → its route, which does everything else.
func (s *Service) chain(mux http.Handler) http.Handler {
	return s.telemetry.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, r := exchange.Begin(w, r)
		s.route(e, r, mux)
	}))
}

// route lets the mux find the request's route.
func (s *Service) route(e *exchange.Exchange, r *http.Request, mux http.Handler) {
	e.Route = s
	mux.ServeHTTP((*unrouted)(e), r)
}

// unrouted is the exchange as the mux sees it, until a route takes the request: the exchange's Route is the service, and nil once the
// request is answered. So what the mux answers by itself passes the limiter too and has the form of every other error, without a
// second look-up of the route, and without an allocation.
type unrouted exchange.Exchange

func (u *unrouted) exchange() *exchange.Exchange { return (*exchange.Exchange)(u) }

func (u *unrouted) Header() http.Header { return u.exchange().Header() }

// WriteHeader is the mux's own answer: a redirect, or that there is no route for the path or the method.
func (u *unrouted) WriteHeader(status int) {
	w := u.exchange()
	s, ok := w.Route.(*Service)
	if !ok {
		return
	}
	if !w.Visits() && !s.allow() {
		w.Route = nil
		w.Header().Del("Location")
		rateLimited.answer(w, w.Request(), min(s.limiter.RetryAfter(), maxRetryAfter))
		return
	}
	if status < http.StatusBadRequest {
		if escapedOnce(w.Header(), w.Request().URL) {
			w.Route = nil // the text has the other link
		}
		w.WriteHeader(status)
		return
	}
	w.Route = nil
	details := problem.Details{Status: status}
	switch status {
	case http.StatusNotFound:
		details.Detail = "nothing is served at this path"
	case http.StatusMethodNotAllowed:
		details.Detail = "this path is served for the methods " + w.Header().Get("Allow") + " only"
	}
	problem.Write(w, details)
}

// escapedOnce mends the Location of a redirect to the clean path, which the mux makes of the path as it was sent and escapes once more.
// One to the path with a slash behind it is made of the decoded path, and is right.
func escapedOnce(header http.Header, sent *url.URL) (mended bool) {
	location, err := url.Parse(header.Get("Location"))
	if err != nil || !strings.Contains(location.Path, "%") || strings.HasSuffix(location.Path, "/") != strings.HasSuffix(sent.EscapedPath(), "/") {
		return false
	}
	target := location.Path
	if location.RawQuery != "" {
		target += "?" + location.RawQuery
	}
	header.Set("Location", target)
	header.Del("Content-Type")
	return true
}

// Write passes the text of a redirect and drops that of an error, which has been answered.
func (u *unrouted) Write(data []byte) (int, error) {
	w := u.exchange()
	if !w.Started() {
		u.WriteHeader(http.StatusOK)
	}
	if w.Route == nil {
		return len(data), nil
	}
	return w.Write(data)
}
