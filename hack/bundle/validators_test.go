// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

//go:build olm

package main

import (
	"testing"

	"github.com/operator-framework/api/pkg/manifests"
	"github.com/operator-framework/api/pkg/validation"
	interfaces "github.com/operator-framework/api/pkg/validation/interfaces"
)

// Operator Framework's own validators, those for OperatorHub among them, have nothing to object to.
func TestOperatorFrameworkAcceptsTheBundle(t *testing.T) {
	folder, _ := made(t)
	bundle, err := manifests.GetBundleFromDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	if bundle.CSV == nil || len(bundle.V1CRDs) != 1 || len(bundle.Objects) < 6 {
		t.Errorf("the bundle has %d objects", len(bundle.Objects))
	}
	objects := bundle.ObjectsToValidate()
	for _, o := range bundle.Objects {
		objects = append(objects, o)
	}
	validators := interfaces.Validators{
		validation.BundleValidator, validation.ClusterServiceVersionValidator, validation.CustomResourceDefinitionValidator,
		validation.OperatorHubV2Validator, validation.StandardCapabilitiesValidator, validation.StandardCategoriesValidator,
		validation.GoodPracticesValidator, validation.ObjectValidator,
	}
	for _, result := range validators.Validate(objects...) {
		for _, e := range result.Errors {
			t.Errorf("%s: %v", result.Name, e)
		}
		for _, w := range result.Warnings {
			t.Logf("warning: %s: %v", result.Name, w)
		}
	}
}
