// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// outcome says what became of a change.
type outcome string

const (
	noticed outcome = "noticed"
	// timedOut counts as noticed: the tests did not come to an end in ten times the time that they take.
	timedOut outcome = "timed-out"
	survived outcome = "survived"
	// broken does not compile and does not count.
	broken outcome = "broken"
)

const (
	// slowness is how many times as long as unchanged the tests may take, besides a pause that a busy machine may make.
	slowness = 10
	// memoryKiB bounds what tests may take whose loop appends for ever.
	memoryKiB = 6 << 20
)

// bed tries changes of one package.
type bed struct {
	root, pkg string
	// tests are the packages whose tests are asked, in this order.
	tests []string
	// took is how long each package's tests take unchanged, and pause what they may take besides.
	took  []time.Duration
	pause time.Duration
}

// check makes sure that the tests pass where nothing changes, and that they are asked at all. It learns how long they take.
func (b *bed) check(ctx context.Context, file string) error {
	source, err := os.ReadFile(filepath.Join(b.root, file))
	if err != nil {
		return err
	}
	b.took = make([]time.Duration, len(b.tests))
	result, output, err := b.try(ctx, file, append(bytes.Clone(source), "\n// A change that changes nothing.\n"...))
	if err != nil {
		return err
	}
	if result != survived {
		return fmt.Errorf("a change that changes nothing in %s is %s:\n%s", b.pkg, result, output)
	}
	result, _, err = b.try(ctx, file, append(bytes.Clone(source), "\nfunc init() { panic(\"nothing works\") }\n"...))
	if err == nil && result != noticed {
		err = fmt.Errorf("%s panics before any test, and that %s", b.pkg, result)
	}
	return err
}

// try runs the tests with another content of one file, and returns what the compiler or the tests said.
func (b *bed) try(ctx context.Context, file string, content []byte) (outcome, []byte, error) {
	dir, err := os.MkdirTemp("", "mutate-")
	if err != nil {
		return "", nil, err
	}
	defer os.RemoveAll(dir)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(b.root, file): filepath.Join(dir, "changed.go")}})
	if err != nil {
		return "", nil, err
	}
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "changed.go"), content, 0o600), os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600)); err != nil {
		return "", nil, err
	}
	for i := range b.tests {
		result, output, err := b.ask(ctx, i, dir)
		if err != nil || result != survived {
			return result, output, err
		}
	}
	return survived, nil, nil
}

// ask compiles the tests of one package with the overlay in dir, and runs them.
func (b *bed) ask(ctx context.Context, i int, dir string) (outcome, []byte, error) {
	program := filepath.Join(dir, "program.test")
	compile := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", filepath.Join(dir, "overlay.json"), "-o", program, "./"+b.tests[i])
	compile.Dir = b.root
	if output, err := compile.CombinedOutput(); err != nil {
		return broken, output, ctx.Err()
	}
	if _, err := os.Stat(program); err != nil {
		return "", nil, fmt.Errorf("%s has no tests", b.tests[i])
	}
	bound := time.Hour // unchanged, for the first time
	if b.took[i] > 0 {
		bound = slowness*b.took[i] + b.pause
	}
	started := time.Now()
	result, output, err := run(ctx, bound, filepath.Join(b.root, b.tests[i]), dir, program)
	if b.took[i] == 0 {
		b.took[i] = time.Since(started)
	}
	return result, output, err
}

// run runs a test program where `go test` would, with its temporary files in temp.
func run(ctx context.Context, bound time.Duration, dir, temp, program string) (outcome, []byte, error) {
	limited, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	tests := exec.CommandContext(limited, "sh", "-c", `ulimit -v "$0" && exec "$@"`, strconv.Itoa(memoryKiB), program, "-test.failfast", "-test.timeout=0")
	tests.Dir = dir
	tests.Env = append(os.Environ(), "TMPDIR="+temp)
	// A process group of its own, so that what the tests started ends with them.
	tests.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	tests.Cancel = func() error { return syscall.Kill(-tests.Process.Pid, syscall.SIGKILL) }
	tests.WaitDelay = time.Second
	output, err := tests.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", nil, ctx.Err()
	case limited.Err() != nil:
		return timedOut, output, nil
	case err == nil:
		return survived, output, nil
	case errors.As(err, &exit):
		return noticed, output, nil
	}
	return "", output, err
}
