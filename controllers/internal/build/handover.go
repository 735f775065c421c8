// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// A Deployment that is handed over keeps its selector, and until its rollout has ended there are pods that somebody else made.

// HandedOver is what a Deployment that was just handed over has in the place of a kept template: whatever runs is not the user's spec,
// applied.
func HandedOver() (annotation, value string) {
	encoded, err := json.Marshal(Template{Cause: v1alpha1.TemplateFromHandOver})
	if err != nil {
		panic(fmt.Sprintf("encoding a template: %v", err))
	}
	return annotationTemplate, string(encoded)
}

// JustHandedOver says that nothing was applied yet to a Deployment that was handed over.
func JustHandedOver(deployment metav1.Object) bool { return TemplateOf(deployment).justHandedOver() }

// justHandedOver says that nothing was applied to the Deployment yet.
func (t *Template) justHandedOver() bool {
	return t != nil && t.Cause == v1alpha1.TemplateFromHandOver && t.Inputs == ""
}

// mayBeOthers says that the pods which a selector of the user's selects may be somebody else's: there never was a Deployment of the service.
// Nothing that selects them is made then. One that was deleted is made anew, and keeps its budget.
func (in input) mayBeOthers() bool {
	return ownSelector(&in.service.Spec) != nil && !in.environment.HasDeployment && in.service.Status.Template == nil
}

// handedOver says that pods which the operator did not make may serve: ports are told by their numbers then, since those pods name them
// differently.
func (in input) handedOver() bool { return in.mayBeOthers() || in.template.OthersPods }

// othersPods says that pods which the operator did not make may be left of a Deployment that was handed over, as they are until its first
// rollout has ended, whatever the user changes in the meantime.
func (in input) othersPods() bool {
	held := in.environment.Template
	return held.justHandedOver() || held != nil && held.OthersPods && in.environment.Replacing
}
