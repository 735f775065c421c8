// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// Files whose names start with a dot would be left out of the program: here they start with "dot-".
//
//go:embed template
var templates embed.FS

// write fills the templates into a folder that must not exist, or be empty.
func (p *project) write(folder string) error {
	present, err := os.ReadDir(folder)
	if err == nil && len(present) > 0 {
		return fmt.Errorf("the folder %s is there already, and is not empty", folder)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("making the folder: %w", err)
	}
	return fs.WalkDir(templates, "template", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		parsed, err := template.New(entry.Name()).Option("missingkey=error").ParseFS(templates, path)
		if err != nil {
			return fmt.Errorf("template %s: %w", path, err)
		}
		name := strings.TrimSuffix(entry.Name(), ".tmpl")
		if rest, ok := strings.CutPrefix(name, "dot-"); ok {
			name = "." + rest
		}
		file, err := os.Create(filepath.Join(folder, name))
		if err != nil {
			return err
		}
		if err := parsed.Execute(file, p); err != nil {
			_ = file.Close()
			return fmt.Errorf("writing %s: %w", name, err)
		}
		return file.Close()
	})
}
