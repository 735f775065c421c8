// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package httpapi

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"goservice.dev/operator/workload/app"
	"goservice.dev/operator/workload/internal/budget"
	"goservice.dev/operator/workload/internal/exchange"
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
	body := &batchBody{source: r.Body, memory: a.batches}
	defer body.giveBack()
	parse := parseBatch
	if kind == typeNDJSON {
		parse = parseLines
	}
	e := exchange.From(r.Context())
	if e != nil {
		e.Early(true) // a client that sends slowly must not hold the memory that others wait for
	}
	batch, err := parse(body)
	switch {
	case errors.Is(body.err, errNoMemory):
		busy(w, r, "the memory for batches is used up")
		return
	case body.err != nil:
		problem.Body(w, body.err)
		return
	case err == nil:
		err = a.Batch.Check(batch)
	}
	if err != nil {
		fail(w, err)
		return
	}
	if e != nil {
		e.Early(false)
		e.Unary = true // a batch ends: it keeps its deadline, which each result moves, and a drain that cuts it has lost something
	}
	stream := newResultStream(w, kind)
	if err := a.Batch.Run(r.Context(), batch, stream.emit); err != nil {
		// The client is gone, or half of an answer must not look like a whole one.
		panic(http.ErrAbortHandler)
	}
	stream.end()
}

// bytesPerByte is what a byte of a batch takes in memory at most: its text, the decoder's copies of it, and the job.
const bytesPerByte = 4

var errNoMemory = errors.New("the memory for batches is used up")

// batchBody takes the memory of a batch from that of all, as the batch comes.
type batchBody struct {
	source io.Reader
	memory *budget.Memory
	taken  int64
	err    error // why the body could not be read, apart from what it holds
}

func (b *batchBody) Read(p []byte) (int, error) {
	n, err := b.source.Read(p)
	if need := int64(n) * bytesPerByte; b.memory.Take(need) {
		b.taken += need
	} else {
		n, err = 0, errNoMemory
	}
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

func (b *batchBody) giveBack() { b.memory.GiveBack(b.taken) }

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
