// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstreams

import (
	"net/http"
	"strings"
)

// rewriteCookies lets cookies come back to the upstream that set them, and to no other: their paths are those of the upstream, and one for
// all of its paths would be one for all upstreams here. Everything but Path and Domain stays as it was sent.
func (x redirects) rewriteCookies(header http.Header) {
	lines := header["Set-Cookie"]
	kept := lines[:0]
	for _, line := range lines {
		if rewritten, ok := x.cookie(line); ok {
			kept = append(kept, rewritten)
		}
	}
	if len(lines) > 0 {
		header["Set-Cookie"] = kept
	}
	if len(kept) == 0 {
		header.Del("Set-Cookie")
	}
}

// cookie is a line of Set-Cookie for the client; false for one that no request through the proxy would match.
func (x redirects) cookie(line string) (string, bool) {
	parts := strings.Split(line, ";")
	if strings.HasPrefix(strings.ToLower(strings.TrimSpace(parts[0])), "__host-") {
		return line, true // clients take it with the path / only (RFC 6265bis, section 4.1.3.2)
	}
	kept := parts[:1]
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, "=")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "path":
			path, ok := x.cookiePath(value)
			if !ok {
				return "", false
			}
			if path != value {
				part = " Path=" + path
			}
		case "domain":
			if strings.EqualFold(strings.TrimPrefix(value, "."), x.base.Hostname()) {
				continue // the client knows the proxy by another name, and would refuse the cookie
			}
		}
		kept = append(kept, part)
	}
	return strings.Join(kept, ";"), true
}

func (x redirects) cookiePath(path string) (string, bool) {
	base := strings.TrimSuffix(x.base.EscapedPath(), "/")
	switch {
	case !strings.HasPrefix(path, "/"): // clients take that of the request
		return path, true
	case within(path, x.prefix): // the upstream knows where it is
		return path, true
	case within(path, base):
		return x.prefix + strings.TrimPrefix(path, base), true
	case within(base, strings.TrimSuffix(path, "/")): // all that a client can ask for
		return x.prefix + "/", true
	}
	return "", false
}

// within reports whether a path is the other one or below it.
func within(path, other string) bool { return path == other || strings.HasPrefix(path, other+"/") }
