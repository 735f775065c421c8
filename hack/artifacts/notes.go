// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

var sections = regexp.MustCompile(`(?m)^## (.+)$`)

func (r *release) putNotes() error {
	text, err := r.notes()
	if err != nil {
		return err
	}
	return r.put("RELEASE_NOTES.md", []byte(text))
}

// notes of the release are the sections of both changelogs.
func (r *release) notes() (string, error) {
	var text strings.Builder
	for _, log := range []struct{ title, path string }{
		{"Operator, chart, and plugin", "CHANGELOG.md"}, {"Toolkit", filepath.Join("workload", "CHANGELOG.md")},
	} {
		content, err := os.ReadFile(filepath.Join(r.root, log.path))
		if err != nil {
			return "", err
		}
		section, err := section(string(content), r.version)
		if err != nil {
			return "", fmt.Errorf("%s: %w", log.path, err)
		}
		section = r.absolute(section, filepath.ToSlash(filepath.Dir(log.path)))
		fmt.Fprintf(&text, "## %s\n\n%s\n\n", log.title, section)
	}
	return strings.TrimSpace(text.String()) + "\n", nil
}

// section of a changelog for a version, without its heading. A version that is no final release (v0.2.0-rc.1, dev-…) has what is unreleased.
func section(changelog, version string) (string, error) {
	wanted := version
	if strings.Contains(version, "-") {
		wanted = "Unreleased"
	}
	headings := sections.FindAllStringSubmatchIndex(changelog, -1)
	for i, heading := range headings {
		// The date follows the version.
		name, _, _ := strings.Cut(changelog[heading[2]:heading[3]], " ")
		if name != wanted {
			continue
		}
		end := len(changelog)
		if i+1 < len(headings) {
			end = headings[i+1][0]
		}
		return strings.TrimSpace(changelog[heading[1]:end]), nil
	}
	return "", fmt.Errorf("has no section %q: give Unreleased the version and the date (hack/release.sh says what else a release needs)", wanted)
}

var relativeLinks = regexp.MustCompile(`\]\(([^):\s]+)\)`)

// absolute makes links to files of the checkout lead into the repository, as of the release: notes are read elsewhere.
func (r *release) absolute(text, folder string) string {
	return relativeLinks.ReplaceAllStringFunc(text, func(link string) string {
		target, anchor, anchored := strings.Cut(relativeLinks.FindStringSubmatch(link)[1], "#")
		address := r.source + "/blob/" + r.commit + "/" + path.Join(folder, target)
		if anchored {
			address += "#" + anchor
		}
		return "](" + address + ")"
	})
}
