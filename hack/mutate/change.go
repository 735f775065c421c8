// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// change is one thing done differently in one place of a source file.
type change struct {
	// file is relative to the module's root.
	file string
	line int
	// key names the change by its package, function or constant, and code, so that edits elsewhere leave it alone.
	key string

	source     []byte
	start, end int
	with       string
}

// content is the file with the change in it.
func (c *change) content() []byte {
	return slices.Concat(c.source[:c.start], []byte(c.with), c.source[c.end:])
}

// diff shows the lines that the change touches, before and after.
func (c *change) diff() string {
	from := bytes.LastIndexByte(c.source[:c.start], '\n') + 1
	to := len(c.source)
	if rest := bytes.IndexByte(c.source[c.end:], '\n'); rest >= 0 {
		to = c.end + rest
	}
	after := slices.Concat(c.source[from:c.start], []byte(c.with), c.source[c.end:to])
	return prefixed("-", c.source[from:to]) + prefixed("+", after)
}

func prefixed(sign string, text []byte) string {
	var b strings.Builder
	for line := range strings.Lines(string(text)) {
		b.WriteString(sign + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}

// changesOf lists every possible change in a package's files that are neither tests nor generated, nor left out of a build on this machine.
func changesOf(root, pkg string) ([]*change, error) {
	files, err := filepath.Glob(filepath.Join(root, pkg, "*.go"))
	if err != nil {
		return nil, err
	}
	var all []*change
	for _, file := range files {
		if name := filepath.Base(file); strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "zz_generated") {
			continue
		}
		if built, err := build.Default.MatchFile(filepath.Split(file)); err != nil {
			return nil, err
		} else if !built {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		found, err := changesIn(pkg, filepath.Join(pkg, filepath.Base(file)), source)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s holds nothing that can be changed", pkg)
	}
	number(all)
	return all, nil
}

// changesIn lists the possible changes in one file. Their keys may still repeat.
func changesIn(pkg, file string, source []byte) ([]*change, error) {
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var all []*change
	walk := func(scope string, node ast.Node) {
		e := &editor{pkg: pkg, file: file, source: source, positions: files.File(tree.Pos()), scope: scope}
		ast.Walk(e, node)
		all = append(all, e.changes...)
	}
	for _, declaration := range tree.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			walk(nameOf(d), d)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if values, is := spec.(*ast.ValueSpec); is {
					walk(values.Names[0].Name, values)
				}
			}
		}
	}
	return all, nil
}

// nameOf a function, with its receiver's type.
func nameOf(function *ast.FuncDecl) string {
	if function.Recv == nil {
		return function.Name.Name
	}
	receiver := function.Recv.List[0].Type
	if star, is := receiver.(*ast.StarExpr); is {
		receiver = star.X
	}
	if generic, is := receiver.(*ast.IndexExpr); is {
		receiver = generic.X
	}
	if name, is := receiver.(*ast.Ident); is {
		return name.Name + "." + function.Name.Name
	}
	return function.Name.Name
}

// number tells changes apart that are the same in words: the second in a function gets #2, and so on.
func number(all []*change) {
	seen := map[string]int{}
	for _, c := range all {
		seen[c.key]++
		if n := seen[c.key]; n > 1 {
			c.key = fmt.Sprintf("%s #%d", c.key, n)
		}
	}
}

// drawn puts changes in an order that follows from the seed and each key alone: an edit elsewhere neither adds to nor takes
// from what is tried, but for the change that it makes or removes itself.
func drawn(all []*change, seed string) []*change {
	order := func(c *change) []byte {
		sum := sha256.Sum256([]byte(seed + "\n" + c.key))
		return sum[:]
	}
	return slices.SortedFunc(slices.Values(all), func(a, b *change) int { return bytes.Compare(order(a), order(b)) })
}
