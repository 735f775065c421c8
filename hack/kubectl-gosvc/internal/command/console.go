// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package command

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"goservice.dev/operator/api/v1alpha1"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/console"
	"goservice.dev/operator/hack/kubectl-gosvc/internal/top"
)

func (a *app) console() *cobra.Command {
	command := &cobra.Command{
		Use:   "console",
		Short: "All GoServices in a browser, live, and what happened to each",
		Long: "Serves a page on this machine, with the permissions of the kubeconfig, until it is interrupted, and prints its address. The page shows the " +
			"GoServices of the namespace, or of all with -A, and of each one demand, replicas, and latency beside the operator's decisions, its pods, " +
			"and its plan with reasons.\n\n" +
			"It only reads. Only this machine can reach it, and only with the token in the address: keep the address to yourself.\n\n" +
			"The past is what the status has, and what was seen since the console was opened; with --prometheus, it is the last 12 hours.",
		Example: "  kubectl gosvc console -A\n  kubectl gosvc console --prometheus http://localhost:9090",
		Args:    cobra.NoArgs,
	}
	all := command.Flags().BoolP("all-namespaces", "A", false, "services of all namespaces")
	port := command.Flags().Int("port", 0, "port on 127.0.0.1, 0 to 65535; 0 takes a free one")
	prometheus := prometheusFlags(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		if *port < 0 || *port > 65535 {
			return usage("--port is %d, and must be between 0 and 65535", *port)
		}
		page := &console.Console{Now: a.Now}
		var err error
		if prometheus.Address != "" {
			if page.Prometheus, err = console.NewPrometheus(*prometheus); err != nil {
				return usage("%w", err)
			}
		} else if prometheus.CAFile != "" || prometheus.TokenFile != "" || len(prometheus.Headers) > 0 {
			return usage("--prometheus is not set, and must be where the other flags of Prometheus belong to")
		}
		c, err := a.connect()
		if err != nil {
			return err
		}
		page.Title = "namespace " + c.namespace
		if *all {
			c.namespace, page.Title = metav1.NamespaceAll, "all namespaces"
		}
		return a.serve(command.Context(), c, page, *port)
	}
	return command
}

// serve a page. One list first, so that an error of permissions is told here and not in the browser.
func (a *app) serve(ctx context.Context, c *cluster, page *console.Console, port int) error {
	var first v1alpha1.GoServiceList
	if err := c.List(ctx, &first, client.InNamespace(c.namespace), client.Limit(1)); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("%w; --port selects another port", err)
	}
	klog.SetOutput(io.Discard) // the page says what a log would
	page.Board, page.Cluster = top.NewBoard(a.Now), c.answers()
	go page.Board.Follow(ctx, c, c.namespace)
	return page.Run(ctx, listener, func(address string) {
		a.sayf("%s\n", address)
		a.note("open this address in a browser on this machine; Ctrl-C ends the console")
	})
}

// answers to what a page asks.
func (c *cluster) answers() console.Cluster {
	return console.Cluster{
		Service: func(ctx context.Context, namespace, name string) (*v1alpha1.GoService, error) {
			var service v1alpha1.GoService
			err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &service)
			return &service, err
		},
		Events: c.eventsOf, Pods: c.podsOf,
	}
}
