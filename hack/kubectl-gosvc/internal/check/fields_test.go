// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package check

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// committed is the schema of this checkout.
func committed(t *testing.T) *apiextensionsv1.JSONSchemaProps {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "config", "crd", "bases", "goservice.dev_goservices.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &definition); err != nil {
		t.Fatal(err)
	}
	return definition.Spec.Versions[0].Schema.OpenAPIV3Schema
}

func TestThePluginKnowsTheFieldsOfItsOwnCRD(t *testing.T) {
	lacking, newer := fields(committed(t))
	if len(lacking) > 0 || len(newer) > 0 {
		t.Errorf("the CRD lacks %q, and has %q beside", lacking, newer)
	}
	if item := fieldsItem(committed(t)); item.State != OK {
		t.Errorf("%+v", item)
	}
}

func TestFieldsOfAnotherVersionAreNamed(t *testing.T) {
	schema := committed(t)
	spec, status := schema.Properties["spec"], schema.Properties["status"]
	delete(status.Properties, "handOff")
	upstream := spec.Properties["upstreams"].Items.Schema
	delete(upstream.Properties, "maxInFlight")
	upstream.Properties["hedging"] = apiextensionsv1.JSONSchemaProps{Type: "boolean"}
	lacking, newer := fields(schema)
	if diff := cmp.Diff([]string{"spec.upstreams[].maxInFlight", "status.handOff"}, lacking); diff != "" {
		t.Errorf("what it lacks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"spec.upstreams[].hedging"}, newer); diff != "" {
		t.Errorf("what is new (-want +got):\n%s", diff)
	}
	if item := fieldsItem(schema); item.State != Missing || item.Do == "" {
		t.Errorf("%+v", item)
	}
}
