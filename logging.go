// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// withoutEndings leaves out errors by which the API server refuses new objects in a namespace that is being deleted. They come
// with the end of every namespace, mostly from the recorder of events, and nobody can or has to mend them.
func withoutEndings(log logr.Logger) logr.Logger {
	return log.WithSink(endingsFilter{log.GetSink()})
}

type endingsFilter struct{ logr.LogSink }

// Error logs it unless it comes with the end of a namespace.
func (f endingsFilter) Error(err error, message string, keysAndValues ...any) {
	if !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		f.LogSink.Error(err, message, keysAndValues...)
	}
}

// WithValues keeps the filter.
func (f endingsFilter) WithValues(keysAndValues ...any) logr.LogSink {
	return endingsFilter{f.LogSink.WithValues(keysAndValues...)}
}

// WithName keeps the filter.
func (f endingsFilter) WithName(name string) logr.LogSink {
	return endingsFilter{f.LogSink.WithName(name)}
}
