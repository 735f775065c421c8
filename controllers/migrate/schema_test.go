// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package migrate

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"sigs.k8s.io/yaml"

	"goservice.dev/operator/api/v1alpha1"
)

// goServiceSchema is what the API server holds a GoService against.
type goServiceSchema struct {
	structural *schema.Structural
	types      validation.SchemaValidator
	rules      *cel.Validator
}

var schemaOfGoService = sync.OnceValues(func() (*goServiceSchema, error) {
	text, err := os.ReadFile(filepath.Join("..", "..", "config", "crd", "bases", "goservice.dev_goservices.yaml"))
	if err != nil {
		return nil, err
	}
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &definition); err != nil {
		return nil, err
	}
	var properties apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(definition.Spec.Versions[0].Schema.OpenAPIV3Schema, &properties, nil); err != nil {
		return nil, err
	}
	var result goServiceSchema
	if result.structural, err = schema.NewStructural(&properties); err != nil {
		return nil, err
	}
	result.rules = cel.NewValidator(result.structural, true, math.MaxInt64)
	result.types, _, err = validation.NewSchemaValidator(&properties)
	return &result, err
})

// accepted fails the test if the API server would refuse a GoService.
func accepted(t *testing.T, service *v1alpha1.GoService) {
	t.Helper()
	against, err := schemaOfGoService()
	if err != nil {
		t.Fatal(err)
	}
	content, _ := plain(service).(map[string]any)
	delete(content, "status")
	defaulting.Default(content, against.structural)
	refusals := validation.ValidateCustomResource(nil, content, against.types)
	broken, _ := against.rules.Validate(t.Context(), nil, against.structural, content, nil, math.MaxInt64)
	for _, refusal := range append(refusals, broken...) {
		t.Errorf("the API server refuses GoService %s: %v\n%s", service.Name, refusal, shown(service.Spec))
	}
}

// Kubernetes allows what the schema does not: it is written otherwise, is in the overlay, or is noted.
func TestWhatTheSchemaDoesNotAllow(t *testing.T) {
	inContainer := func(text string) string {
		return strings.Replace(cart, "{name: cart, image", "{name: cart, "+text+", image", 1)
	}
	for what, c := range map[string]struct{ manifests, want, note string }{
		"the name of a variable": {inContainer(`env: [{name: "1A", value: v}, {name: B, value: w}]`), `"env":[{"name":"B","value":"w"}]`, ""},
		"a low limit":            {inContainer(`resources: {limits: {memory: 8Mi}, requests: {memory: 4Mi}}`), `"requests":{"cpu":"250m","memory":"4Mi"}`, "resources.limits.memory: 8Mi: a memory limit"},
		"a range of addresses": {cart + strings.Replace(cartService, "spec: {", "spec: {type: LoadBalancer, loadBalancerSourceRanges: ['10.1.0.1/8', ' 2001:db8::1/32'],", 1),
			`"loadBalancerSourceRanges":["10.0.0.0/8","2001:db8::/32"]`, ""},
		"a path with a query": {cart + cartService + strings.Replace(cartMonitor, "path: /m", "path: '/m?format=prometheus'", 1), `"indicators":"Prometheus"`, "/m?format=prometheus: observability.metrics.path can't be this"},
	} {
		result := converted(t, read(t, c.manifests)).Results[0]
		if got := shown(result.Service.Spec); !strings.Contains(got, c.want) {
			t.Errorf("%s: no %s in %s", what, c.want, got)
		}
		if notes := allNotes(result); !strings.Contains(notes, c.note) || c.note == "" && strings.Contains(notes, string(Lost)) {
			t.Errorf("%s: no note with %q, or others:\n%s", what, c.note, notes)
		}
	}
}
