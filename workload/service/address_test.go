// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package service_test

import (
	"context"
	"io"
	"maps"
	"net"
	"testing"

	"goservice.dev/operator/workload/service"
)

func TestWhoeverWaitsForTheAddressOfAServiceThatCannotListenIsTold(t *testing.T) {
	taken := start(t, nil, helloRoute)
	for name, environment := range map[string]map[string]string{
		"a setting that cannot be used": {"GOSERVICE_PORT": "x"},
		"a certificate that is missing": {"GOSERVICE_PORT": "0", "GOSERVICE_TLS_CERT_FILE": "/missing", "GOSERVICE_TLS_KEY_FILE": "/missing"},
		"a port that is taken":          {"GOSERVICE_PORT": port(taken.Address())},
		"an admin port that is taken":   {"GOSERVICE_PORT": "0", "GOSERVICE_ADMIN_PORT": port(taken.Address())},
	} {
		all := map[string]string{"GOSERVICE_LIVE_SETTINGS_FILE": "", "GOSERVICE_ADMIN_PORT": "0"}
		maps.Copy(all, environment)
		svc := service.New(service.WithLog(io.Discard), service.WithEnvironment(all))
		var address, admin net.Addr = new(net.TCPAddr), new(net.TCPAddr)
		svc.OnStop("looks", func(context.Context) error {
			address, admin = svc.Address(), svc.AdminAddress()
			return nil
		})
		if err := svc.Serve(t.Context()); err == nil {
			t.Errorf("%s: it serves", name)
		}
		if address != nil || admin != nil {
			t.Errorf("%s: addresses %v, %v", name, address, admin)
		}
		if address, admin := svc.Address(), svc.AdminAddress(); address != nil || admin != nil {
			t.Errorf("%s: addresses %v, %v after the end", name, address, admin)
		}
	}
}
