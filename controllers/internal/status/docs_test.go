// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package status

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"goservice.dev/operator/controllers/internal/observe"
)

// Whoever meets a condition or a reason must find it in the docs.
func TestEveryConditionAndTroubleIsDocumented(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "conditions.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := string(content)
	for _, d := range definitions {
		if !strings.Contains(page, "`"+d.kind+"`") {
			t.Errorf("condition %s is not on the page", d.kind)
		}
	}
	for reason := range warnedTroubles {
		if !strings.Contains(page, "`"+reason+"`") {
			t.Errorf("reason %s is not on the page", reason)
		}
	}
	for kind := observe.InvalidImage; kind <= observe.Pulling; kind++ {
		if reason := troubleKinds[kind].reason; reason == "" || !strings.Contains(page, "`"+reason+"`") {
			t.Errorf("reason %q of trouble %d is not on the page", reason, kind)
		}
	}
}
