// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A fill writes what stands in a template in place of a marker. before is the marker's line up to the marker: its indentation, and
// the key or the dash of a list.
type fill func(before string) string

// template is a file of the chart in the making: objects in which markers stand for what values decide, all of them inside {{ if }}
// unless the condition is empty.
type template struct {
	condition string
	fills     []fill
	text      strings.Builder
}

// A marker is a scalar that YAML leaves unquoted and that nothing in config/ contains.
var marker = regexp.MustCompile(`(?m)^(.*)MARKER(\d+)END$`)

// Words that stand for an action inside longer text.
const (
	namespaceWord = "NAMESPACEWORD"
	runbooksWord  = "RUNBOOKSWORD"
)

// mark registers a fill, and returns the value that stands for it in an object.
func (t *template) mark(f fill) string {
	t.fills = append(t.fills, f)
	return fmt.Sprintf("MARKER%dEND", len(t.fills)-1)
}

// add appends an object.
func (t *template) add(o object, around wrapping) error {
	text, err := asYAML(o)
	if err != nil {
		return fmt.Errorf("%s: %w", key(o), err)
	}
	t.text.WriteString(around.before + "---\n" + t.filled(escaped(text)) + around.after)
	return nil
}

// content is the whole file.
func (t *template) content() []byte {
	text := "{{- /* Generated from config/ by hack/chart: make chart. */}}\n"
	if t.condition == "" {
		return []byte(text + t.text.String())
	}
	return []byte(text + "{{- if " + t.condition + " }}\n" + t.text.String() + "{{- end }}\n")
}

func (t *template) filled(text string) string {
	return marker.ReplaceAllStringFunc(text, func(line string) string {
		parts := marker.FindStringSubmatch(line)
		number, _ := strconv.Atoi(parts[2])
		return t.fills[number](parts[1])
	})
}

// asYAML is deterministic: the keys of maps are sorted.
func asYAML(value any) (string, error) {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(value); err != nil {
		return "", err
	}
	return text.String(), encoder.Close()
}

// escaped keeps Helm from taking the braces of Prometheus' templates for its own, and puts actions in place of words.
func escaped(text string) string {
	return strings.NewReplacer(
		"{{", `{{ "{{" }}`,
		"}}", `{{ "}}" }}`,
		": "+namespaceWord+"\n", ": {{ .Release.Namespace | quote }}\n",
		namespaceWord, "{{ .Release.Namespace }}",
		runbooksWord, `{{ .Values.runbookURL | default "`+runbooks+`" }}`,
	).Replace(text)
}

// indentation is the space that a line begins with.
func indentation(before string) string {
	return strings.Repeat(" ", len(before)-len(strings.TrimLeft(before, " ")))
}

// value is an action in place of a scalar.
func value(action string) fill {
	return func(before string) string { return before + "{{ " + action + " }}" }
}

// lines are written instead of the marker's whole line, with its indentation.
func lines(text ...string) fill {
	return func(before string) string {
		indent := indentation(before)
		return indent + strings.Join(text, "\n"+indent)
	}
}

// block is a map or a list from the values, and nothing at all where that is empty.
func block(value string) fill {
	return func(before string) string {
		return blockWith(before, value) + "\n" + indentation(before) + "{{- end }}"
	}
}

// blockOr is a map or a list from the values, and what config/ has where that is empty.
func blockOr(value string, otherwise any) (fill, error) {
	text, err := asYAML(otherwise)
	if err != nil {
		return nil, err
	}
	return func(before string) string {
		indent, inner := indentation(before), "\n"+strings.Repeat(" ", inside(before))
		return blockWith(before, value) + "\n" + indent + "{{- else }}\n" + strings.TrimRight(before, " ") +
			inner + strings.ReplaceAll(strings.TrimSpace(escaped(text)), "\n", inner) + "\n" + indent + "{{- end }}"
	}, nil
}

func blockWith(before, value string) string {
	indent := indentation(before)
	return fmt.Sprintf("%s{{- with %s }}\n%s\n%s  {{- toYaml . | nindent %d }}", indent, value, strings.TrimRight(before, " "), indent, inside(before))
}

// inside is the indentation of what is in a map or a list whose key is on the line.
func inside(before string) int {
	return len(before) - len(strings.TrimLeft(before, " -")) + 2
}
