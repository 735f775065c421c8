// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// countRoots makes the test binary print how many authorities the program trusts.
const countRoots = "GOSERVICE_TEST_COUNT_ROOTS"

func init() {
	if os.Getenv(countRoots) != "" {
		roots, err := x509.SystemCertPool()
		if err != nil {
			panic(err)
		}
		fmt.Fprint(os.Stdout, len(roots.Subjects())) //nolint:staticcheck // complete outside of macOS and Windows
		os.Exit(0)
	}
}

// An image from scratch has no root certificates: those of Mozilla are compiled in. What is mounted replaces them, be it less.
func TestRootsAreBuiltInAndAMountedBundleReplacesThem(t *testing.T) {
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	trusted := func(bundle string) (roots int) {
		command := exec.CommandContext(t.Context(), os.Args[0])
		command.Env = []string{countRoots + "=1", "SSL_CERT_FILE=" + bundle, "SSL_CERT_DIR=" + nowhere}
		output, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan(string(output), &roots); err != nil {
			t.Fatalf("%q: %v", output, err)
		}
		return roots
	}
	if roots := trusted(nowhere); roots < 100 {
		t.Errorf("without a bundle %d authorities are trusted", roots)
	}
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	mounted := filepath.Join(t.TempDir(), "ca.crt")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(mounted, block, 0o644); err != nil {
		t.Fatal(err)
	}
	if roots := trusted(mounted); roots != 1 {
		t.Errorf("with a bundle of one authority %d are trusted", roots)
	}
}
