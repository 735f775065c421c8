// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package v1alpha1

// TemplateStatus reports which pod template the Deployment has. An upgrade of the operator keeps it.
type TemplateStatus struct {
	// operatorVersion is the version of the operator that rendered the template; empty for one from before versions were
	// noted.
	// +optional
	// +kubebuilder:validation:MaxLength=256
	OperatorVersion string `json:"operatorVersion,omitempty"`
	// behind is true while the running operator would render another template, or run another bundled image. It does so with
	// the next change of a Rolling field, or immediately if it was started with --upgrade-services.
	// +required
	Behind bool `json:"behind"`
	// cause of the last change of the template: Spec, References, Upgrade or HandOver.
	// +required
	Cause TemplateCause `json:"cause"`
}

// TemplateCause is why a pod template was changed.
// +kubebuilder:validation:Enum=Spec;References;Upgrade;HandOver
type TemplateCause string

const (
	// TemplateFromSpec is a template that the user's spec asked for.
	TemplateFromSpec TemplateCause = "Spec"
	// TemplateFromReferences is a template whose pods take data from a ConfigMap or Secret that changed.
	TemplateFromReferences TemplateCause = "References"
	// TemplateFromUpgrade is a template that replaced an older operator's.
	TemplateFromUpgrade TemplateCause = "Upgrade"
	// TemplateFromHandOver is a template that replaced the one of a Deployment that was handed over.
	TemplateFromHandOver TemplateCause = "HandOver"
)
