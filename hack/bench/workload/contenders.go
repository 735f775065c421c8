// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"goservice.dev/operator/hack/bench/internal/child"
	"goservice.dev/operator/workload/livesettings"
)

// contender is one server.
type contender struct {
	name   string
	binary string
	// imageBytes is what its image holds; 0 where that is not of interest.
	imageBytes int64
	command    func(port, adminPort int) child.Command
}

const (
	bareName    = "bare net/http"
	chainName   = "workload, full chain"
	podinfoName = "podinfo"
)

// contenders builds them. Without podinfo the benchmark runs all the same, and says so.
func contenders(ctx context.Context, s settings, folder string, progress io.Writer) ([]contender, error) {
	fmt.Fprintln(progress, "building the workload and the bare server")
	plain, err := child.Build(ctx, filepath.Join(s.root, "hack", "bench"), "./workload/bare/cmd", filepath.Join(folder, "bare"))
	if err != nil {
		return nil, err
	}
	binary, err := child.BuildWorkload(ctx, s.root, folder)
	if err != nil {
		return nil, err
	}
	chain, err := fullChain(binary, folder)
	if err != nil {
		return nil, err
	}
	bare := contender{name: bareName, binary: plain, command: func(port, _ int) child.Command {
		address := fmt.Sprintf("127.0.0.1:%d", port)
		return child.Command{Arguments: []string{address}, Ready: "http://" + address + "/readyz"}
	}}
	if bare.imageBytes, err = fileSize(plain); err != nil {
		return nil, err
	}
	all := []contender{bare, chain}
	if s.podinfo == "" {
		return all, nil
	}
	fmt.Fprintln(progress, "building podinfo")
	binary, err = child.BuildPodinfo(ctx, s.podinfo, folder)
	if err != nil {
		fmt.Fprintln(progress, err)
		return all, nil
	}
	size, err := fileSize(binary)
	return append(all, contender{name: podinfoName, binary: binary, imageBytes: size, command: func(port, _ int) child.Command {
		return child.Command{
			Arguments: []string{fmt.Sprintf("--port=%d", port), "--level=error", "--host=127.0.0.1"},
			Ready:     fmt.Sprintf("http://127.0.0.1:%d/readyz", port),
		}
	}}), err
}

// everythingOn is all that a request can pass, and nothing that it is stopped by.
func everythingOn() livesettings.Document {
	return livesettings.Document{
		Version:   livesettings.Version,
		RateLimit: &livesettings.RateLimit{RequestsPerSecond: livesettings.MaxRequestsPerSecond, Burst: livesettings.MaxBurst},
		Pool:      &livesettings.Pool{Workers: 256, QueueDepth: 256, QueueTimeout: livesettings.Duration(time.Second)},
		LogLevel:  "off",
		Tracing:   &livesettings.Tracing{SampleRatio: 0},
	}
}

func fullChain(binary, folder string) (contender, error) {
	document, err := json.Marshal(everythingOn())
	if err != nil {
		return contender{}, err
	}
	file := filepath.Join(folder, livesettings.FileName)
	if err := os.WriteFile(file, document, 0o600); err != nil {
		return contender{}, err
	}
	size, err := fileSize(binary)
	return contender{name: chainName, binary: binary, imageBytes: size, command: func(port, adminPort int) child.Command {
		return chainCommand(port, adminPort, file)
	}}, err
}

func chainCommand(port, adminPort int, settingsFile string) child.Command {
	return child.Command{
		Environment: []string{
			fmt.Sprintf("GOSERVICE_PORT=%d", port), fmt.Sprintf("GOSERVICE_ADMIN_PORT=%d", adminPort),
			"GOSERVICE_LIVE_SETTINGS_FILE=" + settingsFile, "GOSERVICE_REQUEST_TIMEOUT=10s", "GOSERVICE_DRAIN_TIMEOUT=2s",
			traceEndpoint,
		},
		Ready: fmt.Sprintf("http://127.0.0.1:%d/readyz", adminPort),
	}
}

// traceEndpoint sets tracing up. Nobody listens there, and nothing is sampled, so nothing is sent.
const traceEndpoint = "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"

// fileSize of a program is that of its image, which holds nothing else.
func fileSize(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
