// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package forwarded tells who a request comes from behind load balancers and ingresses. What their headers say is believed only of peers
// that are named as trusted: anybody can send them. Of a trusted peer exactly one header is believed, X-Forwarded-For with the other
// X-Forwarded-* or the Forwarded of RFC 7239: a proxy sets the one, and passes on the other as its client has sent it.
package forwarded

import (
	"cmp"
	"fmt"
	"iter"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"

	"goservice.dev/operator/workload/ratelimit"
)

// MaxRanges bounds a list of Ranges.
const MaxRanges = 64

// Ranges of addresses.
type Ranges []netip.Prefix

// Parse reads CIDRs such as 10.0.0.0/8, and single addresses. The error names the value and the rule.
func Parse(texts []string) (Ranges, error) {
	if len(texts) > MaxRanges {
		return nil, fmt.Errorf("must have at most %d ranges, not %d", MaxRanges, len(texts))
	}
	var ranges Ranges
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if address, single := netip.ParseAddr(text); single == nil {
			prefix, err = address.Prefix(address.BitLen())
		}
		if err != nil || prefix != prefix.Masked() {
			return nil, fmt.Errorf("%.50q: must be a range of addresses such as 10.0.0.0/8 or 2001:db8::/32, with no bits set beyond the prefix", text)
		}
		ranges = append(ranges, prefix)
	}
	return ranges, nil
}

// UnmarshalText reads ranges between commas.
func (r *Ranges) UnmarshalText(text []byte) error {
	var texts []string
	for one := range strings.SplitSeq(string(text), ",") {
		if one = strings.TrimSpace(one); one != "" {
			texts = append(texts, one)
		}
	}
	ranges, err := Parse(texts)
	*r = ranges
	return err
}

// Header that names the client.
type Header string

// The headers that can be believed.
const (
	// XForwardedFor is what most load balancers and ingresses set, with X-Forwarded-Proto and X-Forwarded-Host.
	XForwardedFor Header = "X-Forwarded-For"
	// Standard is that of RFC 7239.
	Standard Header = "Forwarded"
)

// UnmarshalText reads a header's name, in any case. The error names the value and the rule.
func (h *Header) UnmarshalText(text []byte) error {
	for _, known := range []Header{XForwardedFor, Standard} {
		if strings.EqualFold(string(text), string(known)) {
			*h = known
			return nil
		}
	}
	return fmt.Errorf("%.50q: must be %s or %s", text, XForwardedFor, Standard)
}

// Proxies are the peers whose header is believed; none until Set is called. All methods may be called at the same time.
type Proxies struct {
	ranges   atomic.Pointer[Ranges]
	standard atomic.Bool
}

// Set replaces the trusted ranges.
func (p *Proxies) Set(ranges Ranges) { p.ranges.Store(&ranges) }

// Believe says which header trusted peers set, or append to; XForwardedFor until it is called. They must set it for every request:
// what their clients sent would be believed otherwise. The other one is ignored.
func (p *Proxies) Believe(header Header) { p.standard.Store(header == Standard) }

func (p *Proxies) trusts(address netip.Addr) bool {
	ranges := p.ranges.Load()
	if ranges == nil {
		return false
	}
	for _, prefix := range *ranges {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// Client is the address of the client: that of the connection's peer, or, behind trusted proxies, the last one on the way that is not
// trusted. It is the zero Addr if the peer has no IP address.
func (p *Proxies) Client(r *http.Request) netip.Addr {
	client := peer(r)
	if !p.trusts(client) {
		return client
	}
	for hop := range p.hops(r.Header) {
		address, ok := parseHop(hop)
		if !ok { // unknown, or an invention: what stands before it cannot be told from one
			return client
		}
		client = address
		if !p.trusts(client) {
			return client
		}
	}
	return client
}

// hops are what the believed header says of the addresses on the way, the nearest one first.
func (p *Proxies) hops(header http.Header) iter.Seq[string] {
	if !p.standard.Load() {
		return backward(header[string(XForwardedFor)])
	}
	return func(yield func(string) bool) {
		for element := range backward(header[string(Standard)]) {
			if !yield(parameter(element, "for")) {
				return
			}
		}
	}
}

// said is the value of a parameter of the Forwarded header that a trusted proxy has written: the one of the farthest; empty if there is
// none.
func (p *Proxies) said(r *http.Request, name string) string {
	by, value := peer(r), ""
	for element := range backward(r.Header[string(Standard)]) {
		if !p.trusts(by) { // this element and those before it are somebody else's
			break
		}
		value = cmp.Or(parameter(element, name), value)
		by, _ = parseHop(parameter(element, "for"))
	}
	return value
}

// Key of the client, as a ratelimit.KeyFunc: its IPv4 address, or the /64 of its IPv6 address.
func (p *Proxies) Key(r *http.Request) string {
	client := p.Client(r)
	if !client.IsValid() {
		return r.RemoteAddr
	}
	return ratelimit.AddressKey(client)
}

func peer(r *http.Request) netip.Addr {
	address, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return address.Addr().Unmap().WithZone("")
}

// parseHop reads an address with or without a port, brackets and quotes.
func parseHop(text string) (netip.Addr, bool) {
	text = strings.Trim(strings.TrimSpace(text), `"`)
	if address, err := netip.ParseAddrPort(text); err == nil {
		return address.Addr().Unmap().WithZone(""), true
	}
	address, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	return address.Unmap().WithZone(""), err == nil
}

// backward yields the elements of all lines of a header, the last one first.
func backward(lines []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := len(lines) - 1; i >= 0; i-- {
			rest := lines[i]
			for {
				comma := strings.LastIndexByte(rest, ',')
				if !yield(rest[comma+1:]) {
					return
				}
				if comma < 0 {
					break
				}
				rest = rest[:comma]
			}
		}
	}
}

// parameter of an element of the Forwarded header; empty if it has none.
func parameter(element, name string) string {
	for pair := range strings.SplitSeq(element, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if strings.EqualFold(key, name) {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}
