// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package v1alpha1 holds the GoService resource: the only thing that users of the operator program against.
//
// +kubebuilder:object:generate=true
// +groupName=goservice.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	// GroupVersion of every type in this package.
	GroupVersion = schema.GroupVersion{Group: "goservice.dev", Version: "v1alpha1"}
	// GoServiceKind is the kind of a GoService in this version.
	GoServiceKind = GroupVersion.WithKind("GoService")

	schemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)
	// AddToScheme registers the types of this package.
	AddToScheme = schemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &GoService{}, &GoServiceList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
