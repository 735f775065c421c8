// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package commands

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Each package that go runs, installs, or builds in the documentation is a program of the checkout, and has the flags that it is given.
func TestGoFindsTheProgramsOfItsCommands(t *testing.T) {
	calls, err := Calls(root, "go")
	if err != nil || len(calls) == 0 {
		t.Fatalf("%d calls: %v", len(calls), err)
	}
	found := 0
	for _, call := range calls {
		words := call.Commands[0]
		folder := "."
		if words[0] == "-C" && len(words) > 2 {
			folder, words = strings.TrimPrefix(strings.TrimPrefix(words[1], "goservice"), "/"), words[2:] // a clone that is called goservice
		} else if strings.HasPrefix(call.Text, "cd ") || strings.Contains(call.Text, "PROGRAM@") {
			continue // in a folder of the reader's, or any program
		} else if strings.HasPrefix(call.Page, "workload/examples/") {
			folder = path.Dir(call.Page)
		}
		if len(words) < 2 || !slices.Contains([]string{"run", "install", "build"}, words[0]) {
			continue
		}
		found++
		if err := program(folder, words); err != nil {
			t.Errorf("%s: %v", call, err)
		}
	}
	if found == 0 {
		t.Error("no programs")
	}
}

func TestAProgramThatThereIsNot(t *testing.T) {
	for command, want := range map[string]string{
		"run ./hack/migrat -f -":                            "no such file",
		"run ./api/v1alpha1":                                "no program",
		"run ./hack/migrate -indicator OpenTelemetry -f -":  "no flag -indicator",
		"run ./controllers/sim/cmd -core 1":                 "no flag -core",
		"run goservice.dev/operator/workload/news@latest x": "no such file",
		"run goservice.dev/workload/new@latest x":           "no package of this checkout",
	} {
		if err := program(".", strings.Fields(command)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("go %s: %v, want %s", command, err, want)
		}
	}
}

// program says what is wrong with a package and its flags, seen from a folder of the checkout.
func program(folder string, words []string) error {
	at := slices.IndexFunc(words, func(word string) bool { return strings.HasPrefix(word, ".") || strings.Contains(word, "@") })
	if at < 0 {
		return errors.New("no package is named")
	}
	name, _, isVersion := strings.Cut(words[at], "@")
	if isVersion {
		below, is := strings.CutPrefix(name, "goservice.dev/operator/")
		if !is {
			return fmt.Errorf("%s is no package of this checkout", name)
		}
		folder, name = ".", below
	}
	folder = filepath.Join(root, folder, name)
	if _, err := os.Stat(folder); err != nil {
		return err
	}
	source, err := sources(folder)
	if err != nil {
		return err
	}
	if !bytes.Contains(source, []byte("\nfunc main() {")) {
		return fmt.Errorf("%s is no program", name)
	}
	for _, below := range theirs.FindAllSubmatch(source, -1) { // a program may leave its flags to a package
		imported, err := sources(filepath.Join(root, string(below[1])))
		if err != nil {
			return err
		}
		source = append(source, imported...)
	}
	for _, word := range words[at+1:] {
		if flag, is := strings.CutPrefix(word, "-"); is && flag != "" && flag != "h" && !regexp.MustCompile(`(?i)(?:flags?\.|Var\().*"`+flag+`"`).Match(source) {
			return fmt.Errorf("%s has no flag %s", name, word)
		}
	}
	return nil
}

// theirs finds the packages of the checkout that a source imports.
var theirs = regexp.MustCompile(`(?m)^(?:import)?\s+(?:\w+ )?"goservice\.dev/operator/([^"]+)"$`)

// sources are the Go files of a folder, one after the other.
func sources(folder string) ([]byte, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	var source []byte
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		source = append(source, text...)
	}
	return source, nil
}
