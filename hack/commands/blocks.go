// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package commands

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/syntax"
)

// Block of a page that may be meant for a shell: an indented one, or a fenced one in a shell's language or in none.
type Block struct {
	Page, Text string
	Number     int  // of its first line in the page
	Sentence   bool // it is no block, but code in a sentence
}

// Line is what a reader runs at once.
type Line struct {
	Page, Text string // without comments, on one line
	Sentence   bool
	Commands   [][]string // words of the programs that it starts
}

func (l Line) String() string { return fmt.Sprintf("%s: %s", l.Page, l.Text) }

// Blocks of all pages below a folder.
func Blocks(root string) ([]Block, error) {
	var all []Block
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{".git", "bin", "dist", "testdata"}, entry.Name()) {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".md" || !entry.Type().IsRegular() {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		page, err := filepath.Rel(root, path)
		all = append(all, blocksOf(filepath.ToSlash(page), content)...)
		return err
	})
	return all, err
}

func blocksOf(page string, content []byte) (all []Block) {
	_ = ast.Walk(goldmark.DefaultParser().Parse(text.NewReader(content)), func(node ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := node.(type) {
		case *ast.FencedCodeBlock:
			if !slices.Contains([]string{"", "sh", "bash", "console"}, string(n.Language(content))) {
				return ast.WalkContinue, nil
			}
		case *ast.CodeBlock:
		case *ast.CodeSpan:
			span := Block{Page: page, Sentence: true}
			for part := n.FirstChild(); part != nil; part = part.NextSibling() {
				span.Text += string(part.(*ast.Text).Segment.Value(content))
			}
			all = append(all, span)
			return ast.WalkSkipChildren, nil
		default:
			return ast.WalkContinue, nil
		}
		if lines := node.Lines(); lines.Len() > 0 {
			before := content[:lines.At(0).Start]
			all = append(all, Block{Page: page, Number: 1 + strings.Count(string(before), "\n"), Text: string(lines.Value(content))})
		}
		return ast.WalkContinue, nil
	})
	return all
}

// First line of the block.
func (b Block) First() string {
	first, _, _ := strings.Cut(b.Text, "\n")
	return strings.TrimSpace(first)
}

// Lines of the block. If it has prompts, the others are what the commands print.
func (b Block) Lines() ([]Line, error) {
	script := b.Text
	if strings.HasPrefix(script, "$ ") || strings.Contains(script, "\n$ ") {
		script = ""
		more := false
		for line := range strings.Lines(b.Text) {
			command, prompted := strings.CutPrefix(line, "$ ")
			if prompted || more {
				script += command
				more = strings.HasSuffix(command, "\\\n")
			}
		}
	}
	parsed, err := syntax.NewParser().Parse(strings.NewReader(script), "")
	if err != nil {
		return nil, fmt.Errorf("%s:%d: %w", b.Page, b.Number, err)
	}
	var all []Line
	for _, statement := range parsed.Stmts {
		var printed strings.Builder
		if err := syntax.NewPrinter(syntax.SingleLine(true)).Print(&printed, statement); err != nil {
			return nil, err
		}
		line := Line{Page: b.Page, Sentence: b.Sentence, Text: strings.TrimSpace(strings.ReplaceAll(printed.String(), " \\\n\t", " "))}
		syntax.Walk(statement, func(node syntax.Node) bool {
			if call, is := node.(*syntax.CallExpr); is && len(call.Args) > 0 && err == nil {
				var words []string
				words, err = expand.Fields(unknown, call.Args...)
				line.Commands = append(line.Commands, slices.DeleteFunc(words, func(word string) bool { return word == "…" }))
			}
			return true
		})
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", b.Page, b.Number, err)
		}
		all = append(all, line)
	}
	return all, nil
}

// unknown stands for the shell of a reader: something is in every variable, and every command prints something.
var unknown = &expand.Config{
	Env: expand.FuncEnviron(func(string) string { return "something" }),
	CmdSubst: func(out io.Writer, _ *syntax.CmdSubst) error {
		_, err := io.WriteString(out, "something")
		return err
	},
}

// Calls of a program in blocks and sentences, each with the words behind the program's name. What no shell understands is none.
func Calls(root, program string) ([]Line, error) {
	blocks, err := Blocks(root)
	var found []Line
	for _, block := range blocks {
		lines, failed := block.Lines()
		if failed != nil {
			continue
		}
		for _, line := range lines {
			for _, words := range line.Commands {
				if len(words) > 0 && words[0] == program {
					found = append(found, Line{line.Page, line.Text, line.Sentence, [][]string{words[1:]}})
				}
			}
		}
	}
	return found, err
}
