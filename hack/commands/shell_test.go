// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package commands

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// inAShell is the test that runs command lines of the table as they stand, in the folder in which their reader is.
const inAShell = "TestCommandsRunInAShell"

// readers of pages are elsewhere than above a clone that is called goservice, and have a service that runs, unless the page begins with starting it.
var readers = map[string]struct{ folder, service string }{
	"README.md":                          {folder: "goservice"},
	"docs/kubectl.md":                    {folder: "goservice"},
	"docs/workload.md":                   {folder: "goservice", service: "go run ./workload"},
	"workload/examples/orders/README.md": {folder: "goservice/workload/examples/orders"},
}

// Each command line for which the table names this test succeeds. What its page shows as its output is what it prints, but for durations.
func TestCommandsRunInAShell(t *testing.T) {
	blocks, err := Blocks(root)
	if err != nil {
		t.Fatal(err)
	}
	grpcurl, err := exec.CommandContext(t.Context(), filepath.Join(root, "hack/tool.sh"), "-n", "grpcurl").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Dir(string(grpcurl))+":"+os.Getenv("PATH"))
	shells := map[string]*shell{}
	for _, block := range blocks {
		lines, err := block.Lines()
		if err != nil || block.Sentence {
			continue
		}
		for _, line := range lines {
			if !strings.Contains(runs[line.Page][entryOf(line)], inAShell) {
				continue
			}
			if shells[line.Page] == nil {
				shells[line.Page] = newShell(t, line.Page)
			}
			if strings.HasSuffix(line.Text, "go run .") {
				shells[line.Page].serve(line.Text)
				continue
			}
			output := shells[line.Page].run(line.Text)
			for shown := range strings.Lines(block.Text) {
				if shown = strings.TrimSpace(shown); strings.HasPrefix(block.Text, "$ ") && !strings.HasPrefix(shown, "$ ") && !strings.Contains(timeless(output), timeless(shown)) {
					t.Errorf("%s prints %q, not %q", line, output, shown)
				}
			}
		}
	}
	for page := range readers {
		if shells[page] == nil {
			t.Errorf("%s has no command line for this test", page)
		}
	}
}

var (
	durations = regexp.MustCompile(`[0-9.]+(ns|µs|ms|s)\b`)
	unserved  = regexp.MustCompile(`(?m)^HTTP/1.1 [45]`) // which curl finds no failure
)

func timeless(output string) string { return durations.ReplaceAllString(output, "0s") }

// shell of a reader.
type shell struct {
	*testing.T
	folder    string
	variables []string
	port      int // of the service
}

func newShell(t *testing.T, page string) *shell {
	t.Helper()
	reader, known := readers[page]
	if !known {
		t.Fatalf("%s: add where its reader is", page)
	}
	above := t.TempDir()
	link(t, filepath.Join(above, "goservice"))
	s := &shell{T: t, folder: filepath.Join(above, reader.folder), port: freePort(t)}
	s.variables = append(os.Environ(), "GOBIN="+t.TempDir(), "GOSERVICE_LIVE_SETTINGS_FILE=",
		fmt.Sprintf("GOSERVICE_PORT=%d", s.port), fmt.Sprintf("GOSERVICE_ADMIN_PORT=%d", freePort(t)))
	if reader.service != "" {
		s.serve(reader.service)
	}
	return s
}

// link a checkout's files into a folder. What commands write into dist and bin stays there.
func link(t *testing.T, folder string) {
	t.Helper()
	checkout, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(checkout)
	if err == nil {
		err = os.Mkdir(folder, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if name := entry.Name(); name != "dist" && name != "bin" {
			if err := os.Symlink(filepath.Join(checkout, name), filepath.Join(folder, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// script is a line with what the reader knows and the page does not, and the port of this shell's service.
func (s *shell) script(line string) string {
	return strings.NewReplacer("WORKLOAD_IMG=…", "WORKLOAD_IMG=registry.example/workload:v1", "IMG=…", "IMG=registry.example/manager:v1",
		"localhost:8080", fmt.Sprintf("localhost:%d", s.port)).Replace(line)
}

func (s *shell) command(ctx context.Context, line string) *exec.Cmd {
	command := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", s.script(line))
	command.Dir, command.Env = s.folder, s.variables
	return command
}

func (s *shell) run(line string) string {
	s.Helper()
	output, err := s.command(s.Context(), line).CombinedOutput()
	if err != nil || len(output) == 0 && !strings.Contains(line, " install ") || unserved.Match(output) {
		s.Errorf("%s: %v, it prints %q", line, err, output)
	}
	return string(output)
}

// serve by a line until the test ends, and return once the service can be reached.
func (s *shell) serve(line string) {
	s.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(s.Context()))
	command := s.command(ctx, line)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // of which the service is, too
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGTERM) }
	log := filepath.Join(s.TempDir(), "log")
	file, err := os.Create(log)
	if err != nil {
		s.Fatal(err)
	}
	command.Stdout, command.Stderr = file, file
	if err := command.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		stop()
		_ = command.Wait() // it was told to end
		_ = file.Close()
	})
	listening, giveUp := context.WithTimeout(s.Context(), patience)
	defer giveUp()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if connection, err := net.Dial("tcp", fmt.Sprintf("localhost:%d", s.port)); err == nil {
			_ = connection.Close()
			return
		}
		select {
		case <-listening.Done():
			output, _ := os.ReadFile(log)
			s.Fatalf("%s: nobody listens on port %d: %s", line, s.port, output)
		case <-tick.C:
		}
	}
}

// freePort of loopback.
func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}
