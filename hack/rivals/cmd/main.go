// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command cmd is `make sim` with the rivals' own code.
package main

import (
	"fmt"

	"goservice.dev/operator/controllers/sim/command"
	"goservice.dev/operator/hack/rivals"
)

func main() {
	fmt.Println(rivals.Versions())
	command.Main(rivals.Own)
}
