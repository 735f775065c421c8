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
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// fieldManager is who changed a field, in metadata.managedFields.
const fieldManager = "kubectl-gosvc"

// edit is a change of some fields of a spec.
type edit struct {
	name string
	// paths of the fields, without spec, and their values; nil removes one.
	fields map[string]any
	// force changes fields that a tool owns.
	force bool
	// check may refuse the change after looking at the service.
	check func(*v1alpha1.GoService) error
}

// apply an edit and return the service before and after it. The fields' owners are looked at in the version that is changed: a service that
// changes meanwhile is read once more.
func (c *cluster) apply(ctx context.Context, e edit, note func(string)) (before, after *v1alpha1.GoService, err error) {
	noted := map[string]bool{}
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if before, err = c.service(ctx, e.name); err != nil {
			return err
		}
		if e.check != nil {
			if err := e.check(before); err != nil {
				return err
			}
		}
		for path := range e.fields {
			text, err := owned(before, path, e.force)
			if err != nil {
				return err
			}
			if text != "" && !noted[text] {
				noted[text] = true
				note(text)
			}
		}
		document, err := e.document(before.ResourceVersion)
		if err != nil {
			return err
		}
		after = before.DeepCopy()
		return c.Patch(ctx, after, client.RawPatch(types.MergePatchType, document), client.FieldOwner(fieldManager))
	})
	if apierrors.IsInvalid(err) {
		err = refused(err)
	}
	return before, after, err
}

// document is the merge patch.
func (e edit) document(resourceVersion string) ([]byte, error) {
	spec := map[string]any{}
	for path, value := range e.fields {
		inner := spec
		parts := strings.Split(path, ".")
		for _, part := range parts[:len(parts)-1] {
			next, exists := inner[part].(map[string]any)
			if !exists {
				next = map[string]any{}
				inner[part] = next
			}
			inner = next
		}
		inner[parts[len(parts)-1]] = value
	}
	return json.Marshal(map[string]any{"metadata": map[string]any{"resourceVersion": resourceVersion}, "spec": spec})
}

// owned says what becomes of a change of a field that a tool has set: one that applies on the server's side owns it, and would set it back;
// kubectl apply sets it again from its manifest the next time.
func owned(service *v1alpha1.GoService, path string, force bool) (note string, err error) {
	for _, entry := range service.ManagedFields {
		if entry.Manager == fieldManager || entry.FieldsV1 == nil || entry.Subresource != "" || !has(entry.FieldsV1.GetRawBytes(), "spec."+path) {
			continue
		}
		switch {
		case entry.Operation == metav1.ManagedFieldsOperationApply && !force:
			return "", fmt.Errorf("spec.%s belongs to %q, which applies it on the server's side: it would set the change back, or fail with a conflict; "+
				"change it there, or use --force to change it until %q applies again", path, entry.Manager, entry.Manager)
		case entry.Operation == metav1.ManagedFieldsOperationApply:
			note = fmt.Sprintf("%q owned spec.%s: its next apply fails with a conflict, or sets it back", entry.Manager, path)
		case entry.Manager == "kubectl-client-side-apply":
			note = fmt.Sprintf("kubectl apply set spec.%s: change the manifest too, or the next apply sets it back", path)
		}
	}
	return note, nil
}

// has says whether a set of fields, as metadata.managedFields holds it, has one.
func has(raw []byte, path string) bool {
	var fields any
	if err := json.Unmarshal(raw, &fields); err != nil {
		return false
	}
	for part := range strings.SplitSeq(path, ".") {
		inner, isMap := fields.(map[string]any)
		if !isMap {
			return false
		}
		if fields, isMap = inner["f:"+part]; !isMap {
			return false
		}
	}
	return true
}

// refused is an answer of the API server to input that it does not accept: field, value, and rule of each, in one line.
func refused(err error) error {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil || len(status.Status().Details.Causes) == 0 {
		return err
	}
	var causes []string
	for _, cause := range status.Status().Details.Causes {
		if cause.Field == "<nil>" { // that other rules could not be checked
			continue
		}
		causes = append(causes, cause.Field+": "+cause.Message)
	}
	return errors.New("refused, nothing is changed: " + strings.Join(causes, "; "))
}
