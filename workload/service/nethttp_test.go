// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"net/http"
	"testing"

	"goservice.dev/operator/workload/internal/abilities"
	"goservice.dev/operator/workload/service"
)

// What net/http's own response writer can do, it can do behind the chain.
func TestHandlersCanDoBehindTheChainWhatTheyCanDoWithoutIt(t *testing.T) {
	for name, one := range abilities.All {
		t.Run(name, func(t *testing.T) {
			abilities.Compare(t, one, func(t *testing.T, handler http.Handler) string {
				chain := start(t, nil, func(svc *service.Service) { svc.Handle("/", handler) })
				return "127.0.0.1:" + port(chain.Address())
			})
		})
	}
}
