// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package check

import (
	"reflect"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// fields compares the spec and the status of a served schema with those of this plugin: lacking are unknown to the API server, which drops
// them without a word; newer are unknown to the plugin.
func fields(served *apiextensionsv1.JSONSchemaProps) (lacking, newer []string) {
	for _, part := range []string{"spec", "status"} {
		schema, known := served.Properties[part]
		if !known {
			lacking = append(lacking, part)
			continue
		}
		field, _ := reflect.TypeFor[v1alpha1.GoService]().FieldByNameFunc(func(name string) bool { return strings.EqualFold(name, part) })
		compare(field.Type, &schema, part, &lacking, &newer)
	}
	slices.Sort(lacking)
	slices.Sort(newer)
	return lacking, newer
}

// compare a type with its schema. A schema without properties, such as that of a quantity or of an overlay, holds anything.
func compare(kind reflect.Type, schema *apiextensionsv1.JSONSchemaProps, path string, lacking, newer *[]string) {
	switch kind.Kind() {
	case reflect.Pointer:
		compare(kind.Elem(), schema, path, lacking, newer)
	case reflect.Slice:
		if schema.Items != nil && schema.Items.Schema != nil {
			compare(kind.Elem(), schema.Items.Schema, path+"[]", lacking, newer)
		}
	case reflect.Map:
		if schema.AdditionalProperties != nil && schema.AdditionalProperties.Schema != nil {
			compare(kind.Elem(), schema.AdditionalProperties.Schema, path+"[]", lacking, newer)
		}
	case reflect.Struct:
		if len(schema.Properties) > 0 {
			compareStruct(kind, schema, path, lacking, newer)
		}
	default:
	}
}

func compareStruct(kind reflect.Type, schema *apiextensionsv1.JSONSchemaProps, path string, lacking, newer *[]string) {
	known := map[string]bool{}
	for name, field := range jsonFields(kind) {
		known[name] = true
		property, served := schema.Properties[name]
		if !served {
			*lacking = append(*lacking, path+"."+name)
			continue
		}
		compare(field, &property, path+"."+name, lacking, newer)
	}
	for name := range schema.Properties {
		if !known[name] {
			*newer = append(*newer, path+"."+name)
		}
	}
}

// jsonFields of a struct, with those of the structs that it embeds.
func jsonFields(kind reflect.Type) map[string]reflect.Type {
	names := map[string]reflect.Type{}
	for field := range kind.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case name == "-" || !field.IsExported():
		case name == "" && field.Anonymous:
			embedded := field.Type
			if embedded.Kind() == reflect.Pointer {
				embedded = embedded.Elem()
			}
			for name, kind := range jsonFields(embedded) {
				names[name] = kind
			}
		case name != "":
			names[name] = field.Type
		}
	}
	return names
}
