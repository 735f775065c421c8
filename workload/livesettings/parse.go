// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package livesettings

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

const (
	// maxIgnored bounds Document.Ignored, and maxName each name in it.
	maxIgnored = 16
	maxName    = 100
	// maxQuoted bounds what an error repeats of a document.
	maxQuoted = 100
	// durationRule is for people who do not know Go's durations.
	durationRule = `must be a duration such as "25ms" or "2s"`
)

// UnmarshalJSON reads a string that time.ParseDuration accepts.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("%s: %s", cut(string(data), maxQuoted), durationRule)
	}
	parsed, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%q: %s", cut(text, maxQuoted), durationRule)
	}
	*d = Duration(parsed)
	return nil
}

// Parse reads one document. Fields that this version does not know are ignored and named in Document.Ignored, so that an
// operator may be newer than a pod. A second value after the first, a value of another type than the field's, and anything
// that Validate refuses are errors.
func Parse(data []byte) (Document, error) {
	if len(data) > MaxDocumentBytes {
		return Document{}, fmt.Errorf("live settings: the file has %d bytes or more, at most %d are allowed", len(data), MaxDocumentBytes)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	var content json.RawMessage
	if err := decoder.Decode(&content); err != nil {
		return Document{}, fmt.Errorf("live settings: the file is not valid JSON: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Document{}, errors.New("live settings: the file must hold one JSON object, more follows it")
	}
	var document Document
	if err := json.Unmarshal(content, &document); err != nil {
		return Document{}, cmp.Or(typeErrors("", content, reflect.TypeFor[Document]()), fmt.Errorf("live settings: %w", err))
	}
	document.Ignored = unknownFields("", content, reflect.TypeFor[Document]())
	for name, section := range document.Settings {
		document.Settings[name] = Canonical(section)
	}
	if err := document.Validate(); err != nil {
		return Document{}, err
	}
	return document, nil
}

// Canonical is JSON with its keys in order and without white space, the form in which equal sections of Document.Settings are equal
// bytes, as Parse makes it. What is no JSON stays as it is.
func Canonical(content json.RawMessage) json.RawMessage {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber() // as it is written
	var value any
	if decoder.Decode(&value) != nil {
		return content
	}
	encoded, err := json.Marshal(value)
	if err != nil { // impossible for what has been decoded
		return content
	}
	return encoded
}

// unknownFields are the names that a type has no field for; those in a map are told once for all of its keys.
func unknownFields(path string, content json.RawMessage, of reflect.Type) []string {
	unknown := map[string]bool{}
	walker{
		everyKey: "*",
		unknown: func(path string) {
			if len(unknown) < maxIgnored {
				unknown[cut(path, maxName)] = true
			}
		},
		leaf: func(string, json.RawMessage, reflect.Type) {},
	}.walk(path, content, of)
	return slices.Sorted(maps.Keys(unknown))
}

// typeErrors names every value of another type than its field's.
func typeErrors(path string, content json.RawMessage, of reflect.Type) error {
	var found problems
	walker{
		unknown: func(string) {},
		leaf: func(path string, value json.RawMessage, of reflect.Type) {
			if json.Unmarshal(value, reflect.New(of).Interface()) != nil {
				found.refuse(cmp.Or(path, "the file"), literal(cut(string(value), maxQuoted)), typeRule(of))
			}
		},
	}.walk(path, content, of)
	return found.err()
}

// literal is JSON as it stands in the document.
type literal string

func typeRule(of reflect.Type) string {
	switch {
	case of == reflect.TypeFor[Duration]():
		return durationRule
	case of.Kind() == reflect.String:
		return "must be a string"
	case of.Kind() == reflect.Float32, of.Kind() == reflect.Float64:
		return "must be a number"
	case of.Kind() == reflect.Bool:
		return "must be true or false"
	case of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.String:
		return "must be a list of strings"
	case of.Kind() == reflect.Slice, of.Kind() == reflect.Array:
		return "must be a list of values that fit"
	case isUnmarshaler(of):
		return "must be a " + of.String()
	case of.Kind() == reflect.Struct, of.Kind() == reflect.Map:
		return "must be an object"
	}
	return "must be a whole number"
}

// walker visits the values of a document beside the types that they are decoded into.
type walker struct {
	// everyKey stands in paths for the keys of maps; empty: each key itself.
	everyKey string
	// unknown gets the path of each field that its struct does not have.
	unknown func(path string)
	// leaf gets every value that holds no others, and what should be an object and is none.
	leaf func(path string, value json.RawMessage, of reflect.Type)
}

func (w walker) walk(path string, value json.RawMessage, of reflect.Type) {
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	isObject := (of.Kind() == reflect.Struct || of.Kind() == reflect.Map) && !isUnmarshaler(of)
	var members map[string]json.RawMessage
	if !isObject || json.Unmarshal(value, &members) != nil {
		w.leaf(path, value, of)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(members)) {
		if of.Kind() == reflect.Map {
			w.walk(join(path, cmp.Or(w.everyKey, key)), members[key], of.Elem())
		} else if field, known := fieldOf(of, key); known {
			w.walk(join(path, key), members[key], field.Type)
		} else {
			w.unknown(join(path, key))
		}
	}
}

// fieldOf finds the field that encoding/json decodes a key into: one of that very name, else one that differs in case.
func fieldOf(of reflect.Type, key string) (reflect.StructField, bool) {
	if field, known := fieldNamed(of, func(name string) bool { return name == key }); known {
		return field, true
	}
	return fieldNamed(of, func(name string) bool { return strings.EqualFold(name, key) })
}

// fieldNamed is the first field by its name, those of embedded structs last.
func fieldNamed(of reflect.Type, is func(name string) bool) (reflect.StructField, bool) {
	var embedded []reflect.StructField
	for field := range of.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "" && field.Anonymous && structOf(field.Type) != nil:
			embedded = append(embedded, field)
		case name != "-" && field.IsExported() && is(cmp.Or(name, field.Name)):
			return field, true
		}
	}
	for _, field := range embedded {
		if found, known := fieldNamed(structOf(field.Type), is); known {
			found.Index = append(slices.Clone(field.Index), found.Index...)
			return found, true
		}
	}
	return reflect.StructField{}, false
}

// structOf is a struct, or what a pointer to one points to; else nil.
func structOf(of reflect.Type) reflect.Type {
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct {
		return nil
	}
	return of
}

// isUnmarshaler says whether the type reads its JSON itself, so that nothing is known of what it should hold.
func isUnmarshaler(of reflect.Type) bool {
	pointer := reflect.PointerTo(of)
	return pointer.Implements(reflect.TypeFor[json.Unmarshaler]()) || pointer.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// cut shortens a text to a number of bytes, whole characters only.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const mark = "…"
	return strings.ToValidUTF8(text[:limit-len(mark)], "") + mark
}
