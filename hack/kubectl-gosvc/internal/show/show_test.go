// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package show

import (
	"bytes"
	"slices"
	"testing"
	"time"
)

func TestNumbersReadAsPeopleWriteThem(t *testing.T) {
	for want, got := range map[string]string{
		"0": Count(0), "999": Count(999), "1,000": Count(1000), "-1,234,567": Count(-1_234_567),
		"< 0.1": Rate(0.02), "0.52": Rate(0.52), "41.7": Rate(41.68), "1,830": Rate(1829.6), "0.21 s": Seconds(210 * time.Millisecond),
		"90s": Age(90 * time.Second), "3m": Age(3 * time.Minute), "47h": Age(47 * time.Hour), "9d": Age(219 * time.Hour), "0s": Age(-time.Hour),
	} {
		if got != want {
			t.Errorf("%s is written, not %s", got, want)
		}
	}
}

func TestLinesBreakAtSpacesOnly(t *testing.T) {
	want := []string{"the first", "second", "unbreakable-word", "x"}
	if got := Wrap("the first  second\nunbreakable-word x", 9); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := Wrap(" ", 9); len(got) != 0 {
		t.Errorf("%q of nothing", got)
	}
}

func TestCellsHaveTheirWidth(t *testing.T) {
	for want, got := range map[string]string{"ab   ": Pad("ab", 5), "   ab": PadLeft("ab", 5), "→→→…": Pad("→→→→→", 4), "…": Cut("abc", 1), "": Cut("abc", 0)} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestControlCharactersBecomeSpaces(t *testing.T) {
	if got := Plain("a\x1b[31m\u009b\xffb\tc"); got != "a [31m  b c" {
		t.Errorf("%q", got)
	}
}

func TestColorsAreForTerminals(t *testing.T) {
	if style := StyleOf(&bytes.Buffer{}, func(string) string { return "" }); style.Color || style.Width != defaultWidth {
		t.Errorf("of a pipe: %+v", style)
	}
	if got := (Style{Color: true}).Bad("no"); got != "\x1b[31mno\x1b[0m" {
		t.Errorf("%q", got)
	}
}
