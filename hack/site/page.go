// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"fmt"
	"html/template"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/alecthomas/chroma/v2/formatters/html"
	"github.com/yuin/goldmark"
	highlighting "github.com/yuin/goldmark-highlighting/v2"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
)

// page of the site. The exported fields are for its layout.
type page struct {
	Title    string
	Body     template.HTML
	Headings []heading // of the second level

	source   string // path of the Markdown file
	target   string // path in the site
	pictures []string
	entries  []entry
	anchors  []string // addresses of sections that its links lead to
}

// Target is the path of the page in the site.
func (p *page) Target() string { return p.target }

type heading struct{ ID, Text string }

// entry of the search: a section of a page.
type entry struct {
	Page    string `json:"p"`
	Address string `json:"a"`
	Title   string `json:"t"`
	Text    string `json:"x"`
}

// Raw HTML is left in: api.md is generated with <br />, and nobody else writes these pages.
var markdown = goldmark.New(
	goldmark.WithExtensions(extension.GFM, highlighting.NewHighlighting(highlighting.WithFormatOptions(html.WithClasses(true)))),
	goldmark.WithParserOptions(parser.WithAutoHeadingID()),
	goldmark.WithRendererOptions(rawHTML()),
)

// targetOf a Markdown file: README.md is the index of its folder.
func targetOf(source string) string {
	if path.Base(source) == "README.md" {
		return path.Join(path.Dir(source), "index.html")
	}
	return strings.TrimSuffix(source, ".md") + ".html"
}

func readPages(root, repository, ref string) ([]*page, error) {
	names, err := sources(root)
	if err != nil {
		return nil, err
	}
	pages := make([]*page, 0, len(names))
	for _, name := range names {
		p, err := readPage(root, name, repository, ref)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		pages = append(pages, p)
	}
	return pages, deadAnchor(pages)
}

// deadAnchor is an error that names the first link to a section that there is not.
func deadAnchor(pages []*page) error {
	sections := map[string]bool{}
	for _, p := range pages {
		for _, e := range p.entries {
			sections[e.Address] = true
		}
	}
	for _, p := range pages {
		for _, anchor := range p.anchors {
			if !sections[anchor] {
				return fmt.Errorf("%s: link to %s: no such section", p.source, anchor)
			}
		}
	}
	return nil
}

func readPage(root, name, repository, ref string) (*page, error) {
	content, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		return nil, err
	}
	p := &page{source: name, target: targetOf(name)}
	document := markdown.Parser().Parse(text.NewReader(content), parser.WithContext(parser.NewContext(parser.WithIDs(ids{}))))
	var section strings.Builder
	current := entry{}
	finish := func() {
		if current.Address != "" {
			current.Text = strings.Join(strings.Fields(section.String()), " ")
			p.entries = append(p.entries, current)
		}
		section.Reset()
	}
	for node := document.FirstChild(); node != nil; node = node.NextSibling() {
		if h, ok := node.(*ast.Heading); ok {
			finish()
			title, id := plain(h, content), ""
			if value, ok := h.AttributeString("id"); ok {
				id = string(value.([]byte))
			}
			if h.Level == 1 && p.Title == "" {
				p.Title = title
			}
			if h.Level == 2 {
				p.Headings = append(p.Headings, heading{ID: id, Text: title})
			}
			current = entry{Page: p.Title, Address: p.target + "#" + id, Title: title}
			continue
		}
		section.WriteString(plain(node, content) + " ")
	}
	finish()
	if p.Title == "" {
		return nil, fmt.Errorf("has no heading of the first level")
	}
	if err := p.lead(document, root, repository, ref); err != nil {
		return nil, err
	}
	var body bytes.Buffer
	if err := markdown.Renderer().Render(&body, content, document); err != nil {
		return nil, err
	}
	p.Body = template.HTML(tables.ReplaceAllString(body.String(), `<div class="wide">$0</div>`))
	return p, nil
}

// Wide tables scroll by themselves, not the page.
var tables = regexp.MustCompile(`(?s)<table>.*?</table>`)

// lead the links of a page to pages of the site, and those to other files into the repository at a tag or branch.
func (p *page) lead(document ast.Node, root, repository, ref string) error {
	return ast.Walk(document, func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch link := node.(type) {
		case *ast.Link:
			target, anchor, anchored := strings.Cut(string(link.Destination), "#")
			if strings.Contains(target, ":") {
				return ast.WalkContinue, nil
			}
			if target == "" {
				p.anchors = append(p.anchors, p.target+"#"+anchor)
				return ast.WalkContinue, nil
			}
			file := path.Join(path.Dir(p.source), target)
			info, err := os.Stat(filepath.Join(root, file))
			switch {
			case err != nil:
				return ast.WalkStop, fmt.Errorf("link to %s: %w", target, err)
			case path.Ext(file) == ".md":
				address := p.relative(targetOf(file))
				if anchored {
					address += "#" + anchor
					p.anchors = append(p.anchors, targetOf(file)+"#"+anchor)
				}
				link.Destination = []byte(address)
			case info.IsDir():
				link.Destination = []byte(repository + "/tree/" + ref + "/" + file)
			default:
				link.Destination = []byte(repository + "/blob/" + ref + "/" + file)
			}
		case *ast.Image:
			picture := path.Join(path.Dir(p.source), string(link.Destination))
			p.pictures = append(p.pictures, picture)
			link.Destination = []byte(p.relative(picture))
		}
		return ast.WalkContinue, nil
	})
}

// relative address of a file of the site.
func (p *page) relative(target string) string {
	address, err := filepath.Rel(path.Dir(p.target), target)
	if err != nil { // both are relative, and lie in the site
		panic(err)
	}
	return filepath.ToSlash(address)
}

// plain text of a node: words and code.
func plain(node ast.Node, content []byte) string {
	var all strings.Builder
	_ = ast.Walk(node, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Text:
			all.Write(n.Value(content))
			if n.SoftLineBreak() {
				all.WriteByte(' ')
			}
		case *ast.FencedCodeBlock, *ast.CodeBlock:
			for i := range n.Lines().Len() {
				line := n.Lines().At(i)
				all.Write(line.Value(content))
			}
		}
		if n.Type() == ast.TypeBlock {
			all.WriteByte(' ')
		}
		return ast.WalkContinue, nil
	})
	return strings.TrimSpace(all.String())
}
