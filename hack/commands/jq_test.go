// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package commands

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/itchyny/gojq"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
)

// Each jq program of the documentation finds the service that is in trouble, and not the one that is well.
func TestJqFindsTheServiceInTrouble(t *testing.T) {
	calls, err := Calls(root, "jq")
	if err != nil || len(calls) == 0 {
		t.Fatalf("%d calls: %v", len(calls), err)
	}
	for _, call := range calls {
		if call.Sentence {
			continue
		}
		words := call.Commands[0]
		if len(words) != 2 || words[0] != "-r" {
			t.Errorf("%s: jq has the arguments %q", call, words)
			continue
		}
		input := services(t)
		if strings.HasPrefix(call.Text, "kubectl gosvc top ") {
			input = board(t)
		}
		if found, err := filter(words[1], input); err != nil || !slices.Equal(found, []string{"shop/troubled"}) {
			t.Errorf("%s: %q, %v", call, found, err)
		}
	}
}

// filter returns the strings that a program prints.
func filter(program string, input any) (found []string, err error) {
	query, err := gojq.Parse(program)
	if err != nil {
		return nil, err
	}
	for results := query.Run(input); ; {
		result, more := results.Next()
		if !more {
			return found, nil
		}
		if err, failed := result.(error); failed {
			return nil, err
		}
		text, _ := result.(string)
		found = append(found, text)
	}
}

// services are what kubectl get gosvc -o json prints: one that is well, one that has no status yet, and one that has all that can be wrong.
func services(t *testing.T) any {
	t.Helper()
	service := func(name string, leftPermille int64, cause v1alpha1.TemplateCause, conditions ...metav1.Condition) *v1alpha1.GoService {
		return &v1alpha1.GoService{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
			Status: v1alpha1.GoServiceStatus{
				Conditions: conditions, Template: &v1alpha1.TemplateStatus{Cause: cause},
				Figures: &v1alpha1.FiguresStatus{ErrorBudgetLeftPermille: &leftPermille},
			},
		}
	}
	return generic(t, map[string]any{"items": []any{
		service("well", 900, v1alpha1.TemplateFromSpec, metav1.Condition{Type: v1alpha1.ConditionApplied, Status: metav1.ConditionTrue}),
		&v1alpha1.GoService{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "new"}},
		service("troubled", 50, v1alpha1.TemplateFromUpgrade,
			metav1.Condition{Type: v1alpha1.ConditionApplied, Status: metav1.ConditionFalse}, metav1.Condition{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue}),
	}})
}

// board is what kubectl gosvc top -o json prints, of which the plugin's tests know all fields.
func board(t *testing.T) any {
	t.Helper()
	return generic(t, map[string]any{"services": []map[string]string{
		{"namespace": "shop", "name": "well", "slo": "met"}, {"namespace": "shop", "name": "troubled", "slo": "missed"},
	}})
}

// generic is a value as jq reads it.
func generic(t *testing.T, value any) (document any) {
	t.Helper()
	text, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(text, &document)
	}
	if err != nil {
		t.Fatal(err)
	}
	return document
}
