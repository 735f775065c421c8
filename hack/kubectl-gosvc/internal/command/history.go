// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/history"
)

func (a *app) history() *cobra.Command {
	command := &cobra.Command{
		Use:   "history NAME",
		Short: "What happened to a GoService: decisions, conditions, and Events in the order of time",
		Long: "The last ten decisions of the operator, the last change of each condition, and the Events that the cluster still has: it keeps them " +
			"for an hour unless it is told otherwise. Times are in UTC, the latest last.",
		Example: "  kubectl gosvc history checkout\n  kubectl gosvc history checkout --since 1h -o json",
		Args:    oneName, ValidArgsFunction: a.completeServices,
	}
	output := outputFlag(command)
	since := command.Flags().Duration("since", 0, "only what happened within this time, above 0s; without it, everything")
	command.RunE = func(command *cobra.Command, arguments []string) error {
		if command.Flags().Changed("since") && *since <= 0 {
			return usage("--since is %s, and must be above 0s", *since)
		}
		c, err := a.connect()
		if err != nil {
			return err
		}
		service, err := c.service(command.Context(), arguments[0])
		if err != nil {
			return err
		}
		events, err := c.eventsOf(command.Context(), service)
		if apierrors.IsForbidden(err) {
			a.note("without the Events, which you may not list: kubectl gosvc check says what to ask for")
		} else if err != nil {
			return fmt.Errorf("reading the Events: %w", err)
		}
		entries := history.Of(service, events)
		if *since > 0 {
			entries = history.Since(entries, a.Now().Add(-*since))
		}
		if *output != formatText {
			return a.data(*output, map[string]any{"namespace": service.Namespace, "name": service.Name, "entries": entries})
		}
		if len(entries) == 0 {
			a.sayf("nothing within %s\n", since.Round(time.Second))
		}
		history.Write(a.Out, a.out, entries)
		return nil
	}
	return command
}

// eventsOf a service, at most 1,000.
func (c *cluster) eventsOf(ctx context.Context, service *v1alpha1.GoService) ([]corev1.Event, error) {
	var list corev1.EventList
	err := c.List(ctx, &list, client.InNamespace(service.Namespace),
		client.MatchingFields{"involvedObject.uid": string(service.UID)}, client.Limit(1000))
	return list.Items, err
}
