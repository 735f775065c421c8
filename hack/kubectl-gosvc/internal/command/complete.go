// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"context"
	"slices"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
)

// completionTime is how long a completion may ask the cluster.
const completionTime = 3 * time.Second

// completeServices offers the GoServices of the namespace for the first argument.
func (a *app) completeServices(command *cobra.Command, arguments []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(arguments) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.complete(command.Context(), func(c *cluster) client.ObjectList { return &v1alpha1.GoServiceList{} })
}

func (a *app) completeNamespaces(command *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.complete(command.Context(), func(c *cluster) client.ObjectList {
		c.namespace = ""
		return &corev1.NamespaceList{}
	})
}

func (a *app) completeContexts(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	config, err := a.loader().RawConfig()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for name := range config.Contexts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, cobra.ShellCompDirectiveNoFileComp
}

// complete lists names of the cluster. Errors are not shown: they would end up in the middle of a command line.
func (a *app) complete(ctx context.Context, of func(*cluster) client.ObjectList) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	c, err := a.connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	list := of(c)
	if err := c.List(ctx, list, client.InNamespace(c.namespace), client.Limit(500)); err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	switch list := list.(type) {
	case *v1alpha1.GoServiceList:
		for i := range list.Items {
			names = append(names, list.Items[i].Name)
		}
	case *corev1.NamespaceList:
		for i := range list.Items {
			names = append(names, list.Items[i].Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
