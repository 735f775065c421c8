// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package apply

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/controllers/internal/build"
)

func replicas(n int64) map[string]any {
	return map[string]any{"spec": map[string]any{"replicas": n}}
}

func manager(name string, operation metav1.ManagedFieldsOperationType, fields string) metav1.ManagedFieldsEntry {
	return metav1.ManagedFieldsEntry{
		Manager: name, Operation: operation, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(fields),
	}
}

func TestNeedsSeedUntilSomebodyElseHoldsTheField(t *testing.T) {
	const count, template = `{"f:spec":{"f:replicas":{}}}`, `{"f:spec":{"f:template":{}}}`
	apply, update := metav1.ManagedFieldsOperationApply, metav1.ManagedFieldsOperationUpdate
	cases := map[string]struct {
		seed     map[string]any
		managers []metav1.ManagedFieldsEntry
		want     bool
	}{
		"nothing to seed":             {nil, nil, false},
		"nobody holds it":             {replicas(2), nil, true},
		"only the operator holds it":  {replicas(2), []metav1.ManagedFieldsEntry{manager(FieldManager, apply, count)}, true},
		"others hold something else":  {replicas(2), []metav1.ManagedFieldsEntry{manager("kubectl-edit", update, template)}, true},
		"the seed holds it":           {replicas(2), []metav1.ManagedFieldsEntry{manager(seedManager, apply, count)}, false},
		"an autoscaler holds it":      {replicas(2), []metav1.ManagedFieldsEntry{manager("kube-controller-manager", update, count)}, false},
		"a person's update of it":     {replicas(2), []metav1.ManagedFieldsEntry{manager(FieldManager, update, count)}, false},
		"an entry without any fields": {replicas(2), []metav1.ManagedFieldsEntry{{Manager: "kubectl", Operation: update}}, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			live := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{ManagedFields: c.managers}}
			got, err := needsSeed(&build.Child{Name: "checkout", Seed: c.seed}, live)
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("%t, want %t", got, c.want)
			}
		})
	}
}

func TestNeedsSeedTellsWhatItCannotRead(t *testing.T) {
	live := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{ManagedFields: []metav1.ManagedFieldsEntry{
		manager("odd", metav1.ManagedFieldsOperationUpdate, `{"f:spec":`),
	}}}
	needed, err := needsSeed(&build.Child{Name: "checkout", Seed: replicas(2)}, live)
	if err == nil || !strings.Contains(err.Error(), `"checkout"`) || needed {
		t.Errorf("%t, error %v, want one that names the child", needed, err)
	}
}

func TestAHandOverChangesNoValue(t *testing.T) {
	seed := replicas(2)
	cases := map[string]struct {
		live client.Object
		want map[string]any
	}{
		"what cannot be read":  {unreadable(), replicas(2)},
		"the live count":       {&appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: new(int32(7))}}, replicas(7)},
		"no pods is a count":   {&appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: new(int32(0))}}, replicas(0)},
		"where there is none":  {&appsv1.Deployment{}, replicas(2)},
		"the seed is not kept": {&appsv1.Deployment{Spec: appsv1.DeploymentSpec{Replicas: new(int32(3))}}, replicas(3)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, currentOf(seed, c.live)); diff != "" {
				t.Errorf("seed (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(replicas(2), seed); diff != "" {
				t.Errorf("the child's own seed changed:\n%s", diff)
			}
		})
	}
}

func TestLeafPaths(t *testing.T) {
	var got []string
	for _, path := range leafPaths(nil, map[string]any{"spec": map[string]any{"replicas": 1, "deep": map[string]any{"er": "x"}}}) {
		got = append(got, path.String())
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{".spec.deep.er", ".spec.replicas"}, got); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
}

