// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package app

import "errors"

// KeyField is the name of the idempotency key in errors.
const KeyField = "idempotencyKey"

var (
	// ErrNotFound means that no order has the id.
	ErrNotFound = errors.New("no such order")
	// ErrKeyReused means that the idempotency key belongs to another draft.
	ErrKeyReused = errors.New("the idempotency key was used for another order")
)

// InvalidError says which field of the input broke which rule.
type InvalidError struct{ Field, Rule string }

func (e *InvalidError) Error() string { return e.Field + ": " + e.Rule }
