// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"go/scanner"
	"go/token"
	"maps"
	"regexp"
	"slices"
)

// figure is a text that says how much: a number, perhaps with a unit.
var figure = regexp.MustCompile("^[\"`][0-9]+(\\.[0-9]+)?[A-Za-z%]{0,2}[\"`]$")

// Digest of Go sources by name: of their tokens alone, so that comments and line breaks do not count, nor what is said to people. Texts
// count where they are figures.
func Digest(files map[string][]byte) ([sha256.Size]byte, error) {
	hash := sha256.New()
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(hash, "file %q\n", name)
		set := token.NewFileSet()
		var s scanner.Scanner
		s.Init(set.AddFile(name, set.Base(), len(files[name])), files[name],
			func(at token.Position, message string) {
				problems = append(problems, fmt.Errorf("%s: %s", at, message))
			}, 0)
		for {
			_, kind, text := s.Scan()
			if kind == token.EOF {
				break
			}
			if kind == token.SEMICOLON {
				continue // it may be the end of a line
			}
			if kind == token.STRING && !figure.MatchString(text) {
				text = ""
			}
			fmt.Fprintf(hash, "%s %q\n", kind, text)
		}
	}
	return [sha256.Size]byte(hash.Sum(nil)), errors.Join(problems...)
}

// DevelopmentSeeds are for developing rules.
func DevelopmentSeeds(count int) []uint64 {
	seeds := make([]uint64, count)
	for i := range seeds {
		seeds[i] = uint64(i) + 1
	}
	return seeds
}

// PublishedSeeds follow from the code that decides: whoever changes a rule is judged by seeds that nobody has seen, and nothing else
// changes them.
func PublishedSeeds(digest [sha256.Size]byte, count int) []uint64 {
	return seedsFrom("published", digest[:], count)
}

// HeldOutSeeds follow from a number that anybody may choose.
func HeldOutSeeds(number int64, count int) []uint64 {
	return seedsFrom("held out", binary.BigEndian.AppendUint64(nil, uint64(number)), count)
}

func seedsFrom(purpose string, key []byte, count int) []uint64 {
	seeds := make([]uint64, count)
	for i := range seeds {
		text := append([]byte(purpose), key...)
		sum := sha256.Sum256(binary.BigEndian.AppendUint64(text, uint64(i)))
		seeds[i] = binary.BigEndian.Uint64(sum[:])
	}
	return seeds
}
