// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command workload is the service that a GoService runs by default. It wires: what it does is in app, how it does it in
// infra, and everything that makes it a service is the toolkit's.
package main

import (
	"goservice.dev/operator/workload/infra/httpapi"
	"goservice.dev/operator/workload/service"
)

// version is set by the linker (-X main.version=…).
var version string

func main() {
	svc := service.New(service.WithVersion(version))
	httpapi.Register(svc)
	svc.Run()
}
