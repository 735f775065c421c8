// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/controllers/internal/build"
)

// part of a service: its component is service for what runs it.
func part(t *testing.T, kind schema.GroupVersionKind, component string, change ...func(*unstructured.Unstructured)) *unstructured.Unstructured {
	t.Helper()
	return existing(t, childOf(kind, "checkout"), func(o *unstructured.Unstructured) {
		labels := o.GetLabels()
		labels["app.kubernetes.io/component"] = component
		o.SetLabels(labels)
		for _, f := range change {
			f(o)
		}
	})
}

func TestWhatRunsIsGivenBack(t *testing.T) {
	const (
		looks = "get ConfigMap shop/checkout"
		gives = "merge ConfigMap shop/checkout by goservice-operator at 50 of uid-checkout"
	)
	deleted := func(o *unstructured.Unstructured) { o.SetDeletionTimestamp(&metav1.Time{Time: time.Unix(1, 0)}) }
	cases := map[string]struct {
		cached, live      *unstructured.Unstructured // live: as cached unless given
		gone              bool
		errs              map[string]error
		requests, results []string
		failures          []string
	}{
		"what runs":             {cached: part(t, configMapKind, "service"), requests: []string{looks, gives}, results: []string{"ConfigMap given back"}},
		"what is about metrics": {cached: part(t, configMapKind, "metrics")},
		"a route": {
			cached:   part(t, build.HTTPRouteKind, "service"),
			requests: []string{"get HTTPRoute shop/checkout", "merge HTTPRoute shop/checkout by goservice-operator at 50 of uid-checkout"}, results: []string{"HTTPRoute given back"},
		},
		"a route whose kind is gone": {
			cached: part(t, build.HTTPRouteKind, "service"), errs: map[string]error{"get HTTPRoute": &meta.NoKindMatchError{GroupKind: build.HTTPRouteKind.GroupKind()}},
			requests: []string{"get HTTPRoute shop/checkout"},
		},
		"nothing":                         {},
		"what is gone":                    {cached: part(t, configMapKind, "service"), gone: true, requests: []string{looks}},
		"what is being deleted":           {cached: part(t, configMapKind, "service"), live: part(t, configMapKind, "service", deleted), requests: []string{looks}},
		"what is about metrics by now":    {cached: part(t, configMapKind, "service"), live: part(t, configMapKind, "metrics"), requests: []string{looks}},
		"what belongs to another by now":  {cached: part(t, configMapKind, "service"), live: part(t, configMapKind, "service", controlled("theirs")), requests: []string{looks}},
		"what belongs to nobody by now":   {cached: part(t, configMapKind, "service"), live: part(t, configMapKind, "service", func(o *unstructured.Unstructured) { o.SetOwnerReferences(nil) }), requests: []string{looks}},
		"what cannot be read":             {cached: part(t, configMapKind, "service"), errs: map[string]error{"get ConfigMap": breakdown}, requests: []string{looks}, failures: []string{`Transient ConfigMap/checkout: reading ConfigMap "checkout": `}},
		"what somebody changed meanwhile": {cached: part(t, configMapKind, "service"), errs: map[string]error{"merge ConfigMap": conflict}, requests: []string{looks, gives}, failures: []string{`Stale ConfigMap/checkout: giving back ConfigMap "checkout": `}},
		"what cannot be changed":          {cached: part(t, configMapKind, "service"), errs: map[string]error{"merge ConfigMap": invalid}, requests: []string{looks, gives}, results: []string{"ConfigMap failed"}, failures: []string{`Invalid ConfigMap/checkout: giving back ConfigMap "checkout": `}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, engine := newEngine(t)
			s.errs = c.errs
			children := map[Key]client.Object{}
			if c.cached != nil {
				children[Key{c.cached.GroupVersionKind(), "checkout"}] = c.cached
				if c.live == nil {
					c.live = c.cached
				}
			}
			if c.live != nil && !c.gone {
				s.has(c.live)
			}
			expectFailures(t, engine.GiveBack(t.Context(), owner(), children), c.failures...)
			s.expect(c.requests, c.results)
		})
	}
}

