// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Kubectl-gosvc is a kubectl plugin: kubectl gosvc explains GoServices, checks a cluster, changes limits and waits for the pods, and shows
// all services live. docs/kubectl.md explains it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"goservice.dev/operator/hack/kubectl-gosvc/internal/command"
)

// version is set when a release is linked.
var version = ""

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := command.Run(ctx, command.Environment{
		In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr, Version: version,
	}, os.Args[1:])
	stop()
	os.Exit(code)
}
