// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstreams

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// errRedirect is a redirect that could only be followed outside of the proxy.
var errRedirect = errors.New("the upstream redirects to an address of its own outside of its URL")

// redirects lead clients through the proxy: an upstream knows its own address, which a client must not learn and could not reach.
type redirects struct {
	base   *url.URL
	prefix string // of the upstream's paths at the proxy
	host   string // by which clients know the proxy; an upstream that believes X-Forwarded-Host names it
}

func (x redirects) rewrite(response *http.Response) error {
	for _, name := range []string{"Location", "Content-Location"} {
		value := response.Header.Get(name)
		if value == "" {
			continue
		}
		rewritten, err := x.location(response.Request.URL, value)
		switch {
		case err == nil:
			response.Header.Set(name, rewritten)
		case name == "Location":
			return err
		default:
			response.Header.Del(name)
		}
	}
	return nil
}

// location is the value as a client can follow it. Other hosts than the upstream's and the proxy's stay as they are.
func (x redirects) location(requested *url.URL, value string) (string, error) {
	parsed, err := url.Parse(value)
	if err != nil {
		return "", errRedirect
	}
	if parsed.Host == "" && parsed.Scheme == "" && !strings.HasPrefix(parsed.Path, "/") && !strings.Contains(parsed.Path, "..") {
		return value, nil // relative to where the client is
	}
	from := *requested
	from.Opaque = ""
	target := from.ResolveReference(parsed)
	origin := "" // of what is rewritten: where the client is
	switch {
	case parsed.Host != "" && target.Host == x.host:
		if strings.HasPrefix(target.EscapedPath(), x.prefix+"/") {
			return value, nil // the upstream knows where it is
		}
		origin = target.Scheme + "://" + target.Host
	case !strings.EqualFold(target.Hostname(), x.base.Hostname()):
		return value, nil
	case target.Scheme != x.base.Scheme || target.Port() != x.base.Port():
		return "", errRedirect // the same way would lead to the same redirect
	}
	path := target.EscapedPath()
	base := strings.TrimSuffix(x.base.EscapedPath(), "/")
	rest, within := strings.CutPrefix(path, base)
	if !within || rest != "" && rest[0] != '/' {
		return "", errRedirect
	}
	rewritten := origin + x.prefix + rest
	if rest == "" {
		rewritten += "/"
	}
	if target.RawQuery != "" || target.ForceQuery {
		rewritten += "?" + target.RawQuery
	}
	if target.Fragment != "" {
		rewritten += "#" + target.EscapedFragment()
	}
	return rewritten, nil
}
