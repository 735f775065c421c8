// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package panics_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"goservice.dev/operator/workload/panics"
)

// contained calls f and returns its panic as an error.
func contained(f func()) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = panics.Recovered(value)
		}
	}()
	f()
	return nil
}

func TestRecovered(t *testing.T) {
	cases := map[string]struct {
		value   any
		message string
		is      error
	}{
		"a text":   {value: "no way", message: "panic: no way"},
		"an error": {value: io.ErrUnexpectedEOF, message: "panic: unexpected EOF", is: io.ErrUnexpectedEOF},
		"a number": {value: 42, message: "panic: 42"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := contained(func() { panic(c.value) })
			var found *panics.Error
			if !errors.As(err, &found) || found.Value != c.value || err.Error() != c.message {
				t.Fatalf("error %v, want %s", err, c.message)
			}
			if c.is != nil && !errors.Is(err, c.is) {
				t.Errorf("%v is not seen through the panic", c.is)
			}
			if !strings.Contains(string(found.Stack), "TestRecovered") {
				t.Errorf("the stack does not show where: %s", found.Stack)
			}
		})
	}
}
