// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/controllers/internal/observe"
)

// Whoever meets a condition or a reason must find it in the docs.
func TestEveryConditionAndReasonIsDocumented(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	content, err := os.ReadFile(filepath.Join(root, "docs", "conditions.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	for _, d := range definitions {
		if !strings.Contains(page, "`"+d.kind+"`") {
			t.Errorf("condition %s is not on the page", d.kind)
		}
	}
	reasons := reasonsIn(t, filepath.Join(root, "api", "v1alpha1", "conditions.go"))
	for kind := observe.InvalidImage; kind <= observe.Pulling; kind++ {
		reasons = append(reasons, troubleKinds[kind].reason)
	}
	for reason := range warnedTroubles {
		reasons = append(reasons, reason)
	}
	for _, reason := range reasons {
		if reason == "" || !strings.Contains(page, "`"+reason+"`") {
			t.Errorf("reason %q is not on the page", reason)
		}
	}
}

// The table of Events has a row for each that reports something good, and the row of the others names the conditions that speak when they are False.
func TestEveryEventIsDocumented(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "conditions.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (Normal|Warning) \| (.*?) \|.*$`).FindAllStringSubmatch(string(content), -1)
	documented := map[string]string{}
	for _, row := range rows {
		documented[strings.Trim(row[2], "`")] = row[0]
	}
	source, err := os.ReadFile("events.go")
	if err != nil {
		t.Fatal(err)
	}
	emitted := []string{v1alpha1.ReasonReady}
	for _, literal := range regexp.MustCompile(`\{corev1\.EventTypeNormal, "(\w+)"`).FindAllSubmatch(source, -1) {
		emitted = append(emitted, string(literal[1]))
	}
	for _, reason := range emitted {
		if documented[reason] == "" {
			t.Errorf("the table has no event %s", reason)
		}
	}
	if len(rows) != len(emitted)+1 || len(emitted) < 4 {
		t.Errorf("%d rows for the events %q and the warnings", len(rows), emitted)
	}
	for _, d := range definitions {
		if warns(&metav1.Condition{Type: d.kind, Status: metav1.ConditionFalse}) && d.kind != v1alpha1.ConditionEvictionBlocked && !strings.Contains(documented["the reason of the condition"], "`"+d.kind+"`") {
			t.Errorf("no row says that %s warns", d.kind)
		}
	}
}

// reasonsIn a file of the API: the values of all constants whose name begins with Reason.
func reasonsIn(t *testing.T, file string) (reasons []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, isValue := n.(*ast.ValueSpec)
		if !isValue || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
			return true
		}
		if literal, isLiteral := spec.Values[0].(*ast.BasicLit); isLiteral {
			reason, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			reasons = append(reasons, reason)
		}
		return true
	})
	if len(reasons) < 40 {
		t.Fatalf("%d reasons in %s, far fewer than it has", len(reasons), file)
	}
	return reasons
}
