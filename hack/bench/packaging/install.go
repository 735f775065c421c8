// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	release   = "goservice-operator"
	namespace = "goservice-system"
	// operators is the Deployment of the chart.
	operators = "deployment/goservice-controller-manager"
	timeout   = "5m"
	// readyOf prints how many of how many operators are ready.
	readyOf = "jsonpath={.status.readyReplicas} of {.spec.replicas}"
)

// installation is what Helm installs, and where.
type installation struct{ kubectl, chart, tag, sample string }

// installed is how an installation went.
type installed struct {
	version string
	// returned is how long helm install --wait took.
	returned time.Duration
	// ready operators at that moment, as "2 of 2".
	ready string
	// service is how long a GoService took that was applied right after, from kubectl apply until it was Ready.
	service time.Duration
}

// try installs the chart by a program of Helm, checks what its return promises, and removes everything again.
func (i *installation) try(ctx context.Context, helm string) (found installed, err error) {
	version, err := output(ctx, helm, "version", "--short")
	if err != nil {
		return found, err
	}
	found.version, _, _ = strings.Cut(version, "+")
	defer func() { err = errors.Join(err, i.remove(context.WithoutCancel(ctx), helm)) }()
	began := time.Now()
	if _, err := output(ctx, helm, "install", release, i.chart, "--namespace", namespace, "--create-namespace", "--wait", "--timeout", timeout,
		"--set", "image.tag="+i.tag); err != nil {
		return found, err
	}
	found.returned = time.Since(began)
	if found.ready, err = output(ctx, i.kubectl, "--namespace", namespace, "get", operators, "--output", readyOf); err != nil {
		return found, err
	}
	if ready, wanted, ok := strings.Cut(found.ready, " of "); !ok || ready != wanted {
		return found, fmt.Errorf("%s install --wait has returned, and %s operators are ready", filepath.Base(helm), found.ready)
	}
	began = time.Now()
	if _, err := output(ctx, i.kubectl, "apply", "--filename", i.sample); err != nil {
		return found, err
	}
	_, err = output(ctx, i.kubectl, "wait", "--for=condition=Ready", "--timeout", timeout, "--filename", i.sample)
	found.service = time.Since(began)
	return found, err
}

// remove the service first, while there is an operator, and what the chart keeps last.
func (i *installation) remove(ctx context.Context, helm string) error {
	var problems []error
	for _, command := range [][]string{
		{i.kubectl, "delete", "--ignore-not-found", "--cascade=foreground", "--timeout", timeout, "--filename", i.sample},
		{helm, "uninstall", release, "--namespace", namespace, "--wait", "--timeout", timeout},
		{i.kubectl, "delete", "--ignore-not-found", "--timeout", timeout, "namespace/" + namespace, "customresourcedefinition/goservices.goservice.dev"},
	} {
		_, err := output(ctx, command[0], command[1:]...)
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// output of a program, without the space around it.
func output(ctx context.Context, program string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, program, arguments...)
	text, err := command.Output()
	if failed, isExit := errors.AsType[*exec.ExitError](err); isExit {
		return "", fmt.Errorf("%s %s: %w: %s", filepath.Base(program), strings.Join(arguments, " "), err, failed.Stderr)
	}
	return strings.TrimSpace(string(text)), err
}
