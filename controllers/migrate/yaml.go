// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	kyaml "sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
)

// lineLength is up to which an object or list without further ones stands in one line.
const lineLength = 110

// YAML is a GoService as a person would write it: fields in the order of the API's documentation, and what is short in one line.
func YAML(service *v1alpha1.GoService) ([]byte, error) {
	encoded, err := json.Marshal(service)
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(encoded, &document); err != nil { // JSON is YAML, and the nodes keep its order
		return nil, err
	}
	restyle(&document, 0)
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(&document); err != nil {
		return nil, err
	}
	return text.Bytes(), encoder.Close()
}

// restyle takes a node of JSON to the style of a person.
func restyle(node *yaml.Node, depth int) {
	node.Style = 0
	switch node.Kind {
	case yaml.ScalarNode:
		switch {
		case node.Tag != "!!str":
		case strings.Contains(node.Value, "\n"):
			node.Style = yaml.LiteralStyle
		case !isPlain(node.Value):
			node.Style = yaml.DoubleQuotedStyle
		}
	case yaml.MappingNode:
		firstKeys(node)
		for i := 0; i+1 < len(node.Content); i += 2 {
			if slices.Contains(durations, node.Content[i].Value) {
				node.Content[i+1].Value = shortDuration(node.Content[i+1].Value)
			}
		}
	}
	for _, below := range node.Content {
		restyle(below, depth+1)
	}
	const spec = 3 // documents, the object, and spec itself are in lines of their own
	if depth >= spec && (node.Kind == yaml.MappingNode || node.Kind == yaml.SequenceNode) && fitsInLine(node) {
		node.Style = yaml.FlowStyle
	}
}

// durations are fields that hold one.
var durations = []string{"preStopDelay", "drainTimeout", "progressDeadline", "interval"}

// shortDuration is 1m for 1m0s.
func shortDuration(value string) string {
	if short, cut := strings.CutSuffix(value, "m0s"); cut {
		value = short + "m"
	}
	if short, cut := strings.CutSuffix(value, "h0m"); cut {
		value = short + "h"
	}
	return value
}

// isPlain says whether a string stays one without quotes, for readers of YAML 1.1 too, to whom on and 1e3 are none.
func isPlain(value string) bool {
	for _, form := range []string{value, "{a: " + value + "}", "[" + value + "]"} {
		var read any
		if kyaml.Unmarshal([]byte(form), &read) != nil {
			return false
		}
		switch read := read.(type) {
		case map[string]any:
			if len(read) != 1 || read["a"] != value {
				return false
			}
		case []any:
			if len(read) != 1 || read[0] != value {
				return false
			}
		default:
			if read != value {
				return false
			}
		}
	}
	return true
}

// firstKeys puts before the others what says which object this is.
func firstKeys(node *yaml.Node) {
	first := []string{"apiVersion", "name", directive}
	var ordered, others []*yaml.Node
	for _, key := range first {
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == key {
				ordered = append(ordered, node.Content[i], node.Content[i+1])
			}
		}
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if !slices.Contains(first, node.Content[i].Value) {
			others = append(others, node.Content[i], node.Content[i+1])
		}
	}
	node.Content = append(ordered, others...)
}

// fitsInLine says whether a node has only scalars, or one short object of them, and is short.
func fitsInLine(node *yaml.Node) bool {
	length := 0
	var measure func(node *yaml.Node, depth int) bool
	measure = func(node *yaml.Node, depth int) bool {
		if node.Style == yaml.LiteralStyle {
			return false
		}
		length += len(node.Value) + 2
		for _, below := range node.Content {
			if !measure(below, depth+1) {
				return false
			}
		}
		return node.Kind == yaml.ScalarNode || depth < 3
	}
	return measure(node, 0) && length <= lineLength
}
