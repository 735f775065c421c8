// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/plan"
)

const (
	foundManager = "operator"
	// ownFields are those of the operator in foundTemplate, and editedFields those of a person.
	ownFields = `{"f:spec":{"f:replicas":{},"f:template":{"f:metadata":{"f:labels":{"f:app":{}}},"f:spec":{"f:serviceAccountName":{},
		"f:containers":{"k:{\"name\":\"a\"}":{".":{},"f:name":{},"f:image":{},"f:args":{},
			"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{".":{},"f:containerPort":{},"f:name":{}}}}}}}}}`
	editedFields = `{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"a\"}":{"f:image":{},"f:env":{"k:{\"name\":\"E\"}":{".":{},"f:name":{},"f:value":{}}}},
		"k:{\"name\":\"b\"}":{".":{},"f:name":{},"f:image":{}}}}}}}`
	foundTemplate = `{"metadata":{"labels":{"app":"shop","other":"x"}},"spec":{"serviceAccountName":"s","dnsPolicy":"ClusterFirst","containers":[
		{"name":"b","image":"y"},
		{"name":"a","image":"x","args":["1","2"],"env":[{"name":"E","value":"1"}],"imagePullPolicy":"Always",
			"ports":[{"containerPort":80,"protocol":"UDP","name":"udp"},{"containerPort":80,"protocol":"TCP","name":"tcp"}]}]}}`
)

// entry of a field manager.
func entry(manager string, operation metav1.ManagedFieldsOperationType, subresource, fields string) metav1.ManagedFieldsEntry {
	return metav1.ManagedFieldsEntry{
		Manager: manager, Operation: operation, Subresource: subresource, FieldsType: "FieldsV1",
		FieldsV1: metav1.NewFieldsV1(fields),
	}
}

func foundDeployment(t *testing.T, entries ...metav1.ManagedFieldsEntry) *unstructured.Unstructured {
	t.Helper()
	var template map[string]any
	if err := json.Unmarshal([]byte(foundTemplate), &template); err != nil {
		t.Fatal(err)
	}
	live := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"template": template}}}
	live.SetName("checkout")
	live.SetManagedFields(entries)
	return live
}

