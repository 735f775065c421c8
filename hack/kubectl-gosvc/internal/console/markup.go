// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package console

import (
	"bytes"
	"html"
	"strconv"
)

// node is a piece of HTML. There is no way to make one of text that is not escaped. html/template would do the same, and the linker would keep
// every exported method of the program for it: 10 MB.
type node struct {
	attribute bool
	write     func(*bytes.Buffer)
}

// el is an element with attributes and content, in any order. Names are literals of the program.
func el(name string, parts ...node) node {
	return node{write: func(b *bytes.Buffer) {
		b.WriteString("<" + name)
		for _, part := range parts {
			if part.attribute {
				part.write(b)
			}
		}
		b.WriteByte('>')
		switch name {
		case "meta", "link", "input":
			return
		}
		all(parts...).write(b)
		b.WriteString("</" + name + ">")
	}}
}

// at is an attribute; one without a value is left out.
func at(name, value string) node {
	return node{attribute: true, write: func(b *bytes.Buffer) {
		if value != "" {
			b.WriteString(" " + name + `="` + html.EscapeString(value) + `"`)
		}
	}}
}

// px is an attribute with a number.
func px(name string, value int) node { return at(name, strconv.Itoa(value)) }

func class(value string) node { return at("class", value) }

// live is the id of a part that the script keeps up to date.
func live(id string) node {
	return node{attribute: true, write: func(b *bytes.Buffer) { b.WriteString(` id="` + id + `" data-live`) }}
}

func text(value string) node {
	return node{write: func(b *bytes.Buffer) { b.WriteString(html.EscapeString(value)) }}
}

// all nodes that are content, one after the other.
func all(parts ...node) node {
	return node{write: func(b *bytes.Buffer) {
		for _, part := range parts {
			if !part.attribute {
				part.write(b)
			}
		}
	}}
}

func each[T any](list []T, of func(*T) node) node {
	return node{write: func(b *bytes.Buffer) {
		for i := range list {
			of(&list[i]).write(b)
		}
	}}
}

// when has its parts only if it is so.
func when(is bool, parts ...node) node {
	if !is {
		return all()
	}
	return all(parts...)
}
