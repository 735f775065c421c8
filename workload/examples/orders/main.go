// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command orders is the reference service of the toolkit: it places orders, shows and cancels them, and publishes what happened.
// Use cases and ports are in app, adapters in infra; this package only connects them.
package main

import "goservice.dev/operator/workload/service"

// version is set by the linker.
var version = ""

func main() { service.Main(setUp, service.WithVersion(version)) }

func setUp(svc *service.Service) error {
	c, err := service.Env[config](svc)
	if err != nil {
		return err
	}
	_, err = wire(svc, c)
	return err
}
