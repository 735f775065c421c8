// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package server

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// recheckInterval bounds how often the certificate's files are looked at; a renewed certificate is served within it.
const recheckInterval = time.Second

// Files names PEM files that may be replaced at any time.
type Files struct {
	// Certificate chain and Key of the server.
	Certificate, Key string
	// ClientCA holds the authorities of client certificates; empty asks for none, else every client must show one.
	ClientCA string
	// Loaded, if set, is called with the certificate that is served from now on.
	Loaded func(*x509.Certificate)
	// Failed, if set, is called when changed files cannot be used and the last good ones are kept.
	Failed func(error)
}

// TLS returns a configuration that follows the files. It fails if they cannot be used now.
func (f Files) TLS() (*tls.Config, error) {
	s := &tlsSource{files: f}
	if err := s.load(s.stamp()); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		NextProtos:         []string{"h2", "http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.current(time.Now()), nil },
	}, nil
}

// tlsSource looks at its files when a client connects: no goroutine, and no watch to lose.
type tlsSource struct {
	files Files

	mu      sync.Mutex
	config  *tls.Config
	loaded  string
	refused string
	checked time.Time
}

func (s *tlsSource) current(now time.Time) *tls.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.checked) < recheckInterval {
		return s.config
	}
	s.checked = now
	stamp := s.stamp()
	if stamp == s.loaded || stamp == s.refused {
		return s.config
	}
	if err := s.load(stamp); err != nil {
		s.refused = stamp
		if s.files.Failed != nil {
			s.files.Failed(err)
		}
	}
	return s.config
}

// stamp changes when the content of a file does. Times would not do: the files of a mounted secret are symbolic links whose
// targets are replaced, possibly by older ones.
func (s *tlsSource) stamp() string {
	hash := sha256.New()
	for _, path := range []string{s.files.Certificate, s.files.Key, s.files.ClientCA} {
		if path == "" {
			continue
		}
		content, err := os.ReadFile(path)
		fmt.Fprintf(hash, "%d %v\n", len(content), err)
		hash.Write(content)
	}
	return string(hash.Sum(nil))
}

func (s *tlsSource) load(stamp string) error {
	certificate, err := tls.LoadX509KeyPair(s.files.Certificate, s.files.Key)
	if err != nil {
		return fmt.Errorf("certificate %s with key %s: %w", s.files.Certificate, s.files.Key, err)
	}
	config := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2", "http/1.1"},
		Certificates: []tls.Certificate{certificate},
	}
	if s.files.ClientCA != "" {
		pem, err := os.ReadFile(s.files.ClientCA)
		if err != nil {
			return fmt.Errorf("client CA: %w", err)
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("client CA %s: %w", s.files.ClientCA, errors.New("no PEM certificate in it"))
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	s.config, s.loaded, s.refused = config, stamp, ""
	if s.files.Loaded != nil {
		s.files.Loaded(certificate.Leaf)
	}
	return nil
}
