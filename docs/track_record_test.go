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

// Each test that the track record names exists, in a place that the same line names.
func TestTheTrackRecordNamesTestsThatExist(t *testing.T) {
	declared := regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	tests := map[string][]string{} // files by test
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range declared.FindAllSubmatch(text, -1) {
			tests[string(match[1])] = append(tests[string(match[1])], strings.TrimPrefix(filepath.ToSlash(path), "../"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	record, err := os.ReadFile("track-record.md")
	if err != nil {
		t.Fatal(err)
	}
	named, places := regexp.MustCompile("`(Test\\w+)"), regexp.MustCompile("in `([^`]+)`")
	rows := 0
	for line := range strings.Lines(string(record)) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) < 3 || !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| fault ") {
			continue
		}
		rows++
		last := cells[len(cells)-1]
		found := named.FindAllStringSubmatch(last, -1)
		if len(found) == 0 {
			t.Errorf("no test: %s", line)
		}
		for _, test := range found {
			if !within(tests[test[1]], places.FindAllStringSubmatch(last, -1)) {
				t.Errorf("%s is not where the line says, but in %q: %s", test[1], tests[test[1]], line)
			}
		}
	}
	if rows == 0 {
		t.Error("the table is empty")
	}
}

// within says that one of the files is one of the places or lies below it.
func within(files []string, places [][]string) bool {
	for _, file := range files {
		for _, place := range places {
			if file == place[1] || strings.HasPrefix(file, place[1]+"/") {
				return true
			}
		}
	}
	return false
}
