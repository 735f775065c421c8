// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package child runs the servers that benchmarks measure as processes of their own, on a processor of their own where that is
// asked for, and reads from Linux what they cost.
package child

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 10 * time.Second
	// askEvery is how often a starting process is asked; it bounds how exactly its start is known.
	askEvery = 250 * time.Microsecond
	// ticksPerSecond is what Linux counts CPU time in, on every architecture that Go knows (USER_HZ).
	ticksPerSecond = 100
)

// Command says what to run.
type Command struct {
	Path      string
	Arguments []string
	// Environment in addition to a small one of its own; that of the caller is not passed on.
	Environment []string
	// Ready is the URL that answers 200 as soon as the process serves.
	Ready string
	// Processor that the process may use, alone; AnyProcessor for all.
	Processor int
}

// AnyProcessor leaves it to the kernel where a process runs.
const AnyProcessor = -1

// Process that runs.
type Process struct {
	// StartedIn is the time from exec to the first answer of Ready.
	StartedIn time.Duration

	command *exec.Cmd
	log     *bytes.Buffer
	ended   chan struct{} // closed
}

// Start runs the command and waits until it serves.
func Start(ctx context.Context, c Command) (*Process, error) {
	p := &Process{log: new(bytes.Buffer), ended: make(chan struct{})}
	p.command = exec.CommandContext(ctx, c.Path, c.Arguments...)
	p.command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir()}, c.Environment...)
	p.command.Stdout, p.command.Stderr = p.log, p.log
	start := time.Now()
	if err := startOn(c.Processor, p.command); err != nil {
		return nil, fmt.Errorf("starting %s: %w", c.Path, err)
	}
	go func() {
		defer close(p.ended)
		_ = p.command.Wait() // its state says the same
	}()
	if err := p.await(ctx, c.Ready); err != nil {
		p.Stop()
		return nil, fmt.Errorf("%s does not serve %s: %w\n%s", c.Path, c.Ready, err, p.log)
	}
	p.StartedIn = time.Since(start)
	return p, nil
}

func (p *Process) await(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return err
		}
		if response, err := client.Do(request); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.ended:
			return fmt.Errorf("it has ended: %s", p.command.ProcessState)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(askEvery):
		}
	}
}

// Stop ends the process gracefully, or at once where it takes too long.
func (p *Process) Stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopTimeout):
		_ = p.command.Process.Kill()
		<-p.ended
	}
}

// CPU time that the process has used, in user and in system mode.
func (p *Process) CPU() (time.Duration, error) {
	content, err := os.ReadFile(p.proc("stat"))
	if err != nil {
		return 0, err
	}
	// The second field is the program's name in parentheses, which may hold anything.
	_, after, _ := strings.Cut(string(content), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, errors.New("/proc/PID/stat is not as expected")
	}
	ticks := int64(0)
	for _, field := range fields[11:13] { // utime and stime, the 14th and 15th of all
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/PID/stat: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}

// RSS is the resident memory in bytes.
func (p *Process) RSS() (int64, error) {
	content, err := os.ReadFile(p.proc("status"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(content)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmRSS:" {
			kilobytes, err := strconv.ParseInt(fields[1], 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, errors.New("/proc/PID/status knows no VmRSS")
}

func (p *Process) proc(file string) string {
	return filepath.Join("/proc", strconv.Itoa(p.command.Process.Pid), file)
}

// FreePorts of the loopback. They are free now; nothing keeps them so.
func FreePorts(ctx context.Context, count int) ([]int, error) {
	ports := make([]int, count)
	for i := range ports {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close() // all at the end, so that no port is given twice
		ports[i] = listener.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

// BuildWorkload compiles the bundled workload as its image has it.
func BuildWorkload(ctx context.Context, root, folder string) (string, error) {
	return Build(ctx, filepath.Join(root, "workload"), ".", filepath.Join(folder, "workload"))
}

// Build compiles a package of the module in a folder as the workload's image has its program: stripped, static, without paths.
func Build(ctx context.Context, module, of, binary string) (string, error) {
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags", "grpcnotrace",
		"-ldflags", "-s -w -X main.version=bench", "-o", binary, of)
	command.Dir = module
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", of, err, output)
	}
	return binary, nil
}

// PodinfoVersion is the version of podinfo's module that benchmarks compare with. Its releases since v2 have module paths that Go does
// not resolve, but a commit's pseudo-version does: this one is of v6.9.2.
const PodinfoVersion = "v1.8.1-0.20250910200901-e86405a8674e"

// BuildPodinfo compiles podinfo. Where its module cannot be had, a benchmark can do without.
func BuildPodinfo(ctx context.Context, version, folder string) (string, error) {
	command := exec.CommandContext(ctx, "go", "install", "-trimpath", "-ldflags", "-s -w", "github.com/stefanprodan/podinfo/cmd/podinfo@"+version)
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOBIN="+folder)
	command.Dir = folder
	if output, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("podinfo %s cannot be built here, so it is left out: %w\n%s", version, err, output)
	}
	return filepath.Join(folder, "podinfo"), nil
}
