// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package forwarded

import (
	"net/http"
	"slices"
	"strings"
)

// forged are headers, beside X-Forwarded-*, that servers take for the word of a proxy before them.
var forged = []string{
	"Forwarded", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip", "X-Original-Forwarded-For", "X-Original-Host", "X-Original-Url",
	"X-Rewrite-Url",
}

// Pass writes into the headers of a request that is passed on what the next server is to know of the one that came in. Of a
// trusted peer everything is kept, and the peer is added to the addresses; anybody else's are removed and made new.
func (p *Proxies) Pass(in *http.Request, out http.Header) {
	address := peer(in)
	trusted := p.trusts(address)
	for name := range in.Header {
		if strings.HasPrefix(name, "X-Forwarded-") {
			copyOrDelete(out, in.Header, name, trusted)
		}
		if disguised(name) {
			delete(out, name)
		}
	}
	for _, name := range forged {
		copyOrDelete(out, in.Header, name, trusted)
	}
	scheme := "http"
	if in.TLS != nil {
		scheme = "https"
	}
	if !address.IsValid() {
		out.Del("X-Forwarded-For")
		out.Del("Forwarded")
	} else {
		if out["X-Forwarded-For"] == nil && out["Forwarded"] != nil {
			if client := p.Client(in); client != address {
				out.Set("X-Forwarded-For", client.String())
			}
		}
		join(out, "X-Forwarded-For", address.String())
		if out["Forwarded"] != nil {
			node := address.String()
			if address.Is6() {
				node = `"[` + node + `]"`
			}
			join(out, "Forwarded", "for="+node)
		}
	}
	if out["X-Forwarded-Proto"] == nil {
		if said := last(out["Forwarded"], "proto"); said == "http" || said == "https" {
			scheme = said
		}
		out.Set("X-Forwarded-Proto", scheme)
	}
	if out["X-Forwarded-Host"] == nil {
		out.Set("X-Forwarded-Host", in.Host)
	}
}

// disguised reports whether a header is another's in the eyes of servers that write both - and _ as _, as CGI and WSGI do. No proxy
// means it so, and trusted ones pass it on from anybody.
func disguised(name string) bool {
	if !strings.Contains(name, "_") {
		return false
	}
	name = http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
	return strings.HasPrefix(name, "X-Forwarded-") || slices.Contains(forged, name)
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

// last value of a parameter of the Forwarded header.
func last(lines []string, name string) string {
	for element := range backward(lines) {
		if value := parameter(element, name); value != "" {
			return strings.ToLower(value)
		}
	}
	return ""
}