func TestAppliedHashFollowsTheContent(t *testing.T) {
	owner := metav1.OwnerReference{APIVersion: "goservice.dev/v1alpha1", Kind: "GoService", Name: "checkout", UID: "1", Controller: new(true)}
	hash := func(configuration *corev1ac.ConfigMapApplyConfiguration, owner metav1.OwnerReference) string {
		child := &build.Child{Name: "checkout-live-settings", Configuration: configuration}
		hash, err := hashOf(child, owner)
		if err != nil {
			t.Fatal(err)
		}
		object, err := applied(child, owner, hash)
		if err != nil {
			t.Fatal(err)
		}
		if references := object.GetOwnerReferences(); len(references) != 1 || references[0].UID != owner.UID {
			t.Errorf("owners %v", references)
		}
		return object.GetAnnotations()[annotationApplied]
	}
	configMap := func(data map[string]string) *corev1ac.ConfigMapApplyConfiguration {
		return corev1ac.ConfigMap("checkout-live-settings", "shop").WithData(data)
	}
	first := hash(configMap(map[string]string{"a": "1", "b": "2"}), owner)
	if len(first) != hashLength {
		t.Errorf("hash %q", first)
	}
	if again := hash(configMap(map[string]string{"b": "2", "a": "1"}), owner); again != first {
		t.Errorf("the same content hashes to %s and %s", first, again)
	}
	if removed := hash(configMap(map[string]string{"a": "1"}), owner); removed == first {
		t.Error("a removed field does not change the hash")
	}
	other := owner
	other.UID = "2"
	if another := hash(configMap(map[string]string{"a": "1", "b": "2"}), other); another == first {
		t.Error("another owner does not change the hash")
	}
}

// What was applied by an earlier version of the operator has the hash that this one looks for, so that an upgrade writes nothing.
func TestTheHashOfWhatIsAppliedStays(t *testing.T) {
	reference := *metav1.NewControllerRef(owner(), ownerKind)
	for template, want := range map[string]string{"": "43f18d639f6edc12", `{"spec":{}}`: "04bcac84bce8a162"} {
		child := childOf(deploymentKind, "checkout")
		if template != "" {
			child.Template = []byte(template)
		}
		if hash, err := hashOf(&child, reference); err != nil || hash != want {
			t.Errorf("template %q: hash %s, %v, want %s", template, hash, err, want)
		}
	}
}

// A child is sent with its own annotations and fields, beside what is added to them.
func TestWhatIsAddedLeavesTheRestOfAChild(t *testing.T) {
	s, engine := newEngine(t)
	child := desired(t, deploymentKind, "checkout", `{paused: true}`)
	child.Seed = replicas(2)
	child.Configuration.(map[string]any)["metadata"].(map[string]any)["annotations"] = map[string]any{"mine": "x"}
	if err := engine.Apply(t.Context(), passOf([]build.Child{child})); err != nil {
		t.Fatal(err)
	}
	sent := s.sent[0]
	if annotations := sent.GetAnnotations(); len(annotations) != 2 || annotations["mine"] != "x" || annotations[annotationApplied] == "" {
		t.Errorf("annotations %v", annotations)
	}
	if diff := cmp.Diff(map[string]any{"paused": true, "replicas": float64(2)}, sent.Object["spec"]); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
}

func TestConflictErrorSaysWhatToDo(t *testing.T) {
	metadata := func(labels, annotations map[string]string) *metav1.PartialObjectMetadata {
		return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: annotations}}
	}
	cases := map[string]struct {
		found      *metav1.PartialObjectMetadata
		controller *metav1.OwnerReference
		want       string
	}{
		"a controller": {metadata(nil, nil), &metav1.OwnerReference{Kind: "Rollout", Name: "shop"}, `Rollout "shop"`},
		"Helm": {
			metadata(map[string]string{build.LabelManagedBy: "Helm"}, map[string]string{"meta.helm.sh/release-name": "shop"}),
			nil, `Helm release "shop"`,
		},
		"a label": {metadata(map[string]string{build.LabelManagedBy: "argo"}, nil), nil, `"argo" (its app.kubernetes.io/managed-by label)`},
		"nobody":  {metadata(nil, nil), nil, "no GoService"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := error(&ConflictError{Kind: "Service", Name: "checkout", Owner: describeOwner(c.found, c.controller)})
			want := `a Service named "checkout" exists and belongs to ` + c.want + "; delete it, choose another name for the GoService, or hand it over with the annotation goservice.dev/adopt"
			if err.Error() != want {
				t.Errorf("%q, want %q", err, want)
			}
			if joined := errors.Join(errors.New("other"), err); !errors.As(joined, new(*ConflictError)) {
				t.Error("a conflict among other errors is not found")
			}
		})
	}
}
