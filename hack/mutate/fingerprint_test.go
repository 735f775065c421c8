// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"os"
	"path/filepath"
	"testing"
)

// An outcome counts for as long as nothing changes that the tests are made of, and no longer: sources, what is embedded in them, and
// testdata.
func TestTheFingerprintHasAllThatTestsAreMadeOf(t *testing.T) {
	root := module(t, "import _ \"embed\"\n//go:embed loads/one.csv\nvar load string\nfunc size() int { return len(load) }\n",
		"import _ \"embed\"\n//go:embed wanted/one.txt\nvar wanted string\nfunc TestSize(t *testing.T) { if size() != len(wanted) { t.Fatal() } }\n")
	write := func(name, content string) {
		t.Helper()
		path := filepath.Join(root, "p", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"loads/one.csv", "wanted/one.txt", "testdata/deep/a.json", "other/unused.csv"} {
		write(name, "1")
	}
	take := func() string {
		t.Helper()
		taken, err := fingerprint(t.Context(), root, []string{"p"})
		if err != nil {
			t.Fatal(err)
		}
		return taken
	}
	last := take()
	if again := take(); again != last {
		t.Errorf("the same files have the fingerprints %s and %s", last, again)
	}
	for _, name := range []string{"loads/one.csv", "wanted/one.txt", "testdata/deep/a.json"} {
		write(name, "2")
		next := take()
		if next == last {
			t.Errorf("%s is not in the fingerprint", name)
		}
		last = next
	}
	write("other/unused.csv", "2")
	if next := take(); next != last {
		t.Error("a file that nothing reads is in the fingerprint")
	}
}
