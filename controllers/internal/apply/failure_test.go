// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func statusError(code int32, reason metav1.StatusReason, message string) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: code, Reason: reason, Message: message}}
}

func TestEveryAnswerOfTheAPIServerHasItsClass(t *testing.T) {
	deployments := schema.GroupResource{Group: "apps", Resource: "deployments"}
	terminating := apierrors.NewForbidden(deployments, "checkout", errors.New("unable to create new content in namespace shop because it is being terminated"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	cases := map[string]struct {
		err  error
		want Class
	}{
		"a foreign object":          {&ConflictError{Kind: "Service", Name: "checkout"}, Conflict},
		"a field out of range":      {apierrors.NewInvalid(schema.GroupKind{Kind: "Deployment"}, "checkout", nil), Invalid},
		"a field of the wrong type": {apierrors.NewBadRequest("cannot convert"), Invalid},
		"an object that is too big": {apierrors.NewRequestEntityTooLargeError("limit is 3145728"), Invalid},
		"a quota":                   {apierrors.NewForbidden(deployments, "checkout", errors.New("exceeded quota: small")), Denied},
		"a missing permission":      {apierrors.NewForbidden(deployments, "checkout", errors.New(`User "operator" cannot patch`)), Denied},
		"a webhook without a code":  {statusError(400, "", `admission webhook "images.example.com" denied the request: unsigned`), Denied},
		"a webhook with a conflict": {statusError(409, "", `admission webhook "freeze.example.com" denied the request: frozen`), Denied},
		"a webhook with a 500":      {statusError(500, "", `admission webhook "freeze.example.com" denied the request without explanation`), Denied},
		"a webhook that is not there": {
			statusError(500, metav1.StatusReasonInternalError, `Internal error occurred: failed calling webhook "images.example.com": no endpoints available`), Transient,
		},
		"a validating policy": {
			statusError(422, metav1.StatusReasonInvalid, `deployments.apps "checkout" is forbidden: ValidatingAdmissionPolicy 'images' with binding 'all' denied request: unsigned`), Denied,
		},
		"a mutating policy": {
			statusError(422, metav1.StatusReasonInvalid, `deployments.apps "checkout" is forbidden: policy 'images' with binding 'all' denied request: unsigned`), Denied,
		},
		"an invalid value that speaks of a denial": {
			statusError(422, metav1.StatusReasonInvalid, `Deployment.apps "checkout" is invalid: spec: Invalid value: "denied request: no"`), Invalid,
		},
		"a namespace on its way out":       {terminating, Terminating},
		"a namespace that is gone":         {apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "shop"), Terminating},
		"a namespace that nobody may see":  {apierrors.NewForbidden(schema.GroupResource{Resource: "namespaces"}, "shop", errors.New("no")), Denied},
		"a kind that is not served":        {apierrors.NewNotFound(schema.GroupResource{Resource: "servicemonitors"}, ""), Transient},
		"a cache that lags":                {fmt.Errorf("Service: %w", ErrStale), Stale},
		"an API server that is too busy":   {apierrors.NewTooManyRequests("later", 1), Transient},
		"an API server that breaks":        {apierrors.NewInternalError(errors.New("etcd")), Transient},
		"a connection that broke":          {errors.New("connection refused"), Transient},
		"an answer that did not come back": {apierrors.NewTimeoutError("timeout", 1), Transient},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := classOf(fmt.Errorf("applying: %w", c.err)); got != c.want {
				t.Errorf("class %s, want %s", got, c.want)
			}
		})
	}
}

func TestAVersionConflictIsALaggingCache(t *testing.T) {
	var counted []Result
	e := &Engine{Record: func(_ schema.GroupVersionKind, result Result) { counted = append(counted, result) }}
	kind := appsv1.SchemeGroupVersion.WithKind("Deployment")
	err := e.failed("applying", kind, "checkout", apierrors.NewConflict(schema.GroupResource{Resource: "deployments"}, "checkout", errors.New("changed")))
	if got := classOf(err); got != Stale || len(counted) != 0 {
		t.Errorf("class %s, counted %v", got, counted)
	}
	err = e.failed("applying", kind, "checkout", statusError(http.StatusConflict, "", `admission webhook "a" denied the request: b`))
	if got := classOf(err); got != Denied || len(counted) != 1 {
		t.Errorf("class %s, counted %v", got, counted)
	}
}

func TestFailuresAreTakenApart(t *testing.T) {
	kind := schema.GroupVersionKind{Kind: "Service"}
	stale := failure(kind, "a", fmt.Errorf("%w: %w", ErrStale, errors.New("409")))
	conflict := failure(kind, "b", &ConflictError{Kind: "Service", Name: "b", Owner: "no GoService"})
	joined := errors.Join(errors.Join(stale, errors.New("timeout")), conflict)
	type seen struct {
		Class      Class
		Kind, Name string
	}
	var got []seen
	for _, f := range Failures(joined) {
		got = append(got, seen{f.Class, f.Kind, f.Name})
	}
	want := []seen{{Stale, "Service", "a"}, {Transient, "", ""}, {Conflict, "Service", "b"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
	if Failures(nil) != nil {
		t.Error("success has failures")
	}
}
