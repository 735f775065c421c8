// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes of Main.
const (
	exitFailed        = 1
	exitConfiguration = 2
)

// Main is a whole main function: it makes the service, lets setUp register routes and hooks, serves until SIGTERM or an
// interrupt, and ends the process. The exit code is 0 when the service drained and lost nothing, 2 when its configuration
// cannot be used, and 1 when something else went wrong; the reason is written to standard error. What setUp opens is closed by
// an OnStop hook, which also runs if a later part of setUp fails. A second signal ends the process at once.
func Main(setUp func(*Service) error, options ...Option) {
	os.Exit(run(setUp, options, os.Stderr))
}

func run(setUp func(*Service) error, options []Option, errs io.Writer) int {
	svc := New(options...)
	if err := setUp(svc); err != nil {
		svc.fail(err) // unless something was wrong before, which may be why
	}
	err := svc.Run()
	if err != nil {
		fmt.Fprintf(errs, "%s: %v\n", svc.config.Name, err)
	}
	return ExitCode(err)
}

// Run serves until SIGTERM or an interrupt and returns when the service has drained, with what Serve returns. A second signal
// ends the process at once. It leaves the exit code to its caller: os.Exit(service.ExitCode(err)).
func (s *Service) Run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	context.AfterFunc(ctx, stop)
	return s.Serve(ctx)
}

// ExitCode of a process whose service ended with the error: 0 for none, 2 for a *ConfigError, and 1 for all others.
func ExitCode(err error) int {
	if err == nil {
		return 0
	}
	if bad := (*ConfigError)(nil); errors.As(err, &bad) {
		return exitConfiguration
	}
	return exitFailed
}
