// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package peers

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// a key of one letter, as its file has it.
func key(letter byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{letter}, KeyBytes)) + "\n"
}

func put(t *testing.T, folder, shown, accepted string) {
	t.Helper()
	for name, text := range map[string]string{ShownKeyFile: shown, AcceptedKeyFile: accepted} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func keys(t *testing.T, shown, accepted string) *Keys {
	t.Helper()
	folder := t.TempDir()
	put(t, folder, shown, accepted)
	k, err := OpenKeys(folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// shake is what the server and the client of a link say after their handshake, and an exchange of one byte.
func shake(t *testing.T, server, client *tls.Config) (serverErr, clientErr error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	done := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			done <- err
			return
		}
		defer conn.Close()
		_, err = tls.Server(conn, server).Write([]byte{1})
		done <- err
	}()
	conn, err := tls.Dial("tcp", listener.Addr().String(), client)
	if err == nil {
		_, err = conn.Read(make([]byte, 1)) // a server's refusal comes after the client's own handshake
		_ = conn.Close()
	}
	return <-done, err
}

func TestPodsThatHaveTheKeyAreLinked(t *testing.T) {
	for name, test := range map[string]struct {
		server, client *Keys
		linked         bool
	}{
		"the same key":                      {keys(t, key('a'), ""), keys(t, key('a'), ""), true},
		"another service's":                 {keys(t, key('a'), ""), keys(t, key('b'), ""), false},
		"the client has the next one first": {keys(t, key('a'), key('b')), keys(t, key('b'), key('a')), true},
		"the server has the next one first": {keys(t, key('b'), key('a')), keys(t, key('a'), key('b')), true},
		"only one knows the other's":        {keys(t, key('a'), key('b')), keys(t, key('b'), ""), false},
	} {
		t.Run(name, func(t *testing.T) {
			serverErr, clientErr := shake(t, test.server.config(), test.client.config())
			if linked := serverErr == nil && clientErr == nil; linked != test.linked {
				t.Errorf("server %v, client %v; want a link %t", serverErr, clientErr, test.linked)
			}
		})
	}
}

func TestPodsWhoseClocksDifferAreLinked(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, time.Hour, 20 * 365 * 24 * time.Hour} {
		other := keys(t, key('a'), "").config()
		other.Time = func() time.Time { return time.Now().Add(off) }
		if serverErr, clientErr := shake(t, keys(t, key('a'), "").config(), other); serverErr != nil || clientErr != nil {
			t.Errorf("a clock that is off by %s: server %v, client %v", off, serverErr, clientErr)
		}
	}
}

func TestStrangersAreNotLinked(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	own := keys(t, key('a'), "")
	stranger := func(change func(*tls.Config)) *tls.Config {
		config := own.config()
		config.VerifyConnection = nil
		change(config)
		return config
	}
	for name, config := range map[string]*tls.Config{
		"no certificate": stranger(func(c *tls.Config) { c.Certificates = nil }),
		"a certificate of their own": stranger(func(c *tls.Config) {
			c.Certificates = []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}}
		}),
		"the service's, not the key of it": stranger(func(c *tls.Config) {
			c.Certificates = []tls.Certificate{{Certificate: c.Certificates[0].Certificate, PrivateKey: private}}
		}),
		"another protocol": stranger(func(c *tls.Config) { c.NextProtos = []string{"h2"} }),
		"no protocol":      stranger(func(c *tls.Config) { c.NextProtos = nil }),
	} {
		t.Run(name, func(t *testing.T) {
			if _, clientErr := shake(t, own.config(), config); clientErr == nil {
				t.Error("the server let it in")
			}
			server := config.Clone()
			server.ClientAuth = tls.RequestClientCert
			if _, clientErr := shake(t, server, own.config()); clientErr == nil {
				t.Error("the client took it for a pod of the service")
			}
		})
	}
}

func TestKeysThatAreReplacedHoldForTheNextLink(t *testing.T) {
	folder := t.TempDir()
	put(t, folder, key('a'), "")
	var problems []string
	followed, err := OpenKeys(folder, func(err error) { problems = append(problems, err.Error()) })
	if err != nil {
		t.Fatal(err)
	}
	again := func() (serverErr, clientErr error) {
		followed.files.Look()
		return shake(t, followed.config(), keys(t, key('b'), key('a')).config())
	}
	put(t, folder, "nonsense", "")
	if serverErr, _ := again(); serverErr == nil || len(problems) != 1 || !strings.Contains(problems[0], ShownKeyFile) {
		t.Errorf("%v, told %q", serverErr, problems)
	}
	if _, _ = again(); len(problems) != 1 {
		t.Errorf("told %q, each time", problems)
	}
	put(t, folder, key('a'), key('b'))
	if serverErr, clientErr := again(); serverErr != nil || clientErr != nil {
		t.Error(serverErr, clientErr)
	}
}

func TestKeysThatCannotBeUsedAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ shown, accepted, want string }{
		"empty":    {"", "", ShownKeyFile + ": a key must have 32 bytes, not 0"},
		"short":    {key('a')[:20], "", ShownKeyFile + ": a key must have 32 bytes, not 15"},
		"a second": {key('a'), "???", AcceptedKeyFile + ": a key must be base64"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			put(t, folder, test.shown, test.accepted)
			if _, err := OpenKeys(folder, nil); err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
	if _, err := OpenKeys(t.TempDir(), nil); err == nil {
		t.Error("an empty folder was taken for keys")
	}
}
