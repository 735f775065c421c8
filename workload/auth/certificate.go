// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package auth

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// issuerTLS is the Identity.Issuer of callers with client certificates.
const issuerTLS = "tls"

// Certificates authenticates by the client certificate that the server has verified (server.Files.ClientCA), and accepts those that
// carry one of the names:
//
//	spiffe://cluster.local/ns/shop/sa/checkout  a SPIFFE ID
//	spiffe://cluster.local/ns/shop/*            all SPIFFE IDs below a path
//	checkout.shop.svc                           a DNS name of the certificate
//
// Without names it accepts every certificate that was verified. The subject of the identity is the accepted name; without names
// the SPIFFE ID, or else the first DNS name, or else the common name. A certificate with several URIs of SPIFFE is not valid and is
// rejected, as the specification demands.
func Certificates(names ...string) (Authenticator, error) {
	c := &certificates{}
	for _, name := range names {
		switch prefix, below := strings.CutSuffix(name, "/*"); {
		case strings.HasPrefix(name, spiffe):
			if u, err := url.Parse(prefix); err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Contains(prefix, "*") {
				return nil, fmt.Errorf("client name %q: must be spiffe://DOMAIN/PATH, where PATH may end with /*", name)
			}
			if below {
				c.prefixes = append(c.prefixes, prefix+"/")
			} else {
				c.exact = append(c.exact, name)
			}
		case name == "" || strings.ContainsAny(name, "*/: "):
			return nil, fmt.Errorf("client name %q: must be a SPIFFE ID or a DNS name without a wildcard", name)
		default:
			c.dns = append(c.dns, name)
		}
	}
	return c, nil
}

const spiffe = "spiffe://"

type certificates struct{ exact, prefixes, dns []string }

func (c *certificates) Authenticate(r *http.Request) (Identity, error) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return Identity{}, ErrNoCredentials
	}
	leaf := r.TLS.VerifiedChains[0][0]
	id, err := spiffeID(leaf)
	if err != nil {
		return Identity{}, &Rejection{Status: http.StatusForbidden, Detail: "the client certificate is not accepted", Err: err}
	}
	if name, ok := c.accepted(id, leaf); ok {
		return Identity{Issuer: issuerTLS, Subject: name}, nil
	}
	return Identity{}, &Rejection{
		Status: http.StatusForbidden, Detail: "the client certificate's name is not allowed",
		Err: fmt.Errorf("SPIFFE ID %q, DNS names %q", id, leaf.DNSNames),
	}
}

func (c *certificates) accepted(id string, leaf *x509.Certificate) (name string, ok bool) {
	if len(c.exact)+len(c.prefixes)+len(c.dns) == 0 {
		switch {
		case id != "":
			return id, true
		case len(leaf.DNSNames) > 0:
			return leaf.DNSNames[0], true
		}
		return leaf.Subject.CommonName, true
	}
	for _, exact := range c.exact {
		if id == exact {
			return id, true
		}
	}
	for _, prefix := range c.prefixes {
		if strings.HasPrefix(id, prefix) {
			return id, true
		}
	}
	for _, want := range c.dns {
		for _, name := range leaf.DNSNames {
			if strings.EqualFold(name, want) {
				return want, true
			}
		}
	}
	return "", false
}

// spiffeID of the certificate; empty if it has none.
func spiffeID(leaf *x509.Certificate) (string, error) {
	id := ""
	for _, uri := range leaf.URIs {
		if !strings.EqualFold(uri.Scheme, "spiffe") {
			continue
		}
		if id != "" || len(leaf.URIs) > 1 {
			return "", errors.New("an X.509-SVID has exactly one URI")
		}
		id = uri.String()
	}
	return id, nil
}
