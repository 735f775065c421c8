// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"fmt"
	"strings"
)

// equivalents are changes that a person found to change nothing that could be seen, by key, with the reason. Two lines are
// one of them: the key, and the indented reason. Lines that begin with # are for readers.
func equivalents(text string) (map[string]string, error) {
	reasons := map[string]string{}
	key := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch trimmed := strings.TrimSpace(line); {
		case trimmed == "" || strings.HasPrefix(line, "#"):
		case trimmed == line && key == "":
			if _, twice := reasons[line]; twice {
				return nil, fmt.Errorf("%q is listed twice", line)
			}
			key = line
		case trimmed == line:
			return nil, fmt.Errorf("%q has no reason", key)
		case key == "":
			return nil, fmt.Errorf("the reason %q belongs to no change", trimmed)
		default:
			reasons[key], key = trimmed, ""
		}
	}
	if key != "" {
		return nil, fmt.Errorf("%q has no reason", key)
	}
	return reasons, nil
}
