// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// A service that is deleted and made anew before anybody looks is another one.
func TestAServiceOfTheSameNameIsAnotherOne(t *testing.T) {
	named := func(name string, uid types.UID) *v1alpha1.GoService {
		return &v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: uid}}
	}
	var known identities
	for i, c := range []struct {
		name string
		uid  types.UID
		want bool
	}{{"a", "1", false}, {"a", "1", false}, {"b", "2", false}, {"a", "3", true}, {"a", "3", false}, {"a", "1", true}, {"b", "2", false}} {
		if got := known.replaces(named(c.name, c.uid)); got != c.want {
			t.Errorf("%d: %s %s replaces another one: %t", i, c.name, c.uid, got)
		}
	}
	known.forget(client.ObjectKeyFromObject(named("b", "2")))
	if known.replaces(named("b", "4")) {
		t.Error("one that was gone is replaced")
	}
}
