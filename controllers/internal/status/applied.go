// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"errors"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/apply"
)

// applied says whether every object of the service is up to date.
var applied = chain{
	{no, conflicting},
	{no, invalid},
	{no, applyFailed},
	{yes, always(v1alpha1.ReasonApplied, "all objects are up to date")},
}

func conflicting(s Situation) (string, string, bool) {
	var conflict *apply.ConflictError
	if !errors.As(s.ApplyErr, &conflict) {
		return "", "", false
	}
	return v1alpha1.ReasonConflict, conflict.Error(), true
}

func invalid(s Situation) (string, string, bool) {
	if !IsInvalid(s.ApplyErr) {
		return "", "", false
	}
	return v1alpha1.ReasonInvalid, oneLine(s.ApplyErr.Error()), true
}

func applyFailed(s Situation) (string, string, bool) {
	if s.ApplyErr == nil {
		return "", "", false
	}
	return v1alpha1.ReasonApplyFailed, oneLine(s.ApplyErr.Error()) + "; the operator retries", true
}

// ErrInvalidSpec marks what only a change of the spec can mend.
var ErrInvalidSpec = errors.New("the spec cannot be put into force")

// IsInvalid reports whether only a change of the spec can mend an error.
func IsInvalid(err error) bool {
	return errors.Is(err, ErrInvalidSpec) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err)
}

const maxMessageLength = 1024

// oneLine is a text without line breaks, cut to maxMessageLength bytes.
func oneLine(text string) string { return cut(text, maxMessageLength) }

func cut(text string, length int) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > length {
		text = strings.ToValidUTF8(text[:length], "") + "…"
	}
	return text
}
