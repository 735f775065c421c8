// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"goservice.dev/operator/workload/server"
)

// authority signs certificates for 127.0.0.1 and for clients.
type authority struct {
	t           *testing.T
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
	serial      int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, serial: 1}
	a.key = a.newKey()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	a.must(err)
	a.certificate, err = x509.ParseCertificate(der)
	a.must(err)
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

func (a *authority) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

func (a *authority) newKey() *ecdsa.PrivateKey {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.must(err)
	return key
}

func (a *authority) issue(name string) (certificate, key []byte) {
	a.t.Helper()
	a.serial++
	private := a.newKey()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.serial), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &private.PublicKey, a.key)
	a.must(err)
	encoded, err := x509.MarshalECPrivateKey(private)
	a.must(err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded})
}

// install issues a certificate into the files.
func (a *authority) install(files server.Files, name string) {
	a.t.Helper()
	certificate, key := a.issue(name)
	a.must(os.WriteFile(files.Certificate, certificate, 0o600))
	a.must(os.WriteFile(files.Key, key, 0o600))
}

func (a *authority) client(protocols func(*http.Protocols), own ...tls.Certificate) *http.Client {
	a.t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(a.certificate)
	return client(a.t, protocols, &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: own, MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true, // a handshake for each request
	})
}

func newFiles(t *testing.T) server.Files {
	t.Helper()
	directory := t.TempDir()
	return server.Files{Certificate: filepath.Join(directory, "tls.crt"), Key: filepath.Join(directory, "tls.key")}
}

func startTLS(t *testing.T, files server.Files) string {
	t.Helper()
	config, err := files.TLS()
	if err != nil {
		t.Fatal(err)
	}
	return "https://" + start(t, server.Config{Handler: protocol, TLS: config}).Address().String()
}

func TestTLSServesBothVersions(t *testing.T) {
	a, files := newAuthority(t), newFiles(t)
	a.install(files, "server")
	url := startTLS(t, files)
	if got := get(t, a.client(http1), url); got.body != "HTTP/1.1" {
		t.Errorf("spoke %s", got.body)
	}
	if got := get(t, a.client(tls2), url); got.body != "HTTP/2.0" {
		t.Errorf("spoke %s", got.body)
	}
}

func TestTLSFollowsItsFiles(t *testing.T) {
	a, files := newAuthority(t), newFiles(t)
	failures := make(chan error, 8)
	files.Failed = func(err error) { failures <- err }
	a.install(files, "first")
	url := startTLS(t, files)
	c := a.client(http1)
	served := func() string { return get(t, c, url).certificate }
	if got := served(); got != "first" {
		t.Errorf("served %s", got)
	}
	a.install(files, "second")
	for served() != "second" { // within the second in which the files are looked at again; the test's own limit ends it else
	}
	a.must(os.WriteFile(files.Certificate, []byte("not a certificate"), 0o600))
	for len(failures) == 0 {
		if got := served(); got != "second" {
			t.Fatalf("served %s with unusable files, want the last good one", got)
		}
	}
	a.install(files, "third")
	for served() != "third" {
	}
	if len(failures) != 1 {
		t.Errorf("%d failures were told, want each once", len(failures))
	}
}

func TestTLSDemandsClientCertificates(t *testing.T) {
	a, files := newAuthority(t), newFiles(t)
	a.install(files, "server")
	files.ClientCA = filepath.Join(filepath.Dir(files.Key), "ca.crt")
	a.must(os.WriteFile(files.ClientCA, a.pem, 0o600))
	url := startTLS(t, files)
	pair := func(by *authority) tls.Certificate {
		certificate, key := by.issue("client")
		loaded, err := tls.X509KeyPair(certificate, key)
		a.must(err)
		return loaded
	}
	get(t, a.client(http1, pair(a)), url)
	for name, c := range map[string]*http.Client{"none": a.client(http1), "a stranger's": a.client(http1, pair(newAuthority(t)))} {
		if response, err := c.Get(url); err == nil {
			_ = response.Body.Close()
			t.Errorf("%s certificate was accepted", name)
		}
	}
}

func TestTLSRefusesUnusableFiles(t *testing.T) {
	a := newAuthority(t)
	cases := map[string]func(*server.Files){
		"no files":            func(*server.Files) {},
		"another one's key":   func(f *server.Files) { a.install(*f, "x"); _, k := a.issue("y"); a.must(os.WriteFile(f.Key, k, 0o600)) },
		"no client CA":        func(f *server.Files) { a.install(*f, "x"); f.ClientCA = f.Key + ".none" },
		"no PEM in client CA": func(f *server.Files) { a.install(*f, "x"); f.ClientCA = f.Key },
	}
	for name, prepare := range cases {
		t.Run(name, func(t *testing.T) {
			files := newFiles(t)
			prepare(&files)
			if _, err := files.TLS(); err == nil {
				t.Error("accepted")
			}
		})
	}
}
