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

// block of code on a page: fenced, with its language, or indented by four spaces, without one.
type block struct {
	page, language, text string
	line                 int
}

var fence = regexp.MustCompile("^( *)```(\\w*)$")

// pages of the documentation, with their content.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if path == "../dist" || path == "../bin" || entry != nil && entry.IsDir() && entry.Name() == "testdata" {
			return filepath.SkipDir
		}
		if err != nil || filepath.Ext(path) != ".md" || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		found[path] = string(content)
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("%d pages: %v", len(found), err)
	}
	return found
}

// blocksOf a page, without the indent that the page gives them.
func blocksOf(page, content string) []block {
	var all []block
	var open *block
	indent, fenced := "", false
	end := func() {
		if open != nil {
			all = append(all, *open)
		}
		open, fenced = nil, false
	}
	number := 0
	for line := range strings.Lines(content) {
		number++
		line = strings.TrimRight(line, "\n")
		mark := fence.FindStringSubmatch(line)
		switch {
		case mark != nil && fenced:
			end()
		case mark != nil:
			end()
			open, indent, fenced = &block{page: page, language: mark[2], line: number}, mark[1], true
		case fenced:
			open.text += strings.TrimPrefix(line, indent) + "\n"
		case strings.HasPrefix(line, "    "):
			if open == nil {
				open = &block{page: page, line: number}
			}
			open.text += line[4:] + "\n"
		default:
			end()
		}
	}
	end()
	return all
}

func blocks(t *testing.T) []block {
	t.Helper()
	var all []block
	for page, content := range pages(t) {
		all = append(all, blocksOf(page, content)...)
	}
	return all
}

var (
	targetPattern   = regexp.MustCompile(`(?m)^([a-z0-9][a-z0-9-]*):`)
	makePattern     = regexp.MustCompile(`(?:^|[\s(;&])make((?:\s+[A-Za-z0-9_-]+(?:=(?:"[^"]*"|[^\s"]*))?)+)`)
	variablePattern = regexp.MustCompile(`([A-Z_0-9]+)=(?:"[^"]*"|[^\s"]*)`)
	inlinePattern   = regexp.MustCompile("`([^`\n]+)`")
	tagPattern      = regexp.MustCompile(`/v[\dX]`)
	pathPattern     = regexp.MustCompile(`(?:^|[\s(=])(?:\./)?((?:hack|config|workload|docs)/[\w./-]*[\w-])`)
)

// commandsOf a page: what stands in blocks and between backticks, a command a line, without comments. Lines that end with a backslash go on.
func commandsOf(page, content string) []string {
	var all []string
	for _, b := range blocksOf(page, content) {
		if b.language != "" && b.language != "sh" && b.language != "console" {
			continue
		}
		for line := range strings.Lines(strings.ReplaceAll(b.text, "\\\n", " ")) {
			line, _, _ = strings.Cut(strings.TrimRight(line, "\n"), " #")
			all = append(all, strings.TrimPrefix(line, "$ "))
		}
	}
	for line := range strings.Lines(content) {
		for _, match := range inlinePattern.FindAllStringSubmatch(line, -1) {
			all = append(all, match[1])
		}
	}
	return all
}

// Each make command of the documentation names targets that there are, and variables that the Makefile or a script reads.
func TestMakeCommandsNameTargetsAndVariablesThatExist(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	targets := map[string]bool{}
	for _, match := range targetPattern.FindAllStringSubmatch(string(makefile), -1) {
		targets[match[1]] = true
	}
	read := string(makefile)
	for _, pattern := range []string{"../hack/*.sh", "../hack/cluster/*.sh"} {
		scripts, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, script := range scripts {
			text, err := os.ReadFile(script)
			if err != nil {
				t.Fatal(err)
			}
			read += string(text)
		}
	}
	commands := 0
	for page, content := range pages(t) {
		for _, command := range commandsOf(page, content) {
			match := makePattern.FindStringSubmatch(command)
			if match == nil {
				continue
			}
			commands++
			for _, variable := range variablePattern.FindAllStringSubmatch(match[1], -1) {
				if !regexp.MustCompile(`\b` + variable[1] + `\b`).MatchString(read) {
					t.Errorf("%s: %q sets %s, which nothing reads", page, command, variable[1])
				}
			}
			for target := range strings.FieldsSeq(variablePattern.ReplaceAllString(match[1], "")) {
				if !targets[target] && !strings.Contains(command, target+"…") {
					t.Errorf("%s: %q names the target %s, which there is not", page, command, target)
				}
			}
		}
	}
	if commands == 0 {
		t.Error("no commands")
	}
}

// Each path in a command of the documentation exists, seen from the root of the checkout.
func TestPathsInCommandsExist(t *testing.T) {
	found := 0
	for page, content := range pages(t) {
		for _, command := range commandsOf(page, content) {
			for _, match := range pathPattern.FindAllStringSubmatch(command, -1) {
				found++
				if tagPattern.MatchString(match[1]) {
					continue
				}
				if _, err := os.Stat(filepath.Join("..", match[1])); err != nil {
					t.Errorf("%s: %q names %s, which does not exist", page, command, match[1])
				}
			}
		}
	}
	if found == 0 {
		t.Error("no paths")
	}
}
