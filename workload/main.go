// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

// Command workload is the service that a GoService runs by default. It only wires: what it does is in app, how it reaches the
// world in infra, and everything that makes it a service is the toolkit's.
package main

import (
	// Time zones and root certificates for an image that has neither; what the system has comes first.
	_ "time/tzdata"

	_ "golang.org/x/crypto/x509roots/fallback"

	"goservice.dev/operator/workload/app"
	"goservice.dev/operator/workload/infra/faults"
	"goservice.dev/operator/workload/infra/httpapi"
	"goservice.dev/operator/workload/infra/upstreams"
	"goservice.dev/operator/workload/panics"
	"goservice.dev/operator/workload/service"
)

// version is set by the linker (-X main.version=…).
var version string

func main() {
	service.Main(func(svc *service.Service) error {
		wire(svc)
		return nil
	}, service.WithVersion(version))
}

// wire gives the use cases their adapters and serves them.
func wire(svc *service.Service) {
	config, logger := svc.Config(), svc.Logger()
	if config.FaultInjection {
		injector := new(faults.Injector)
		svc.Use(injector.Middleware)
		svc.HandleAdmin("/fault", injector)
		logger.Warn("fault injection is switched on")
	}
	others := upstreams.Adapter{Clients: svc}
	httpapi.API{
		WhoAmI: app.WhoAmI{
			Name: config.Name, Namespace: config.Namespace, Pod: config.Pod,
			Version: svc.Version(), Started: svc.Started(), Revision: svc.LiveSettings().Revision,
		},
		Aggregate: app.Aggregate{Upstreams: others},
		Batch: app.Batch{
			Processors: map[string]app.Processor{"digest": app.Digest{}, "fetch": app.Fetch{Upstreams: others}},
			Workers:    svc,
			Panicked: func(kind string, err *panics.Error) {
				logger.Error("processor panicked", "kind", kind, "error", err, "stack", string(err.Stack))
			},
		},
		Proxy: upstreams.NewProxy(svc, httpapi.ProxyPrefix, svc.TrustedProxies(), logger),
	}.Register(svc)
}
