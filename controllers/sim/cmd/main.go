// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command cmd compares autoscalers on simulated loads: `make sim`, or `make sim TRACES=folder`.
package main

import (
	"goservice.dev/operator/controllers/sim"
	"goservice.dev/operator/controllers/sim/command"
)

func main() {
	command.Main(func(others []sim.Contender) []sim.Contender { return others })
}
