// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Package rivals lets other autoscalers' own code decide in the simulator, under simulated time: Kubernetes'
// HorizontalPodAutoscaler controller and Knative's autoscaler. It is a module of its own because of the hundreds of modules that
// they bring.
package rivals
