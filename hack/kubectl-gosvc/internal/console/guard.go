// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package console

import (
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// policy of the page: its own style and script, and requests to nobody else. The script has no way to turn text into markup.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; " +
	"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// guard lets a request through that reads, that was sent to this machine by a name nobody else can point here, and that knows the token,
// which is the first part of the path. The handler sees the rest of it.
func guard(token, address string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", policy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		if !local(r.Host, address) {
			http.Error(w, "the console answers only to "+address+" and localhost", http.StatusForbidden)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			http.Error(w, "the console only reads", http.StatusMethodNotAllowed)
			return
		}
		given, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		if subtle.ConstantTimeCompare([]byte(given), []byte(token)) != 1 {
			http.Error(w, "the token is missing or wrong: open the address that kubectl gosvc console printed", http.StatusForbidden)
			return
		}
		inner := r.Clone(r.Context())
		inner.URL.Path, inner.URL.RawPath = "/"+path, ""
		next.ServeHTTP(w, inner)
	})
}

// local says whether a Host header names the address that the console listens on, or localhost. The port may differ: ssh -L forwards another
// one. A name that somebody else's DNS points at this machine is neither.
func local(host, address string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return host == address || strings.EqualFold(host, "localhost")
}
