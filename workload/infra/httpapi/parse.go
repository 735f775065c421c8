// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package httpapi

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"

	"goservice.dev/operator/workload/app"
)

// parseBatch reads {"jobs":[…]}, job by job: what is beyond the bound is not read. Its errors are *app.Invalid, whatever
// kept the source from being read.
func parseBatch(source io.Reader) ([]app.Job, error) {
	decoder := json.NewDecoder(source)
	decoder.DisallowUnknownFields()
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, &app.Invalid{Field: "body", Rule: "must be a JSON object"}
	}
	var batch []app.Job
	for decoder.More() {
		name, err := decoder.Token()
		switch {
		case err != nil:
			return nil, refuse("", err)
		case name != "jobs":
			return nil, &app.Invalid{Field: cmp.Or(shorten(fmt.Sprint(name)), "body"), Rule: "is not known"}
		case batch != nil:
			return nil, &app.Invalid{Field: "jobs", Rule: "must be given once only"}
		}
		if batch, err = parseArray(decoder); err != nil || len(batch) > app.MaxJobs {
			return batch, err
		}
	}
	if _, err := decoder.Token(); err != nil { // the end of the object
		return nil, refuse("", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, &app.Invalid{Field: "body", Rule: "must be one JSON object, more follows it"}
	}
	return batch, nil
}

// parseArray reads an array of jobs up to the first one too many.
func parseArray(decoder *json.Decoder) ([]app.Job, error) {
	switch token, err := decoder.Token(); {
	case err != nil:
		return nil, refuse("jobs", err)
	case token != json.Delim('['):
		return nil, &app.Invalid{Field: "jobs", Rule: "must be an array, not a value of type " + kindOf(token)}
	}
	batch := []app.Job{}
	for decoder.More() && len(batch) <= app.MaxJobs {
		var job app.Job
		if err := decoder.Decode(&job); err != nil {
			return nil, refuse(fmt.Sprintf("jobs[%d]", len(batch)), err)
		}
		batch = append(batch, job)
	}
	if len(batch) > app.MaxJobs {
		return batch, nil // refused by the batch's check
	}
	_, err := decoder.Token()
	if err != nil {
		err = refuse("jobs", err)
	}
	return batch, err
}

// kindOf a JSON value by its first token.
func kindOf(token json.Token) string {
	switch token.(type) {
	case json.Delim:
		return "object"
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "bool"
	}
	return "null"
}

// parseLines reads one job per line, up to the first one too many, and passes over empty lines.
func parseLines(source io.Reader) ([]app.Job, error) {
	lines := bufio.NewScanner(source)
	lines.Buffer(nil, math.MaxInt) // the body is bounded
	var batch []app.Job
	for len(batch) <= app.MaxJobs && lines.Scan() {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		var job app.Job
		if err := decodeStrict(line, &job); err != nil {
			return nil, refuse(fmt.Sprintf("jobs[%d]", len(batch)), err)
		}
		batch = append(batch, job)
	}
	if err := lines.Err(); err != nil {
		return nil, refuse("", err)
	}
	return batch, nil
}

// decodeStrict decodes one JSON object without unknown fields and with nothing behind it.
func decodeStrict(text []byte, into any) error {
	if trimmed := bytes.TrimSpace(text); len(trimmed) == 0 || trimmed[0] != '{' {
		return errors.New("must be a JSON object")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("must be one JSON object, more follows it")
	}
	return nil
}

// refuse makes an *app.Invalid of a decoder's error, with the field that it is about below the given one.
func refuse(field string, err error) error {
	below := func(name string) string { return strings.Trim(field+"."+name, ".") }
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return &app.Invalid{Field: cmp.Or(below(wrong.Field), "body"), Rule: fmt.Sprintf("must be %s, not a value of type %s", jsonType(wrong), wrong.Value)}
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return &app.Invalid{Field: cmp.Or(below(shorten(strings.Trim(name, `"`))), "body"), Rule: "is not known"}
	}
	return &app.Invalid{Field: cmp.Or(field, "body"), Rule: strings.TrimPrefix(err.Error(), "json: ")}
}

// jsonType names what was wanted in JSON's words, with its article.
func jsonType(wrong *json.UnmarshalTypeError) string {
	switch wrong.Type.Kind() {
	case reflect.Slice:
		return "an array"
	case reflect.Struct:
		return "an object"
	}
	return "a " + wrong.Type.Kind().String()
}
