// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestTheEndOfANamespaceIsNoError(t *testing.T) {
	var lines []string
	log := withoutEndings(funcr.New(func(prefix, arguments string) { lines = append(lines, prefix+" "+arguments) }, funcr.Options{}))
	log = log.WithName("events").WithValues("event", "checkout.1")
	forbidden := apierrors.NewForbidden(schema.GroupResource{Group: "events.k8s.io", Resource: "events"}, "checkout.1", errors.New("no"))
	ending := &apierrors.StatusError{ErrStatus: *forbidden.ErrStatus.DeepCopy()}
	ending.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	log.Error(ending, "refused by the end")
	log.Error(forbidden, "refused by a role")
	log.Info("told")
	if all := strings.Join(lines, "\n"); len(lines) != 2 || !strings.Contains(all, "refused by a role") || !strings.Contains(all, "told") {
		t.Errorf("logged:\n%s", all)
	}
}
