// Copyright 2026 The GoService Authors.
// Licensed under the Apache License, Version 2.0; see the LICENSE file.

package build

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestWhichKindLeadsClientsToTheService(t *testing.T) {
	all := map[schema.GroupVersionKind]bool{HTTPRouteKind: true, GRPCRouteKind: true}
	cases := map[string]struct {
		spec  string
		kinds map[schema.GroupVersionKind]bool
		want  string // empty: none
	}{
		"not exposed":                       {`{}`, all, ""},
		"no Gateway":                        {`expose: {hosts: [a]}`, all, "Ingress"},
		"a Gateway":                         {`expose: {hosts: [a], gateway: {name: b}}`, all, "HTTPRoute"},
		"a Gateway before a class":          {`expose: {hosts: [a], gateway: {name: b}, ingressClassName: c}`, all, "HTTPRoute"},
		"no Gateway API":                    {`expose: {hosts: [a], gateway: {name: b}}`, nil, ""},
		"no Gateway API, but a class":       {`expose: {hosts: [a], gateway: {name: b}, ingressClassName: c}`, nil, "Ingress"},
		"gRPC":                              {`{service: {appProtocol: grpc}, expose: {hosts: [a], gateway: {name: b}}}`, all, "GRPCRoute"},
		"gRPC by services and methods":      {`{service: {appProtocol: grpc}, expose: {hosts: [a], paths: [/, /shop.v1.Cart, /a/B, /c/], gateway: {name: b}}}`, all, "GRPCRoute"},
		"more than gRPC":                    {`{service: {appProtocol: grpc}, expose: {hosts: [a], paths: [/shop.v1.Cart, /v1/carts/7], gateway: {name: b}}}`, all, "HTTPRoute"},
		"no method":                         {`{service: {appProtocol: grpc}, expose: {hosts: [a], paths: [/shop-v1], gateway: {name: b}}}`, all, "HTTPRoute"},
		"gRPC on a further port":            {`{ports: [{name: rpc, port: 9000, appProtocol: grpc}], expose: {hosts: [a], port: rpc, gateway: {name: b}}}`, all, "GRPCRoute"},
		"gRPC on another port":              {`{service: {appProtocol: grpc}, ports: [{name: web, port: 81}], expose: {hosts: [a], port: web, gateway: {name: b}}}`, all, "HTTPRoute"},
		"HTTP/2":                            {`{service: {appProtocol: kubernetes.io/h2c}, expose: {hosts: [a], gateway: {name: b}}}`, all, "HTTPRoute"},
		"gRPC, and only the other kind":     {`{service: {appProtocol: grpc}, expose: {hosts: [a], gateway: {name: b}}}`, map[schema.GroupVersionKind]bool{HTTPRouteKind: true}, ""},
		"HTTP, and only the kind of gRPC":   {`expose: {hosts: [a], gateway: {name: b}}`, map[schema.GroupVersionKind]bool{GRPCRouteKind: true}, ""},
		"HTTP, and only the Gateways' kind": {`expose: {hosts: [a], gateway: {name: b}}`, map[schema.GroupVersionKind]bool{GatewayKind: true}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			spec := specFrom(t, c.spec)
			got, exists := Exposure(&spec, c.kinds)
			if exists != (c.want != "") || exists && got.Kind != c.want {
				t.Errorf("%s (%t), want %q", got.Kind, exists, c.want)
			}
		})
	}
}
