// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"regexp"
	"strings"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/renderer/html"
)

func rawHTML() renderer.Option { return html.WithUnsafe() }

// ids of headings as GitHub makes them, for the links in the pages are written for both.
type ids struct{}

var (
	notInAnchor = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
	linkedText  = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

func (ids) Generate(value []byte, _ ast.NodeKind) []byte {
	text := linkedText.ReplaceAllString(string(value), "$1")
	return []byte(strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(text), ""), " ", "-"))
}

func (ids) Put([]byte) {}
