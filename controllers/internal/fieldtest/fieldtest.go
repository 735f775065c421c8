// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package fieldtest helps tests that look at every field of a type.
package fieldtest

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Filler says what fields are set to.
type Filler struct {
	// Text and Number of plain fields.
	Text   string
	Number int32
	// Special are whole values of types that have a form of their own.
	Special map[reflect.Type]any
}

// Fill sets every field below a value to something that is not its zero value.
func (f Filler) Fill(t *testing.T, value reflect.Value) {
	t.Helper()
	if special, is := f.Special[value.Type()]; is {
		value.Set(reflect.ValueOf(special))
		return
	}
	switch value.Type() {
	case reflect.TypeFor[resource.Quantity]():
		value.Set(reflect.ValueOf(*resource.NewQuantity(int64(f.Number), resource.DecimalSI)))
		return
	case reflect.TypeFor[intstr.IntOrString]():
		value.Set(reflect.ValueOf(intstr.FromInt32(f.Number)))
		return
	}
	switch value.Kind() {
	case reflect.Pointer:
		value.Set(reflect.New(value.Type().Elem()))
		f.Fill(t, value.Elem())
	case reflect.Struct:
		for i := range value.NumField() {
			f.Fill(t, value.Field(i))
		}
	case reflect.Slice:
		value.Set(reflect.MakeSlice(value.Type(), 1, 1))
		f.Fill(t, value.Index(0))
	case reflect.Map:
		element := reflect.New(value.Type().Elem()).Elem()
		f.Fill(t, element)
		value.Set(reflect.MakeMap(value.Type()))
		value.SetMapIndex(reflect.ValueOf("key").Convert(value.Type().Key()), element)
	case reflect.String:
		value.SetString(f.Text)
	case reflect.Bool:
		value.SetBool(true)
	case reflect.Int32, reflect.Int64:
		value.SetInt(int64(f.Number))
	default:
		t.Fatalf("no value for a %s", value.Type())
	}
}

// SameInDocs holds what was generated against a page of docs/, or writes it there. The page names the folder of the test, which is
// below a root of the module, in a comment before the place.
func SameInDocs(t *testing.T, root, page, folder, generated string, write bool) {
	t.Helper()
	command := "go test ./" + folder + " -update"
	begin, end := "<!-- every field: written by "+command+" -->\n\n", "<!-- end -->"
	file := filepath.Join(root, "docs", page)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	old, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for what is generated", file)
	}
	if write {
		if err := os.WriteFile(file, []byte(before+begin+generated+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(slices.Collect(strings.Lines(old)), slices.Collect(strings.Lines(generated))); diff != "" {
		t.Errorf("docs/%s (-says +is); if it should: %s\n%s", page, command, diff)
	}
}