// What an operator applied before templates were kept is what it owns of the template, and nobody else's additions.
func TestAFoundTemplateIsWhatTheOperatorOwns(t *testing.T) {
	apply, update := metav1.ManagedFieldsOperationApply, metav1.ManagedFieldsOperationUpdate
	found, err := FoundTemplate(foundDeployment(t,
		entry("kubectl", update, "", editedFields), entry(foundManager, apply, "", ownFields), entry(foundManager, update, "", editedFields),
		entry("kube-controller-manager", update, "status", `{"f:spec":{"f:template":{"f:spec":{"f:serviceAccountName":{}}}}}`),
		metav1.ManagedFieldsEntry{Manager: foundManager, Operation: apply},
	), foundManager)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(found.found.template, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"metadata": map[string]any{"labels": map[string]any{"app": "shop"}},
		"spec": map[string]any{"serviceAccountName": "s", "containers": []any{map[string]any{
			"name": "a", "image": "x", "args": []any{"1", "2"},
			"ports": []any{map[string]any{"containerPort": 80.0, "protocol": "TCP", "name": "tcp"}},
		}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("template (-want +got):\n%s", diff)
	}
	rendered := func(container string) json.RawMessage {
		return json.RawMessage(`{"spec":{"serviceAccountName":"s","containers":[` + container + `]}}`)
	}
	for name, c := range map[string]struct {
		rendered       json.RawMessage
		edited, equals bool
	}{
		"what was found": {found.found.template, false, true},
		"in other words": {json.RawMessage(`{"spec":{"containers":[{"image":"x","name":"a","args":["1","2"],"ports":[{"name":"tcp","protocol":"TCP","containerPort":80}]}],` +
			`"serviceAccountName":"s"},"metadata":{"labels":{"app":"shop"}}}`), false, true},
		"another image":                  {rendered(`{"name":"a","image":"z"}`), false, false},
		"a variable that a person has":   {rendered(`{"name":"a","image":"x","env":[{"name":"E","value":"2"}]}`), true, false},
		"a variable that nobody has":     {rendered(`{"name":"a","image":"x","env":[{"name":"F","value":"2"}]}`), false, false},
		"a container that a person has":  {rendered(`{"name":"b","image":"x"}`), true, false},
		"a container that nobody has":    {rendered(`{"name":"c","image":"x"}`), false, false},
		"containers that are none":       {rendered(`"c"`), false, false},
		"a template that cannot be read": {json.RawMessage(`{`), true, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := found.found.editedIn(c.rendered); got != c.edited {
				t.Errorf("edited: %t, want %t", got, c.edited)
			}
			if got := found.found.equals(c.rendered); got != c.equals {
				t.Errorf("equal: %t, want %t", got, c.equals)
			}
		})
	}
}

func TestATemplateThatIsNotTheOperators(t *testing.T) {
	apply, update := metav1.ManagedFieldsOperationApply, metav1.ManagedFieldsOperationUpdate
	for name, entries := range map[string][]metav1.ManagedFieldsEntry{
		"nobody's":            nil,
		"another's":           {entry("kubectl", apply, "", ownFields)},
		"written in its name": {entry(foundManager, update, "", ownFields)},
		"other fields of it":  {entry(foundManager, apply, "", `{"f:spec":{"f:replicas":{}}}`)},
	} {
		if template, err := FoundTemplate(foundDeployment(t, entries...), foundManager); template != nil || err != nil {
			t.Errorf("%s: %+v, error %v", name, template, err)
		}
	}
	odd := foundDeployment(t, entry("kubectl", update, "", `{"f:spec":1}`))
	if _, err := FoundTemplate(odd, foundManager); err == nil || !strings.Contains(err.Error(), `Deployment "checkout"`) {
		t.Errorf("managers that cannot be read: error %v", err)
	}
	odd = foundDeployment(t, entry(foundManager, apply, "", ownFields))
	odd.Object["spec"] = "none"
	if _, err := FoundTemplate(odd, foundManager); err == nil {
		t.Error("a spec that is none is no error")
	}
}

// Pods lend each other tokens of a limit that they share, however it is divided, and none of limits of their own.
func TestTheDocumentSaysWhetherPodsShareTheLimit(t *testing.T) {
	parts := map[string]plan.Share{"a": {RequestsPerSecond: 7, Burst: 3}}
	for scope, shared := range map[v1alpha1.RateLimitScope]bool{"": true, v1alpha1.ScopeService: true, v1alpha1.ScopePod: false} {
		spec := v1alpha1.GoServiceSpec{RateLimit: &v1alpha1.RateLimitSpec{RequestsPerSecond: 10, Scope: scope}}
		p := plan.Plan{SharePerPod: &plan.Figure[plan.Share]{Value: plan.Share{RequestsPerSecond: 5, Burst: 2}}}
		if limit := document(&spec, p).RateLimit; limit.Shared != shared {
			t.Errorf("scope %q: %+v", scope, limit)
		}
		p.PodShares = parts
		if limit := document(&spec, p).RateLimit; shared && !limit.Shared {
			t.Errorf("scope %q, by demand: %+v", scope, limit)
		}
	}
}

// Pods with parts of their own have them in the document; the others have the one for all.
func TestTheDocumentHoldsEveryPodsPart(t *testing.T) {
	p := plan.Plan{SharePerPod: &plan.Figure[plan.Share]{Value: plan.Share{RequestsPerSecond: 5, Burst: 2}}}
	p.PodShares = map[string]plan.Share{"a": {RequestsPerSecond: 7, Burst: 3}, "b": {RequestsPerSecond: 1, Burst: 1}}
	limit := document(&v1alpha1.GoServiceSpec{}, p).RateLimit
	if limit.RequestsPerSecond != 5 || limit.Burst != 2 || len(limit.Pods) != 2 || limit.Pods["a"].RequestsPerSecond != 7 || limit.Pods["a"].Burst != 3 || limit.Pods["b"].Burst != 1 {
		t.Errorf("limit %+v", limit)
	}
	p.PodShares = nil
	if limit := document(&v1alpha1.GoServiceSpec{}, p).RateLimit; limit.Pods != nil {
		t.Errorf("limit %+v", limit)
	}
	for text, want := range map[string]float64{"": 0, "x": 0, "0.5": 0.5} {
		if got := decimal(text); got != want {
			t.Errorf("%q is %v", text, got)
		}
	}
	for level, want := range map[string]string{"none": "off", "info": "info", "": ""} {
		if got := logLevel(level); got != want {
			t.Errorf("level %q is %q", level, got)
		}
	}
	if _, _, err := olderForm([]byte("{")); err == nil {
		t.Error("a document that cannot be read has an older form")
	}
}

func TestEveryKindIsInTheTable(t *testing.T) {
	for _, kind := range Kinds() {
		if got := KindOf(kind.GroupVersionKind); got.GroupVersionKind != kind.GroupVersionKind || got.build == nil || got.Optional != kind.Optional {
			t.Errorf("%s is %+v", kind.Kind, got)
		}
	}
	if scaler := KindOf(horizontalPodAutoscalerKind); scaler.ActsOn == nil || *scaler.ActsOn != DeploymentKind {
		t.Errorf("the autoscaler acts on %v", scaler.ActsOn)
	}
	if other := KindOf(DeploymentKind.GroupVersion().WithKind("ReplicaSet")); other.build != nil || other.NamedByPods || other.Kind != "ReplicaSet" {
		t.Errorf("a kind that is not emitted is %+v", other)
	}
}

func TestAChildThatCannotBeSent(t *testing.T) {
	for name, child := range map[string]Child{
		"a configuration": {Kind: DeploymentKind, Name: "checkout", Configuration: make(chan int)},
		"a template":      {Kind: DeploymentKind, Name: "checkout", Configuration: map[string]any{}, Template: json.RawMessage(`[]`)},
		"a place":         {Kind: DeploymentKind, Name: "checkout", Configuration: map[string]any{"spec": "none"}, Template: json.RawMessage(`{}`)},
	} {
		if object, err := child.Unstructured(); err == nil {
			t.Errorf("%s is sent as %v", name, object)
		}
	}
	source := map[string]any{"a": map[string]any{"b": "c"}}
	object, err := Child{Configuration: source, Template: json.RawMessage(`{"x":"y"}`)}.Unstructured()
	if err != nil {
		t.Fatal(err)
	}
	object["a"].(map[string]any)["b"] = "d"
	if diff := cmp.Diff(map[string]any{"a": map[string]any{"b": "c"}}, source); diff != "" {
		t.Errorf("what is sent is the child's own (-want +got):\n%s", diff)
	}
	if got, _, _ := unstructured.NestedString(object, "spec", "template", "x"); got != "y" {
		t.Errorf("the template is %v", object["spec"])
	}
}
