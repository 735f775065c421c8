// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package docs

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	codePattern   = regexp.MustCompile("(?s)```.*?```|`[^`]*`")
	linkPattern   = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	linkedText    = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	notInAnchor   = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
	headerPattern = regexp.MustCompile("(?m)^#+ (.*)$")
)

// anchors of a page, as GitHub makes them of its headings.
func anchors(t *testing.T, path string) map[string]bool {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, heading := range headerPattern.FindAllStringSubmatch(string(content), -1) {
		text := linkedText.ReplaceAllString(heading[1], "$1")
		found[strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(text), ""), " ", "-")] = true
	}
	return found
}

// Every link from one page to another leads to a file that exists, and to a heading in it.
func TestLinksLeadSomewhere(t *testing.T) {
	links := 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if path == "../dist" || path == "../bin" { // build output
			return filepath.SkipDir
		}
		if err != nil || filepath.Ext(path) != ".md" || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, link := range linkPattern.FindAllStringSubmatch(codePattern.ReplaceAllString(string(content), ""), -1) {
			target, anchor, _ := strings.Cut(link[1], "#")
			if strings.Contains(target, ":") {
				continue // another site
			}
			links++
			page := path
			if target != "" {
				page = filepath.Join(filepath.Dir(path), target)
			}
			if _, err := os.Stat(page); err != nil {
				t.Errorf("%s links to %s, which does not exist", path, link[1])
			} else if anchor != "" && filepath.Ext(page) == ".md" && !anchors(t, page)[anchor] {
				t.Errorf("%s links to %s, where there is no such heading", path, link[1])
			}
		}
		return nil
	})
	if err != nil || links == 0 {
		t.Errorf("%d links: %v", links, err)
	}
}
