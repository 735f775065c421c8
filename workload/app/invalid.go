// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package app

import "fmt"

// Invalid is input that cannot be worked on: the field, as the caller named it, and the rule that it broke.
type Invalid struct{ Field, Rule string }

func (e *Invalid) Error() string { return e.Field + ": " + e.Rule }

func invalid(field, rule string, values ...any) error {
	return &Invalid{Field: field, Rule: fmt.Sprintf(rule, values...)}
}
