// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// echo says what arrived.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	certificates := 0
	if r.TLS != nil {
		certificates = len(r.TLS.PeerCertificates)
	}
	_, _ = fmt.Fprintf(w, "%s %s token=%s certificates=%d encoding=%q", r.Proto, r.RequestURI, r.Header.Get("X-Token"), certificates, r.Header.Get("Accept-Encoding"))
})

func ask(t *testing.T, c *Client, path string) (string, error) {
	t.Helper()
	t.Cleanup(c.CloseIdle)
	response, err := c.Get(t.Context(), path)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return string(text), err
}

func write(t *testing.T, path string, text []byte) string {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestHTTP2WithoutTLSIsSpokenWhereTheURLSaysSo(t *testing.T) {
	server := httptest.NewUnstartedServer(echo)
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Config.Protocols.SetHTTP1(true)
	server.Start()
	defer server.Close()
	for scheme, want := range map[string]string{"h2c": "HTTP/2.0 /a ", "http": "HTTP/1.1 /a "} {
		c, err := New(Target{Name: "grpc", URL: scheme + "://" + server.Listener.Addr().String()}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ask(t, c, "/a"); err != nil || !strings.HasPrefix(got, want) || !strings.HasSuffix(got, `encoding=""`) {
			t.Errorf("%s: %q, %v", scheme, got, err)
		}
	}
}

func TestOwnAuthorityCertificateAndHeaders(t *testing.T) {
	server := httptest.NewUnstartedServer(echo)
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	directory := t.TempDir()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	key, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	headers := filepath.Join(directory, "headers")
	if err := os.MkdirAll(filepath.Join(headers, "..data"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(headers, "x-token"), []byte("one\n"))
	write(t, filepath.Join(directory, "ca.crt"), authority)
	target := Target{Name: "a", URL: server.URL, TLSDirectory: directory}
	without, err := New(target, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ask(t, without, "/"); err == nil {
		t.Errorf("without the client's certificate: %q", got)
	}
	write(t, filepath.Join(directory, "tls.crt"), authority)
	write(t, filepath.Join(directory, "tls.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	target.HeadersDirectory = headers
	var reported []error
	c, err := New(target, nil, WithReport(func(err error) { reported = append(reported, err) }))
	if err != nil {
		t.Fatal(err)
	}
	expect := func(token string) {
		t.Helper()
		c.wires.files.Look()
		if got, err := ask(t, c, "/"); err != nil || !strings.Contains(got, "HTTP/2.0 / token="+token+" certificates=1") {
			t.Errorf("%q, %v", got, err)
		}
	}
	expect("one")
	write(t, filepath.Join(headers, "x-token"), []byte("two"))
	expect("two")
	write(t, filepath.Join(headers, "x-token"), []byte("s3cret\nX-Other: 1"))
	expect("two") // the last good one
	expect("two")
	if len(reported) != 1 || !strings.Contains(reported[0].Error(), "headersDirectory") || strings.Contains(reported[0].Error(), "s3cret") {
		t.Errorf("reported: %v", reported)
	}
	if _, err := New(target, nil); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("new with a header of two lines: %v", err)
	}
}

func TestACallerCannotSpeakForAHeaderFromAFile(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Header["X-Caller"], r.Header["X_caller"], r.Header["X_other"])
	}))
	defer server.Close()
	headers := t.TempDir()
	write(t, filepath.Join(headers, "X-Caller"), []byte("shop"))
	c, err := New(Target{Name: "a", URL: server.URL, HeadersDirectory: headers}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseIdle()
	request := httptest.NewRequest(http.MethodGet, server.URL, nil)
	request.Header = http.Header{"X-Caller": {"admin"}, "X_caller": {"admin"}, "X_other": {"1"}}
	response, err := c.Transport().RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got, err := io.ReadAll(response.Body); err != nil || string(got) != "[shop] [] [1]" {
		t.Errorf("%v, the upstream got %s", err, got)
	}
	if len(request.Header) != 3 {
		t.Errorf("the caller's request has changed: %v", request.Header)
	}
}

func TestTargetsThatCannotBeUsed(t *testing.T) {
	directory := t.TempDir()
	headers := filepath.Join(directory, "headers")
	if err := os.Mkdir(headers, 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(headers, "Content-Length"), []byte("1"))
	empty, bad, half := t.TempDir(), t.TempDir(), t.TempDir()
	write(t, filepath.Join(bad, "ca.crt"), nil)
	write(t, filepath.Join(half, "tls.crt"), nil)
	for name, test := range map[string]struct {
		target Target
		err    string
	}{
		"authority without TLS":   {Target{URL: "http://a", TLSDirectory: bad}, "tlsDirectory: needs a url that begins with https://"},
		"certificate without key": {Target{URL: "https://a", TLSDirectory: half}, "tlsDirectory: open "},
		"neither":                 {Target{URL: "https://a", TLSDirectory: empty}, "must hold ca.crt, or tls.crt and tls.key"},
		"proxy":                   {Target{URL: "https://a", Proxy: "http://user:s3cret@proxy"}, "proxy: must be empty or environment"},
		"proxy and h2c":           {Target{URL: "h2c://a", Proxy: ProxyEnvironment}, "proxy: must be empty"},
		"no authority":            {Target{URL: "https://a", TLSDirectory: bad}, "must hold at least one PEM certificate"},
		"no such file":            {Target{URL: "https://a", HeadersDirectory: empty + "x"}, "no such file"},
		"header of connection":    {Target{URL: "https://a", HeadersDirectory: headers}, "must be that of a header"},
	} {
		test.target.Name = "a"
		if _, err := New(test.target, nil); err == nil || !strings.Contains(err.Error(), test.err) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPathIsSentByteForByte(t *testing.T) {
	server := httptest.NewServer(echo)
	defer server.Close()
	for base, prefix := range map[string]string{"": "", "/base": "/base", "/b%2Fse/": "/b%2Fse"} {
		c, err := New(Target{Name: "a", URL: server.URL + base}, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.CloseIdle)
		for _, path := range []string{"/", "/a//b%20c", "/a/%2F/b/", "/x|y{z}", "/%41", "/a;b=c:d@e", "/\"<>^`", "/https://example.com/", "/a..b/...", "/a%00b"} {
			const query = "b=2&a=1;x&q=100%&&"
			target, err := c.ResolveRaw(path, query)
			if err != nil {
				t.Fatal(err)
			}
			response, err := c.Transport().RoundTrip((&http.Request{Method: http.MethodGet, URL: target, Header: http.Header{}}).WithContext(t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if want := "HTTP/1.1 " + prefix + path + "?" + query + " "; err != nil || !strings.HasPrefix(string(got), want) {
				t.Errorf("sent %q, want %q", got, want)
			}
		}
		if target, err := c.Resolve("/a?b HTTP/1.0"); err != nil || target.RawQuery != "b%20HTTP/1.0" { // it would end the request line
			t.Errorf("%v, the query is %q", err, target.RawQuery)
		}
		for _, path := range []string{"/..", "/a/../b", "/%2e%2E/x", "/..;/admin", "/a%5c..%5cadmin", "/a/.;x=1/", "/%2e", "/%zz"} {
			if target, err := c.ResolveRaw(path, ""); err == nil {
				t.Errorf("%q leads to %s", path, target)
			}
			if target, err := c.Resolve(path); err == nil {
				t.Errorf("%q leads to %s", path, target)
			}
		}
	}
}
