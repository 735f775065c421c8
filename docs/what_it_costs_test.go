// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package docs

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Each figure of ours on the page of costs, which are the bold ones in its tables, stands on the page that its row links to.
func TestFiguresOfCostsStandOnThePagesThatTheyLinkTo(t *testing.T) {
	page, err := os.ReadFile("what-it-costs.md")
	if err != nil {
		t.Fatal(err)
	}
	figure, local := regexp.MustCompile(`\*\*([^*]+)\*\*`), regexp.MustCompile(`\]\(([\w-]+\.md)#`)
	figures := 0
	for line := range strings.Lines(string(page)) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		var sources string
		for _, link := range local.FindAllStringSubmatch(line, -1) {
			text, err := os.ReadFile(link[1])
			if err != nil {
				t.Fatal(err)
			}
			sources += string(text)
		}
		for _, match := range figure.FindAllStringSubmatch(line, -1) {
			figures++
			if !strings.Contains(strings.ToLower(sources), strings.ToLower(match[1])) {
				t.Errorf("%s is not on the page that its row links to: %s", match[1], line)
			}
		}
	}
	if figures == 0 {
		t.Error("no figures")
	}
}
