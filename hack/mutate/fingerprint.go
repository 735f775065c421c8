// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// files that a package of this module is built and tested of, embedded ones among them, and its folder.
const listed = "{{if .Module}}{{if .Module.Main}}{{$dir := .Dir}}{{$dir}}\n{{range .EmbedFiles}}{{$dir}}/{{.}}\n{{end}}" +
	"{{range .TestEmbedFiles}}{{$dir}}/{{.}}\n{{end}}{{range .XTestEmbedFiles}}{{$dir}}/{{.}}\n{{end}}{{end}}{{end}}"

// fingerprint is a hash of all that decides what becomes of a package's changes: the files of this module that its tests are
// made of, what is embedded in them, and what those read from testdata folders. An outcome that was found with another fingerprint
// is found anew.
func fingerprint(ctx context.Context, root string, tests []string) (string, error) {
	arguments := []string{"list", "-deps", "-test", "-f", listed}
	for _, pkg := range tests {
		arguments = append(arguments, "./"+pkg)
	}
	list := exec.CommandContext(ctx, "go", arguments...)
	list.Dir = root
	output, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(arguments, " "), err)
	}
	sum := sha256.New()
	for _, path := range slices.Compact(slices.Sorted(strings.FieldsFuncSeq(string(output), func(r rune) bool { return r == '\n' }))) {
		if err := add(sum, root, path); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:6]), nil
}

// add a file, or the files of a folder and of its testdata.
func add(sum io.Writer, root, path string) error {
	return filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if file != path && !strings.Contains(file+"/", "/testdata/") {
				return fs.SkipDir
			}
			return nil
		}
		content, err := os.ReadFile(file)
		fmt.Fprintf(sum, "%s %d\n", file[len(root):], len(content))
		_, _ = sum.Write(content)
		return err
	})
}
