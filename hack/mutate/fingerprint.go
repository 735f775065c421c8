// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// fingerprint is a hash of all that decides what becomes of a package's changes: the files of this module that its tests are
// made of, and what those read from testdata folders. An outcome that was found with another fingerprint is found anew.
func fingerprint(ctx context.Context, root string, tests []string) (string, error) {
	arguments := []string{"list", "-deps", "-test", "-f", "{{if .Module}}{{if .Module.Main}}{{.Dir}}{{end}}{{end}}"}
	for _, pkg := range tests {
		arguments = append(arguments, "./"+pkg)
	}
	list := exec.CommandContext(ctx, "go", arguments...)
	list.Dir = root
	output, err := list.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(arguments, " "), err)
	}
	dirs := slices.Compact(slices.Sorted(slices.Values(strings.Fields(string(output)))))
	sum := sha256.New()
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() {
				if path != dir && !strings.Contains(path+"/", "/testdata/") {
					return fs.SkipDir
				}
				return nil
			}
			content, err := os.ReadFile(path)
			fmt.Fprintf(sum, "%s %d\n", path[len(root):], len(content))
			sum.Write(content)
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:6]), nil
}
