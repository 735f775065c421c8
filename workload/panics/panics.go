// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package panics turns a panic of a function that somebody else wrote into an error. The toolkit's packages share it; it
// imports none of them.
package panics

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// ErrGoexit is the error of a function that ended its goroutine with runtime.Goexit instead of returning.
var ErrGoexit = errors.New("the function called runtime.Goexit")

// Error is a panic that was contained. The stack stays out of the message, because messages reach clients.
type Error struct {
	// Value that was passed to panic.
	Value any
	// Stack of the goroutine at the panic, as debug.Stack writes it.
	Stack []byte
}

// Error names the panic's value.
func (e *Error) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// Unwrap returns the panic's value where that is an error, so that errors.Is and errors.As see through.
func (e *Error) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Recovered makes an Error of what recover returned; it must be called by the deferred function itself, while the stack
// of the panic still stands.
func Recovered(value any) *Error { return &Error{Value: value, Stack: debug.Stack()} }
