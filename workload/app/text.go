// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package app

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// encodingBase64 marks a body that is no text: as a JSON string it would lose bytes.
const encodingBase64 = "base64"

// bodyOf is what an upstream answered as JSON: as it came if it is JSON, a string if it is text, and else its base64.
func bodyOf(content Content) (body json.RawMessage, encoding string) {
	if content.JSON {
		return content.Body, ""
	}
	text := string(content.Body)
	if !utf8.Valid(content.Body) {
		text, encoding = base64.StdEncoding.EncodeToString(content.Body), encodingBase64
	}
	body, err := json.Marshal(text)
	if err != nil { // a string always encodes
		panic(err)
	}
	return body, encoding
}

// losesNothing tells whether every string of a JSON text is Unicode. A decoder replaces what is not, bytes that are not UTF-8
// and halves of surrogate pairs, by one and the same character.
func losesNothing(text []byte) bool {
	if !utf8.Valid(text) {
		return false
	}
	const escape = len(`\uD834`)
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		first, ok := unit(text[i:])
		switch {
		case !ok:
			i++ // what is escaped may be a backslash itself
		case !utf16.IsSurrogate(first):
			i += escape - 1
		default:
			second, _ := unit(text[min(i+escape, len(text)):])
			if utf16.DecodeRune(first, second) == utf8.RuneError {
				return false
			}
			i += 2*escape - 1
		}
	}
	return true
}

// unit is the UTF-16 code unit of an escape sequence that the text begins with.
func unit(text []byte) (rune, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	value, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(value), err == nil
}
