// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"github.com/spf13/cobra"
)

// pausing is what pause and resume print for programs. Fields are added in later versions, and neither renamed nor removed.
type pausing struct {
	Namespace  string `json:"namespace"`
	Name       string `json:"name"`
	Generation int64  `json:"generation"`
	Paused     bool   `json:"paused"`
	// Changed says that it was otherwise before.
	Changed bool `json:"changed"`
}

func (a *app) pause() *cobra.Command {
	return a.setPaused(&cobra.Command{
		Use:   "pause NAME",
		Short: "Stop every write of the operator for a GoService, to intervene by hand",
		Long: "Sets spec.paused. The operator then writes nothing but the status: what you change by hand stays until kubectl gosvc resume. Pods " +
			"go on serving, and an autoscaler goes on scaling.",
		Example: "  kubectl gosvc pause checkout",
	}, true)
}

func (a *app) resume() *cobra.Command {
	return a.setPaused(&cobra.Command{
		Use:     "resume NAME",
		Short:   "Let the operator write again after pause",
		Long:    "Removes spec.paused. The operator brings everything to what the spec says, and reverts what was changed by hand.",
		Example: "  kubectl gosvc resume checkout",
	}, false)
}

func (a *app) setPaused(command *cobra.Command, paused bool) *cobra.Command {
	command.Args, command.ValidArgsFunction = oneName, a.completeServices
	output := outputFlag(command)
	force := command.Flags().Bool("force", false, "change spec.paused even if a tool owns it by server-side apply")
	command.RunE = func(command *cobra.Command, arguments []string) error {
		c, err := a.connect()
		if err != nil {
			return err
		}
		fields := map[string]any{"paused": nil}
		if paused {
			fields["paused"] = true
		}
		before, after, err := c.apply(command.Context(), edit{name: arguments[0], fields: fields, force: *force}, a.note)
		switch {
		case err != nil:
			return err
		case *output != formatText:
			return a.data(*output, pausing{after.Namespace, after.Name, after.Generation, paused, before.Spec.Paused != paused})
		case before.Spec.Paused == paused && paused:
			a.sayf("%s  was paused already\n", arguments[0])
		case before.Spec.Paused == paused:
			a.sayf("%s  was not paused\n", arguments[0])
		case paused:
			a.sayf("%s  paused: the operator writes nothing but the status until kubectl gosvc resume %s -n %s\n", arguments[0], arguments[0], c.namespace)
		default:
			a.sayf("%s  resumed\n", arguments[0])
		}
		return nil
	}
	return command
}
