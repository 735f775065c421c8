// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"strings"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
	"goservice.dev/operator/controllers/internal/build"
	"goservice.dev/operator/controllers/internal/observe"
)

// applied says whether every object of the service is up to date. The class of failure that matters most to a person gives
// the reason; the message names every failure.
var applied = chain{
	{unknown, stopped},
	{no, failed(apply.Conflict, v1alpha1.ReasonConflict)},
	{no, failed(apply.Invalid, v1alpha1.ReasonInvalid)},
	{no, failed(apply.Denied, v1alpha1.ReasonDenied)},
	{no, failed(apply.Transient, v1alpha1.ReasonApplyFailed)},
	{no, failed(apply.Stale, v1alpha1.ReasonApplyFailed)},
	{no, failed(apply.Terminating, v1alpha1.ReasonApplyFailed)},
	{unknown, givenBack},
	{yes, always(v1alpha1.ReasonApplied, "all objects are up to date")},
}

// retried says what happens without anybody's help.
var retried = map[apply.Class]string{
	apply.Denied:    "; the operator retries every few minutes",
	apply.Transient: "; the operator retries",
	apply.Stale:     "; the operator retries",
}

// failed applies where something failed in a class. The failures of that class come first in its message.
func failed(class apply.Class, reason string) predicate {
	return func(s Situation) (string, string, bool) {
		var first, others []string
		for _, failure := range apply.Failures(s.ApplyErr) {
			sentence := oneLine(build.InUsersTerms(failure.Error())) + retried[failure.Class]
			if failure.Class == class {
				first = append(first, sentence)
			} else {
				others = append(others, sentence)
			}
		}
		return reason, strings.Join(append(first, others...), ". "), len(first) > 0
	}
}

// maxMessageLength is also the length at which the API server refuses an event.
const maxMessageLength = 1024

// oneLine is a text without line breaks, cut to maxMessageLength bytes.
func oneLine(text string) string { return observe.OneLine(text, maxMessageLength) }
