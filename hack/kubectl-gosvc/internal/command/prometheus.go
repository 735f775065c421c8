// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"github.com/spf13/cobra"

	"goservice.dev/operator/hack/kubectl-gosvc/internal/prometheus"
)

// prometheusFlags of a command that asks a Prometheus.
func prometheusFlags(command *cobra.Command) *prometheus.Options {
	o := &prometheus.Options{}
	flags := command.Flags()
	flags.StringVar(&o.Address, "prometheus", "", "address of the Prometheus that scrapes the services, such as http://localhost:9090")
	flags.StringArrayVar(&o.Headers, "prometheus-header", nil, "header of each question to it, as NAME=VALUE, such as X-Scope-OrgID=shop; may be repeated")
	flags.StringVar(&o.TokenFile, "prometheus-bearer-token-file", "", "file with the bearer token for it; read for each question")
	flags.StringVar(&o.CAFile, "prometheus-ca-file", "", "PEM file of the authorities that may vouch for it; default: the system's")
	return o
}
