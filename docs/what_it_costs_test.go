// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package docs

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// stands says whether a text holds a figure, or words, as a whole: not as a part of another figure or word.
func stands(figure, text string) bool {
	whole := regexp.MustCompile(`(?i)(?:^|[^\w.,])` + regexp.QuoteMeta(figure) + `(?:$|[^\w.,]|[.,](?:$|\D))`)
	return whole.MatchString(text)
}

func TestAFigureStandsAsAWhole(t *testing.T) {
	for _, c := range []struct {
		figure, text string
		want         bool
	}{
		{"6", "6", true}, {"6", "of 60 s", false}, {"6", "1.6 s", false}, {"6", "6.5 s", false}, {"6", "1,006 and 6, or 7", true}, {"6", "the last 6.", true},
		{"29", "−29%", true}, {"29", "129", false}, {"ten", "Ten of them", true}, {"ten", "often", false}, {"2.6 s", "was 2.6 s, and", true}, {"2.6 s", "12.6 s", false},
	} {
		if got := stands(c.figure, c.text); got != c.want {
			t.Errorf("%q in %q: %t", c.figure, c.text, got)
		}
	}
}

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
			if !stands(match[1], sources) {
				t.Errorf("%s is not on the page that its row links to: %s", match[1], line)
			}
		}
	}
	if figures == 0 {
		t.Error("no figures")
	}
}
