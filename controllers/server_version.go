// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
)

const (
	// awaitEvery is how often an API server that is away is asked again.
	awaitEvery = time.Second
	// awaitTimeout ends a question that gets no answer.
	awaitTimeout = 5 * time.Second
)

// toleranceSince is the Kubernetes in which the tolerance of a HorizontalPodAutoscaler's rules is known without anybody
// having switched it on (feature gate HPAConfigurableTolerance, beta). An older server would drop it or refuse it.
var toleranceSince = version.MustParseGeneric("1.35.0")

// AwaitServer returns when the API server answers, however long that takes, or the context ends. An operator that ended
// because the API server is away would be started again with longer and longer pauses, up to 5 minutes, and be missing for as
// long when the API server is back. What the API server refuses to say is an answer: whoever needs it reports the refusal.
func AwaitServer(ctx context.Context, config *rest.Config) error {
	config = rest.CopyConfig(config)
	config.Timeout = awaitTimeout
	server, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	told := false
	return wait.PollUntilContextCancel(ctx, awaitEvery, true, func(context.Context) (bool, error) {
		_, err := server.ServerVersion()
		if err == nil || apierrors.IsUnauthorized(err) || apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
			return true, nil
		}
		if !told {
			told = true
			ctrl.Log.Info("waiting for the API server", "host", config.Host, "cause", err.Error())
		}
		return false, nil
	})
}

// knowsTolerance asks the API server once for its version: an upgraded one is noticed at the operator's next start.
func knowsTolerance(server discovery.ServerVersionInterface) (bool, error) {
	info, err := server.ServerVersion()
	if err != nil {
		return false, fmt.Errorf("asking the API server for its version: %w", err)
	}
	present, err := version.ParseGeneric(info.GitVersion)
	if err != nil {
		return false, fmt.Errorf("reading the API server's version: %w", err)
	}
	return present.AtLeast(toleranceSince), nil
}
