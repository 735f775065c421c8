// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// site of this checkout.
func site(t *testing.T) string {
	t.Helper()
	out := t.TempDir()
	if err := build("../..", out, "v0.99.0", "https://example.com/operator"); err != nil {
		t.Fatal(err)
	}
	return out
}

// parsed page: its links, what it loads, its anchors, and its text.
type parsed struct {
	links, loads []string
	ids          map[string]int
	text         string
}

func parse(t *testing.T, content []byte) parsed {
	t.Helper()
	document, err := html.Parse(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	p := parsed{ids: map[string]int{}}
	for node := range document.Descendants() {
		if node.Type == html.TextNode {
			p.text += node.Data
		}
		for _, attribute := range node.Attr {
			switch {
			case attribute.Key == "id":
				p.ids[attribute.Val]++
			case attribute.Key == "href" && node.Data == "a":
				p.links = append(p.links, attribute.Val)
			case attribute.Key == "href" || attribute.Key == "src":
				p.loads = append(p.loads, attribute.Val)
			}
		}
	}
	return p
}

func parsedPages(t *testing.T, out string) map[string]parsed {
	t.Helper()
	pages := map[string]parsed{}
	err := filepath.WalkDir(out, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || path.Ext(file) != ".html" {
			return err
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(out, file)
		pages[filepath.ToSlash(relative)] = parse(t, content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

func TestTheSiteLeadsSomewhereAndLoadsNothingFromElsewhere(t *testing.T) {
	out := site(t)
	pages := parsedPages(t, out)
	if names, err := sources("../.."); err != nil || len(names) != len(pages) || len(pages) < 30 {
		t.Errorf("%d pages of %d files: %v", len(pages), len(names), err)
	}
	leads := func(from, address string) {
		target, anchor, _ := strings.Cut(address, "#")
		page := from
		if target != "" {
			page = path.Join(path.Dir(from), target)
		}
		if _, err := os.Stat(filepath.Join(out, page)); err != nil {
			t.Errorf("%s leads to %s, which does not exist", from, address)
		} else if anchor != "" && pages[page].ids[anchor] == 0 {
			t.Errorf("%s leads to %s, where there is no such heading", from, address)
		}
	}
	for name, page := range pages {
		for _, link := range page.links {
			if !strings.Contains(link, ":") {
				leads(name, link)
			}
		}
		for _, load := range page.loads {
			if load == "data:," {
				continue
			}
			if strings.Contains(load, ":") || strings.HasPrefix(load, "/") {
				t.Errorf("%s loads %s", name, load)
			}
			leads(name, load)
		}
		if !strings.Contains(page.text, "GoService v0.99.0 ·") {
			t.Errorf("%s does not say its version", name)
		}
	}
	index, err := os.ReadFile(filepath.Join(out, "assets", "search.js"))
	if err != nil {
		t.Fatal(err)
	}
	var entries []entry
	content := bytes.TrimSuffix(bytes.TrimPrefix(index, []byte("const searched = ")), []byte(";\n"))
	if err := json.Unmarshal(content, &entries); err != nil || len(entries) < 300 {
		t.Errorf("%d sections can be found: %v", len(entries), err)
	}
	for _, e := range entries {
		leads("index.html", e.Address)
	}
}

func TestAPageOfTheSite(t *testing.T) {
	root := t.TempDir()
	for name, content := range map[string]string{
		"README.md":       "# First\n\nSee [how](docs/how.md#with-code), [a file](go.mod), [elsewhere](https://example.org).\n",
		"go.mod":          "module x\n",
		"docs/how.md":     "# How\n\n## With `code`\n\n| a | b |\n|---|---|\n| `1` | <br /> |\n\n```go\nvar x = \"</script>\"\n```\n",
		"testdata/not.md": "# Not a page\n",
		"dist/not.md":     "# Not a page\n",
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pages, err := readPages(root, "https://example.com/operator", "v0.2.0")
	if err != nil || len(pages) != 2 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	for _, wanted := range []string{`"docs/how.html#with-code"`, `"https://example.com/operator/blob/v0.2.0/go.mod"`, `"https://example.org"`} {
		if !strings.Contains(string(pages[0].Body), wanted) {
			t.Errorf("no link to %s in %s", wanted, pages[0].Body)
		}
	}
	if body := string(pages[1].Body); !strings.Contains(body, `<h2 id="with-code">`) || !strings.Contains(body, `<div class="wide"><table>`) || !strings.Contains(body, `class="chroma"`) {
		t.Errorf("the page is %s", body)
	}
	if section := pages[1].entries[1]; section.Address != "docs/how.html#with-code" || section.Title != "With code" || !strings.Contains(section.Text, "var x") {
		t.Errorf("the section is found as %+v", section)
	}
}

func TestADeadLinkIsAnErrorThatNamesThePage(t *testing.T) {
	for link, want := range map[string]string{
		"gone.md":       "README.md: link to gone.md",
		"how.md#gone":   "README.md: link to how.html#gone",
		"#gone":         "README.md: link to index.html#gone",
		"how.md#how-to": "",
		"#first":        "",
	} {
		root := t.TempDir()
		for name, content := range map[string]string{"README.md": "# First\n\n[x](" + link + ")\n", "how.md": "# How\n\n## How to\n"} {
			if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		_, err := readPages(root, "https://example.com/operator", "main")
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: the error is %v", link, err)
		}
	}
}
