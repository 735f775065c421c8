// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package auth_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"goservice.dev/operator/workload/auth"
)

func certificate(t *testing.T, commonName string, dns, uris []string) *http.Request {
	t.Helper()
	leaf := &x509.Certificate{Subject: pkix.Name{CommonName: commonName}, DNSNames: dns}
	for _, uri := range uris {
		parsed, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		leaf.URIs = append(leaf.URIs, parsed)
	}
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{{leaf}}}
	return request
}

func TestCertificatesAreAcceptedByTheirNames(t *testing.T) {
	const checkout = "spiffe://cluster.local/ns/shop/sa/checkout"
	cases := map[string]struct {
		allowed   []string
		dns, uris []string
		subject   string // empty: rejected
	}{
		"any name":                     {nil, nil, nil, "cn"},
		"any DNS name":                 {nil, []string{"a.b"}, nil, "a.b"},
		"any SPIFFE ID":                {nil, []string{"a.b"}, []string{checkout}, checkout},
		"the SPIFFE ID":                {[]string{checkout}, nil, []string{checkout}, checkout},
		"below a path":                 {[]string{"spiffe://cluster.local/ns/shop/*"}, nil, []string{checkout}, checkout},
		"a sibling of the path":        {[]string{"spiffe://cluster.local/ns/sho/*"}, nil, []string{checkout}, ""},
		"a longer name":                {[]string{"spiffe://cluster.local/ns/shop/sa/check"}, nil, []string{checkout}, ""},
		"another trust domain":         {[]string{"spiffe://cluster/*"}, nil, []string{checkout}, ""},
		"a DNS name in any case":       {[]string{"a.b"}, []string{"x", "A.B"}, nil, "a.b"},
		"the common name is no name":   {[]string{"cn"}, nil, nil, ""},
		"a DNS name is no SPIFFE ID":   {[]string{"a.b"}, nil, []string{"spiffe://a.b"}, ""},
		"two SPIFFE IDs":               {nil, nil, []string{checkout, "spiffe://other/x"}, ""},
		"a SPIFFE ID and another URI":  {nil, nil, []string{"https://a", checkout}, ""},
		"another URI":                  {[]string{"https.a"}, nil, []string{"https://a"}, ""},
		"one of several allowed names": {[]string{"x", checkout, "spiffe://y/*"}, nil, []string{checkout}, checkout},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			authenticator, err := auth.Certificates(c.allowed...)
			if err != nil {
				t.Fatal(err)
			}
			identity, err := authenticator.Authenticate(certificate(t, "cn", c.dns, c.uris))
			if identity.Subject != c.subject || (err == nil) != (c.subject != "") {
				t.Errorf("%+v, %v; want %q", identity, err, c.subject)
			}
			if rejection := (*auth.Rejection)(nil); err != nil && (!errors.As(err, &rejection) || rejection.Status != http.StatusForbidden) {
				t.Errorf("%v, want a 403", err)
			}
		})
	}
}

func TestACertificateThatNobodyVerifiedIsNone(t *testing.T) {
	authenticator, err := auth.Certificates()
	if err != nil {
		t.Fatal(err)
	}
	unverified := certificate(t, "cn", nil, nil)
	unverified.TLS.VerifiedChains = nil
	for name, request := range map[string]*http.Request{"cleartext": httptest.NewRequest(http.MethodGet, "/", nil), "unverified": unverified} {
		if identity, err := authenticator.Authenticate(request); !errors.Is(err, auth.ErrNoCredentials) {
			t.Errorf("%s: %+v, %v", name, identity, err)
		}
	}
}

func TestNamesThatCannotBeMatchedAreRefused(t *testing.T) {
	for _, name := range []string{"", "*", "*.a", "spiffe://", "spiffe:///x", "spiffe://*/x", "spiffe://a/*/b", "spiffe://u@a/b", "https://a", "a b", "a/b"} {
		if _, err := auth.Certificates(name); err == nil {
			t.Errorf("%q was taken", name)
		}
	}
}

func TestCallersAreKeysOfLimits(t *testing.T) {
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	if got := auth.Key(request); got != "" {
		t.Errorf("a stranger's key is %q", got)
	}
	known := request.WithContext(auth.NewContext(request.Context(), auth.Identity{Issuer: "tls", Subject: "a.b", Scopes: []string{"read"}}))
	identity, ok := auth.From(known.Context())
	if got := auth.Key(known); got != "tls a.b" || !ok || !identity.HasScope("read") || identity.HasScope("write") {
		t.Errorf("key %q, identity %+v", got, identity)
	}
}
