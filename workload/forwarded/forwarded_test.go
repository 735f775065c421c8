// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package forwarded_test

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"goservice.dev/operator/workload/forwarded"
)

func trusting(t *testing.T, ranges ...string) *forwarded.Proxies {
	t.Helper()
	parsed, err := forwarded.Parse(ranges)
	if err != nil {
		t.Fatal(err)
	}
	p := new(forwarded.Proxies)
	p.Set(parsed)
	return p
}

func TestTheClientIsTheLastHopThatIsNotTrusted(t *testing.T) {
	p := trusting(t, "10.0.0.0/8", "fd00::/8")
	for name, test := range map[string]struct {
		peer   string
		header http.Header
		want   string
	}{
		"no proxy":                 {"203.0.113.1:9", nil, "203.0.113.1"},
		"a peer that is not known": {"203.0.113.1:9", http.Header{"X-Forwarded-For": {"198.51.100.7"}}, "203.0.113.1"},
		"one proxy":                {"10.1.1.1:9", http.Header{"X-Forwarded-For": {"198.51.100.7"}}, "198.51.100.7"},
		"an invention before it":   {"10.1.1.1:9", http.Header{"X-Forwarded-For": {"1.2.3.4, 198.51.100.7"}}, "198.51.100.7"},
		"two proxies, two lines":   {"10.1.1.1:9", http.Header{"X-Forwarded-For": {"1.2.3.4", "198.51.100.7, 10.2.2.2"}}, "198.51.100.7"},
		"all trusted":              {"10.1.1.1:9", http.Header{"X-Forwarded-For": {"10.3.3.3, 10.2.2.2"}}, "10.3.3.3"},
		"not an address":           {"10.1.1.1:9", http.Header{"X-Forwarded-For": {"198.51.100.7, unknown, 10.2.2.2"}}, "10.2.2.2"},
		"with a port":              {"10.1.1.1:9", http.Header{"X-Forwarded-For": {"198.51.100.7:4711"}}, "198.51.100.7"},
		"IPv6":                     {"[fd00::1]:9", http.Header{"X-Forwarded-For": {"[2001:db8::7]:4711"}}, "2001:db8::7"},
		"IPv4 in IPv6":             {"[::ffff:10.1.1.1]:9", http.Header{"X-Forwarded-For": {"::ffff:198.51.100.7"}}, "198.51.100.7"},
		"Forwarded of its client":  {"10.1.1.1:9", http.Header{"Forwarded": {"for=1.2.3.4"}, "X-Forwarded-For": {"198.51.100.7"}}, "198.51.100.7"},
		"Forwarded alone":          {"10.1.1.1:9", http.Header{"Forwarded": {"for=1.2.3.4"}}, "10.1.1.1"},
		"nothing said":             {"10.1.1.1:9", nil, "10.1.1.1"},
	} {
		r := &http.Request{RemoteAddr: test.peer, Header: test.header}
		if got := p.Client(r).String(); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	r := &http.Request{RemoteAddr: "10.1.1.1:9", Header: http.Header{"X-Forwarded-For": {"2001:db8:0:1:2::7"}}}
	if got := p.Key(r); got != "2001:db8:0:1::/64" {
		t.Errorf("key %s", got)
	}
	if got := p.Key(&http.Request{RemoteAddr: "@"}); got != "@" {
		t.Errorf("key of a peer without an address: %s", got)
	}
	if got := new(forwarded.Proxies).Client(r).String(); got != "10.1.1.1" {
		t.Errorf("before any range is set: %s", got)
	}
}

// A proxy sets one of the headers, and passes on the other as its client has sent it.
func TestOnlyTheHeaderThatTrustedProxiesSetIsBelieved(t *testing.T) {
	p := trusting(t, "10.0.0.0/8")
	p.Believe(forwarded.Standard)
	for name, test := range map[string]struct {
		peer   string
		header http.Header
		want   string
	}{
		"a peer that is not known":       {"203.0.113.1:9", http.Header{"Forwarded": {"for=198.51.100.7"}}, "203.0.113.1"},
		"one proxy":                      {"10.1.1.1:9", http.Header{"Forwarded": {`for=1.2.3.4, For="[2001:db8::7]:4711";proto=https`}}, "2001:db8::7"},
		"two proxies":                    {"10.1.1.1:9", http.Header{"Forwarded": {"for=1.2.3.4", "for=198.51.100.7;proto=https, by=x;for=10.2.2.2"}}, "198.51.100.7"},
		"hidden":                         {"10.1.1.1:9", http.Header{"Forwarded": {"for=198.51.100.7, for=_gazonk, for=10.2.2.2"}}, "10.2.2.2"},
		"X-Forwarded-For of its client":  {"10.1.1.1:9", http.Header{"Forwarded": {"for=198.51.100.7"}, "X-Forwarded-For": {"1.2.3.4"}}, "198.51.100.7"},
		"X-Forwarded-For alone, as well": {"10.1.1.1:9", http.Header{"X-Forwarded-For": {"1.2.3.4"}}, "10.1.1.1"},
	} {
		r := &http.Request{RemoteAddr: test.peer, Header: test.header}
		if got := p.Client(r).String(); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	p.Believe(forwarded.XForwardedFor)
	if got := p.Client(&http.Request{RemoteAddr: "10.1.1.1:9", Header: http.Header{"X-Forwarded-For": {"1.2.3.4"}}}).String(); got != "1.2.3.4" {
		t.Errorf("with X-Forwarded-For again: %s", got)
	}
	var header forwarded.Header
	if err := header.UnmarshalText([]byte("forwarded")); err != nil || header != forwarded.Standard {
		t.Errorf("%s, %v", header, err)
	}
	if err := header.UnmarshalText([]byte("X-Real-Ip")); err == nil || !strings.Contains(err.Error(), "must be X-Forwarded-For or Forwarded") {
		t.Error(err)
	}
}

func TestWhatIsPassedOnOfTheHeaderOfRFC7239(t *testing.T) {
	forged := http.Header{
		"X-Forwarded-For": {"1.2.3.4"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"evil"}, "X-Forwarded-Port": {"1"}, "X-Real-Ip": {"1.2.3.4"},
	}
	with := func(name, value string) http.Header {
		header := forged.Clone()
		header[name] = []string{value}
		return header
	}
	for name, test := range map[string]struct {
		peer     string
		in, want http.Header
	}{
		"from a trusted peer": {"10.1.1.1:9", with("Forwarded", "for=203.0.113.9;proto=https;host=shop.example"), http.Header{
			"X-Forwarded-For": {"203.0.113.9, 10.1.1.1"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"shop.example"}, "X-Real-Ip": {"203.0.113.9"},
			"Forwarded": {"for=203.0.113.9;proto=https;host=shop.example, for=10.1.1.1"},
		}},
		"over two proxies": {"[fd00::1]:9", with("Forwarded", "for=203.0.113.9;proto=https, for=10.2.2.2;proto=http;host=inner"), http.Header{
			"X-Forwarded-For": {"203.0.113.9, fd00::1"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"inner"}, "X-Real-Ip": {"203.0.113.9"},
			"Forwarded": {`for=203.0.113.9;proto=https, for=10.2.2.2;proto=http;host=inner, for="[fd00::1]"`},
		}},
		"with an invention before": {"10.1.1.1:9", with("Forwarded", "for=10.9.9.9;proto=https;host=evil, for=203.0.113.9"), http.Header{
			"X-Forwarded-For": {"203.0.113.9, 10.1.1.1"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"here"}, "X-Real-Ip": {"203.0.113.9"},
			"Forwarded": {"for=10.9.9.9;proto=https;host=evil, for=203.0.113.9, for=10.1.1.1"},
		}},
		"without it": {"10.1.1.1:9", forged, http.Header{
			"X-Forwarded-For": {"10.1.1.1"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"here"}, "X-Real-Ip": {"10.1.1.1"},
		}},
		"from anybody": {"198.51.100.7:9", with("Forwarded", "for=203.0.113.9;proto=https"), http.Header{
			"X-Forwarded-For": {"198.51.100.7"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"here"},
		}},
	} {
		p := trusting(t, "10.0.0.0/8", "fd00::/8")
		p.Believe(forwarded.Standard)
		out := test.in.Clone()
		p.Pass(&http.Request{RemoteAddr: test.peer, Header: test.in, Host: "here"}, out)
		if diff := cmp.Diff(test.want, out); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestWhatIsPassedOn(t *testing.T) {
	said := http.Header{
		"X-Forwarded-For": {"203.0.113.9"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"shop.example"}, "X-Forwarded-Port": {"443"},
		"Forwarded": {"for=1.2.3.4;proto=https"}, "X-Real-Ip": {"1.2.3.4"}, "X-Original-Url": {"/a"}, "Accept": {"*/*"},
	}
	for name, test := range map[string]struct {
		peer string
		in   http.Header
		tls  bool
		want http.Header
	}{
		"from a trusted peer": {"10.1.1.1:9", said, false, http.Header{
			"X-Forwarded-For": {"203.0.113.9, 10.1.1.1"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"shop.example"}, "X-Forwarded-Port": {"443"},
			"X-Real-Ip": {"203.0.113.9"}, "X-Original-Url": {"/a"}, "Accept": {"*/*"},
		}},
		"from anybody": {"198.51.100.7:9", said, true, http.Header{
			"X-Forwarded-For": {"198.51.100.7"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"here"}, "Accept": {"*/*"},
		}},
		"spelled with underscores": {
			"198.51.100.7:9", http.Header{"X_forwarded_for": {"203.0.113.9"}, "X-Forwarded_proto": {"https"}, "X_real_ip": {"203.0.113.9"}, "X_own": {"1"}}, false,
			http.Header{"X-Forwarded-For": {"198.51.100.7"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"here"}, "X_own": {"1"}},
		},
		"spelled with underscores, from a trusted peer": {
			"10.1.1.1:9", http.Header{"X_forwarded_for": {"203.0.113.9"}}, false,
			http.Header{"X-Forwarded-For": {"10.1.1.1"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"here"}},
		},
		"Forwarded alone": {"[fd00::1]:9", http.Header{"Forwarded": {"for=203.0.113.9;proto=https"}}, false, http.Header{
			"X-Forwarded-For": {"fd00::1"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"here"},
		}},
		"no address": {"@", said, false, http.Header{"X-Forwarded-Proto": {"http"}, "X-Forwarded-Host": {"here"}, "Accept": {"*/*"}}},
	} {
		in := &http.Request{RemoteAddr: test.peer, Header: test.in.Clone(), Host: "here"}
		if test.tls {
			in.TLS = new(tls.ConnectionState)
		}
		out := test.in.Clone()
		trusting(t, "10.0.0.0/8", "fd00::/8").Pass(in, out)
		if diff := cmp.Diff(test.want, out); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(test.in, in.Header); diff != "" {
			t.Errorf("%s: the request itself has changed:\n%s", name, diff)
		}
	}
}

func TestRangesThatCannotBeUsedAreNamed(t *testing.T) {
	var ranges forwarded.Ranges
	if err := ranges.UnmarshalText([]byte(" 10.0.0.0/8, 192.0.2.1,")); err != nil || len(ranges) != 2 || ranges[1].Bits() != 32 {
		t.Errorf("%v, %v", ranges, err)
	}
	for _, text := range []string{"10.0.0.1/8", "10.0.0.0/33", "everybody", strings.Repeat("10.0.0.0/8,", forwarded.MaxRanges+1)} {
		if err := ranges.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), "must") {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}
