// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package ratelimit

import (
	"net/http"
	"net/netip"
)

// KeyFunc says by which key a request is limited. Requests with the same key, the empty one included, share a bucket.
type KeyFunc func(*http.Request) string

// RemoteIP keys by the peer's address: IPv4 as a whole, IPv6 by its /64, because a single host commands all of that. It is the
// peer of the connection: behind a proxy use Header with a field that the proxy sets and clients cannot.
func RemoteIP(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return AddressKey(peer.Addr())
}

// AddressKey is the key of a client's address: IPv4 as a whole, IPv6 by its /64.
func AddressKey(address netip.Addr) string {
	address = address.Unmap()
	if address.Is4() {
		return address.String()
	}
	network, err := address.WithZone("").Prefix(64)
	if err != nil {
		return address.String()
	}
	return network.String()
}

// Header keys by the first value of a header field.
func Header(name string) KeyFunc {
	name = http.CanonicalHeaderKey(name)
	return func(r *http.Request) string {
		if values := r.Header[name]; len(values) > 0 {
			return values[0]
		}
		return ""
	}
}
