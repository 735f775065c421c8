// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Site makes a static web site of the Markdown of this repository: no script or font comes from elsewhere, and it can be read and searched from
// a folder, without a server. `make docs-site` runs it.
package main

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"html/template"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/chroma/v2/formatters/html"
	"github.com/alecthomas/chroma/v2/styles"
)

//go:embed assets
var assets embed.FS

func main() {
	root := flag.String("root", "../..", "folder of the checkout")
	out := flag.String("out", "../../dist/site", "folder to write to; what is in it is removed")
	version := flag.String("version", "", "version that every page shows")
	source := flag.String("source", "https://goservice.dev/operator", "address of the repository, which links to files that are no pages lead to")
	flag.Parse()
	if err := build(*root, *out, *version, *source); err != nil {
		fmt.Fprintln(os.Stderr, "site:", err)
		os.Exit(1)
	}
}

func build(root, out, version, source string) error {
	if version == "" {
		return errors.New("-version: must be set")
	}
	ref := "main"
	if strings.HasPrefix(version, "v") {
		ref = version // a release: its files, and not those of today
	}
	pages, err := readPages(root, source, ref)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	layout, err := template.ParseFS(assets, "assets/page.html")
	if err != nil {
		return err
	}
	groups := navigation(pages)
	for _, p := range pages {
		var content bytes.Buffer
		up := strings.Repeat("../", strings.Count(p.target, "/"))
		err := layout.Execute(&content, map[string]any{"Page": p, "Groups": groups, "Up": up, "Version": version})
		if err != nil {
			return fmt.Errorf("%s: %w", p.source, err)
		}
		if err := write(out, p.target, content.Bytes()); err != nil {
			return err
		}
	}
	if err := copyPictures(root, out, pages); err != nil {
		return err
	}
	return writeAssets(out, pages)
}

// writeAssets: style sheet, script, and what is searched, which is a script too, because a page that was opened from a folder may fetch nothing.
func writeAssets(out string, pages []*page) error {
	for _, name := range []string{"site.js", "site.css"} {
		content, err := assets.ReadFile("assets/" + name)
		if err != nil {
			return err
		}
		if name == "site.css" {
			colors, err := codeColors()
			if err != nil {
				return err
			}
			content = append(content, colors...)
		}
		if err := write(out, "assets/"+name, content); err != nil {
			return err
		}
	}
	var entries []entry
	for _, p := range pages {
		entries = append(entries, p.entries...)
	}
	index, err := json.Marshal(entries)
	if err != nil {
		return err
	}
	return write(out, "assets/search.js", slices.Concat([]byte("const searched = "), index, []byte(";\n")))
}

// codeColors are those of code blocks, in the light and in the dark.
func codeColors() ([]byte, error) {
	var colors bytes.Buffer
	formatter := html.New(html.WithClasses(true))
	if err := formatter.WriteCSS(&colors, styles.Get("github")); err != nil {
		return nil, err
	}
	colors.WriteString("@media (prefers-color-scheme: dark) {\n")
	if err := formatter.WriteCSS(&colors, styles.Get("github-dark")); err != nil {
		return nil, err
	}
	colors.WriteString(".chroma, .bg { background-color: inherit; }\n}\n.chroma, .bg { background-color: inherit; }\n")
	return colors.Bytes(), nil
}

// copyPictures that pages show.
func copyPictures(root, out string, pages []*page) error {
	copied := map[string]bool{}
	for _, p := range pages {
		for _, picture := range p.pictures {
			if copied[picture] {
				continue
			}
			copied[picture] = true
			content, err := os.ReadFile(filepath.Join(root, picture))
			if err != nil {
				return fmt.Errorf("%s: %w", p.source, err)
			}
			if err := write(out, picture, content); err != nil {
				return err
			}
		}
	}
	return nil
}

func write(out, name string, content []byte) error {
	target := filepath.Join(out, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	return os.WriteFile(target, content, 0o644)
}

// group of pages in the navigation.
type group struct {
	Title string
	Pages []*page
}

// navigation by folder; within one, in the order of titles, but the first page first.
func navigation(pages []*page) []group {
	groups := []group{{Title: "GoService"}, {Title: "Guides"}, {Title: "Toolkit and tools"}, {Title: "Design records"}}
	for _, p := range pages {
		i := 2
		switch path.Dir(p.source) {
		case ".":
			i = 0
		case "docs":
			i = 1
		case "docs/design":
			i = 3
		}
		groups[i].Pages = append(groups[i].Pages, p)
	}
	order := func(p *page) string {
		if p.target == "index.html" {
			return ""
		}
		return strings.ToLower(p.Title)
	}
	for _, g := range groups[:3] {
		slices.SortFunc(g.Pages, func(a, b *page) int { return strings.Compare(order(a), order(b)) })
	}
	return groups
}

// sources are the Markdown files of a checkout, by their paths; not those of hidden folders, test data, and build output.
func sources(root string) ([]string, error) {
	var found []string
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			base := path.Base(name)
			if name != "." && (strings.HasPrefix(base, ".") || base == "testdata" || name == "bin" || name == "dist") {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) == ".md" {
			found = append(found, name)
		}
		return nil
	})
	return found, err
}
