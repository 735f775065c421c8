// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"fmt"

	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"goservice.dev/operator/controllers/internal/confirm"
	"goservice.dev/operator/controllers/internal/measure"
	"goservice.dev/operator/controllers/internal/podhttp"
)

// PodAccess is how pods are asked for their live settings.
type PodAccess string

const (
	// PodAccessDirect asks pods at their own addresses, which an operator in the cluster can reach.
	PodAccessDirect PodAccess = "direct"
	// PodAccessAPIServer asks through the API server's proxy; whoever runs the operator then needs the right to get pods/proxy.
	PodAccessAPIServer PodAccess = "apiserver"
)

// MarshalText makes PodAccess a flag.
func (p PodAccess) MarshalText() ([]byte, error) { return []byte(p), nil }

// UnmarshalText refuses everything but the two ways.
func (p *PodAccess) UnmarshalText(text []byte) error {
	switch access := PodAccess(text); access {
	case PodAccessDirect, PodAccessAPIServer:
		*p = access
		return nil
	}
	return fmt.Errorf("%q: must be %s or %s", text, PodAccessDirect, PodAccessAPIServer)
}

func (p PodAccess) ask(mgr manager.Manager) (func(context.Context, confirm.Pod) (confirm.Answer, error), error) {
	if p != PodAccessAPIServer {
		return confirm.AskDirectly(), nil
	}
	client, err := podsThroughAPIServer(mgr)
	if err != nil {
		return nil, err
	}
	return confirm.AskThroughAPIServer(client), nil
}

// scrape is how pods are asked for their metrics.
func (p PodAccess) scrape(mgr manager.Manager) (measure.Scraper, error) {
	if p != PodAccessAPIServer {
		return measure.ScrapeDirectly(), nil
	}
	client, err := podsThroughAPIServer(mgr)
	if err != nil {
		return nil, err
	}
	return measure.ScrapeThroughAPIServer(client), nil
}

// podsThroughAPIServer is a client that takes no more from a pod than the largest page of metrics.
func podsThroughAPIServer(mgr manager.Manager) (corev1client.PodsGetter, error) {
	client, err := corev1client.NewForConfigAndClient(mgr.GetConfig(), podhttp.Bound(mgr.GetHTTPClient(), measure.MaxPageBytes))
	if err != nil {
		return nil, fmt.Errorf("setting up the way to pods through the API server: %w", err)
	}
	return client, nil
}
