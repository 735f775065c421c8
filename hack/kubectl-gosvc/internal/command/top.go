// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"context"
	"io"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/show"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/top"
)

// pageSize of lists.
const pageSize = 500

func (a *app) top() *cobra.Command {
	command := &cobra.Command{
		Use:   "top [NAME]",
		Short: "All GoServices, or the pods of one, in a table; live on a terminal",
		Long: "A table of the GoServices of the namespace, or of all with -A: what is left of the error budget, whether the objectives were met over " +
			"the last minute, p99, demand and its trend, limits, CPU, pods, and the most urgent problem. Services of which no pod serves come first, " +
			"then those with the least error budget.\n\n" +
			"On a terminal it follows the cluster by a watch. It is written once with --once, and if standard output is no terminal. REQ/S is the mean of " +
			"the latest interval that the operator counted, an hour at most; CPU is a share of the requests of all ready pods, beside the autoscaler's target.\n\n" +
			"With NAME, a table of the pods of one service, the busiest first, from their own metrics, which are read through the API server every 2 s. " +
			"Written once, it takes 2 s: rates are of the time between two looks.",
		Example: "  kubectl gosvc top -A\n  kubectl gosvc top checkout\n  kubectl gosvc top --once -o json | jq '.services[] | select(.slo == \"missed\") | .name'",
		Args: func(command *cobra.Command, arguments []string) error {
			if len(arguments) == 0 {
				return nil
			}
			return oneName(command, arguments)
		},
		ValidArgsFunction: a.completeServices,
	}
	output := outputFlag(command)
	all := command.Flags().BoolP("all-namespaces", "A", false, "services of all namespaces")
	once := command.Flags().Bool("once", false, "write the table once")
	command.RunE = func(command *cobra.Command, arguments []string) error {
		live := !*once && *output == formatText && show.IsTerminal(a.Out) && show.IsTerminal(a.In)
		if *all && len(arguments) > 0 {
			return usage("-A does not go with a name: a service is in one namespace, which -n selects")
		}
		c, err := a.connect()
		if err != nil {
			return err
		}
		if len(arguments) > 0 {
			return a.topPods(command.Context(), c, arguments[0], live, *output)
		}
		if *all {
			c.namespace = metav1.NamespaceAll
		}
		if live {
			return a.follow(command.Context(), c)
		}
		rows, err := c.rows(command.Context(), a)
		if err != nil {
			return err
		}
		if *output != formatText {
			return a.data(*output, map[string]any{"services": rows})
		}
		if len(rows) == 0 {
			a.note("there is no GoService here; -A shows all namespaces")
			return nil
		}
		top.Write(a.Out, rows, *all)
		return nil
	}
	return command
}

// rows of all services, in the order of the table.
func (c *cluster) rows(ctx context.Context, a *app) ([]top.Row, error) {
	rows := []top.Row{}
	for next := ""; ; {
		var list v1alpha1.GoServiceList
		if err := c.List(ctx, &list, client.InNamespace(c.namespace), client.Limit(pageSize), client.Continue(next)); err != nil {
			return nil, err
		}
		for i := range list.Items {
			rows = append(rows, top.RowOf(&list.Items[i], a.Now()))
		}
		if next = list.Continue; next == "" {
			break
		}
	}
	top.Sort(rows)
	return rows, nil
}

// follow shows the table on the terminal until the reader ends it. One list first: an error of permissions belongs before the first screen.
func (a *app) follow(ctx context.Context, c *cluster) error {
	var first v1alpha1.GoServiceList
	if err := c.List(ctx, &first, client.InNamespace(c.namespace), client.Limit(1)); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	klog.SetOutput(io.Discard) // the title of the screen says what a log would
	board := top.NewBoard(a.Now)
	go board.Follow(ctx, c, c.namespace)
	title := "namespace " + c.namespace
	if c.namespace == metav1.NamespaceAll {
		title = "all namespaces"
	}
	return a.live(ctx, top.NewModel(board, a.out, title, c.namespace == metav1.NamespaceAll))
}

// live runs a model on the terminal until the reader ends it.
func (a *app) live(ctx context.Context, model tea.Model) error {
	profile := colorprofile.ASCII
	if a.out.Color {
		profile = colorprofile.ANSI
	}
	_, err := tea.NewProgram(model, tea.WithContext(ctx), tea.WithInput(a.In), tea.WithOutput(a.Out), tea.WithColorProfile(profile)).Run()
	return err
}
