// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"github.com/spf13/cobra"

	"goservice.dev/operator/hack/kubectl-gosvc/internal/explain"
)

func (a *app) explain() *cobra.Command {
	command := &cobra.Command{
		Use:   "explain NAME",
		Short: "What a GoService does, why, and what needs attention",
		Long: "What a GoService does and why: its objectives and error budget, its pods and what sets their number, the limits of each pod, the " +
			"last decisions of the operator, and conditions that are not as they should be, each with what to do.\n\n" +
			"It reads one object, and is as recent as its status.",
		Example: "  kubectl gosvc explain checkout\n  kubectl gosvc explain checkout -n shop -o json | jq .attention",
		Args:    oneName, ValidArgsFunction: a.completeServices,
	}
	output := outputFlag(command)
	command.RunE = func(command *cobra.Command, arguments []string) error {
		c, err := a.connect()
		if err != nil {
			return err
		}
		service, err := c.service(command.Context(), arguments[0])
		if err != nil {
			return err
		}
		report := explain.Of(service, a.Now())
		if *output != formatText {
			return a.data(*output, report)
		}
		report.Write(a.Out, a.out, a.Now())
		return nil
	}
	return command
}
