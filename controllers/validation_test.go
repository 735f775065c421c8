// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
)

// definitionOfGoService is what is installed.
func definitionOfGoService(t *testing.T) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "config", "crd", "bases", "goservice.dev_goservices.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &definition); err != nil {
		t.Fatal(err)
	}
	return &definition
}

// schemaOfGoService is the schema that the API server enforces.
func schemaOfGoService(t *testing.T) apiextensionsv1.JSONSchemaProps {
	t.Helper()
	return *definitionOfGoService(t).Spec.Versions[0].Schema.OpenAPIV3Schema
}

// visitSchema calls visit for a node and everything below it, with paths such as spec.upstreams[].name.
func visitSchema(path string, node *apiextensionsv1.JSONSchemaProps, visit func(path string, node *apiextensionsv1.JSONSchemaProps)) {
	visit(path, node)
	for _, name := range slices.Sorted(maps.Keys(node.Properties)) {
		property := node.Properties[name]
		visitSchema(strings.TrimPrefix(path+"."+name, "."), &property, visit)
	}
	if node.Items != nil && node.Items.Schema != nil {
		visitSchema(path+"[]", node.Items.Schema, visit)
	}
	if node.AdditionalProperties != nil && node.AdditionalProperties.Schema != nil {
		visitSchema(path+".*", node.AdditionalProperties.Schema, visit)
	}
}

// admit is the API server's answer to a GoService, which is not stored.
func admit(t *testing.T, namespace, name string, spec map[string]any) error {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	object.SetGroupVersionKind(v1alpha1.GoServiceKind)
	object.SetNamespace(namespace)
	object.SetName(name)
	return api.Create(t.Context(), object, client.DryRunAll)
}

// nameCases holds the same for the rules on metadata.name.
var nameCases = cases{
	"metadata.name must be at most 63 characters": {
		[]string{strings.Repeat("a", 63)},
		[]string{strings.Repeat("a", 64), strings.Repeat("a", 253)},
	},
	"metadata.name must start with a letter": {
		[]string{"a", "checkout-2"},
		[]string{"2-checkout", "checkout.shop"},
	},
}

func TestEveryRuleAdmitsAndRefuses(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	schema := schemaOfGoService(t)
	ruleCases := maps.Clone(specCases)
	maps.Copy(ruleCases, podCases)
	maps.Copy(ruleCases, exposeCases)
	unused := map[string]bool{}
	var transitions []string
	for prefix := range ruleCases {
		unused[prefix] = true
	}
	for prefix := range nameCases {
		unused[prefix] = true
	}
	visitSchema("", &schema, func(path string, node *apiextensionsv1.JSONSchemaProps) {
		for _, rule := range node.XValidations {
			if strings.Contains(rule.Rule, "oldSelf") {
				transitions = append(transitions, rule.Message)
				continue
			}
			// Before the message of a rule on a type that several fields share stand its path and value.
			field := strings.TrimPrefix(path, "spec.")
			if path != "" && path != "spec" && !strings.HasPrefix(rule.Message, field) && !strings.HasPrefix(rule.Message, "must ") {
				t.Errorf("the message of a rule on %s begins neither with %q nor with \"must\": %s", path, field, rule.Message)
			}
			covered := false
			for prefix, cases := range ruleCases {
				if strings.HasPrefix(rule.Message, prefix) {
					covered = true
					if !unused[prefix] {
						continue // a shared type's, seen before
					}
					delete(unused, prefix)
					t.Run(prefix, func(t *testing.T) { checkRule(t, namespace, rule.Message, cases.admitted, cases.refused) })
				}
			}
			for prefix, cases := range nameCases {
				if strings.HasPrefix(rule.Message, prefix) {
					covered = true
					delete(unused, prefix)
					t.Run(prefix, func(t *testing.T) { checkNames(t, namespace, rule.Message, cases.admitted, cases.refused) })
				}
			}
			if !covered {
				t.Errorf("no case covers the rule on %s: %s", path, rule.Message)
			}
		}
	})
	if diff := cmp.Diff([]string{selectorMessage, "service." + classMessage}, transitions); diff != "" {
		t.Errorf("rules on changes, each of which needs a test of its own (-tested +found):\n%s", diff)
	}
	if len(unused) > 0 {
		t.Errorf("no rule has these messages any more: %q", slices.Sorted(maps.Keys(unused)))
	}
}