// Every child is tried, whatever becomes of the others.
func TestEveryChildIsGivenBackThatCanBe(t *testing.T) {
	s, engine := newEngine(t)
	s.errs = map[string]error{"merge ConfigMap": breakdown}
	children := map[Key]client.Object{}
	for _, kind := range []schema.GroupVersionKind{accountKind, configMapKind, serviceKind, deploymentKind} {
		child := part(t, kind, "service")
		children[Key{kind, "checkout"}] = child
		s.has(child)
	}
	expectFailures(t, engine.GiveBack(t.Context(), owner(), children), "Transient ConfigMap/checkout: ")
	slices.Sort(s.results)
	if diff := cmp.Diff([]string{"ConfigMap failed", "Deployment given back", "Service given back", "ServiceAccount given back"}, s.results); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

// A child that was made a moment ago is given back as well, though the cache does not show it yet.
func TestAChildThatTheCacheDoesNotShowYetIsGivenBack(t *testing.T) {
	s, engine := newEngine(t)
	if err := engine.Apply(t.Context(), passOf([]build.Child{childOf(configMapKind, "checkout"), childOf(serviceKind, "checkout")})); err != nil {
		t.Fatal(err)
	}
	s.expect([]string{createsConfigMap, createsService}, []string{"ConfigMap created", "Service created"})
	s.has(part(t, configMapKind, "service"), part(t, serviceKind, "metrics"))
	shown := map[Key]client.Object{{serviceKind, "checkout"}: part(t, serviceKind, "metrics")}
	gives := []string{"get ConfigMap shop/checkout", "merge ConfigMap shop/checkout by goservice-operator at 50 of uid-checkout"}

	s.errs = map[string]error{"merge ConfigMap": breakdown}
	expectFailures(t, engine.GiveBack(t.Context(), owner(), shown), "Transient ConfigMap/checkout: ")
	s.expect(gives, []string{"ConfigMap failed"})
	s.errs = nil
	expectFailures(t, engine.GiveBack(t.Context(), owner(), shown))
	s.expect(gives, []string{"ConfigMap given back"})
	expectFailures(t, engine.GiveBack(t.Context(), owner(), shown))
	s.expect(nil, nil)
}

// odd is a server that has managers of a child which make no sense.
type odd struct{ *server }

func (o odd) Get(ctx context.Context, key client.ObjectKey, into client.Object, opts ...client.GetOption) error {
	err := o.server.Get(ctx, key, into, opts...)
	into.SetManagedFields([]metav1.ManagedFieldsEntry{manager("odd", updates, `{`)})
	return err
}

func TestWhatHasManagersThatMakeNoSenseIsNotGivenBack(t *testing.T) {
	s, engine := newEngine(t)
	engine.Live = odd{s}
	child := part(t, configMapKind, "service")
	s.has(child)
	err := engine.GiveBack(t.Context(), owner(), map[Key]client.Object{{configMapKind, "checkout"}: child})
	expectFailures(t, err, "Transient ConfigMap/checkout: json: ")
	s.expect([]string{"get ConfigMap shop/checkout"}, nil)
}

// Giving back removes what makes an object the owner's, and nothing else.
func TestWhatGivingBackWrites(t *testing.T) {
	live := part(t, deploymentKind, "service", func(o *unstructured.Unstructured) {
		o.SetOwnerReferences(append(o.GetOwnerReferences(), metav1.OwnerReference{APIVersion: "v1", Kind: "Node", Name: "n", UID: "plain"}))
		o.SetAnnotations(map[string]string{"goservice.dev/applied": "a", "goservice.dev/pod-template": "b", "deployment.kubernetes.io/revision": "3", "notgoservice.dev/a": "c"})
		o.SetManagedFields([]metav1.ManagedFieldsEntry{
			manager(FieldManager, applies, `{"f:spec":{}}`), manager(seedManager, applies, `{"f:spec":{}}`), manager(FieldManager, updates, `{"f:spec":{}}`),
			manager("kube-controller-manager", updates, `{"f:status":{}}`),
		})
	})
	written := func(live *unstructured.Unstructured) map[string]any {
		t.Helper()
		patch, err := releasing(owner(), live)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]map[string]any
		if err := json.Unmarshal(patch, &got); err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 {
			t.Errorf("more than metadata is written: %s", patch)
		}
		return got["metadata"]
	}
	before := live.DeepCopy()
	want := map[string]any{
		"uid": "uid-checkout", "resourceVersion": "50", "labels": map[string]any{build.LabelManagedBy: nil},
		"annotations":     map[string]any{"goservice.dev/applied": nil, "goservice.dev/pod-template": nil},
		"ownerReferences": []any{map[string]any{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "plain"}},
		"managedFields":   []any{map[string]any{"manager": "kube-controller-manager", "operation": "Update", "fieldsType": "FieldsV1", "fieldsV1": map[string]any{"f:status": map[string]any{}}}},
	}
	if diff := cmp.Diff(want, written(live)); diff != "" {
		t.Errorf("patch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before.Object, live.Object); diff != "" {
		t.Errorf("the object itself was changed (-before +after):\n%s", diff)
	}

	// Without any manager left, and where another tool has labeled it.
	live.SetManagedFields(live.GetManagedFields()[:3])
	live.SetLabels(map[string]string{build.LabelManagedBy: "Helm"})
	want["labels"], want["managedFields"] = map[string]any{}, []any{map[string]any{}}
	if diff := cmp.Diff(want, written(live)); diff != "" {
		t.Errorf("patch without managers (-want +got):\n%s", diff)
	}
}
