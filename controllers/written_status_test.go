// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"goservice.dev/operator/api/v1alpha1"
)

func TestAWrittenStatusBridgesALaggingCache(t *testing.T) {
	name := types.NamespacedName{Namespace: "shop", Name: serviceName}
	at := func(version string, ready int32) *v1alpha1.GoService {
		return &v1alpha1.GoService{
			ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name, ResourceVersion: version},
			Status:     v1alpha1.GoServiceStatus{ReadyReplicas: ready},
		}
	}
	var written writtenStatuses
	written.remember(at("1", 0), "2", v1alpha1.GoServiceStatus{ReadyReplicas: 7})
	stale := at("1", 0)
	written.refresh(stale)
	if stale.ResourceVersion != "2" || stale.Status.ReadyReplicas != 7 {
		t.Errorf("a stale object stayed as it was: %+v", stale)
	}
	fresh := at("3", 1)
	written.refresh(fresh)
	if fresh.ResourceVersion != "3" || fresh.Status.ReadyReplicas != 1 {
		t.Errorf("a fresh object was changed: %+v", fresh)
	}
	written.remember(at("5", 1), "6", v1alpha1.GoServiceStatus{ReadyReplicas: 2})
	written.remember(at("6", 2), "7", v1alpha1.GoServiceStatus{ReadyReplicas: 3})
	twoBehind := at("5", 1)
	written.refresh(twoBehind)
	if twoBehind.ResourceVersion != "7" || twoBehind.Status.ReadyReplicas != 3 {
		t.Errorf("an object of two writes ago counts as new: %+v", twoBehind)
	}
	written.remember(at("9", 1), "10", v1alpha1.GoServiceStatus{ReadyReplicas: 2})
	written.arrived(at("9", 1))
	if len(written.last) != 1 {
		t.Error("a status was forgotten before the cache has it")
	}
	written.arrived(at("10", 2))
	if len(written.last) != 0 {
		t.Error("a status is remembered that the cache has")
	}
	written.remember(at("3", 1), "4", v1alpha1.GoServiceStatus{ReadyReplicas: 2})
	written.forget(name)
	forgotten := at("3", 1)
	written.refresh(forgotten)
	if forgotten.ResourceVersion != "3" {
		t.Error("a forgotten status came back")
	}
}
