// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
)

// alternative settings of a service: fields of its spec that are otherwise.
type alternative struct {
	text string
	edit edit
}

// parseAlternative reads PATH=VALUE,PATH=VALUE, with paths from spec. on. Values are YAML; null removes a field.
func parseAlternative(text string) (alternative, error) {
	a := alternative{text: strings.ReplaceAll(text, "spec.", ""), edit: edit{fields: map[string]any{}}}
	for part := range strings.SplitSeq(text, ",") {
		path, value, found := strings.Cut(part, "=")
		path, inSpec := strings.CutPrefix(path, "spec.")
		switch {
		case !found:
			return a, fmt.Errorf("%q is not PATH=VALUE", part)
		case !inSpec || strings.Contains("."+path+".", ".."):
			return a, fmt.Errorf("%q is not the path of a field, such as spec.slo.latency.threshold", strings.TrimSuffix(part, "="+value))
		case strings.ContainsAny(path, "[]"):
			return a, fmt.Errorf("%q is in a list, and only fields outside of lists can be set", "spec."+path)
		}
		if _, twice := a.edit.fields[path]; twice {
			return a, fmt.Errorf("spec.%s is set twice", path)
		}
		if err := a.set(path, value); err != nil {
			return a, err
		}
	}
	return a, nil
}

// set a field: as YAML reads the value, or as text where the field takes that only, as percentages do.
func (a *alternative) set(path, value string) error {
	var parsed any
	if err := yaml.Unmarshal([]byte(value), &parsed); err != nil {
		return fmt.Errorf("spec.%s=%s: the value is no YAML", path, value)
	}
	for _, candidate := range []any{parsed, value} {
		document, err := edit{fields: map[string]any{path: candidate}}.document("")
		if err != nil {
			return err
		}
		if json.Unmarshal(document, &v1alpha1.GoService{}) == nil {
			a.edit.fields[path] = candidate
			return nil
		}
	}
	a.edit.fields[path] = parsed // the API server says what is wrong
	return nil
}

// otherwise is the spec with an alternative's fields, as the API server would store it. It checks, and stores nothing.
func (c *cluster) otherwise(ctx context.Context, service *v1alpha1.GoService, a alternative) (*v1alpha1.GoServiceSpec, error) {
	document, err := a.edit.document(service.ResourceVersion)
	if err != nil {
		return nil, err
	}
	changed := service.DeepCopy()
	err = c.Patch(ctx, changed, client.RawPatch(types.MergePatchType, document), client.DryRunAll,
		client.FieldOwner(fieldManager), client.FieldValidation(metav1.FieldValidationStrict))
	switch {
	case apierrors.IsInvalid(err):
		return nil, fmt.Errorf("--with %s: %w", a.text, errors.New(strings.TrimPrefix(refused(err).Error(), "refused, nothing is changed: ")))
	case apierrors.IsBadRequest(err):
		return nil, fmt.Errorf("--with %s: %w", a.text, err)
	case err != nil:
		return nil, fmt.Errorf("--with %s, which the API server checks as a change that it does not store: %w", a.text, err)
	}
	return &changed.Spec, nil
}
