// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package peers links the pods of one service with each other. Both ends of a link prove that they have the service's key, by a
// certificate whose own key is derived from it: the proof is that of TLS, needs no clock and no authority, and a recording of it is
// worth nothing.
package peers

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"goservice.dev/operator/workload/internal/follow"
)

const (
	// KeyBytes of a key.
	KeyBytes = 32
	// ShownKeyFile and AcceptedKeyFile of a folder hold the key that a pod shows, and the one that it accepts besides. The second may be
	// missing. Both are base64.
	ShownKeyFile    = "shown"
	AcceptedKeyFile = "accepted"
	// recheckInterval bounds how long a replaced key is not known: when a link is made, the folder is looked at, at most this often.
	recheckInterval = time.Second
	// protocol is what both ends have to speak.
	protocol = "goservice-peers/1"
	purpose  = "goservice peers, Ed25519, 1"
)

// ErrStranger is the answer to a certificate that was not made with a key of the service.
var ErrStranger = errors.New("peers: the other end does not have the service's key")

// Key that all pods of a service have, and nobody else.
type Key [KeyBytes]byte

// ParseKey reads base64, with or without white space around it.
func ParseKey(text string) (Key, error) {
	bytes, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return Key{}, fmt.Errorf("a key must be base64: %w", err)
	}
	if len(bytes) != KeyBytes {
		return Key{}, fmt.Errorf("a key must have %d bytes, not %d", KeyBytes, len(bytes))
	}
	return Key(bytes), nil
}

// String keeps keys out of logs.
func (Key) String() string { return "(a key)" }

// identity is the Ed25519 key of everybody who has the key (RFC 5869: HKDF; RFC 8032: any 32 bytes are a seed).
func (k Key) identity() (ed25519.PrivateKey, error) {
	seed, err := hkdf.Key(sha256.New, k[:], nil, purpose, ed25519.SeedSize)
	if err != nil {
		return nil, err
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// certificateOf carries an identity's public key. Nothing else in it is looked at.
func certificateOf(private ed25519.PrivateKey) (tls.Certificate, error) {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pod of a GoService"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, nil
}

// Keys of a service, which a folder holds and which may be replaced at any time.
type Keys struct{ files *follow.Files[proofs] }

// proofs are what is shown, and whom it is believed.
type proofs struct {
	shown tls.Certificate
	known []ed25519.PublicKey
}

// OpenKeys reads the folder's keys. failed, if not nil, is told when changed files cannot be used and the last good ones are kept.
func OpenKeys(folder string, failed func(error)) (*Keys, error) {
	files, err := follow.Open(follow.Config[proofs]{
		Every: recheckInterval, Failed: failed,
		Load: func(r *follow.Reader) (proofs, error) { return load(r, folder) },
	})
	if err != nil {
		return nil, err
	}
	return &Keys{files}, nil
}

func load(r *follow.Reader, folder string) (p proofs, err error) {
	shown, err := r.Read(filepath.Join(folder, ShownKeyFile))
	if err != nil {
		return p, err
	}
	accepted, err := r.Read(filepath.Join(folder, AcceptedKeyFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return p, err
	}
	key, err := ParseKey(string(shown))
	if err != nil {
		return p, fmt.Errorf("%s: %w", ShownKeyFile, err)
	}
	keys := []Key{key}
	if strings.TrimSpace(string(accepted)) != "" {
		if key, err = ParseKey(string(accepted)); err != nil {
			return p, fmt.Errorf("%s: %w", AcceptedKeyFile, err)
		}
		keys = append(keys, key)
	}
	identities := make([]ed25519.PrivateKey, len(keys))
	p.known = make([]ed25519.PublicKey, len(keys))
	for i, key := range keys {
		if identities[i], err = key.identity(); err != nil {
			return p, err
		}
		p.known[i] = identities[i].Public().(ed25519.PublicKey) //nolint:forcetypeassert // of Ed25519
	}
	p.shown, err = certificateOf(identities[0])
	return p, err
}

// accept reports whether a public key is that of a key in force.
func (k *Keys) accept(public ed25519.PublicKey) bool { return k.files.Current().knows(public) }

func (p proofs) knows(public ed25519.PublicKey) bool {
	return slices.ContainsFunc(p.known, func(one ed25519.PublicKey) bool { return public.Equal(one) })
}

// proven is the public key that the other end of a connection has shown; nil if it is none of Ed25519.
func proven(state tls.ConnectionState) ed25519.PublicKey {
	if len(state.PeerCertificates) != 1 {
		return nil
	}
	public, _ := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	return public
}

// config is that of both ends.
func (k *Keys) config() *tls.Config {
	current := k.files.Current()
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{protocol},
		Certificates:           []tls.Certificate{current.shown},
		ClientAuth:             tls.RequireAnyClientCert,
		InsecureSkipVerify:     true, //nolint:gosec // VerifyConnection asks for more than an authority's word
		SessionTicketsDisabled: true, // a link is for hours, and a resumed one would be of a key that is not valid any more
		VerifyConnection: func(state tls.ConnectionState) error {
			if state.NegotiatedProtocol != protocol {
				return fmt.Errorf("peers: the other end does not speak %s", protocol)
			}
			public := proven(state)
			if public == nil || !current.knows(public) {
				return ErrStranger
			}
			return nil
		},
	}
}
