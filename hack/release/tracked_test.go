// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package release

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// `go build` in a program's folder leaves the program there, and a clone would carry it for good.
func TestNoProgramIsCommitted(t *testing.T) {
	for _, file := range tracked(t) {
		start, err := first(filepath.Join(root, file), 4)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(start, []byte("\x7fELF")) {
			t.Errorf("%s is a compiled program", file)
		}
	}
}

// first bytes of a file, fewer if it has fewer.
func first(path string, count int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, count))
}
