// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command orders is the reference service of the toolkit: it places orders, shows and cancels them, and publishes what happened.
// Use cases and ports are in app, adapters in infra; this package only connects them.
package main

import (
	"os"
	"strings"

	"goservice.dev/operator/workload/service"
)

// version is set by the linker.
var version = ""

func main() { service.Main(setUp, service.WithVersion(version)) }

func setUp(svc *service.Service) error {
	c, err := loadConfig(environment())
	if err != nil {
		return err
	}
	_, err = wire(svc, c)
	return err
}

func environment() map[string]string {
	variables := map[string]string{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		variables[name] = value
	}
	return variables
}
