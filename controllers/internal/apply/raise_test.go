// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/controllers/internal/build"
)

func TestRaise(t *testing.T) {
	deployment := func(replicas *int32) *appsv1.Deployment {
		return &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "checkout", UID: types.UID("uid"), ResourceVersion: "50"},
			Spec:       appsv1.DeploymentSpec{Replicas: replicas},
		}
	}
	const raises = "merge Deployment shop/checkout by goservice-operator-seed at 50 replicas 5"
	cases := map[string]struct {
		deployment        *appsv1.Deployment
		err               error
		requests, results []string
		failure           string
	}{
		"none":                      {},
		"a count that nobody set":   {deployment: deployment(nil)},
		"fewer":                     {deployment: deployment(new(int32(4))), requests: []string{raises}, results: []string{"Deployment seeded"}},
		"one":                       {deployment: deployment(new(int32(1))), requests: []string{raises}, results: []string{"Deployment seeded"}},
		"as many":                   {deployment: deployment(new(int32(5)))},
		"more":                      {deployment: deployment(new(int32(6)))},
		"switched off":              {deployment: deployment(new(int32(0)))},
		"somebody else was quicker": {deployment: deployment(new(int32(4))), err: conflict, requests: []string{raises}, failure: `Stale Deployment/checkout: raising to 5 replicas Deployment "checkout": `},
		"it is refused": {
			deployment: deployment(new(int32(4))), err: invalid, requests: []string{raises}, results: []string{"Deployment failed"},
			failure: `Invalid Deployment/checkout: raising to 5 replicas Deployment "checkout": `,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			s.errs["merge Deployment"] = c.err
			var want []string
			if c.failure != "" {
				want = []string{c.failure}
			}
			expectFailures(t, engine.Raise(t.Context(), c.deployment, 5), want...)
			s.expect(c.requests, c.results)
		})
	}
}

func TestFindTemplate(t *testing.T) {
	live := func(uid, annotation string) *unstructured.Unstructured {
		object := existing(t, childOf(deploymentKind, "checkout"), func(o *unstructured.Unstructured) {
			o.SetUID(types.UID(uid))
			o.Object["spec"] = map[string]any{"template": map[string]any{"spec": map[string]any{"serviceAccountName": "shop"}}}
			o.SetManagedFields([]metav1.ManagedFieldsEntry{
				manager(FieldManager, metav1.ManagedFieldsOperationApply, `{"f:spec":{"f:template":{"f:spec":{"f:serviceAccountName":{}}}}}`),
			})
		})
		if annotation != "" {
			object.SetAnnotations(map[string]string{annotation: "x"})
		}
		return object
	}
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "checkout", UID: "uid"}}
	keeping := existing(t, childOf(deploymentKind, "checkout"), func(o *unstructured.Unstructured) {
		o.SetUID("uid")
		key, value := build.HandedOver()
		annotated(key, value)(o)
	})
	cases := map[string]struct {
		live  *unstructured.Unstructured
		err   error
		found bool
		want  string
	}{
		"by its fields":              {live: live("uid", ""), found: true},
		"by what it keeps by now":    {live: keeping, found: true},
		"another Deployment by now":  {live: live("other", "")},
		"none":                       {want: "reading Deployment shop/checkout: "},
		"a server that breaks":       {live: live("uid", ""), err: breakdown, want: "reading Deployment shop/checkout: "},
		"fields that nobody applied": {live: existing(t, childOf(deploymentKind, "checkout"), func(o *unstructured.Unstructured) { o.SetUID("uid") })},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			if c.live != nil {
				s.live[Key{deploymentKind, "checkout"}] = c.live
			}
			s.errs["get Deployment"] = c.err
			template, err := engine.FindTemplate(t.Context(), deployment)
			if (template != nil) != c.found || (err != nil) != (c.want != "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("template %v, error %v", template, err)
			}
			if diff := cmp.Diff([]string{"get Deployment shop/checkout"}, s.requests); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}
