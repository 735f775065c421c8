// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// operatorAgent starts the user agent of every request of the operator.
const operatorAgent = "goservice-operator/"

// buildOperator compiles the operator as it is compiled for its image.
func buildOperator(ctx context.Context, root, folder string) (string, error) {
	binary := filepath.Join(folder, "manager")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the operator: %w\n%s", err, output)
	}
	return binary, nil
}

// operator is the operator's running process.
type operator struct {
	command          *exec.Cmd
	log              *bytes.Buffer
	metrics, profile string
	exited           chan error
	cpuProfile       chan profileResult
}

type profileResult struct {
	content []byte
	err     error
}

func startOperator(ctx context.Context, binary string, server *server, s settings) (*operator, error) {
	memoryLimit, err := shippedMemoryLimit(s.root)
	if err != nil {
		return nil, err
	}
	addresses, err := freeAddresses(ctx, 3)
	if err != nil {
		return nil, err
	}
	arguments := []string{
		"--workload-image=goservice.dev/workload:bench",
		"--max-concurrent-reconciles=" + strconv.Itoa(s.concurrency),
		"--health-probe-bind-address=" + addresses[0],
		"--metrics-bind-address=" + addresses[1], "--metrics-secure=false",
	}
	o := &operator{log: &bytes.Buffer{}, metrics: "http://" + addresses[1] + "/metrics", exited: make(chan error, 1)}
	if s.profiles != "" {
		arguments = append(arguments, "--pprof-bind-address="+addresses[2])
		o.profile = "http://" + addresses[2] + "/debug/pprof/"
	}
	o.command = exec.CommandContext(ctx, binary, arguments...)
	o.command.Env = append(os.Environ(), "KUBECONFIG="+server.kubeconfig, memoryLimit)
	o.command.Stdout, o.command.Stderr = o.log, o.log
	// It dies with this process, and is asked to stop rather than killed.
	o.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	o.command.Cancel = func() error { return o.command.Process.Signal(syscall.SIGTERM) }
	o.command.WaitDelay = 30 * time.Second
	if err := o.command.Start(); err != nil {
		return nil, fmt.Errorf("starting the operator: %w", err)
	}
	go func() { o.exited <- o.command.Wait() }()
	if err := o.awaitReady(ctx, "http://"+addresses[0]+"/readyz"); err != nil {
		o.stop()
		return nil, o.explain(err)
	}
	return o, nil
}

// shippedMemoryLimit is the GOMEMLIMIT that config/manager gives the operator, as an environment entry.
func shippedMemoryLimit(root string) (string, error) {
	path := filepath.Join(root, "config", "manager", "manager.yaml")
	content, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	var deployment appsv1.Deployment
	if err := yaml.Unmarshal(content, &deployment); err != nil {
		return "", fmt.Errorf("reading %s: %w", path, err)
	}
	const name = "GOMEMLIMIT"
	for _, container := range deployment.Spec.Template.Spec.Containers {
		for _, variable := range container.Env {
			if variable.Name == name {
				return name + "=" + variable.Value, nil
			}
		}
	}
	return "", fmt.Errorf("%s sets no %s", path, name)
}

// freeAddresses are loopback ports that nothing listens on.
func freeAddresses(ctx context.Context, count int) ([]string, error) {
	addresses := make([]string, count)
	for i := range addresses {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer listener.Close()
		addresses[i] = listener.Addr().String()
	}
	return addresses, nil
}

func (o *operator) awaitReady(ctx context.Context, url string) error {
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(30 * time.Second)
	for {
		if _, err := fetch(ctx, url); err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-deadline:
			return fmt.Errorf("the operator is not ready after 30 s")
		case err := <-o.exited:
			o.exited <- err
			return fmt.Errorf("the operator ended: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func fetch(ctx context.Context, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", url, response.Status)
	}
	return io.ReadAll(response.Body)
}

// memory of a process in MiB: the most that it ever had resident, and what of that it has now of its own and of its files.
type memory struct{ peak, own, files float64 }

func (o *operator) memory() (memory, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", o.command.Process.Pid))
	if err != nil {
		return memory{}, err
	}
	var m memory
	fields := map[string]*float64{"VmHWM": &m.peak, "RssAnon": &m.own, "RssFile": &m.files}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		field := fields[name]
		if field == nil {
			continue
		}
		kibibytes, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
		if err != nil {
			return memory{}, fmt.Errorf("reading the operator's %s: %w", name, err)
		}
		*field = kibibytes / 1024
	}
	if m.peak == 0 {
		return memory{}, fmt.Errorf("the operator's process status has no VmHWM")
	}
	return m, nil
}

// counters are the operator's own metrics of work done, by series.
type counters map[string]float64

func (o *operator) counters(ctx context.Context) (counters, error) {
	body, err := fetch(ctx, o.metrics)
	if err != nil {
		return nil, fmt.Errorf("reading the operator's metrics: %w", err)
	}
	found := counters{}
	lines := bufio.NewScanner(bytes.NewReader(body))
	for lines.Scan() {
		series, value, _ := strings.Cut(lines.Text(), "} ")
		if !strings.HasPrefix(series, "controller_runtime_reconcile_total{") && !strings.HasPrefix(series, "goservice_operator_applies_total{") {
			continue
		}
		if found[series+"}"], err = strconv.ParseFloat(value, 64); err != nil {
			return nil, fmt.Errorf("reading the operator's metrics: %w", err)
		}
	}
	return found, lines.Err()
}

// startProfile profiles the CPU until finish.
func (o *operator) startProfile(ctx context.Context, length time.Duration) {
	if o.profile == "" {
		return
	}
	o.cpuProfile = make(chan profileResult, 1)
	go func() {
		content, err := fetch(ctx, o.profile+"profile?seconds="+strconv.Itoa(int(length.Seconds())))
		o.cpuProfile <- profileResult{content, err}
	}()
}

// finish saves profiles where they are wanted and stops the operator.
func (o *operator) finish(ctx context.Context, folder string) error {
	defer o.stop()
	if folder == "" {
		return nil
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	cpu := <-o.cpuProfile
	if cpu.err != nil {
		return fmt.Errorf("profiling the operator: %w", cpu.err)
	}
	if err := os.WriteFile(filepath.Join(folder, "cpu.pprof"), cpu.content, 0o600); err != nil {
		return err
	}
	for _, name := range []string{"heap", "allocs", "goroutine"} {
		content, err := fetch(ctx, o.profile+name+"?gc=1")
		if err != nil {
			return fmt.Errorf("profiling the operator: %w", err)
		}
		if err := os.WriteFile(filepath.Join(folder, name+".pprof"), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// stop ends the process and waits for its end; calling it again does nothing.
func (o *operator) stop() {
	if err := o.command.Process.Signal(syscall.SIGTERM); err != nil {
		return
	}
	o.exited <- <-o.exited
}

// explain adds to an error what the operator complained of last.
func (o *operator) explain(err error) error {
	o.stop()
	var complaints []string
	for line := range strings.Lines(o.log.String()) {
		if text, _, _ := strings.Cut(line, `,"stacktrace"`); !strings.Contains(text, `"level":"info"`) && !strings.Contains(text, "context canceled") {
			complaints = append(complaints, strings.TrimSpace(text))
		}
	}
	return fmt.Errorf("%w; the operator's last complaints:\n%s", err, strings.Join(complaints[max(0, len(complaints)-5):], "\n"))
}
