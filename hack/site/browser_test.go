// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build e2e

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// browsed is what a page looks like in a headless browser that opened it from a folder, after a script ran in it: the links and the text of
// what was found, and what the script left in the body's data-said.
func browsed(t *testing.T, file, script string) (links []string, text, said string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const end = "</body>"
	page := strings.Replace(string(content), end, "<script>addEventListener('load', () => {"+script+"})</script>"+end, 1)
	scripted := filepath.Join(filepath.Dir(file), "scripted.html")
	if err := os.WriteFile(scripted, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if browser, err = exec.LookPath(name); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	var problems bytes.Buffer
	command := exec.CommandContext(t.Context(), browser, "--headless", "--no-sandbox", "--user-data-dir="+t.TempDir(), "--virtual-time-budget=5000", "--dump-dom", "file://"+scripted)
	command.Stderr = &problems
	shown, err := command.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", browser, err, problems.Bytes())
	}
	document, err := html.Parse(bytes.NewReader(shown))
	if err != nil {
		t.Fatal(err)
	}
	attribute := func(node *html.Node, key string) string {
		for _, a := range node.Attr {
			if a.Key == key {
				return a.Val
			}
		}
		return ""
	}
	for node := range document.Descendants() {
		switch {
		case node.Type != html.ElementNode:
		case node.Data == "body":
			said = attribute(node, "data-said")
		case attribute(node, "id") == "found":
			for below := range node.Descendants() {
				if below.Data == "a" {
					links = append(links, attribute(below, "href"))
				}
				if below.Type == html.TextNode {
					text += below.Data + "\n"
				}
			}
		}
	}
	return links, text, said
}

// typed is a script that presses / and types.
func typed(words string) string {
	return fmt.Sprintf(`document.dispatchEvent(new KeyboardEvent("keydown", {key: "/"}));
		document.activeElement.value = %q;
		document.activeElement.dispatchEvent(new Event("input", {bubbles: true}));`, words)
}

// A reader finds a section by its words, from any page, with the keyboard alone, and without a server.
func TestTheSearchInABrowser(t *testing.T) {
	out := site(t)
	for _, c := range []struct{ page, words, first string }{
		{"index.html", "limit kept", "docs/retune.html#how-well-the-limit-is-kept"},
		{"docs/slo.html", "LIMIT  Kept", "../docs/retune.html#how-well-the-limit-is-kept"},
	} {
		links, text, said := browsed(t, filepath.Join(out, c.page), typed(c.words)+`
			document.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowDown"}));
			document.body.dataset.said = document.activeElement.getAttribute("href");`)
		if len(links) == 0 || len(links) > 12 || links[0] != c.first || said != c.first || !strings.Contains(text, "How well the limit is kept") {
			t.Errorf("%s: %q finds %q, and the arrow leads to %q; want %q\n%s", c.page, c.words, links, said, c.first, text)
		}
	}
	if links, text, _ := browsed(t, filepath.Join(out, "index.html"), typed("limit zzzz")); len(links) > 0 || !strings.Contains(text, "Nothing found") {
		t.Errorf("%q, %s", links, text)
	}
	// What pages say is text, whatever it looks like.
	if _, text, said := browsed(t, filepath.Join(out, "index.html"), `searched.unshift({t: "<b id=x>zzz</b>", p: "zzz", a: "index.html", x: "<i>zzz</i>"});`+typed("zzz")+`
		document.body.dataset.said = document.getElementById("x") ? "markup" : "text";`); said != "text" || !strings.Contains(text, "<i>zzz</i>") {
		t.Errorf("%s: %s", said, text)
	}
}
