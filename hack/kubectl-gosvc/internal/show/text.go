// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package show

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Plain is text of others without what would steer a terminal: control characters become spaces.
func Plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, text)
}

// Wrap breaks text at spaces into lines of at most width columns. A longer word has a line of its own.
func Wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && Width(line)+1+Width(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// Width of text in columns. Everything that is shown has one for each rune.
func Width(text string) int { return utf8.RuneCountInString(text) }

// Pad text on the right to a width; longer text is cut and ends with an ellipsis.
func Pad(text string, width int) string {
	text = Cut(text, width)
	return text + strings.Repeat(" ", width-Width(text))
}

// PadLeft is Pad on the left, for numbers.
func PadLeft(text string, width int) string {
	text = Cut(text, width)
	return strings.Repeat(" ", width-Width(text)) + text
}

// Cut text to a width.
func Cut(text string, width int) string {
	if Width(text) <= width {
		return text
	}
	if width <= 1 {
		return strings.Repeat("…", max(width, 0))
	}
	return string([]rune(text)[:width-1]) + "…"
}

// Age is a duration as kubectl shows ages: its largest unit, or two of them where the largest is small.
func Age(d time.Duration) string {
	switch d = max(d, 0); {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// Seconds is a short duration with hundredths of a second.
func Seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// Rate is a number of requests per second with three digits, such as 1,830, 41.7, or 0.52.
func Rate(perSecond float64) string {
	switch {
	case perSecond <= 0:
		return "0"
	case perSecond < 0.1:
		return "< 0.1"
	case perSecond < 10:
		return fmt.Sprintf("%.2f", perSecond)
	case perSecond < 100:
		return fmt.Sprintf("%.1f", perSecond)
	}
	return Count(int64(perSecond + 0.5))
}

// Count is a whole number with a comma before each group of three digits.
func Count(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Zoned is a time as people read it, with its zone.
func Zoned(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 UTC") }
