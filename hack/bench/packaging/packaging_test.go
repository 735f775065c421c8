// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestTheResultIsTheLastLine(t *testing.T) {
	s := &settings{plugin: "bin/kubectl-gosvc", starts: 20, artefacts: 7, reproducible: true, what: "7 files", console: "RESULT console kb=107 paint_ms=252 services=1000"}
	var out bytes.Buffer
	err := write(&out, s, starts{40 * time.Millisecond, time.Second}, starts{60 * time.Millisecond, time.Second}, 34_500_000, []installed{
		{"v4.3.1", 12 * time.Second, "2 of 2", 5 * time.Second}, {"v3.22.0", 13500 * time.Millisecond, "2 of 2", 6 * time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = "\nRESULT package reproducible=true artefacts=7 helm_ready_s=13.5 plugin_start_ms=40 plugin_mb=34.5 console_kb=107 console_paint_ms=252\n"
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("the output is\n%s", out.String())
	}
}

func TestFlagsThatAreMissingOrWrongAreNamed(t *testing.T) {
	_, err := parse([]string{"-plugin=p", "-kubectl=k", "-helm=h", "-chart=c", "-sample=s", "-what=w", "-starts=3", "-console=kb=1"})
	for _, want := range []string{"-tag is needed", "-starts is 3, and must be 20 at least", `-console "kb=1": must be as RESULT console`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

func TestAProgramThatFailsIsNamedWithWhatItSays(t *testing.T) {
	_, _, err := compareStarts(t.Context(), 20, []string{"go", "version"}, []string{"go", "no-such-command"})
	if err == nil || !strings.Contains(err.Error(), "go no-such-command: exit status 2: go no-such-command: unknown command") {
		t.Errorf("the error is %v", err)
	}
}