const classMessage = "loadBalancerClass must not change while the type is LoadBalancer: Kubernetes does not allow it; set another type first"

func TestTheClassOfALoadBalancerStays(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	for _, step := range []struct {
		spec    string
		refused bool
	}{
		{`service: {type: LoadBalancer, loadBalancerClass: example.com/a}`, false},
		{`service: {type: LoadBalancer, loadBalancerClass: example.com/b}`, true},
		{`service: {type: LoadBalancer}`, true},
		{`service: {type: LoadBalancer, loadBalancerClass: example.com/a, externalTrafficPolicy: Local}`, false},
		{`service: {type: ClusterIP}`, false},
		{`service: {type: LoadBalancer, loadBalancerClass: example.com/b}`, false},
		{`replicas: 1`, false},
		{`service: {type: LoadBalancer}`, false},
	} {
		err := applySpec(t.Context(), namespace, parse(t, step.spec))
		switch {
		case step.refused:
			expectRefusal(t, step.spec, err, classMessage)
		case err != nil:
			t.Errorf("%s: %v", step.spec, err)
		}
	}
}

const selectorMessage = "pod.selector must not change once the Deployment exists: Kubernetes does not allow it"

func TestTheSelectorStaysOnceTheDeploymentExists(t *testing.T) {
	t.Parallel()
	const own, other, none = `pod: {selector: {app: a}}`, `pod: {selector: {app: b}}`, `replicas: 1`
	for name, steps := range map[string][]string{"with one": {none, other, own}, "without one": {own, none}} {
		namespace := newNamespace(t)
		var service *v1alpha1.GoService
		for _, spec := range steps {
			service = applyService(t, namespace, spec)
		}
		service.Status.Template = &v1alpha1.TemplateStatus{Cause: v1alpha1.TemplateFromSpec}
		if err := api.Status().Update(t.Context(), service); err != nil {
			t.Fatal(err)
		}
		last := steps[len(steps)-1]
		for _, spec := range []string{own, other, none, `pod: {selector: {app: a, b: c}}`} {
			if spec != last {
				expectRefusal(t, name+": "+spec, applySpec(t.Context(), namespace, parse(t, spec)), selectorMessage)
			}
		}
		if err := applySpec(t.Context(), namespace, parse(t, strings.Replace(last, "selector:", "labels: {team: a}, selector:", 1))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func checkRule(t *testing.T, namespace, message string, admitted, refused []string) {
	t.Helper()
	for _, spec := range admitted {
		if err := admit(t, namespace, serviceName, parse(t, spec)); err != nil {
			t.Errorf("%s: %v", spec, err)
		}
	}
	for _, spec := range refused {
		expectRefusal(t, spec, admit(t, namespace, serviceName, parse(t, spec)), message)
	}
}

func checkNames(t *testing.T, namespace, message string, admitted, refused []string) {
	t.Helper()
	for _, name := range admitted {
		if err := admit(t, namespace, name, map[string]any{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range refused {
		expectRefusal(t, name, admit(t, namespace, name, map[string]any{}), message)
	}
}

func expectRefusal(t *testing.T, what string, err error, message string) {
	t.Helper()
	if err == nil {
		t.Errorf("%.200s is admitted, want: %s", what, message)
	} else if !strings.Contains(err.Error(), message) {
		t.Errorf("%.200s is refused by %.2000v, want: %s", what, err, message)
	}
}

// Whoever applies a spec with fields of theirs may take all of them back: the API server then makes an empty object null, which
// stands for the default.
func TestASpecMayBecomeEmpty(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	var empty, emptied v1alpha1.GoService
	for _, step := range []struct {
		spec map[string]any
		into *v1alpha1.GoService
	}{
		{map[string]any{}, &empty},
		{map[string]any{"port": int64(904), "replicas": int64(3)}, nil}, // all that has a default
		{map[string]any{}, &emptied},
	} {
		if err := applySpec(t.Context(), namespace, step.spec); err != nil {
			t.Fatalf("%v: %v", step.spec, err)
		}
		if step.into != nil {
			get(t, namespace, serviceName, step.into)
		}
	}
	if diff := cmp.Diff(empty.Spec, emptied.Spec); diff != "" {
		t.Errorf("spec (-empty from the start +emptied):\n%s", diff)
	}
}
