// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// runMain makes the test binary the program itself.
const runMain = "GOSERVICE_TEST_RUN_MAIN"

func init() {
	if os.Getenv(runMain) != "" {
		main()
		os.Exit(0)
	}
}

func program(t *testing.T, environment ...string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append([]string{runMain + "=1", "GOSERVICE_PORT=0", "GOSERVICE_ADMIN_PORT=0", "GOSERVICE_LIVE_SETTINGS_FILE="}, environment...)
	return command
}

func TestABadConfigurationEndsWithCode2(t *testing.T) {
	command := program(t, "GOSERVICE_REQUEST_TIMEOUT=soon", "GOSERVICE_DRAIN_TIMEOUT=0s")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	var failed *exec.ExitError
	if err := command.Run(); !errors.As(err, &failed) || failed.ExitCode() != 2 {
		t.Errorf("%v, want exit code 2", err)
	}
	for _, want := range []string{"2 settings cannot be used", "GOSERVICE_REQUEST_TIMEOUT", "GOSERVICE_DRAIN_TIMEOUT"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("%s\nnames no %s", &stderr, want)
		}
	}
}

func TestSIGTERMEndsWithCode0(t *testing.T) {
	command := program(t)
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		var line struct{ Message, Address string }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		if line.Message != "ready" {
			continue
		}
		transport := &http.Transport{}
		response, err := (&http.Client{Transport: transport}).Get("http://127.0.0.1:" + line.Address[strings.LastIndex(line.Address, ":")+1:])
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		transport.CloseIdleConnections()
		if err := command.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	if err := command.Wait(); err != nil {
		t.Errorf("%v, want exit code 0", err)
	}
}
