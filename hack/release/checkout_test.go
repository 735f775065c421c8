// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package release

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// tracked are the files of the checkout, as they are now: those that git knows, and new ones that it does not ignore.
func tracked(t *testing.T) []string {
	t.Helper()
	output := run(t, root, nil, "git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	var files []string
	for file := range strings.SplitSeq(strings.TrimSuffix(output, "\x00"), "\x00") {
		if info, err := os.Lstat(filepath.Join(root, file)); err == nil && info.Mode().IsRegular() {
			files = append(files, file)
		}
	}
	return files
}

// copied is a new folder with those files of the checkout that are wanted.
func copied(t *testing.T, wanted func(file string) bool) string {
	t.Helper()
	return copiedFrom(t, root, tracked(t), wanted)
}

// copiedFrom a folder are those of its files that are wanted, in a new one.
func copiedFrom(t *testing.T, source string, files []string, wanted func(file string) bool) string {
	t.Helper()
	folder := t.TempDir()
	for _, file := range files {
		if !wanted(file) {
			continue
		}
		if err := copyFile(filepath.Join(source, file), filepath.Join(folder, file)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func everything(string) bool { return true }

func copyFile(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	if _, err := io.Copy(target, source); err != nil {
		return err
	}
	return target.Close()
}

// run a command in a folder, with variables that come in addition to the environment; a failure ends the test.
func run(t *testing.T, folder string, environment []string, name string, arguments ...string) string {
	t.Helper()
	output, err := try(t.Context(), folder, environment, name, arguments...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, output)
	}
	return output
}

// try answers with what the command printed, and with its messages if it failed.
func try(ctx context.Context, folder string, environment []string, name string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, name, arguments...)
	command.Dir = folder
	command.Env = append(os.Environ(), environment...)
	var printed, messages strings.Builder
	command.Stdout, command.Stderr = &printed, &messages
	if err := command.Run(); err != nil {
		return printed.String() + messages.String(), err
	}
	return printed.String(), nil
}
