// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"goservice.dev/operator/workload/internal/follow"
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
	files, err := follow.Open(follow.Config[*tls.Config]{
		Every: recheckInterval, Load: f.load, Failed: f.Failed,
		Use: func(config *tls.Config) {
			if f.Loaded != nil {
				f.Loaded(config.Certificates[0].Leaf)
			}
		},
	})
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		NextProtos:         []string{"h2", "http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return files.Current(), nil }, // they are looked at when a client connects
	}, nil
}

func (f Files) load(r *follow.Reader) (*tls.Config, error) {
	pair := func(err error) error { return fmt.Errorf("certificate %s with key %s: %w", f.Certificate, f.Key, err) }
	chain, err := r.Read(f.Certificate)
	if err != nil {
		return nil, pair(err)
	}
	key, err := r.Read(f.Key)
	if err != nil {
		return nil, pair(err)
	}
	certificate, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, pair(err)
	}
	config := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2", "http/1.1"},
		Certificates: []tls.Certificate{certificate},
	}
	if f.ClientCA != "" {
		pem, err := r.Read(f.ClientCA)
		if err != nil {
			return nil, fmt.Errorf("client CA: %w", err)
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("client CA %s: %w", f.ClientCA, errors.New("no PEM certificate in it"))
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}
