// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package bare

import (
	"encoding/json"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"goservice.dev/operator/workload/app"
)

// The program holds what net/http needs, the package of the handler's own types with what that imports for the demo's other answers, and
// nothing of the benchmark or of what it is compared with.
func TestBareIsBare(t *testing.T) {
	output, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", "./cmd").Output()
	if err != nil {
		t.Fatal(err)
	}
	const module = "goservice.dev/operator/"
	own := []string{module + "workload/app", module + "workload/fanout", module + "workload/panics", module + "hack/bench/workload/bare", module + "hack/bench/workload/bare/cmd"}
	foreign := slices.DeleteFunc(strings.Fields(string(output)), func(path string) bool {
		return slices.Contains(own, path) || strings.HasPrefix(path, "vendor/")
	})
	if len(foreign) > 0 {
		t.Errorf("the bare server is made of %v too", foreign)
	}
}

func TestAnswersAsTheWorkload(t *testing.T) {
	recorder := httptest.NewRecorder()
	Handler().ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	var answer app.Identity
	if err := json.Unmarshal(recorder.Body.Bytes(), &answer); err != nil || answer.Name != "goservice" || len(answer.Revision) != 12 {
		t.Errorf("%s, %v", recorder.Body, err)
	}
}
