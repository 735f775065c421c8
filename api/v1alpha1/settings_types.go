// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

import "k8s.io/apimachinery/pkg/runtime"

// SettingsSection is an object whose fields the service's own code knows.
// +kubebuilder:validation:Type=object
// +kubebuilder:pruning:PreserveUnknownFields
type SettingsSection struct {
	runtime.RawExtension `json:",inline"`
}
