// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package forwarded

import (
	"cmp"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// addresses are headers, beside the two that can be believed, that servers take for a proxy's word on who the client is.
var addresses = []string{"X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip"}

// originals are headers, beside X-Forwarded-*, in which proxies tell what they have changed.
var originals = []string{"X-Original-Forwarded-For", "X-Original-Host", "X-Original-Url", "X-Rewrite-Url"}

// Pass writes into the headers of a request that is passed on what the next server is to know of the one that came in. Of a
// trusted peer the header that is believed is kept, with the peer added to it, as are X-Original-* and X-Rewrite-Url. X-Real-Ip and its
// like then have the client that is believed. Anybody else's are removed. X-Forwarded-For, -Proto, and -Host are always there.
func (p *Proxies) Pass(in *http.Request, out http.Header) {
	address := peer(in)
	trusted, standard := p.trusts(address), p.standard.Load()
	for name := range in.Header {
		if strings.HasPrefix(name, "X-Forwarded-") {
			copyOrDelete(out, in.Header, name, trusted && !standard)
		}
		if disguised(name) {
			delete(out, name)
		}
	}
	copyOrDelete(out, in.Header, string(Standard), trusted && standard)
	for _, name := range originals {
		copyOrDelete(out, in.Header, name, trusted)
	}
	for _, name := range addresses {
		if copyOrDelete(out, in.Header, name, trusted); out[name] != nil {
			out.Set(name, p.Client(in).String())
		}
	}
	p.passAddresses(in, address, out)
	scheme, host := "http", in.Host
	if in.TLS != nil {
		scheme = "https"
	}
	if trusted && standard {
		if said := strings.ToLower(p.said(in, "proto")); said == "http" || said == "https" {
			scheme = said
		}
		host = cmp.Or(p.said(in, "host"), host)
	}
	if out["X-Forwarded-Proto"] == nil {
		out.Set("X-Forwarded-Proto", scheme)
	}
	if out["X-Forwarded-Host"] == nil {
		out.Set("X-Forwarded-Host", host)
	}
}

// passAddresses adds the peer to the lists of the addresses on the way.
func (p *Proxies) passAddresses(in *http.Request, address netip.Addr, out http.Header) {
	if !address.IsValid() {
		out.Del(string(XForwardedFor))
		return
	}
	if out[string(Standard)] != nil {
		if client := p.Client(in); client != address {
			out.Set(string(XForwardedFor), client.String())
		}
		node := address.String()
		if address.Is6() {
			node = `"[` + node + `]"`
		}
		join(out, string(Standard), "for="+node)
	}
	join(out, string(XForwardedFor), address.String())
}

// disguised reports whether a header is another's in the eyes of servers that write both - and _ as _, as CGI and WSGI do. No proxy
// means it so, and trusted ones pass it on from anybody.
func disguised(name string) bool {
	if !strings.Contains(name, "_") {
		return false
	}
	name = http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
	return strings.HasPrefix(name, "X-Forwarded-") || name == string(Standard) || slices.Contains(addresses, name) || slices.Contains(originals, name)
}

func copyOrDelete(out, in http.Header, name string, keep bool) {
	if values := in[name]; keep && len(values) > 0 {
		out[name] = values[:len(values):len(values)]
	} else {
		delete(out, name)
	}
}

// join adds to the end of a list, in one line.
func join(header http.Header, name, value string) {
	header.Set(name, strings.Join(append(header[name], value), ", "))
}
