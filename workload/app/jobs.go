// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"goservice.dev/operator/workload/panics"
)

const (
	// MaxJobs of one batch.
	MaxJobs = 10_000
	// MaxJobIDBytes bounds a job's id.
	MaxJobIDBytes = 128
	// maxParallelJobs of one batch keep one large batch from taking every worker.
	maxParallelJobs = 16
)

// Job is one piece of work of a batch.
type Job struct {
	// ID comes back with the result; it may be empty.
	ID string `json:"id,omitempty"`
	// Kind names the processor.
	Kind string `json:"kind"`
	// Input of the processor.
	Input json.RawMessage `json:"input"`
}

// Result of one job: an output or an error.
type Result struct {
	// Index of the job in its batch, from 0.
	Index  int    `json:"index"`
	ID     string `json:"id,omitempty"`
	Output any    `json:"output,omitempty"`
	Error  string `json:"error,omitempty"`
	Took   string `json:"took"`
}

// Processor is the port to what can be done with a job.
type Processor interface {
	// Check returns an *Invalid, its field relative to the input, for an input that cannot be processed.
	Check(input json.RawMessage) error
	// Process does the work. It must return soon after ctx ends.
	Process(ctx context.Context, input json.RawMessage) (output any, err error)
}

// Workers is the port to the bound under which jobs run.
type Workers interface {
	// Do runs f when there is a worker, or returns why there is none in time.
	Do(ctx context.Context, f func(context.Context) error) error
}

// Batch runs jobs by their processors.
type Batch struct {
	Processors map[string]Processor
	Workers    Workers
	// Panicked is told of processors that panic; it may be nil.
	Panicked func(kind string, err *panics.Error)
}

// Check returns an *Invalid for the first job that cannot be run.
func (b Batch) Check(jobs []Job) error {
	if len(jobs) == 0 {
		return invalid("jobs", "must hold at least one job")
	}
	if len(jobs) > MaxJobs {
		return invalid("jobs", "must hold at most %d jobs", MaxJobs)
	}
	for i, job := range jobs {
		field := fmt.Sprintf("jobs[%d]", i)
		if len(job.ID) > MaxJobIDBytes {
			return invalid(field+".id", "must have at most %d bytes", MaxJobIDBytes)
		}
		processor, ok := b.Processors[job.Kind]
		if !ok {
			return invalid(field+".kind", "must be one of %s", strings.Join(slices.Sorted(maps.Keys(b.Processors)), ", "))
		}
		if err := processor.Check(job.Input); err != nil {
			return under(field+".input", err)
		}
	}
	return nil
}

// under puts the field of an *Invalid below another one.
func under(field string, err error) error {
	var bad *Invalid
	if !errors.As(err, &bad) {
		return invalid(field, "%v", err)
	}
	if bad.Field != "" {
		field += "." + bad.Field
	}
	return &Invalid{Field: field, Rule: bad.Rule}
}

// Run runs checked jobs, several at once, and hands their results to emit in the order of the jobs, each as soon as it and
// those before it are done. It stops, and cancels what runs, when emit fails or ctx is canceled; every job has returned
// when Run does. Jobs that the deadline of ctx stops have results that say so.
func (b Batch) Run(ctx context.Context, jobs []Job, emit func(Result) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// The window is what runs or waits for its turn to be emitted. A slow reader of the results slows the batch down.
	window := make(chan chan Result, maxParallelJobs-1)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		defer close(window)
		for i, job := range jobs {
			result := make(chan Result, 1)
			select {
			case window <- result:
			case <-ctx.Done():
				if errors.Is(ctx.Err(), context.Canceled) {
					return
				}
				window <- result // the deadline: the rest is told so, which takes no time
			}
			go func() { result <- b.run(ctx, i, job) }()
		}
	}()
	var failed error
	for result := range window {
		r := <-result
		if failed == nil && !errors.Is(ctx.Err(), context.Canceled) {
			if failed = emit(r); failed != nil {
				cancel()
			}
		}
	}
	<-finished
	if failed != nil {
		return failed
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return context.Canceled
	}
	return nil
}

func (b Batch) run(ctx context.Context, index int, job Job) Result {
	start := time.Now()
	result := Result{Index: index, ID: job.ID}
	err := b.Workers.Do(ctx, func(ctx context.Context) (err error) {
		defer func() {
			if value := recover(); value != nil {
				contained := panics.Recovered(value)
				if b.Panicked != nil {
					b.Panicked(job.Kind, contained)
				}
				err = fmt.Errorf("the processor failed")
			}
		}()
		result.Output, err = b.Processors[job.Kind].Process(ctx, job.Input)
		return err
	})
	if err != nil {
		result.Output, result.Error = nil, describe(err)
	}
	result.Took = time.Since(start).Round(time.Microsecond).String()
	return result
}
