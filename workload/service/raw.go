// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"net/http"
	"strings"
)

// rawRoute is a route for all paths below a prefix.
type rawRoute struct {
	prefix, pattern string
	route           *route
}

// HandleRaw serves every path that begins with what stands before the pattern's first wildcard, such as /proxy/ for
// /proxy/{upstream}/{path...}, for handlers that must have it as the client sent it. http.ServeMux would redirect a path with an empty
// segment (//) or with dots; here nothing is cleaned, matched or redirected, and path values are not set: read r.RequestURI or
// r.URL.EscapedPath. The pattern is the route's name in metrics and logs, and must have no method and no host. Such routes come before
// those of Handle.
func (s *Service) HandleRaw(pattern string, handler http.Handler, routeOptions ...RouteOption) {
	http.NewServeMux().Handle(pattern, handler) // panics over a pattern that is none, as Handle does
	prefix, _, _ := strings.Cut(pattern, "{")
	if !strings.HasPrefix(prefix, "/") || !strings.HasSuffix(prefix, "/") {
		panic("service: HandleRaw: " + pattern + ": must begin with a path that ends in / before the first wildcard")
	}
	s.raw = append(s.raw, rawRoute{prefix, pattern, s.addRoute(pattern, handler, routeOptions)})
}

// dispatch finds the route of a request.
func (s *Service) dispatch(w http.ResponseWriter, r *http.Request) {
	for i := range s.raw {
		if raw := &s.raw[i]; strings.HasPrefix(sentPath(r), raw.prefix) {
			r.Pattern = raw.pattern
			raw.route.ServeHTTP(w, r)
			return
		}
	}
	s.mux.ServeHTTP(w, r)
}

// sentPath begins with the path as the client sent it.
func sentPath(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI
	}
	return r.URL.EscapedPath() // of a request line with a whole URL
}
