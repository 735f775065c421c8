// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command new makes a service on the toolkit: a Go module with handlers, tests, a Dockerfile, a GoService manifest, and a README.
//
//	go run goservice.dev/operator/workload/new@latest [-module PATH] NAME
//
// NAME becomes the name of the folder, of the program, and of the GoService.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
)

func main() {
	err := run(os.Args[1:], toolkitVersion(), os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run with the arguments of a command line, for a toolkit of a version.
func run(arguments []string, version string, output, messages io.Writer) error {
	wanted := project{Version: version}
	flags := flag.NewFlagSet("new", flag.ContinueOnError)
	flags.SetOutput(messages)
	flags.Usage = func() {
		fmt.Fprintln(messages, "usage: new [-module PATH] [-toolkit FOLDER] NAME")
		flags.PrintDefaults()
	}
	flags.StringVar(&wanted.Module, "module", "", "`path` of the new module, such as github.com/team/orders (default NAME)")
	flags.StringVar(&wanted.Toolkit, "toolkit", "", "`folder` of a toolkit that is not published, such as a checkout's workload/")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		flags.Usage()
		return fmt.Errorf("%d names were given, and there must be one", flags.NArg())
	}
	wanted.Name = flags.Arg(0)
	if err := wanted.complete(); err != nil {
		return err
	}
	if err := wanted.write(wanted.Name); err != nil {
		return err
	}
	_, err := fmt.Fprintf(output, "%s/ is made. Next:\n\n    cd %s && go mod tidy && go test ./... && GOSERVICE_LIVE_SETTINGS_FILE= go run .\n",
		wanted.Name, wanted.Name)
	return err
}

// project is what the templates say.
type project struct {
	// Name of the folder, the program, and the GoService.
	Name string
	// Module is its path.
	Module string
	// Version of the toolkit.
	Version string
	// Toolkit is its folder where it is not published; else empty.
	Toolkit string
}

var (
	// The API server's rule for the name of a GoService.
	nameRule   = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)
	moduleRule = regexp.MustCompile(`^[A-Za-z0-9][-A-Za-z0-9._~/]*$`)
	// What can be required: not "(devel)", and not what was built from changed files.
	versionRule = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)
)

const (
	maxName = 63
	// unpublished stands in go.mod where a replace directive leads elsewhere.
	unpublished = "v0.0.0-00010101000000-000000000000"
)

// complete checks what was given, and derives the rest.
func (p *project) complete() error {
	if len(p.Name) > maxName || !nameRule.MatchString(p.Name) {
		return fmt.Errorf("the name %q must start with a letter and consist of at most %d lower-case letters, digits and '-', as the Service's name", p.Name, maxName)
	}
	if p.Module == "" {
		p.Module = p.Name
	}
	if !moduleRule.MatchString(p.Module) || strings.Contains(p.Module, "..") || strings.HasSuffix(p.Module, "/") {
		return fmt.Errorf("-module %q must be the path of a Go module, such as github.com/team/%s", p.Module, p.Name)
	}
	if p.Toolkit == "" {
		if !versionRule.MatchString(p.Version) {
			return fmt.Errorf("this program is of the version %q, which cannot be required: run it by version (goservice.dev/operator/workload/new@latest), or name the toolkit's folder with -toolkit", p.Version)
		}
		return nil
	}
	folder, err := filepath.Abs(p.Toolkit)
	if err != nil {
		return fmt.Errorf("-toolkit %q: %w", p.Toolkit, err)
	}
	if _, err := os.Stat(filepath.Join(folder, "go.mod")); err != nil {
		return fmt.Errorf("-toolkit %q must be the folder of the toolkit's go.mod: %w", p.Toolkit, err)
	}
	p.Toolkit, p.Version = folder, unpublished
	return nil
}

// toolkitVersion is that of the module that this program is a part of.
func toolkitVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	return info.Main.Version
}
