// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package httpapi

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"goservice.dev/operator/workload/app"
	"goservice.dev/operator/workload/problem"
)

const (
	// maxBatchBytes bounds the body of one batch.
	maxBatchBytes = 4 << 20

	typeJSON   = "application/json"
	typeNDJSON = "application/x-ndjson"
)

// jobs reads a whole batch before it runs any of it: a batch is accepted or refused, never half of it.
func (a API) jobs(w http.ResponseWriter, r *http.Request) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || (kind != typeJSON && kind != typeNDJSON) {
		rule := "must be " + typeJSON + " or " + typeNDJSON
		problem.Write(w, problem.Details{
			Status: http.StatusUnsupportedMediaType, Field: "Content-Type", Rule: rule,
			Detail: "Content-Type: " + rule,
		})
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBatchBytes))
	if err != nil {
		refuseBody(w, err)
		return
	}
	var batch []app.Job
	if kind == typeNDJSON {
		batch, err = parseLines(body)
	} else {
		batch, err = parseBatch(body)
	}
	if err == nil {
		err = a.Batch.Check(batch)
	}
	if err != nil {
		fail(w, err)
		return
	}
	stream := newResultStream(w, kind)
	if err := a.Batch.Run(r.Context(), batch, stream.emit); err != nil {
		// The client is gone, or half of an answer must not look like a whole one.
		panic(http.ErrAbortHandler)
	}
	stream.end()
}

func refuseBody(w http.ResponseWriter, err error) {
	var tooLarge *http.MaxBytesError
	if !errors.As(err, &tooLarge) {
		problem.Invalid(w, "body", "could not be read to its end")
		return
	}
	rule := fmt.Sprintf("must have at most %d bytes", tooLarge.Limit)
	problem.Write(w, problem.Details{Status: http.StatusRequestEntityTooLarge, Field: "body", Rule: rule, Detail: "body: " + rule})
}

// parseBatch reads {"jobs":[…]}.
func parseBatch(body []byte) ([]app.Job, error) {
	var batch struct {
		Jobs []json.RawMessage `json:"jobs"`
	}
	if err := decodeStrict(body, &batch); err != nil {
		return nil, refuse("", err)
	}
	return parseJobs(batch.Jobs)
}

// parseLines reads one job per line and passes over empty lines.
func parseLines(body []byte) ([]app.Job, error) {
	var lines []json.RawMessage
	for line := range bytes.Lines(body) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			lines = append(lines, line)
		}
		if len(lines) > app.MaxJobs {
			break // refused by the batch's check
		}
	}
	return parseJobs(lines)
}

func parseJobs(texts []json.RawMessage) ([]app.Job, error) {
	if len(texts) > app.MaxJobs {
		return make([]app.Job, len(texts)), nil // refused by the batch's check before a job is looked at
	}
	jobs := make([]app.Job, len(texts))
	for i, text := range texts {
		if err := decodeStrict(text, &jobs[i]); err != nil {
			return nil, refuse(fmt.Sprintf("jobs[%d]", i), err)
		}
	}
	return jobs, nil
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

// resultStream writes results while others still run: as lines, or as one JSON object {"results":[…]}.
type resultStream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	lines   bool
	before  string
}

func newResultStream(w http.ResponseWriter, kind string) *resultStream {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("X-Accel-Buffering", "no") // common proxies would hold the stream back
	return &resultStream{w: w, control: http.NewResponseController(w), lines: kind == typeNDJSON, before: `{"results":[`}
}

func (s *resultStream) emit(result app.Result) error {
	encoded, err := json.Marshal(result)
	if err != nil {
		return err
	}
	if s.lines {
		encoded = append(encoded, '\n')
	} else {
		encoded = append([]byte(s.before), encoded...)
		s.before = ",\n"
	}
	if _, err := s.w.Write(encoded); err != nil {
		return err
	}
	return s.control.Flush()
}

func (s *resultStream) end() {
	if !s.lines {
		_, _ = io.WriteString(s.w, "]}\n")
	}
}
