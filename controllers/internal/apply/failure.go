// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"errors"
	"fmt"
	"regexp"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"goservice.dev/operator/controllers/internal/build"
)

// Class says what has to happen before a failed write can succeed.
type Class string

// Classes of failures.
const (
	// Conflict: a foreign object has the name; a person renames or deletes one of the two.
	Conflict Class = "Conflict"
	// Invalid: the API server finds the object wrong; an edit of the spec mends it, rarely an upgrade of the server.
	Invalid Class = "Invalid"
	// Denied: permissions, a quota or an admission policy refuse the write; whoever is responsible for them may change them,
	// an edit of the spec may satisfy them.
	Denied Class = "Denied"
	// Terminating: the namespace is being deleted, and nothing can be created in it any more.
	Terminating Class = "Terminating"
	// Stale: the cache lags behind the API server; the next look is a better one.
	Stale Class = "Stale"
	// Transient: anything else, such as an API server that does not answer; time mends it.
	Transient Class = "Transient"
)

// Failure is one write that failed, or one object that could not be made.
type Failure struct {
	Class Class
	// Kind and Name are those of the child; empty where no single child is to blame.
	Kind, Name string
	Err        error
}

func (f *Failure) Error() string { return f.Err.Error() }
func (f *Failure) Unwrap() error { return f.Err }

// ErrStale says that the cache lags behind the API server; trying again later mends it.
var ErrStale = errors.New("the cache lags behind the API server")

// ConflictError says which foreign object has the name of a child.
type ConflictError struct {
	Kind, Name string
	// Owner describes whom the object belongs to.
	Owner string
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("a %s named %q exists and belongs to %s; delete it, choose another name for the GoService, or hand it over with the annotation %s",
		e.Kind, e.Name, e.Owner, build.AnnotationAdopt)
}

// Failures takes a joined error apart: every failure with its own class, in the order in which they happened.
func Failures(err error) []Failure {
	if err == nil {
		return nil
	}
	if failure, is := err.(*Failure); is { //nolint:errorlint // this error itself: what it wraps is one failure with it
		return []Failure{*failure}
	}
	if joined, is := err.(interface{ Unwrap() []error }); is {
		var all []Failure
		for _, one := range joined.Unwrap() {
			all = append(all, Failures(one)...)
		}
		return all
	}
	return []Failure{{Class: classOf(err), Err: err}}
}

func classOf(err error) Class {
	var failure *Failure
	var notTaken *NotTakenError
	var conflict *ConflictError
	switch {
	case errors.As(err, &failure):
		return failure.Class
	case errors.Is(err, ErrStale):
		return Stale
	case errors.As(err, &conflict), errors.As(err, &notTaken):
		return Conflict
	case terminating(err):
		return Terminating
	case denied(err):
		return Denied
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsRequestEntityTooLargeError(err):
		return Invalid
	}
	return Transient
}

// terminating reports whether the namespace is on its way out, or gone.
func terminating(err error) bool {
	if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return true
	}
	var status apierrors.APIStatus
	return apierrors.IsNotFound(err) && errors.As(err, &status) && status.Status().Details != nil &&
		status.Status().Details.Kind == "namespaces"
}

// denial matches what the API server says where an admission webhook or policy refuses: the code is of their choice, and
// unless they choose one it is that of an invalid object or of a bad request.
var denial = regexp.MustCompile(`^admission webhook ".*" denied the request|is forbidden: (ValidatingAdmissionPolicy|policy) .* denied request`)

func denied(err error) bool {
	var status apierrors.APIStatus
	return apierrors.IsForbidden(err) || (errors.As(err, &status) && denial.MatchString(status.Status().Message))
}

// failure is what became of one child.
func failure(kind schema.GroupVersionKind, name string, err error) *Failure {
	return &Failure{Class: classOf(err), Kind: kind.Kind, Name: name, Err: err}
}

// failed makes a failure of what the API server answered to a write, and counts it. It answers with a conflict where the
// object is not the one, or not in the version, that the cache holds.
func (e *Engine) failed(doing string, kind schema.GroupVersionKind, name string, err error) error {
	if apierrors.IsConflict(err) && !denied(err) {
		err = fmt.Errorf("%w: %w", ErrStale, err)
	} else {
		e.record(kind, ResultFailed)
	}
	return failure(kind, name, fmt.Errorf("%s %s %q: %w", doing, kind.Kind, name, err))
}
