// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package fanout runs many calls in parallel, at most a given number at once, and gathers their results in order.
//
// Collect runs all calls and reports each result or error by itself; All stops at the first error. Both return only after every
// call that was started has returned: nothing goes on behind the caller's back. A call that panics fails with a *panics.Error,
// which holds the stack; the other calls go on.
//
// There is no goroutine per call: workers draw the next index, the caller's own goroutine is the first of them, and another one
// starts only while there are calls left to draw. The package uses the standard library only.
package fanout

import (
	"context"
	"fmt"
	"sync/atomic"
)

// Result of one call: its value, or the error that it failed with.
type Result[T any] struct {
	Value T
	Err   error
}

// CallError names the call that made All fail.
type CallError struct {
	Index int
	Err   error
}

// Error names the call's index and its error.
func (e *CallError) Error() string { return fmt.Sprintf("call %d: %v", e.Index, e.Err) }

// Unwrap returns the call's own error.
func (e *CallError) Unwrap() error { return e.Err }

// Collect calls call with each index from 0 to n-1, at most limit at once (all, if limit is below 1), and returns the results in
// the order of the indices. Calls that have not begun when the context ends do not begin: their results hold the context's
// cause, and Collect returns it as its error too. Otherwise the error is nil, whatever the calls returned.
func Collect[T any](ctx context.Context, n, limit int, call func(ctx context.Context, i int) (T, error)) ([]Result[T], error) {
	if n <= 0 {
		return nil, nil
	}
	results := make([]Result[T], n)
	begun := run(ctx, n, limit, func(i int) error {
		value, err := call(ctx, i)
		results[i] = Result[T]{value, err}
		return nil
	}, func(i int, err error) { results[i].Err = err })
	if begun == n {
		return results, nil
	}
	cause := context.Cause(ctx)
	for i := begun; i < n; i++ {
		results[i].Err = cause
	}
	return results, cause
}

// All is Collect for results that are worth something only together. The first error cancels the context of the calls that
// run, keeps the others from beginning and is returned as a *CallError, without values. If the context ends before every call
// has begun, its cause is returned.
func All[T any](ctx context.Context, n, limit int, call func(ctx context.Context, i int) (T, error)) ([]T, error) {
	if n <= 0 {
		return nil, nil
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	values := make([]T, n)
	var first atomic.Pointer[CallError]
	begun := run(inner, n, limit, func(i int) (err error) {
		values[i], err = call(inner, i)
		return err
	}, func(i int, err error) {
		first.CompareAndSwap(nil, &CallError{Index: i, Err: err})
		cancel()
	})
	if failed := first.Load(); failed != nil {
		return nil, failed
	}
	if begun < n {
		return nil, context.Cause(ctx)
	}
	return values, nil
}
