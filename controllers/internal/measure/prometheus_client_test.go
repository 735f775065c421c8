// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package measure

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// secured is a Prometheus behind TLS that wants a token and a tenant.
func secured(t *testing.T, token *string) (*httptest.Server, Prometheus) {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+*token || r.Header.Get("X-Scope-Orgid") != "shop" {
			http.Error(w, "not you", http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"vector","result":[]}}`))
	}))
	t.Cleanup(server.Close)
	address, err := ParsePrometheusAddress(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return server, Prometheus{Address: address, Headers: http.Header{"X-Scope-Orgid": {"shop"}}}
}

// write a file whose time differs from that of the one before.
func write(t *testing.T, path string, content []byte, age time.Duration) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-age)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func certificateOf(server *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
}

func TestPrometheusBehindTLSAndATokenThatChanges(t *testing.T) {
	token := "first"
	server, prometheus := secured(t, &token)
	dir := t.TempDir()
	prometheus.CAFile, prometheus.BearerTokenFile = filepath.Join(dir, "ca.crt"), filepath.Join(dir, "token")
	write(t, prometheus.CAFile, certificateOf(server), time.Hour)
	write(t, prometheus.BearerTokenFile, []byte("first\n"), time.Hour)
	query, err := prometheus.Query(scrapedName)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(when, want string) {
		t.Helper()
		_, err := query(t.Context(), serviceName, Endpoint{})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error %v, want %q", when, err, want)
		}
	}
	expect("at first", "")
	token = "second"
	expect("with an old token", "HTTP status 401")
	write(t, prometheus.BearerTokenFile, []byte("second"), time.Minute)
	expect("with the new token", "")
	write(t, prometheus.BearerTokenFile, []byte("two words"), 50*time.Second)
	expect("with a token that is none", "must be one word")
	write(t, prometheus.BearerTokenFile, []byte("second"), 40*time.Second)
	write(t, prometheus.CAFile, []byte("nothing"), 40*time.Second)
	expect("with authorities that are none", "no certificate in PEM")
	expect("still", "no certificate in PEM")
	other := httptest.NewTLSServer(http.NotFoundHandler())
	defer other.Close()
	write(t, prometheus.CAFile, bundledPEM(t), 30*time.Second)
	expect("with other authorities", "unknown authority")
	write(t, prometheus.CAFile, certificateOf(server), 20*time.Second)
	expect("with the right ones again", "")
	if err := os.Remove(prometheus.BearerTokenFile); err != nil {
		t.Fatal(err)
	}
	expect("without the file", "reading the bearer token")
}

// bundledPEM is one certificate that the test's server has not.
func bundledPEM(t *testing.T) []byte {
	t.Helper()
	for root := range bundle.Roots() {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})
	}
	t.Fatal("no root is bundled")
	return nil
}

func TestPrometheusIsNotTrustedByDefault(t *testing.T) {
	token := "x"
	_, prometheus := secured(t, &token)
	query, err := prometheus.Query(scrapedName)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := query(t.Context(), serviceName, Endpoint{}); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("error %v", err)
	}
}

func TestFilesForPrometheusMustBeUsableFromTheStart(t *testing.T) {
	address, err := ParsePrometheusAddress("https://prometheus")
	if err != nil {
		t.Fatal(err)
	}
	for name, prometheus := range map[string]Prometheus{
		"no authorities": {Address: address, CAFile: filepath.Join(t.TempDir(), "none")},
		"no token":       {Address: address, BearerTokenFile: filepath.Join(t.TempDir(), "none")},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := prometheus.Query(scrapedName); err == nil || !strings.Contains(err.Error(), "no such file") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// The image has no root certificates of its own.
func TestRootsAreBundled(t *testing.T) {
	roots, err := bundledRoots()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(roots.Subjects()); n < 100 { //nolint:staticcheck // deprecated only for the system's pool
		t.Errorf("%d roots", n)
	}
}

func TestParseHeader(t *testing.T) {
	for text, want := range map[string]string{
		"X-Scope-OrgID=shop": "X-Scope-Orgid: shop", "x-scope-orgid=a=b|c": "X-Scope-Orgid: a=b|c", "Authorization=Basic eDp5": "Authorization: Basic eDp5",
		"": "", "X": "", "=x": "", "X=": "", "X Y=z": "", "X\n=z": "", "X=a\nb": "", "Host=x": "", "content-type=x": "",
	} {
		name, value, err := ParseHeader(text)
		if got := name + ": " + value; err == nil && got != want || (err != nil) != (want == "") {
			t.Errorf("%q: %q, error %v", text, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the value is in %v", err)
		}
	}
	if _, _, err := ParseHeader("X=secret\n"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
}
