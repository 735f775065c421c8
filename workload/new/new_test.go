// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func command(t *testing.T, folder, name string, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), "GOFLAGS=-buildvcs=false", "GOWORK=off", "TARGETOS=linux", "TARGETARCH=amd64", "VERSION=v9.9.9")
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, output)
	}
	return string(output)
}

// What the program makes can be formatted, vetted, tested, and built as its Dockerfile does it.
func TestAMadeServiceBuildsAndItsTestsPass(t *testing.T) {
	toolkit, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	var output bytes.Buffer
	if err := run([]string{"-module", "shop.example/checkout", "-toolkit", toolkit, "checkout"}, "(devel)", &output, io.Discard); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(output.String(), "cd checkout && go mod tidy") {
		t.Errorf("what comes next is not said: %s", &output)
	}
	command(t, "checkout", "go", "mod", "tidy")
	if unformatted := command(t, "checkout", "gofmt", "-l", "."); unformatted != "" {
		t.Errorf("not formatted: %s", unformatted)
	}
	command(t, "checkout", "go", "vet", "./...")
	command(t, "checkout", "go", "test", "./...")

	dockerfile, err := os.ReadFile(filepath.Join("checkout", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	build := regexp.MustCompile(`CGO_ENABLED(?:.*\\\n)*.*`).Find(dockerfile)
	command(t, "checkout", "sh", "-euc", strings.ReplaceAll(string(build), "/out/", "./out/"))
	program, err := os.ReadFile(filepath.Join("checkout", "out", "checkout"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(program, []byte("v9.9.9")) {
		t.Error("the program does not know its version")
	}
}

// A program that was run by version makes a service that requires that version.
func TestAMadeServiceRequiresTheVersionThatMadeIt(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := run([]string{"checkout"}, "v0.3.0", io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join("checkout", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if text := string(content); !strings.HasPrefix(text, "module checkout\n") ||
		!strings.Contains(text, "goservice.dev/operator/workload v0.3.0\n") || strings.Contains(text, "replace") {
		t.Errorf("go.mod is\n%s", text)
	}
	for _, name := range []string{".dockerignore", "Dockerfile", "README.md", "goservice.yaml", "greeter.go", "main.go", "main_test.go"} {
		content, err := os.ReadFile(filepath.Join("checkout", name))
		if err != nil {
			t.Error(err)
		}
		if bytes.Contains(content, []byte("<no value>")) {
			t.Errorf("%s has a gap", name)
		}
	}
}

func TestWhatCannotBeMadeIsSaid(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll(filepath.Join("taken", "already"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		arguments []string
		version   string
		says      string
	}{
		"no name":               {nil, "v0.3.0", "0 names"},
		"two names":             {[]string{"a", "b"}, "v0.3.0", "2 names"},
		"a name with capitals":  {[]string{"Checkout"}, "v0.3.0", `"Checkout" must start with a letter`},
		"a long name":           {[]string{strings.Repeat("x", 64)}, "v0.3.0", "at most 63"},
		"a path":                {[]string{"../checkout"}, "v0.3.0", "must start with a letter"},
		"a module with a space": {[]string{"-module", "a b", "checkout"}, "v0.3.0", `-module "a b"`},
		"an unknown flag":       {[]string{"-modul", "a", "checkout"}, "v0.3.0", "-modul"},
		"a checkout's program":  {[]string{"checkout"}, "(devel)", "-toolkit"},
		"changed files":         {[]string{"checkout"}, "v0.3.1-0.20260101000000-abcdefabcdef+dirty", "-toolkit"},
		"no toolkit there":      {[]string{"-toolkit", "nowhere", "checkout"}, "(devel)", `-toolkit "nowhere"`},
		"a folder with files":   {[]string{"taken"}, "v0.3.0", "not empty"},
	} {
		t.Run(name, func(t *testing.T) {
			err := run(c.arguments, c.version, io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want an error that says %q", err, c.says)
			}
		})
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 1 {
		t.Errorf("something was made all the same: %v %v", entries, err)
	}
}
