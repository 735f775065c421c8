// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package controllers

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/version"
	"k8s.io/client-go/discovery"
)

// toleranceSince is the Kubernetes in which the tolerance of a HorizontalPodAutoscaler's rules is known without anybody
// having switched it on (feature gate HPAConfigurableTolerance, beta). An older server would drop it or refuse it.
var toleranceSince = version.MustParseGeneric("1.35.0")

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
