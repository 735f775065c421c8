// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"github.com/spf13/cobra"
	"k8s.io/client-go/discovery"

	"goservice.dev/operator/hack/kubectl-gosvc/internal/check"
)

func (a *app) check() *cobra.Command {
	command := &cobra.Command{
		Use:   "check",
		Short: "What GoServices need of the cluster, and what is missing",
		Long: "Looks at the cluster in this order: Kubernetes' version, the CRD and its fields, the operator, its leader and version, the kinds " +
			"that it uses if they are there, kube-proxy, and your own permissions in the namespace. What is missing has a line that says how to mend it.\n\n" +
			"The exit code is 1 if something that is needed is missing.",
		Example: "  kubectl gosvc check\n  kubectl gosvc check -n shop -o json | jq '.items[] | select(.state != \"ok\")'",
		Args:    cobra.NoArgs, ValidArgsFunction: cobra.NoFileCompletions,
	}
	output := outputFlag(command)
	operatorNamespace := command.Flags().String("operator-namespace", "", "namespace of the operator; without it, all are searched")
	command.RunE = func(command *cobra.Command, _ []string) error {
		c, err := a.connect()
		if err != nil {
			return err
		}
		asked, err := discovery.NewDiscoveryClientForConfig(c.config)
		if err != nil {
			return err
		}
		cluster := check.Cluster{
			Reader: c, Discovery: asked, Context: a.contextName(), Namespace: c.namespace, OperatorNamespace: *operatorNamespace,
			PluginVersion: a.version(), Now: a.Now,
		}
		result, err := cluster.Run(command.Context())
		if err != nil {
			return err
		}
		if *output != formatText {
			err = a.data(*output, result)
		} else {
			result.Write(a.Out, a.out)
		}
		if err == nil && !result.Passed {
			err = errSilent
		}
		return err
	}
	return command
}

// contextName that is used; empty in a pod, which has no kubeconfig.
func (a *app) contextName() string {
	if a.overrides.CurrentContext != "" {
		return a.overrides.CurrentContext
	}
	config, err := a.loader().RawConfig()
	if err != nil {
		return ""
	}
	return config.CurrentContext
}
