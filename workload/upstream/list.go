// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
)

// MaxUpstreams bounds a List.
const MaxUpstreams = 64

// Target is one service that may be called.
type Target struct {
	// Name by which callers know it: lower-case letters, digits and '-', at most 63.
	Name string `json:"name"`
	// URL that paths are added to, without user, query or fragment: http, https, or h2c for HTTP/2 without TLS, as gRPC servers
	// speak it.
	URL string `json:"url"`
	// TLSDirectory holds PEM files with the names that they have in a Secret of type kubernetes.io/tls: ca.crt with the authorities
	// that are trusted instead of the system's, tls.crt and tls.key with the client's certificate, or all three; https only.
	TLSDirectory string `json:"tlsDirectory,omitempty"`
	// HeadersDirectory holds a file for each header that every call carries: the name of the file is that of the header, what is in
	// it is the value. It replaces a header of the same name in the call.
	HeadersDirectory string `json:"headersDirectory,omitempty"`
	// Proxy is empty for direct connections, or ProxyEnvironment.
	Proxy string `json:"proxy,omitempty"`
}

// ProxyEnvironment calls a Target through the proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name for it.
const ProxyEnvironment = "environment"

// List of targets. It reads the JSON of an environment variable.
type List []Target

var validName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// UnmarshalText reads a JSON array of targets and refuses unknown fields, bad names, bad URLs and doubles.
func (l *List) UnmarshalText(text []byte) error {
	if len(bytes.TrimSpace(text)) == 0 {
		*l = nil
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var targets []Target
	if err := decoder.Decode(&targets); err != nil {
		return fmt.Errorf(`must be JSON such as [{"name":"billing","url":"http://billing"}]: %w`, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("must be one JSON array, more follows it")
	}
	if len(targets) > MaxUpstreams {
		return fmt.Errorf("must name at most %d upstreams, not %d", MaxUpstreams, len(targets))
	}
	seen := map[string]bool{}
	var found []string
	refuse := func(format string, values ...any) { found = append(found, fmt.Sprintf(format, values...)) }
	for i, target := range targets {
		if !validName.MatchString(target.Name) {
			// What is no name may be the URL, with a password in it.
			refuse("[%d].name: must be 1 to 63 lower-case letters, digits and '-'", i)
		}
		if seen[target.Name] {
			refuse("[%d].name %q: must be there once only", i, target.Name)
		}
		seen[target.Name] = true
		if err := target.check(); err != nil {
			refuse("[%d].%v", i, err)
		}
	}
	if len(found) > 0 {
		return errors.New(strings.Join(found, "; "))
	}
	*l = targets
	return nil
}

// check reports the first field that cannot be used. No message repeats the URL, which may hold a password.
func (t Target) check() error {
	base, err := t.parse()
	switch {
	case err != nil:
		return fmt.Errorf("url: %w", err)
	case t.TLSDirectory != "" && base.Scheme != "https":
		return errors.New("tlsDirectory: needs a url that begins with https://")
	case t.Proxy != "" && t.Proxy != ProxyEnvironment:
		return fmt.Errorf("proxy: must be empty or %s", ProxyEnvironment)
	case t.Proxy != "" && base.Scheme == schemeH2C:
		return errors.New("proxy: must be empty for a url that begins with h2c://")
	}
	return nil
}

const schemeH2C = "h2c"

func (t Target) parse() (*url.URL, error) {
	parsed, err := url.Parse(t.URL)
	if err != nil {
		return nil, errors.New("must be a URL") // the cause may repeat a password
	}
	switch {
	case parsed.Scheme != "http" && parsed.Scheme != "https" && parsed.Scheme != schemeH2C:
		return nil, errors.New("must begin with http://, https:// or h2c://")
	case parsed.Hostname() == "":
		return nil, errors.New("must name a host")
	case parsed.User != nil, parsed.RawQuery != "", parsed.ForceQuery, parsed.Fragment != "":
		return nil, errors.New("must have no user, query or fragment")
	}
	return parsed, nil
}
