// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package upstream

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"goservice.dev/operator/workload/internal/follow"
)

// maxHeaderBytes bounds the value of a header from a file, as common servers do.
const maxHeaderBytes = 8 << 10

// material is what the files of a target hold.
type material struct {
	roots       *x509.CertPool
	certificate *tls.Certificate
	headers     http.Header
}

func (t Target) hasFiles() bool {
	return t.TLSDirectory != "" || t.HeadersDirectory != ""
}

// load reads the files. Its errors name the field and the file, and never repeat what is in it.
func (t Target) load(r *follow.Reader) (m material, err error) {
	if t.TLSDirectory != "" {
		if err := m.loadTLS(r, t.TLSDirectory); err != nil {
			return m, fmt.Errorf("upstream %s: tlsDirectory: %w", t.Name, err)
		}
	}
	if t.HeadersDirectory != "" {
		if m.headers, err = t.loadHeaders(r); err != nil {
			return m, fmt.Errorf("upstream %s: headersDirectory: %w", t.Name, err)
		}
	}
	return m, nil
}

// loadTLS needs the authorities, the certificate with its key, or all of them.
func (m *material) loadTLS(r *follow.Reader, directory string) error {
	path := func(name string) string { return filepath.Join(directory, name) }
	authorities, err := r.Read(path("ca.crt"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		m.roots = x509.NewCertPool()
		if !m.roots.AppendCertsFromPEM(authorities) {
			return fmt.Errorf("%s: must hold at least one PEM certificate", path("ca.crt"))
		}
	}
	certificate, err := r.Read(path("tls.crt"))
	key, keyErr := r.Read(path("tls.key"))
	if errors.Is(err, fs.ErrNotExist) && errors.Is(keyErr, fs.ErrNotExist) {
		if m.roots == nil {
			return fmt.Errorf("%s: must hold ca.crt, or tls.crt and tls.key", directory)
		}
		return nil
	}
	if err := cmp.Or(err, keyErr); err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return fmt.Errorf("%s and tls.key: %w", path("tls.crt"), err)
	}
	m.certificate = &pair
	return nil
}

func (t Target) loadHeaders(r *follow.Reader) (http.Header, error) {
	entries, err := os.ReadDir(t.HeadersDirectory)
	if err != nil {
		return nil, err
	}
	headers := http.Header{}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") { // the links by which Kubernetes swaps a mounted Secret
			continue
		}
		path := filepath.Join(t.HeadersDirectory, entry.Name())
		value, err := r.Read(path)
		if err != nil {
			return nil, err
		}
		value = bytes.TrimRight(value, "\r\n")
		if err := checkHeader(entry.Name(), value); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		headers.Set(entry.Name(), string(value))
	}
	return headers, nil
}

// ofConnection are headers that say how a message is sent, and the host, which the URL says.
var ofConnection = map[string]bool{
	"Connection": true, "Content-Length": true, "Host": true, "Keep-Alive": true, "Proxy-Connection": true, "Te": true, "Trailer": true,
	"Transfer-Encoding": true, "Upgrade": true,
}

func checkHeader(name string, value []byte) error {
	if strings.Trim(name, tokenChars) != "" || ofConnection[http.CanonicalHeaderKey(name)] {
		return errors.New("the name of the file must be that of a header, and none that belongs to the connection")
	}
	if len(value) > maxHeaderBytes {
		return fmt.Errorf("must have at most %d bytes", maxHeaderBytes)
	}
	if bytes.ContainsFunc(value, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
		return errors.New("must be one line without control characters")
	}
	return nil
}

// tokenChars are those of header names (RFC 9110, section 5.6.2).
const tokenChars = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
