// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"encoding/json"
	"fmt"
	"io"
)

// Kind of a note.
type Kind string

const (
	// Lost is a field that could not be carried over.
	Lost Kind = "not carried over"
	// Changed is something that will be otherwise than it was.
	Changed Kind = "changes"
	// Guessed is something that the manifests do not say.
	Guessed Kind = "guessed"
)

// Note tells what a GoService does not have as the manifests had it.
type Note struct {
	Kind Kind
	// Object that the field is in, such as Deployment checkout.
	Object string
	// Path of the field, and its value; either may be empty.
	Path, Value string
	// Reason and what to do.
	Reason string
}

func (n Note) String() string {
	text := fmt.Sprintf("%s: %s", n.Kind, n.Object)
	if n.Path != "" {
		text += ": " + n.Path
	}
	if n.Value != "" {
		text += ": " + n.Value
	}
	return text + ": " + n.Reason
}

// shown is a value for people, in one line.
func shown(value any) string {
	if text, is := value.(string); is {
		return text
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(encoded)
}

func (c *conversion) note(kind Kind, object any, path string, value any, reason string, arguments ...any) {
	n := Note{Kind: kind, Object: nameOfAny(object), Path: path, Reason: fmt.Sprintf(reason, arguments...)}
	if value != nil {
		n.Value = shown(value)
	}
	c.notes = append(c.notes, n)
}

// inPods notes something of the pod template.
func (c *conversion) inPods(kind Kind, path string, value any, reason string, arguments ...any) {
	c.note(kind, c.from.deployment, "spec.template."+path, value, reason, arguments...)
}

// Report writes for people what becomes of the manifests.
func (o *Output) Report(to io.Writer) {
	for i := range o.Results {
		result := &o.Results[i]
		fmt.Fprintf(to, "%s\n", nameOf("GoService", result.Service))
		for _, name := range result.Replaced {
			fmt.Fprintf(to, "  takes the place of %s\n", name)
		}
		for _, kind := range []Kind{Lost, Changed, Guessed} {
			for _, note := range result.Notes {
				if note.Kind == kind {
					fmt.Fprintf(to, "  %s\n", note)
				}
			}
		}
	}
	for _, note := range o.Notes {
		fmt.Fprintf(to, "%s\n", note)
	}
	for _, name := range o.Left {
		fmt.Fprintf(to, "stays as it is: %s\n", name)
	}
	o.reportHandOver(to)
}

// reportHandOver writes what a person types next.
func (o *Output) reportHandOver(to io.Writer) {
	title := "once the GoServices are applied, hand over what they take the place of:\n"
	for i := range o.Results {
		for _, command := range o.Results[i].HandOver {
			fmt.Fprintf(to, "%s  %s\n", title, command)
			title = ""
		}
	}
}
