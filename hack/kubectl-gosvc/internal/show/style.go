// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package show writes text for people: columns, wrapped sentences, numbers, and colors where a terminal shows them. It knows nothing of
// Kubernetes.
package show

import (
	"io"
	"os"

	"golang.org/x/term"
)

// defaultWidth of lines where nobody knows how wide the reader's are.
const defaultWidth = 100

// Style is how text is written to one destination.
type Style struct {
	// Color says whether to write escape sequences.
	Color bool
	// Width of a line, in columns.
	Width int
}

// StyleOf a destination. Colors are for terminals only, and not if the environment variable NO_COLOR has a value or TERM is dumb.
func StyleOf(out io.Writer, getenv func(string) string) Style {
	style := Style{Width: defaultWidth}
	file, isFile := out.(*os.File)
	if !isFile || !term.IsTerminal(int(file.Fd())) {
		return style
	}
	style.Color = getenv("NO_COLOR") == "" && getenv("TERM") != "dumb"
	if width, _, err := term.GetSize(int(file.Fd())); err == nil && width >= 40 {
		style.Width = min(width, 140)
	}
	return style
}

// IsTerminal says whether a stream is a terminal.
func IsTerminal(stream any) bool {
	file, isFile := stream.(*os.File)
	return isFile && term.IsTerminal(int(file.Fd()))
}

// Good, Bad, Doubtful, Strong, and Faint text.
func (s Style) Good(text string) string     { return s.paint("32", text) }
func (s Style) Bad(text string) string      { return s.paint("31", text) }
func (s Style) Doubtful(text string) string { return s.paint("33", text) }
func (s Style) Strong(text string) string   { return s.paint("1", text) }
func (s Style) Faint(text string) string    { return s.paint("2", text) }

func (s Style) paint(code, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
