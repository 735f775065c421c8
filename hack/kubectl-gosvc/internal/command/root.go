// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package command holds the commands of kubectl gosvc: what they take, what they ask of the cluster, and what they print.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
)

// Environment is what a run of the plugin is given.
type Environment struct {
	In          io.Reader
	Out, ErrOut io.Writer
	// Version of the plugin; empty takes that of the build.
	Version string
	// Now is the clock; nil takes the machine's.
	Now func() time.Time
}

// app is what all commands share.
type app struct {
	Environment
	kubeconfig *clientcmd.ClientConfigLoadingRules
	overrides  *clientcmd.ConfigOverrides
	out        show.Style
	err        show.Style
}

// errSilent ends with the exit code 1 after the output has said why.
var errSilent = errors.New("")

// Run carries out one command line, without the program's name, and returns the exit code: 0, 1 for a failure, 2 for a command line that
// is not understood.
func Run(ctx context.Context, environment Environment, arguments []string) int {
	if environment.Now == nil {
		environment.Now = time.Now
	}
	a := &app{
		Environment: environment, kubeconfig: clientcmd.NewDefaultClientConfigLoadingRules(),
		overrides: &clientcmd.ConfigOverrides{ClusterDefaults: clientcmd.ClusterDefaults},
		out:       show.StyleOf(environment.Out, os.Getenv), err: show.StyleOf(environment.ErrOut, os.Getenv),
	}
	klog.SetOutput(environment.ErrOut)
	klog.LogToStderr(false)
	root := a.root()
	root.SetArgs(arguments)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if ctx.Err() != nil {
		return 130
	}
	if !errors.Is(err, errSilent) {
		fmt.Fprintf(environment.ErrOut, "%s %s\n", a.err.Bad("error:"), show.Plain(a.explained(err).Error()))
	}
	if _, isUsage := errors.AsType[usageError](err); isUsage {
		return 2
	}
	return 1
}

// usageError is a command line that cannot be carried out whatever the cluster is like.
type usageError struct{ error }

func usage(format string, arguments ...any) error {
	return usageError{fmt.Errorf(format, arguments...)}
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "kubectl-gosvc",
		Short: "Explain, check, and tune GoServices",
		Long: "kubectl gosvc explains GoServices, checks what a cluster lacks for them, and changes their limits.\n\n" +
			"It reads the kubeconfig, contexts, and namespaces as kubectl does.",
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl gosvc"},
		SilenceErrors: true, SilenceUsage: true,
		Args: func(_ *cobra.Command, arguments []string) error {
			if len(arguments) > 0 {
				return usage("there is no command %q; kubectl gosvc --help lists all", arguments[0])
			}
			return nil
		},
		RunE:    func(root *cobra.Command, _ []string) error { return root.Help() },
		Version: a.version(),
	}
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.ErrOut)
	root.SetFlagErrorFunc(func(command *cobra.Command, err error) error {
		return usage("%w; %s --help lists all flags", err, command.CommandPath())
	})
	a.kubeconfigFlags(root.PersistentFlags())
	_ = root.RegisterFlagCompletionFunc("namespace", a.completeNamespaces)
	_ = root.RegisterFlagCompletionFunc("context", a.completeContexts)
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(a.commands()...)
	return root
}

// commands in the order of the documentation.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{a.explain(), a.check(), a.retune(), a.pause(), a.resume(), a.history(), a.top(), a.console(), a.profile(), a.replay(), a.adopt()}
}

// version of this build: of the release, or of the module that was installed.
func (a *app) version() string {
	if a.Version != "" {
		return a.Version
	}
	if info, known := debug.ReadBuildInfo(); known && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

// oneName takes exactly one argument, the name of a GoService.
func oneName(command *cobra.Command, arguments []string) error {
	if len(arguments) == 1 && arguments[0] != "" && !strings.Contains(arguments[0], "/") {
		return nil
	}
	if len(arguments) == 1 {
		return usage("%q is not the name of a GoService; usage: %s", arguments[0], command.UseLine())
	}
	return usage("%d arguments, but the name of one GoService is needed; usage: %s", len(arguments), command.UseLine())
}
